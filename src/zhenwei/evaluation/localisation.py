"""How well a map says *where* a picture was altered. Maps and masks are shares in [0, 1], 1 = altered.

A map is brought to the size of the mask by nearest neighbour, so that no value is invented. Both are cut at a
threshold, 0.1 unless said otherwise (H. Dang et al., "On the detection of digital face manipulation", CVPR 2020).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from zhenwei.errors import DataError
from zhenwei.stats.metrics import Reals
from zhenwei.types import Floats, Pixels

THRESHOLD = 0.1
_SHARE_CHANGED = 0.1  # of the mean brightness: a grey difference that counts as altered
_MIN_CHANGE = 4.0  # grey levels; compression noise stays below
_MIN_AREA = 0.03
Measure = Callable[[ArrayLike, ArrayLike], float]


def iinc(predicted: ArrayLike, mask: ArrayLike, *, threshold: float = THRESHOLD) -> float:
    """Inverse intersection non-containment, in [0, 1], 0 = perfect (Dang et al. 2020, eq. 7).

    With I, U the shares of the picture that intersection and union of both take, M the mask's and P the map's:
    (2 - I / M - I / P) / (3 - U); 0 where both are empty, and 1 / (3 - U) where exactly one is. Unlike the
    intersection over union it tells small misses from large ones where nothing was altered.
    """
    found, truth = _cut(predicted, mask, threshold)
    inside, either = float((found & truth).mean()), float((found | truth).mean())
    if not either:
        return 0.0
    if not found.any() or not truth.any():
        return 1 / (3 - either)
    return (2 - inside / float(truth.mean()) - inside / float(found.mean())) / (3 - either)


def pixel_accuracy(predicted: ArrayLike, mask: ArrayLike, *, threshold: float = THRESHOLD) -> float:
    """Pixel-wise binary classification accuracy (PBCA), in [0, 1]: the share of pixels on the right side."""
    found, truth = _cut(predicted, mask, threshold)
    return float((found == truth).mean())


def intersection_over_union(predicted: ArrayLike, mask: ArrayLike, *, threshold: float = THRESHOLD) -> float:
    """IoU, in [0, 1]; 1 where both are empty."""
    found, truth = _cut(predicted, mask, threshold)
    either = int((found | truth).sum())
    return int((found & truth).sum()) / either if either else 1.0


def false_localisation(predicted: ArrayLike, *, threshold: float = THRESHOLD) -> float:
    """Of a picture in which nothing was altered: the share that the map accuses, in [0, 1]."""
    values = _shares(predicted, "map")
    return float((values > threshold).mean())


def difference_mask(genuine: Pixels, forged: Pixels) -> Floats | None:
    """Where a published forgery departs from its original: ``(h, w)`` float32, 0 or 1; None where hardly anything does.

    Grey difference after a small blur above a share of the mean brightness (a fixed level, as Dang et al. 2020 use,
    finds nothing in dark clips), closed over the holes that chance agreement leaves.
    """
    grey = [cv2.GaussianBlur(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), (5, 5), 0) for x in (genuine, forged)]
    level = max(_MIN_CHANGE, _SHARE_CHANGED * float(grey[0].mean()))
    changed = (cv2.absdiff(grey[0], grey[1]) > level).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    mask = np.asarray(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, kernel), np.float32)
    return mask if float(mask.mean()) >= _MIN_AREA else None


def _cut(predicted: ArrayLike, mask: ArrayLike, threshold: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    values, truth = _shares(predicted, "map"), _shares(mask, "mask")
    if values.shape != truth.shape:
        values = np.asarray(cv2.resize(values, truth.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.float64)
    return values > threshold, truth > threshold


def _shares(values: ArrayLike, what: str) -> Reals:
    found = np.asarray(values, np.float64)
    if found.ndim != 2 or not found.size:
        raise DataError(f"this is no {what}", got=f"shape {found.shape}", want="(height, width)")
    if not (np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1):
        raise DataError(f"the {what} holds other values than shares", want="numbers from 0 to 1")
    return found
