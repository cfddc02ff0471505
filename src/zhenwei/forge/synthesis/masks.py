"""Where to forge: soft masks cut from FaceMesh landmarks, of many shapes.

Crops are often tight (brows to chin), so that the outline of the face lies on or beyond the border; a mask is mostly
shrunk until its edge can be seen, and now and then left to cover the picture up to its border, as face swaps do.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.forgery import Value
from zhenwei.types import Box, Floats, Pixels

# FaceMesh indices; right and left are the person's.
OVAL: tuple[int, ...] = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377)
OVAL += (152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
JAW = OVAL[OVAL.index(454) : OVAL.index(234) + 1]
CHIN = OVAL[OVAL.index(361) : OVAL.index(132) + 1]
RIGHT_BROW = (70, 63, 105, 66, 107, 55, 46)
LEFT_BROW = (300, 293, 334, 296, 336, 285, 276)
RIGHT_EYE = (*RIGHT_BROW, 33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_EYE = (*LEFT_BROW, 263, 249, 390, 373, 374, 380, 381, 382, 362)
NOSE = (168, 122, 351, 129, 358, 98, 327, 2)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)

OUTLINES: dict[str, tuple[tuple[int, ...], ...]] = {
    "face": (OVAL,),
    "no_forehead": (JAW + RIGHT_BROW + LEFT_BROW,),
    "brows_to_mouth": (RIGHT_BROW + LEFT_BROW + LIPS + (116, 345),),
    "lower_face": ((*CHIN, 117, 346, 195),),
    "eyes": (RIGHT_EYE, LEFT_EYE),
    "eyes_nose": (RIGHT_EYE + LEFT_EYE, NOSE),
    "nose_mouth": (NOSE, LIPS),
    "mouth": (LIPS,),
}
WHOLE = ("face", "no_forehead")  # shapes large enough to be left to cover the picture

_MESH = 468
_MIN_SIDE_PX = 32
_MIN_FACE_PX2 = 256.0
_MASK_PX = 192  # masks are made at this size and then scaled to the face: they are smooth


def check_face(pixels: Pixels, landmarks: Floats) -> Floats:
    """The landmarks as ``(468, 2)`` float32 pixels; DataError if they, or the picture, cannot carry a forgery."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or min(pixels.shape[:2]) < _MIN_SIDE_PX:
        got = f"{pixels.dtype} {pixels.shape}"
        raise DataError("a picture cannot be forged", got=got, want=f"uint8 (height, width, 3), {_MIN_SIDE_PX} px up")
    if landmarks.shape not in ((_MESH, 2), (_MESH, 3)):
        raise DataError("landmarks are not a face mesh", got=str(landmarks.shape), want="(468, 2) or (468, 3)")
    points = np.ascontiguousarray(landmarks[:, :2], dtype=np.float32)
    if not np.isfinite(points).all():
        raise DataError("landmarks are not all finite", want="468 points in pixels of the picture")
    area = float(cv2.contourArea(cv2.convexHull(points[list(OVAL)])))
    if area < _MIN_FACE_PX2:
        raise DataError("landmarks span no face", got=f"{area:.0f} px²", want=f"{_MIN_FACE_PX2:.0f} px² or more")
    size = np.array([pixels.shape[1], pixels.shape[0]], dtype=np.float32)
    inside = float(((points >= 0) & (points < size)).all(axis=1).mean())
    if inside < 0.5:
        raise DataError("landmarks lie outside the picture", got=f"{inside:.0%} inside", want="half of them or more")
    return points


def face_window(points: Floats, height: int, width: int) -> Box:
    """The part of the picture that a forgery of this face may touch, in whole pixels: the mesh and a third around."""
    low, high = points.min(axis=0), points.max(axis=0)
    box = Box(float(low[0]), float(low[1]), float(high[0]), float(high[1])).expanded(0.33)
    left, top = max(0, int(box.left)), max(0, int(box.top))
    return Box(left, top, min(width, int(np.ceil(box.right))), min(height, int(np.ceil(box.bottom))))


def face_part(pixels: Pixels, points: Floats) -> tuple[tuple[slice, slice], Pixels, Floats]:
    """Where :func:`face_window` lies, the pixels there (a copy in one block), and the points in pixels of that part."""
    window = face_window(points, *pixels.shape[:2])
    left, top = int(window.left), int(window.top)
    place = (slice(top, int(window.bottom)), slice(left, int(window.right)))
    return place, np.ascontiguousarray(pixels[place]), points - np.array([left, top], dtype=np.float32)


def draw_mask(
    points: Floats, height: int, width: int, shape: str, rng: np.random.Generator
) -> tuple[Floats, dict[str, Value]]:
    """A soft mask, ``(height, width)`` float32 in [0, 1] with maximum 1, of one of ``OUTLINES``, and what was drawn.

    ``points``: ``(468, 2)`` pixels of the same window. The outline is shrunk or grown, bent elastically and blurred in
    two stages (Shiohara & Yamasaki 2022): the first moves the edge inwards, the second makes it soft.
    """
    scale = _MASK_PX / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    ratio = np.array([size[0] / width, size[1] / height], dtype=np.float32)
    parts = [points[list(part)] * ratio for part in OUTLINES[shape]]
    covers = shape in WHOLE and rng.random() < 0.3
    margin = 0.0 if covers else float(rng.uniform(0.04, 0.14))
    growth = float(rng.uniform(1.0, 1.25) if covers else rng.uniform(0.85, 1.05))
    if shape not in WHOLE:
        growth = float(rng.uniform(1.0, 1.35))
    mask = np.zeros((size[1], size[0]), dtype=np.uint8)
    for part in parts:
        hull = _fitted(part, size, growth, None if covers else margin)
        cv2.fillConvexPoly(mask, cv2.convexHull(hull).round().astype(np.int32), 255)
    bend_px = float(rng.uniform(0.3, 3.0))
    mask = _bent(mask, bend_px, rng)
    soft, blur = _softened(mask, rng)
    drawn: dict[str, Value] = {"shape": shape, "growth": round(growth, 4), "covers": int(covers)}
    drawn |= {"bend": round(bend_px / _MASK_PX, 4), "edge": blur}
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32), drawn


def displacement(height: int, width: int, std_px: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """``cv2.remap`` maps (x, y), each ``(height, width)`` float32: the identity plus a smooth random field."""
    cells = int(rng.integers(5, 16))
    field = rng.standard_normal((cells, cells, 2), dtype=np.float32) * np.float32(std_px)
    smooth = np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    xs = smooth[..., 0] + np.arange(width, dtype=np.float32)[None, :]
    ys = smooth[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return xs, ys


def _fitted(part: Floats, size: tuple[int, int], growth: float, margin: float | None) -> Floats:
    """``part`` scaled about its middle by ``growth``, less where it would come nearer to the border than ``margin``."""
    limit = np.array(size, dtype=np.float32) - 1
    low, high = part.min(axis=0), part.max(axis=0)
    middle = (low + high) / 2
    half = np.maximum((high - low) / 2 * np.float32(growth), 1.0)
    scale = np.full(2, growth, dtype=np.float32)
    if margin is not None:
        middle = np.clip(middle, limit * 0.3, limit * 0.7)  # a face that leans out of the picture is drawn into it
        room = np.minimum(middle, limit - middle) - margin * limit
        scale *= np.clip(room / half, 0.3, 1.0)
    return np.asarray((part - (low + high) / 2) * scale + middle, dtype=np.float32)


def _bent(mask: NDArray[np.uint8], std_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    xs, ys = displacement(mask.shape[0], mask.shape[1], std_px, rng)
    bent = cv2.remap(mask, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent, dtype=np.uint8)


def _softened(mask: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Floats, float]:
    """The mask with an edge somewhere between cut-out and imperceptible; maximum 1. And the width of that edge."""
    across = float(np.sqrt(max(1, cv2.countNonZero(mask))))
    inward = _odd(across * float(rng.uniform(0.01, 0.10)))
    core = np.asarray(cv2.GaussianBlur(mask, (inward, inward), 0, borderType=cv2.BORDER_REPLICATE))
    core = np.where(core >= 253, np.float32(1), np.float32(0))
    if core.sum() < 0.3 * across**2:  # thin parts would vanish
        core = (mask > 127).astype(np.float32)
    share = float(np.exp(rng.uniform(np.log(0.015), np.log(0.25))))
    width = _odd(across * share)
    soft = cv2.GaussianBlur(core, (width, width), width / 3.0, borderType=cv2.BORDER_REPLICATE)
    top = float(soft.max())
    return np.clip(soft / max(top, 1e-6), 0.0, 1.0).astype(np.float32), round(share, 4)


def _odd(width: float) -> int:
    return max(3, 2 * round(width / 2) + 1)
