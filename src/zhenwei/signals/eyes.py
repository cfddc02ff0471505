"""Whether the eyes look as they usually do in a clip, and when they blink.

Each eye is cut out along the line of its corners, and compared with the median of all its cuts, the eye as it usually
is: open. A blink is a short dip of that likeness, below a level of the person's own. The usual measure, the aspect
ratio of landmarks (T. Soukupová & J. Čech, CVWW 2016), was tried first: the mesh stays open over shut lids.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats, Pixels

Reals = NDArray[np.float64]
_CORNERS = ((33, 133), (362, 263))  # FaceMesh: of the person's right and left eye
_WIDTH, _HEIGHT, _ACROSS = 36, 20, 24.0  # of a cut, and between the corners in it
_SHORTEST_S, _LONGEST_S = 0.05, 0.5  # of a blink
_DEVIATIONS = 4.0  # robust standard deviations below the usual likeness
_MIN_DIP = 0.2
_TO_DEVIATION = 1.4826  # median absolute deviation to standard deviation, of a normal distribution


@dataclass(frozen=True, slots=True)
class EyeClosure:
    """``depth``: by how much the likeness falls, up to 1 for an eye that has nothing left of its usual look."""

    start_s: float
    end_s: float
    depth: float


@dataclass(frozen=True, slots=True)
class Blinks:
    """``usual`` likeness, the ``level`` below which an eye counts as shut, ``noise`` (robust standard deviation of the
    likeness), and what was found."""

    usual: float
    level: float
    noise: float
    found: tuple[EyeClosure, ...]


def likeness(pixels: Pixels, landmarks: Floats) -> Reals:
    """Correlation of the eyes with their median look ``(n,)``, mean of both, in [-1, 1]; NaN without landmarks.

    ``pixels`` ``(n, h, w, 3)`` uint8 RGB, ``landmarks`` ``(n, 468, 3)`` in their pixels.
    """
    cuts = np.stack([_cuts(frame, points) for frame, points in zip(pixels, landmarks, strict=True)])
    known = np.isfinite(cuts).all(axis=(1, 2, 3))
    out = np.full(len(cuts), np.nan)
    if known.any():
        usual = np.median(cuts[known], axis=0)
        out[known] = np.mean([_correlation(cuts[known, eye], usual[eye]) for eye in (0, 1)], axis=0)
    return out


def eye_widths(landmarks: Floats) -> Reals:
    """Distance between the corners of each eye ``(n, 2)``, in the pixels of ``landmarks``."""
    points = landmarks[..., :2].astype(np.float64)
    return np.stack([np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in _CORNERS], axis=1)


def find_blinks(times_s: Reals, alike: Reals) -> Blinks:
    """Dips of the likeness ``(n,)``, at ``times_s`` ``(n,)``, that last 0.05 to 0.5 s. NaN is a gap and ends a dip.

    The level lies four robust standard deviations, and at least 0.2, below the median. Nothing is found in fewer than
    three numbers.
    """
    known = alike[np.isfinite(alike)]
    if len(known) < 3:
        return Blinks(float("nan"), float("nan"), float("nan"), ())
    usual = float(np.median(known))
    deviation = _TO_DEVIATION * float(np.median(np.abs(known - usual)))
    level = usual - max(_DEVIATIONS * deviation, _MIN_DIP)
    shut = np.nan_to_num(alike, nan=np.inf) < level
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shut, [False]]).astype(int)))
    step = float(np.median(np.diff(times_s)))
    found = []
    for first, after in edges.reshape(-1, 2):
        start, end = float(times_s[first]) - step / 2, float(times_s[after - 1]) + step / 2
        if _SHORTEST_S <= end - start <= _LONGEST_S:
            depth = (usual - float(alike[first:after].min())) / max(usual, 1e-9)
            found.append(EyeClosure(start, end, float(np.clip(depth, 0, 1))))
    return Blinks(usual, level, deviation, tuple(found))


def _cuts(frame: Pixels, points: Floats) -> Reals:
    """Both eyes upright and of one size ``(2, 20, 36)``; NaN without landmarks."""
    if not np.isfinite(points[list(sum(_CORNERS, ())), :2]).all():
        return np.full((2, _HEIGHT, _WIDTH), np.nan)
    grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.stack([_cut(grey, points[a, :2], points[b, :2]) for a, b in _CORNERS]).astype(np.float64)


def _cut(grey: NDArray[np.uint8], one: Floats, other: Floats) -> NDArray[np.uint8]:
    along = (other - one).astype(np.float64) / _ACROSS
    down = np.array([-along[1], along[0]])
    middle = (one + other).astype(np.float64) / 2 - along * (_WIDTH / 2) - down * (_HEIGHT / 2)
    to_frame = np.column_stack([along, down, middle])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(grey, to_frame, (_WIDTH, _HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def _correlation(cuts: Reals, usual: Reals) -> Reals:
    """Of each of ``(n, h, w)`` with ``(h, w)``; 0 where either is flat."""
    a = cuts - cuts.mean(axis=(1, 2), keepdims=True)
    b = usual - usual.mean()
    size = np.sqrt((a**2).sum(axis=(1, 2)) * (b**2).sum())
    return np.asarray((a * b).sum(axis=(1, 2)) / np.maximum(size, 1e-9), np.float64)
