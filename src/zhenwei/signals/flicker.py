"""Flicker between frames: what trembles in a face from one frame to the next, beside what trembles around it.

Forgeries made frame by frame differ a little each time: in colour, in texture, in where things lie. A head that moves,
a camera's noise and a codec's steps change face and surroundings alike, so each course of the face has one of its
surroundings beside it. All are second differences, which leave out steady motion and slow changes of light.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats, Pixels

CHANNELS = ("face texture", "around texture", "face light", "around light", "face colour", "around colour",
            "inner points", "outline")  # fmt: skip
"""What :func:`courses` gives, in order; natural logs."""
_SIDE, _ACROSS = 96, 52.0  # of the canvas; pixels between the cheekbones on it
_CHEEKBONES = (234, 454)
_OUTLINE = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
            150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
_MOVING = (  # eyes and mouth: they move by themselves
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
)
_INNER = (6, 197, 195, 5, 4, 1, 33, 133, 362, 263, 70, 105, 107, 300, 334, 336)
_SMOOTHED = 5  # frames: the mesh trembles, and must not shake what is laid upon it
_FLOORS = (0.2, 0.2, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02)
_ROOM = (1.12, 1.5)  # of the surroundings, in sizes of the hull


def courses(pixels: Pixels, landmarks: Floats) -> Floats:
    """``(8, n - 2)`` float32, the courses named in :data:`CHANNELS`, for every frame but the first and the last.

    ``pixels`` ``(n, h, w, 3)`` uint8 RGB; ``landmarks`` ``(n, 468, 2 or 3)`` in their pixels, NaN where no face was
    found, which is bridged. Needs three frames, and one with a face.
    """
    points = _bridged(landmarks[..., :2].astype(np.float64))
    across = float(np.median(np.linalg.norm(points[:, _CHEEKBONES[0]] - points[:, _CHEEKBONES[1]], axis=1)))
    reference = _reference(points, across)
    laid, put = [], []
    for frame, own, smooth in zip(pixels, points, _smooth(points), strict=True):
        fit = _similarity(smooth, reference)  # (2, 3)
        upright = cv2.warpAffine(frame, fit, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
        laid.append(cv2.cvtColor(upright, cv2.COLOR_RGB2YCrCb))
        put.append(own @ fit[:, :2].T + fit[:, 2])
    jump = _second(np.stack(laid).astype(np.float32))  # (n - 2, side, side, 3): luma and two of chroma
    texture, light, colour = [], [], []
    for region in _regions(reference):  # the face, then what surrounds it
        values = jump[:, region]  # (n - 2, pixels of the region, 3)
        mean = values.mean(1)
        texture.append(np.sqrt((values[..., 0] ** 2).mean(1)))
        light.append(np.abs(mean[:, 0]))
        colour.append(np.linalg.norm(mean[:, 1:], axis=1))
    moved = 100 / _ACROSS * np.linalg.norm(_second(np.stack(put)), axis=2)  # (n - 2, points): per cent of the face
    tremble = [np.sqrt((moved[:, some] ** 2).mean(1)) for some in (_INNER, _OUTLINE)]
    every = np.stack([*texture, *light, *colour, *tremble])
    return np.asarray(np.log(every + np.array(_FLOORS)[:, None]), np.float32)


def _second(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Each frame less the mean of its neighbours."""
    return values[1:-1] - (values[:-2] + values[2:]) / 2


def _bridged(points: NDArray[np.float64]) -> NDArray[np.float64]:
    seen = np.flatnonzero(np.isfinite(points[:, 0, 0]))
    if len(seen) == len(points):
        return points
    flat = points.reshape(len(points), -1)
    columns = [np.interp(np.arange(len(points)), seen, column[seen]) for column in flat.T]
    return np.stack(columns, axis=1).reshape(points.shape)


def _smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over five frames; the border repeated."""
    half = _SMOOTHED // 2
    padded = np.concatenate([points[:1]] * half + [points] + [points[-1:]] * half)
    total = np.cumsum(np.concatenate([np.zeros_like(points[:1]), padded]), axis=0)
    return np.asarray((total[_SMOOTHED:] - total[:-_SMOOTHED]) / _SMOOTHED)


def _reference(points: NDArray[np.float64], across: float) -> NDArray[np.float64]:
    """The clip's own mean shape, upright as it is, on the canvas."""
    centred = points - points.mean(1, keepdims=True)
    return np.asarray(centred.mean(0) * (_ACROSS / max(across, 1e-6)) + _SIDE / 2)


def _similarity(points: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(2, 3)``: shift, turn and scale that bring ``points`` nearest to ``reference`` (S. Umeyama, PAMI 1991)."""
    a, b = points - points.mean(0), reference - reference.mean(0)
    size = max(float((a**2).sum()), 1e-12)
    cosine = float((a * b).sum()) / size
    sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, reference.mean(0) - turn @ points.mean(0)])


def _regions(reference: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Skin within the hull, without eyes and mouth; and a band around the face."""
    outline = cv2.convexHull(reference.astype(np.float32))[:, 0]
    grown = [_filled([outline.mean(0) + (outline - outline.mean(0)) * room]) for room in (0.95, *_ROOM)]
    moving = _filled([reference[list(part)] for part in _MOVING])
    moving = cv2.dilate(moving.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return grown[0] & ~moving, grown[2] & ~grown[1]


def _filled(polygons: Sequence[NDArray[np.floating]]) -> NDArray[np.bool_]:
    canvas = np.zeros((_SIDE, _SIDE), np.uint8)
    cv2.fillPoly(canvas, [p.round().astype(np.int32) for p in polygons], 1)
    return canvas > 0
