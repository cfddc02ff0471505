"""A portrait in two layers: the person, cut out, and what is behind, filled in where the person stood.

The cut is GrabCut's (C. Rother et al., 2004) from the face's own outline, the filling A. Telea's (2004). Where the cut
finds no plausible person, there is one layer, and what is around the face bends with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.forge.synthesis.masks import OVAL, check_face
from zhenwei.types import Floats, Pixels

_CUT_PX = 256  # the longer side on which the cut is made
_ROUNDS = 4
_ROOM = (0.12, 0.1, 0.1)  # above, left and right of the oval, of its height and width
_LEAST, _MOST = 0.7, 6.0  # of the area of the face's oval
_BEYOND = 0.02  # most of the picture's upper edge that is the person's
_FEW, _ACROSS_PX, _STEP = (
    20,
    3.0,
    14.0,
)  # a cut is real where seven of ten of its steps are higher than this, in grey levels
_HEAD, _AROUND = 1.5, 2.2  # of the oval's reach: surely hardly beyond, surely nothing further above the chin


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """``pixels`` ``(h, w, 3)`` uint8 RGB and ``landmarks`` ``(468, 3)`` of the portrait; ``person`` ``(h, w)`` float32:
    its share of each pixel; ``behind`` ``(h, w, 3)`` uint8. ``cut``: whether a person could be cut out."""

    pixels: Pixels
    landmarks: NDArray[np.float64]
    person: Floats
    behind: Pixels
    cut: bool


def layers_of(pixels: Pixels, landmarks: Floats) -> Layers:
    """The same for the same portrait. Raises :class:`DataError` for landmarks that span no face in the picture."""
    points = check_face(pixels, landmarks)
    mesh = np.asarray(landmarks, np.float64)
    person = _person(pixels, points)
    if person is None:
        return Layers(pixels, mesh, np.ones(pixels.shape[:2], np.float32), pixels, cut=False)
    hole = np.asarray(cv2.dilate((person > 0.02).astype(np.uint8), np.ones((5, 5), np.uint8)), np.uint8)
    behind = np.asarray(cv2.inpaint(np.ascontiguousarray(pixels), hole, 5, cv2.INPAINT_TELEA), np.uint8)
    return Layers(pixels, mesh, person, behind, cut=True)


def _person(pixels: Pixels, points: Floats) -> Floats | None:
    height, width = pixels.shape[:2]
    scale = min(1.0, _CUT_PX / max(height, width))
    small = pixels.copy()
    if scale < 1:
        small = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    oval = points[list(OVAL)] * scale
    room = np.array([oval[:, 1].min(), oval[:, 0].min(), small.shape[1] - oval[:, 0].max()])
    if (room < np.ptp(oval, axis=0)[[1, 0, 0]] * _ROOM).any():
        return None  # a tight crop: what is behind cannot be told from hair
    seeds = _seeds(small.shape[0], small.shape[1], oval)
    cv2.setRNGSeed(0)
    models = [np.zeros((1, 65)), np.zeros((1, 65))]
    cv2.grabCut(small, seeds, (0, 0, 1, 1), models[0], models[1], _ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = _largest(np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8))
    area = float(found.sum()) / max(1.0, float(cv2.contourArea(oval.astype(np.float32))))
    if not _LEAST <= area <= _MOST or not _whole_head(small, found, oval):
        return None
    soft = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 0.8)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _whole_head(small: Pixels, found: NDArray[np.uint8], oval: Floats) -> bool:
    """Whether the cut above the eyes is where colours change - and not within the hair, taken for what is behind - and
    nothing of the head is beyond the picture."""
    (_, top), (_, chin) = oval.min(0), oval.max(0)
    rim = np.asarray(cv2.morphologyEx(found, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), np.uint8)
    rows, columns = np.nonzero(rim[: max(1, round(top + 0.25 * (chin - top)))])
    if len(rows) < _FEW or found[:2].mean() > _BEYOND:
        return False
    soft = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)
    out = np.stack([rows, columns], 1) - oval.mean(0)[::-1]
    out *= _ACROSS_PX / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    last = np.array(found.shape) - 1
    inside, outside = (np.rint((rows, columns) + sign * out.T).astype(int).T.clip(0, last) for sign in (-1, 1))
    step = np.abs(soft[inside[:, 0], inside[:, 1]] - soft[outside[:, 0], outside[:, 1]]).max(1)
    return float(np.quantile(step, 0.3)) > _STEP


def _seeds(height: int, width: int, oval: Floats) -> NDArray[np.uint8]:
    """What is surely the person, probably, and surely not, for the cut."""
    middle = oval.mean(0)
    chin, top = float(oval[:, 1].max()), float(oval[:, 1].min())
    across = float(oval[:, 0].max() - oval[:, 0].min())
    seeds = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    rows, columns = np.indices((height, width))
    reach = np.hypot((columns - middle[0]) / (across / 2), (rows - middle[1]) / ((chin - top) / 2))
    above = rows < chin
    seeds[above & (reach > _AROUND)] = cv2.GC_BGD
    seeds[above & (reach < _HEAD)] = cv2.GC_PR_FGD
    low = ~above & (np.abs(columns - middle[0]) < 0.5 * across + 1.2 * np.maximum(0, rows - chin - 0.15 * across))
    seeds[low] = cv2.GC_PR_FGD
    cv2.fillPoly(seeds, [np.rint((oval - middle) * 0.97 + middle).astype(np.int32)], int(cv2.GC_FGD))
    neck = ~above & (np.abs(columns - middle[0]) < 0.2 * across)
    seeds[neck] = cv2.GC_FGD
    return seeds


def _largest(found: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest piece alone, its holes filled."""
    contours, _ = cv2.findContours(found, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    out = np.zeros_like(found)
    if contours:
        cv2.drawContours(out, [max(contours, key=cv2.contourArea)], -1, 1, -1)
    return out
