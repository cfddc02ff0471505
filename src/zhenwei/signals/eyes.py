"""How far eyes are open, from landmarks, and when they blink.

Openness is the eye aspect ratio of T. Soukupová & J. Čech, "Real-time eye blink detection using facial landmarks"
(CVWW 2016): the mean height of the lid opening over its width. A blink is a short dip below a level of the person's
own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats

# FaceMesh points of the person's right and left eye: corners, then two pairs of points on the upper and lower lid.
_EYES = (((33, 133), (160, 144), (158, 153)), ((362, 263), (385, 380), (387, 373)))
_SHORTEST_S, _LONGEST_S = 0.05, 0.5  # of a blink
_DEVIATIONS = 4.0  # robust standard deviations below the usual openness
_LEAST_DIP = 0.25  # of the usual openness
_TO_DEVIATION = 1.4826  # median absolute deviation to standard deviation, of a normal distribution


@dataclass(frozen=True, slots=True)
class Blink:
    """``completeness`` in [0, 1]: 1 = the eye closed, 0 = as open as usual."""

    start_s: float
    end_s: float
    completeness: float


@dataclass(frozen=True, slots=True)
class Blinks:
    """``usual`` openness, the ``level`` below which an eye counts as shut, ``noise`` of the openness (robust standard
    deviation as a share of ``usual``), and what was found."""

    usual: float
    level: float
    noise: float
    found: tuple[Blink, ...]


def openness(landmarks: Floats) -> NDArray[np.float64]:
    """Eye aspect ratio of the person's right and left eye ``(n, 2)``; NaN where ``landmarks`` ``(n, 468, 3)`` are."""
    points = landmarks[..., :2].astype(np.float64)
    sides = []
    for (inner, outer), *lids in _EYES:
        width = np.linalg.norm(points[:, inner] - points[:, outer], axis=1)
        height = np.mean([np.linalg.norm(points[:, up] - points[:, low], axis=1) for up, low in lids], axis=0)
        sides.append(height / np.maximum(width, 1e-6))
    return np.stack(sides, axis=1)


def eye_widths(landmarks: Floats) -> NDArray[np.float64]:
    """Distance between the corners of each eye ``(n, 2)``, in the pixels of ``landmarks``."""
    points = landmarks[..., :2].astype(np.float64)
    return np.stack([np.linalg.norm(points[:, a] - points[:, b], axis=1) for (a, b), *_ in _EYES], axis=1)


def find_blinks(times_s: NDArray[np.float64], opened: NDArray[np.float64]) -> Blinks:
    """Dips of ``opened`` ``(n,)``, at ``times_s`` ``(n,)``, that last 0.05 to 0.5 s. NaN is a gap and ends a dip.

    The level lies four robust standard deviations, and at least a quarter, below the median. Nothing is found in fewer
    than three numbers.
    """
    known = opened[np.isfinite(opened)]
    if len(known) < 3:
        return Blinks(float("nan"), float("nan"), float("nan"), ())
    usual = float(np.median(known))
    deviation = _TO_DEVIATION * float(np.median(np.abs(known - usual)))
    level = usual - max(_DEVIATIONS * deviation, _LEAST_DIP * usual)
    shut = np.nan_to_num(opened, nan=np.inf) < level
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shut, [False]]).astype(int)))
    step = float(np.median(np.diff(times_s)))
    found = []
    for first, after in edges.reshape(-1, 2):
        start, end = float(times_s[first]) - step / 2, float(times_s[after - 1]) + step / 2
        if _SHORTEST_S <= end - start <= _LONGEST_S:
            depth = 1 - float(opened[first:after].min()) / usual
            found.append(Blink(start, end, float(np.clip(depth, 0, 1))))
    return Blinks(usual, level, deviation / max(usual, 1e-9), tuple(found))
