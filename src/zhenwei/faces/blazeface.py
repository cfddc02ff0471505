"""BlazeFace: boxes and six keypoints of every face in one square view of a picture.

After Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs" (2019); anchors as in
MediaPipe's short-range and full-range graphs. Their boxes differ a little: the short range frames the face 7 % tighter
and 6 % lower. Both are given here in the framing of the full range, which is also that of the DFDC face crops (its box
is such a crop to within 1 %, median of 200), so that a face is framed alike whoever found it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.faces.sampling import scaled
from zhenwei.types import Box, Floats, Pixels

SHORT_RANGE = "face_detection_short_range"
FULL_RANGE = "face_detection_full_range"
RIGHT_EYE, LEFT_EYE = 0, 1  # keypoints; right and left are the person's
_ANCHORS = {SHORT_RANGE: ((16, 2), (8, 6)), FULL_RANGE: ((48, 1),)}  # cells along a side, anchors in each
_SHORT_SCALE, _SHORT_RISE = 1.072, 0.057  # from the short range's framing to the full range's, in shares of its box
_BATCH = 8
_SAME_FACE = 0.3  # overlap from which two answers are about one face, as in MediaPipe


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """What may be a face, in pixels of the picture. ``keypoints`` ``(6, 2)`` float32 in the order of ``Face``."""

    box: Box
    confidence: float  # in (0, 1)
    keypoints: Floats

    @property
    def angle(self) -> float:
        """Of the line through the eyes, in radians; positive is clockwise as seen."""
        across = self.keypoints[LEFT_EYE] - self.keypoints[RIGHT_EYE]
        return math.atan2(float(across[1]), float(across[0]))


@dataclass(frozen=True, slots=True, eq=False)
class SquareView:
    """A square part of a picture: ``side`` px from ``(left, top)`` on. It may reach beyond the picture: up to
    ``repeated`` px there the picture's border is repeated, further out all is black."""

    pixels: Pixels
    left: int
    top: int
    side: int
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class _Scaling:
    """From pixels of the network's input to pixels of the picture: ``(at - offset) / scale + origin``, x and y."""

    offset: tuple[int, int]
    scale: tuple[float, float]
    origin: tuple[int, int]

    def to_image(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        moved: NDArray[np.float64] = (points - np.array(self.offset)) / np.array(self.scale) + np.array(self.origin)
        return moved


def whole(pixels: Pixels, padding: float = 0.0) -> SquareView:
    """The whole picture in the middle of a square, its border repeated by ``padding`` of its longer side all around."""
    height, width = pixels.shape[:2]
    repeated = round(max(height, width) * padding)
    side = max(height, width) + 2 * repeated
    return SquareView(pixels, (width - side) // 2, (height - side) // 2, side, repeated)


def close(pixels: Pixels, box: Box, zoom: float) -> SquareView:
    """A square around ``box``, ``zoom`` times as long as the box's longer side."""
    side = max(8, round(max(box.width, box.height) * zoom))
    left, top = (box.left + box.right - side) / 2, (box.top + box.bottom - side) / 2
    return SquareView(pixels, round(left), round(top), side, side)


def look(model_id: str, views: Sequence[SquareView], least: float) -> list[list[Candidate]]:
    """The candidates of every view with a confidence of at least ``least``; those of one face are merged."""
    model = models.load(model_id)
    size = model.input_shape[1] or 0
    found: list[list[Candidate]] = []
    for start in range(0, len(views), _BATCH):
        inputs = [_input(view, size) for view in views[start : start + _BATCH]]
        regressors, logits = model.run(np.stack([image for image, _ in inputs]))
        for (_, scaling), raw, logit in zip(inputs, regressors, logits[..., 0], strict=True):
            found.append(_merged(*_decode(model_id, scaling, size, raw, logit, least)))
    return found


def merged(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate a face, most confident first: overlapping ones are averaged, weighted by confidence."""
    if not candidates:
        return []
    corners = np.array([(c.box.left, c.box.top, c.box.right, c.box.bottom) for c in candidates])
    keypoints = np.stack([c.keypoints for c in candidates])
    return _merged(corners, np.array([c.confidence for c in candidates]), keypoints)


@lru_cache(maxsize=4)
def anchors(model_id: str) -> Floats:
    """Centres of the anchors, ``(n, 2)`` float32 x and y in [0, 1]: row by row, all of a cell in a row."""
    grids = []
    for cells, times in _ANCHORS[model_id]:
        y, x = np.meshgrid(*[(np.arange(cells) + 0.5) / cells] * 2, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2), times, axis=0))
    return np.concatenate(grids).astype(np.float32)


def _merged(corners: NDArray[np.float64], sure: NDArray[np.float64], keypoints: Floats) -> list[Candidate]:
    """:func:`merged`, of what one view shows: ``(n, 4)`` left, top, right and bottom, ``(n,)`` and ``(n, 6, 2)``."""
    kept = []
    waiting = np.argsort(-sure, kind="stable")
    areas = np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0), axis=1)
    while len(waiting):
        best = waiting[0]
        shared = np.prod(_common(corners[waiting], corners[best]), axis=1)
        union = areas[waiting] + areas[best] - shared
        overlaps = shared > _SAME_FACE * union
        overlaps[0] = True
        same = waiting[overlaps]
        kept.append(_mean(corners[same], sure[same], keypoints[same]))
        waiting = waiting[~overlaps]
    return kept


def _common(some: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width and height that boxes ``(n, 4)`` share with ``one`` ``(4,)``: ``(n, 2)``."""
    return np.asarray(np.maximum(np.minimum(some[:, 2:], one[2:]) - np.maximum(some[:, :2], one[:2]), 0))


def _mean(corners: NDArray[np.float64], sure: NDArray[np.float64], keypoints: Floats) -> Candidate:
    """Weighted by confidence; the first is the most confident."""
    weights = sure / sure.sum()
    points = np.einsum("n,nkd->kd", weights, keypoints)
    return Candidate(Box(*(weights @ corners).tolist()), float(sure[0]), points.astype(np.float32))


def _input(view: SquareView, size: int) -> tuple[Floats, _Scaling]:
    """The view as the network takes it, ``(size, size, 3)`` float32 in [-1, 1], and where its pixels come from."""
    import cv2

    height, width = view.pixels.shape[:2]
    x = _axis(view.left, view.side, width, view.repeated, size)
    y = _axis(view.top, view.side, height, view.repeated, size)
    shown = scaled(view.pixels[y.first : y.last, x.first : x.last], x.count, y.count)
    # Scaled first and its border repeated then: a padded panorama would not fit into memory.
    borders = (y.before, y.after, x.before, x.after)
    if any(borders):
        shown = np.asarray(cv2.copyMakeBorder(shown, *borders, borderType=cv2.BORDER_REPLICATE), np.uint8)
    image = np.full((size, size, 3), -1, np.float32)
    top, left = y.offset - y.before, x.offset - x.before
    image[top : top + shown.shape[0], left : left + shown.shape[1]] = shown.astype(np.float32) / 127.5 - 1
    scale = (x.count / (x.last - x.first), y.count / (y.last - y.first))
    return image, _Scaling((x.offset, y.offset), scale, (x.first, y.first))


@dataclass(frozen=True, slots=True)
class _Axis:
    """Along one axis: pixels ``first`` to ``last`` of the picture become ``count`` of the input, ``offset`` from its
    start; ``before`` and ``after`` them so many repeat the border."""

    first: int
    last: int
    count: int
    offset: int
    before: int
    after: int


def _axis(start: int, side: int, length: int, repeated: int, size: int) -> _Axis:
    scale = size / side
    first = min(max(start, 0), length - 1)
    last = max(first + 1, min(start + side, length))
    count = min(size, max(1, round((last - first) * scale)))
    offset = min(max(0, round((first - start) * scale)), size - count)
    border = round(repeated * scale)
    return _Axis(first, last, count, offset, min(offset, border), min(size - offset - count, border))


def _decode(
    model_id: str, scaling: _Scaling, size: int, raw: Floats, logits: Floats, least: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], Floats]:
    """What one view shows, in pixels of the picture: corners ``(n, 4)``, confidences, keypoints ``(n, 6, 2)``."""
    confidence = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80)))
    chosen = np.flatnonzero(confidence >= least)
    values = raw[chosen].astype(np.float64).reshape(-1, 8, 2)  # centre, size, six keypoints: x and y each
    centres = anchors(model_id)[chosen].astype(np.float64)[:, None] * size
    half = values[:, 1:2] / 2
    corners = scaling.to_image(values[:, 0:1] + centres + np.concatenate([-half, half], axis=1))
    keypoints = scaling.to_image(values[:, 2:] + centres).astype(np.float32)
    whole = (corners[:, 1] > corners[:, 0]).all(axis=1)
    corners, keypoints = corners[whole].reshape(-1, 4), keypoints[whole]
    if model_id == SHORT_RANGE:
        corners = _reframed(corners, keypoints)
    return corners, confidence[chosen][whole], keypoints


def _reframed(corners: NDArray[np.float64], keypoints: Floats) -> NDArray[np.float64]:
    """Boxes of the short range in the framing of the full range: larger, and moved towards the forehead."""
    across = (keypoints[:, LEFT_EYE] - keypoints[:, RIGHT_EYE]).astype(np.float64)
    length = np.maximum(np.hypot(across[:, 0], across[:, 1]), 1e-12)
    size = corners[:, 2:] - corners[:, :2]
    rise = _SHORT_RISE * size[:, 1] / length
    middle = (corners[:, :2] + corners[:, 2:]) / 2
    middle = middle + np.stack([rise * across[:, 1], -rise * across[:, 0]], axis=1)
    half = size * (_SHORT_SCALE / 2)
    return np.concatenate([middle - half, middle + half], axis=1)
