"""Faces: found in several sizes, measured, followed through the clip, and cut out as each network wants them.

The only room that knows conventions of boxes and landmarks. Offline, deterministic, on the CPU.
"""

from __future__ import annotations

from zhenwei.faces.alignment import cut, normalise, portrait, region
from zhenwei.faces.blazeface import FULL_RANGE, SHORT_RANGE
from zhenwei.faces.detection import detect
from zhenwei.faces.mesh import FACE_MESH
from zhenwei.faces.passage import FASTEST_HZ, Passage, find_passage, follow
from zhenwei.faces.people import find_people
from zhenwei.faces.quality import measure, pose
from zhenwei.faces.stillness import clearest, could_be_bent, does_nothing, hardly_moves

MODELS = (FULL_RANGE, SHORT_RANGE, FACE_MESH)  # ids in the model store

__all__ = [
    "FASTEST_HZ",
    "MODELS",
    "Passage",
    "clearest",
    "could_be_bent",
    "cut",
    "detect",
    "does_nothing",
    "find_passage",
    "find_people",
    "follow",
    "hardly_moves",
    "measure",
    "normalise",
    "portrait",
    "pose",
    "region",
]
