"""The vocabulary: what every room of the house passes to the others. Frozen, NumPy only.

Conventions: pictures are ``(height, width, 3)`` uint8 RGB; sound is ``(channels, samples)`` float32 in [-1, 1]; boxes
and points are in pixels of the frame they belong to, x to the right, y down; times are seconds from the start.
``llr`` is a natural-log likelihood ratio, > 0 speaks for forged, ``None`` abstains; ``score`` is uncalibrated.
"""

from __future__ import annotations

from zhenwei.types.detector import DEPTHS, Depth, Detector, DetectorInfo, InputContract, Level, Subject
from zhenwei.types.evidence import Curve, Declaration, Evidence, Exhibit, Forgery, ImageExhibit, Origin
from zhenwei.types.faces import Face, Quality, Strip, Track
from zhenwei.types.media import Audio, Box, Floats, Frame, Interval, Kind, Media, Pixels
from zhenwei.types.text import Language, Text, in_language
from zhenwei.types.verdict import Decision, Engine, Person, PersonVerdict, Report, Stream, StreamVerdict, Verdict

__all__ = [
    "DEPTHS",
    "Audio",
    "Box",
    "Curve",
    "Decision",
    "Declaration",
    "Depth",
    "Detector",
    "DetectorInfo",
    "Engine",
    "Evidence",
    "Exhibit",
    "Face",
    "Floats",
    "Forgery",
    "Frame",
    "ImageExhibit",
    "InputContract",
    "Interval",
    "Kind",
    "Language",
    "Level",
    "Media",
    "Origin",
    "Person",
    "PersonVerdict",
    "Pixels",
    "Quality",
    "Report",
    "Stream",
    "StreamVerdict",
    "Strip",
    "Subject",
    "Text",
    "Track",
    "Verdict",
    "in_language",
]  # fmt: skip
