"""Two recordings of the same thing laid over each other: where do they differ, and by how much?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from zhenwei.signals.channels import mix
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
_COLOURLESS = 8.0  # levels between the channels, in all but a hundredth of the pixels: what coding leaves of grey
_FULL_LEVELS = 48.0  # difference that is drawn at full strength
_FLAT, _FLAT_LEVELS = 2.0, 1.0  # deviation of a picture of one tone, and how far two of the same lie apart
_HEAT = np.array([255, 64, 32], np.float32)


@dataclass(frozen=True, slots=True)
class Difference:
    """``second`` on the grid of ``first``. ``how``: what it took to lay them over each other. ``levels``: mean absolute
    difference of the luma in grey levels, where both are. ``share``: of that area, what differs by more than coding
    does. ``shown``: that in red over the first, in grey. ``is_colourless``: whether one of them alone is without
    colour, so that brightness was compared. ``shared``: of each, how much the other shows too. ``place``: how the
    second lies over the first, as ``placed`` has it."""

    first: Pixels
    second: Pixels
    how: How
    correlation: float
    levels: float
    share: float
    shown: Pixels
    is_colourless: bool = False
    shared: tuple[float, float] = (1.0, 1.0)
    place: Floats = field(default_factory=lambda: np.eye(2, 3, dtype=np.float32))


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
    movement = _movement(one, two)
    if movement is not None:
        laid, inside = _moved(one, two, movement[0])
        whole = np.ones((13, 13), np.uint8)  # around its own edge, which is no difference
        tried.append(("moved", laid, cv2.erode(inside.astype(np.uint8), whole, borderValue=1) > 0))
    best: Difference | None = None
    for how, laid, both in tried:
        found = _measured(one, laid, both, how)
        if best is None or found.correlation > best.correlation + 0.01:
            best = found
    if best is None or best.correlation < _ALIKE:
        return None
    if best.how != "moved" or movement is None:
        return best
    scale = abs(float(np.linalg.det(movement[0][:, :2])))
    of_two = min(1.0, float(inside.sum()) / (scale * two.shape[0] * two.shape[1]))
    return replace(best, shared=(float(inside.mean()), of_two), place=_in_shares(movement[0], one, two))


def sound_offset(first: Audio, second: Audio) -> Offset | None:
    """How the second lies to the first; both of one rate. None for silence."""
    one, two = _one_channel(first), _one_channel(second)
    if not one.size or not two.size or not np.any(one) or not np.any(two):
        return None
    lags = correlate(one, two, "full", "fft")
    lag = int(np.argmax(np.abs(lags))) - (len(two) - 1)
    left, right = one[max(0, lag) :], two[max(0, -lag) :]
    length = min(len(left), len(right))
    left, right = left[:length], right[:length]
    scale = float(np.linalg.norm(left) * np.linalg.norm(right))
    return Offset(-lag / first.rate_hz, float(left @ right) / scale if scale > 0 else 0.0)


def _one_channel(audio: Audio) -> Floats:
    return mix(audio).mono if audio.samples.size else np.zeros(0, np.float32)


def placed(first: Pixels, second: Pixels) -> tuple[Floats, int] | None:
    """How the second lies over the first, as a matrix ``(2, 3)`` on coordinates that are shares of width and height,
    and how many places say so; None where that is not found."""
    one, two = shrunk(first, MAX_PX), shrunk(second, MAX_PX)
    found = _movement(one, two)
    if found is None:
        return None
    return _in_shares(found[0], one, two), found[1]


def _in_shares(matrix: NDArray[np.float64], one: Pixels, two: Pixels) -> Floats:
    (height, width), (rows, columns) = one.shape[:2], two.shape[:2]
    return np.asarray(matrix * np.array([columns, rows, 1.0]) / np.array([[width], [height]]), np.float32)


def _moved(one: Pixels, two: Pixels, matrix: NDArray[np.float64]) -> tuple[Pixels, NDArray[np.bool_]]:
    """``two`` turned, scaled and cut so that it lies over ``one``, and where both are."""
    size = one.shape[1], one.shape[0]
    laid = np.asarray(cv2.warpAffine(two, matrix, size, flags=cv2.INTER_AREA), np.uint8)
    inside = cv2.warpAffine(np.full(two.shape[:2], 255, np.uint8), matrix, size)
    return laid, np.asarray(inside > 250, bool)


def _movement(one: Pixels, two: Pixels) -> tuple[NDArray[np.float64], int] | None:
    """The matrix that lays ``two`` over ``one``, and how many matches agree."""
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
    return np.asarray(matrix, np.float64), int(agree.sum())


def _measured(one: Pixels, laid: Pixels, both: NDArray[np.bool_], how: How) -> Difference:
    first, second = _grey(one).astype(np.float32), _grey(laid).astype(np.float32)
    if both.mean() < 0.05:
        return Difference(one, laid, how, 0.0, 0.0, 0.0, one)
    tones = float(first[both].std()), float(second[both].std())
    correlation = 0.0 if min(tones) < 1e-6 else float(np.corrcoef(first[both], second[both])[0, 1])
    is_colourless = _has_no_colour(one, both) != _has_no_colour(laid, both)
    if is_colourless:
        changed = np.abs(first - second)
    else:
        changed = np.abs(one.astype(np.float32) - laid.astype(np.float32)).mean(axis=2)
    if max(tones) < _FLAT and float(changed[both].mean()) <= _FLAT_LEVELS:
        correlation = 1.0  # where there is next to nothing to correlate
    apart = cv2.GaussianBlur(changed, (0, 0), 2.0)
    usual = float(np.median(apart[both]))
    detail = _TIMES_DETAIL * _deviation(first)  # where there is much of it, coding changes much
    is_other = both & (apart > np.maximum(max(_LEAST_LEVELS, _TIMES_USUAL * usual), detail))
    strength = np.where(is_other, np.clip((apart - usual) / _FULL_LEVELS, 0.25, 1), 0)[..., None]
    grey = np.repeat(_grey(one)[..., None], 3, axis=2).astype(np.float32) * 0.6 + 80
    shown = (grey * (1 - strength) + _HEAT * strength).clip(0, 255).astype(np.uint8)
    shown[~both] = 230
    levels = float(np.abs(first - second)[both].mean())
    share = float(is_other.sum() / both.sum())
    return Difference(one, laid, how, correlation, levels, share, shown, is_colourless)


def _has_no_colour(pixels: Pixels, where: NDArray[np.bool_]) -> bool:
    found = pixels[where]
    return float(np.percentile(found.max(axis=1) - found.min(axis=1), 99)) <= _COLOURLESS


def _deviation(grey: Floats) -> Floats:
    """Of the grey levels around each pixel."""
    mean = cv2.GaussianBlur(grey, (0, 0), 3.0)
    return np.sqrt(np.maximum(cv2.GaussianBlur(grey * grey, (0, 0), 3.0) - mean * mean, 0.0), dtype=np.float32)


def _grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
