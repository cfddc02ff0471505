"""Two recordings of the same thing laid over each other: where do they differ, and by how much?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from zhenwei.signals.shown import shrunk
from zhenwei.types import Audio, Floats, Pixels

MAX_PX = 1024
How = Literal["as they are", "scaled", "moved"]
_FEATURES = 3000
_LEAST_PX = 64  # of a side: features keep 31 px from every edge
_MIN_MATCHES, _MIN_SHARE = 16, 0.25  # matches that one movement explains, and their share of all
_ALIKE = 0.9  # correlation from which on two pictures lie over each other
# What counts as a difference: grey levels, times the usual one, times the deviation around it. With these
# a photograph saved as JPEG of quality 40 and up differs on at most 0.15 % of its area.
_LEAST_LEVELS, _TIMES_USUAL, _TIMES_DETAIL = 8.0, 4.0, 0.5
_FULL_LEVELS = 48.0  # difference that is drawn at full strength
_HEAT = np.array([255, 64, 32], np.float32)


@dataclass(frozen=True, slots=True)
class Difference:
    """``second`` on the grid of ``first``. ``how``: what it took to lay them over each other. ``levels``: mean absolute
    difference of the luma in grey levels, where both are. ``share``: of that area, what differs by more than coding
    does. ``shown``: that in red over the first, in grey."""

    first: Pixels
    second: Pixels
    how: How
    correlation: float
    levels: float
    share: float
    shown: Pixels


@dataclass(frozen=True, slots=True)
class Offset:
    """``offset_s``: how much later the second begins. ``correlation`` of both after that, in [-1, 1]."""

    offset_s: float
    correlation: float


def differ(first: Pixels, second: Pixels) -> Difference | None:
    """What differs between two pictures, ``(height, width, 3)`` uint8 RGB; None where they do not show the same."""
    one, two = shrunk(first, MAX_PX), shrunk(second, MAX_PX)
    same_size = first.shape == second.shape
    height, width = one.shape[:2]
    scaled = two if two.shape == one.shape else _resized(two, width, height)
    tried: list[tuple[How, Pixels, NDArray[np.bool_]]] = []
    if abs(one.shape[1] / one.shape[0] - two.shape[1] / two.shape[0]) < 0.02:
        tried.append(("as they are" if same_size else "scaled", scaled, np.ones((height, width), bool)))
    moved = _moved(one, two)
    if moved is not None:
        tried.append(("moved", *moved))
    best: Difference | None = None
    for how, laid, both in tried:
        found = _measured(one, laid, both, how)
        if best is None or found.correlation > best.correlation + 0.01:
            best = found
    return best if best is not None and best.correlation >= _ALIKE else None


def sound_offset(first: Audio, second: Audio) -> Offset | None:
    """How the second lies to the first; both of one rate. None for silence."""
    one, two = first.samples.mean(axis=0), second.samples.mean(axis=0)
    if not one.size or not two.size or not np.any(one) or not np.any(two):
        return None
    lags = correlate(one, two, "full", "fft")
    lag = int(np.argmax(np.abs(lags))) - (len(two) - 1)
    left, right = one[max(0, lag) :], two[max(0, -lag) :]
    length = min(len(left), len(right))
    left, right = left[:length], right[:length]
    scale = float(np.linalg.norm(left) * np.linalg.norm(right))
    return Offset(-lag / first.rate_hz, float(left @ right) / scale if scale > 0 else 0.0)


def _moved(one: Pixels, two: Pixels) -> tuple[Pixels, NDArray[np.bool_]] | None:
    """``two`` turned, scaled and cut so that it lies over ``one``, and where both are."""
    if min(one.shape[:2] + two.shape[:2]) < _LEAST_PX:
        return None  # the features' pyramid ends in pictures of no size
    orb = cv2.ORB.create(_FEATURES)
    points_one, found_one = orb.detectAndCompute(_grey(one), None)
    points_two, found_two = orb.detectAndCompute(_grey(two), None)
    if not len(points_one) or not len(points_two):
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(found_two, found_one)
    if len(matches) < _MIN_MATCHES:
        return None
    source = np.array([points_two[match.queryIdx].pt for match in matches], np.float32)
    target = np.array([points_one[match.trainIdx].pt for match in matches], np.float32)
    cv2.setRNGSeed(1)  # of RANSAC, so that the answer is the same again
    matrix, agree = cv2.estimateAffinePartial2D(source, target, ransacReprojThreshold=3.0)
    if matrix is None or agree.sum() < max(_MIN_MATCHES, _MIN_SHARE * len(matches)):
        return None
    size = (one.shape[1], one.shape[0])
    laid = np.asarray(cv2.warpAffine(two, matrix, size, flags=cv2.INTER_AREA), np.uint8)
    inside = cv2.warpAffine(np.full(two.shape[:2], 255, np.uint8), matrix, size)
    inside = cv2.erode(inside, np.ones((13, 13), np.uint8), borderValue=255)  # its own edge is no difference
    return laid, np.asarray(inside > 250, bool)


def _measured(one: Pixels, laid: Pixels, both: NDArray[np.bool_], how: How) -> Difference:
    first, second = _grey(one).astype(np.float32), _grey(laid).astype(np.float32)
    if both.mean() < 0.05:
        return Difference(one, laid, how, 0.0, 0.0, 0.0, one)
    is_flat = min(first[both].std(), second[both].std()) < 1e-6
    correlation = 0.0 if is_flat else float(np.corrcoef(first[both], second[both])[0, 1])
    colours = np.abs(one.astype(np.float32) - laid.astype(np.float32)).mean(axis=2)
    apart = cv2.GaussianBlur(colours, (0, 0), 2.0)
    usual = float(np.median(apart[both]))
    detail = _TIMES_DETAIL * _deviation(first)  # where there is much of it, coding changes much
    is_other = both & (apart > np.maximum(max(_LEAST_LEVELS, _TIMES_USUAL * usual), detail))
    strength = np.where(is_other, np.clip((apart - usual) / _FULL_LEVELS, 0.25, 1), 0)[..., None]
    grey = np.repeat(_grey(one)[..., None], 3, axis=2).astype(np.float32) * 0.6 + 80
    shown = (grey * (1 - strength) + _HEAT * strength).clip(0, 255).astype(np.uint8)
    shown[~both] = 230
    levels = float(np.abs(first - second)[both].mean())
    return Difference(one, laid, how, correlation, levels, float(is_other.sum() / both.sum()), shown)


def _deviation(grey: Floats) -> Floats:
    """Of the grey levels around each pixel."""
    mean = cv2.GaussianBlur(grey, (0, 0), 3.0)
    return np.sqrt(np.maximum(cv2.GaussianBlur(grey * grey, (0, 0), 3.0) - mean * mean, 0.0), dtype=np.float32)


def _grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
