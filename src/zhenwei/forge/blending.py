"""Laying one face into a picture: four ways to match its colours, four to treat its edge.

These are the traces that detectors of blending learn, so that each is plain, seeded by nothing and exact where the mask
is 0: there the picture stays as it was, bit for bit.
"""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import UsageError
from zhenwei.types import Floats, Pixels

Colour = Literal["none", "mean", "reinhard", "histogram"]
Edge = Literal["copy", "feather", "gaussian", "poisson"]
COLOURS: tuple[Colour, ...] = get_args(Colour)
EDGES: tuple[Edge, ...] = get_args(Edge)
_FEATHER, _SIGMA = 0.2, 0.06  # of the mask's longer side, inwards from its edge
_MIN_SPREAD = 2.0


def blend(target: Pixels, source: Pixels, mask: Floats, *, colour: Colour, edge: Edge) -> Pixels:
    """``source`` laid into ``target`` inside ``mask``.

    ``target``, ``source``: ``(height, width, 3)`` uint8 RGB; ``mask``: ``(height, width)`` float32 in [0, 1].
    ``colour``: source as it is; its mean brought to the target's; mean and spread in Lab (E. Reinhard et al., "Color
    Transfer between Images", 2001); each channel's histogram. All inside the mask. ``edge``: the mask's half and more
    copied; weights that fall off to the mask's edge, in a straight line or as a Gaussian; gradients of the source with
    the target's rim (P. Pérez et al., "Poisson Image Editing", 2003). Raises UsageError for other words or shapes.
    """
    _check(target, source, mask, colour, edge)
    if not mask.any():
        return target.copy()
    matched = match(target, source, mask, colour)
    if edge == "poisson":
        return _seamless(target, matched, mask)
    share = weights(mask, edge)[..., None]
    mixed = target + (matched.astype(np.float32) - target) * share
    return np.asarray(np.rint(mixed), np.uint8)


def match(target: Pixels, source: Pixels, mask: Floats, colour: Colour) -> Pixels:
    """``source`` with its colours inside ``mask`` brought near the target's there; shapes as in :func:`blend`."""
    if colour == "none" or mask.sum() < 1:
        return source
    if colour == "histogram":
        return _histogram(target, source, mask)
    if colour == "mean":
        weight = mask[..., None] / mask.sum()
        gap = ((target.astype(np.float64) - source) * weight).sum(axis=(0, 1))
        return np.asarray(np.clip(np.rint(source + gap), 0, 255), np.uint8)
    theirs, ours = (cv2.cvtColor(x, cv2.COLOR_RGB2LAB).astype(np.float64) for x in (source, target))
    (mean_s, spread_s), (mean_t, spread_t) = (_moments(x, mask) for x in (theirs, ours))
    moved = (theirs - mean_s) * (spread_t / np.maximum(spread_s, _MIN_SPREAD)) + mean_t
    return np.asarray(cv2.cvtColor(np.clip(np.rint(moved), 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB), np.uint8)


def weights(mask: Floats, edge: Edge) -> Floats:
    """How much of the source each pixel gets, ``(height, width)`` float32 in [0, 1]; 0 wherever ``mask`` is 0."""
    hard = (mask >= 0.5).astype(np.uint8)
    if edge == "copy" or not hard.any():
        return hard.astype(np.float32)
    padded = np.pad(hard, 1)  # a mask that reaches the border has its edge there
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    rows, columns = np.flatnonzero(hard.any(axis=1)), np.flatnonzero(hard.any(axis=0))
    longer = max(int(np.ptp(rows)), int(np.ptp(columns))) + 1
    if edge == "feather":
        return np.asarray(np.clip(inside / (_FEATHER * longer), 0, 1) * (hard > 0), np.float32)
    sigma = max(0.5, _SIGMA * longer)
    core = (inside > 1.5 * sigma).astype(np.float32) if (inside > 1.5 * sigma).any() else hard.astype(np.float32)
    soft = cv2.GaussianBlur(core, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(soft * (hard > 0), np.float32)


def _seamless(target: Pixels, source: Pixels, mask: Floats) -> Pixels:
    hard = np.asarray((mask >= 0.5) * 255, np.uint8)
    hard[[0, -1]], hard[:, [0, -1]] = 0, 0  # the rim has to be the target's
    if not hard.any():
        return target.copy()
    left, top, width, height = cv2.boundingRect(hard)
    centre = (left + width // 2, top + height // 2)
    solved = cv2.seamlessClone(source, target, hard.copy(), centre, cv2.NORMAL_CLONE)  # it clears the mask it is given
    return np.where(hard[..., None] > 0, solved, target).astype(np.uint8)


def _histogram(target: Pixels, source: Pixels, mask: Floats) -> Pixels:
    inside = mask >= 0.5 if (mask >= 0.5).any() else mask > 0
    matched = source.copy()
    for plane in range(3):
        have = np.bincount(source[..., plane][inside], minlength=256).cumsum() / inside.sum()
        want = np.bincount(target[..., plane][inside], minlength=256).cumsum() / inside.sum()
        table = np.interp(have, want, np.arange(256))
        matched[..., plane] = np.rint(table).astype(np.uint8)[source[..., plane]]
    return matched


def _moments(lab: NDArray[np.float64], mask: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weight = mask[..., None].astype(np.float64) / float(mask.sum())
    mean = (lab * weight).sum(axis=(0, 1))
    return mean, np.sqrt(((lab - mean) ** 2 * weight).sum(axis=(0, 1)))


def _check(target: Pixels, source: Pixels, mask: Floats, colour: str, edge: str) -> None:
    if target.shape != source.shape or target.ndim != 3 or target.dtype != np.uint8 or source.dtype != np.uint8:
        got = f"{target.dtype} {target.shape} and {source.dtype} {source.shape}"
        raise UsageError("these two are not to be blended", got=got, want="uint8 (height, width, 3), both of one size")
    if mask.shape != target.shape[:2] or not np.isfinite(mask).all() or mask.min() < 0 or mask.max() > 1:
        raise UsageError("the mask does not fit", got=str(mask.shape), want=f"{target.shape[:2]}, values in [0, 1]")
    if colour not in COLOURS:
        raise UsageError("there is no such way to match colours", got=str(colour), want=", ".join(COLOURS))
    if edge not in EDGES:
        raise UsageError("there is no such way to blend", got=str(edge), want=", ".join(EDGES))
