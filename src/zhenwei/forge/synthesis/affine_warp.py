"""Affine-warp forgeries: the face redrawn at the resolution of a small generator.

Early face swaps synthesise a small, upright face and warp it back into the frame; the resampling softens the face and
leaves the frame sharp. After Y. Li and S. Lyu, "Exposing DeepFake Videos By Detecting Face Warping Artifacts", CVPR
Workshops 2019: align to a mean face at a random small scale, blur, warp back, paste inside a mask. Colour, contrast
and sharpness vary before pasting, so that softness alone is the trace.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import check_face, draw_mask, face_part
from zhenwei.forge.synthesis.retouch import blend, compress, recolour
from zhenwei.types import Floats, Pixels

METHOD = "affine_warp"
_SHAPES = ("brows_to_mouth", "no_forehead", "face")
_SHAPE_ODDS = (0.4, 0.3, 0.3)
# An upright face in a unit square: outer eye corners, tip of the nose, corners of the mouth.
_ANCHORS = (33, 263, 1, 61, 291)
_MEAN_FACE = np.array([0.27 + 0.36j, 0.73 + 0.36j, 0.5 + 0.57j, 0.36 + 0.75j, 0.64 + 0.75j])


def affine_warp(pixels: Pixels, landmarks: Floats, rng: np.random.Generator) -> Forgery:
    """Redraw the face in ``pixels`` at a lower resolution.

    ``pixels``: ``(height, width, 3)`` uint8 RGB, a face crop or a whole frame. ``landmarks``: FaceMesh points
    ``(468, 2)`` or ``(468, 3)`` in pixels of it; they may reach beyond its border. Raises DataError if they span no
    face, are not finite, or lie mostly outside. Draws once from ``rng``.
    """
    return affine_warp_seeded(pixels, landmarks, int(rng.integers(2**53)))


def affine_warp_seeded(pixels: Pixels, landmarks: Floats, seed: int) -> Forgery:
    """As ``affine_warp``, with every choice following from ``seed``."""
    place, target, local = face_part(pixels, check_face(pixels, landmarks))
    rng = np.random.default_rng(seed)
    height, width = target.shape[:2]

    shape = _SHAPES[int(rng.choice(len(_SHAPES), p=_SHAPE_ODDS))]
    mask, drawn = draw_mask(local, height, width, shape, rng)
    source, colour = recolour(target, float(rng.uniform(0.0, 0.5)), rng)
    source, warp = _redrawn(source, local, rng)

    forged, whole = pixels.copy(), np.zeros(pixels.shape[:2], dtype=np.float32)
    forged[place], whole[place] = blend(target, source, mask), mask
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed}
    return Forgery(forged, whole, recipe | drawn | colour | warp)


def _redrawn(pixels: Pixels, points: Floats, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """``pixels`` taken to a small upright face and back."""
    height, width = pixels.shape[:2]
    factor = float(np.exp(rng.uniform(np.log(0.28), np.log(0.85))))
    forward, small = _alignment(points, factor, height, width)
    border = cv2.BORDER_REFLECT_101
    aligned = cv2.warpAffine(pixels, forward, small, flags=cv2.INTER_AREA, borderMode=border)
    sigma_px = float(rng.uniform(0.3, 0.9))
    aligned = cv2.GaussianBlur(aligned, (5, 5), sigma_px)
    quality = int(rng.integers(40, 95)) if rng.random() < 0.3 else 0
    if quality:
        aligned = compress(np.asarray(aligned, dtype=np.uint8), quality)
    back = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC
    flags = back | cv2.WARP_INVERSE_MAP
    returned = cv2.warpAffine(aligned, forward, (width, height), flags=flags, borderMode=border)
    sharpness = float(rng.uniform(0.2, 0.8)) if rng.random() < 0.3 else 0.0
    if sharpness:
        soft = cv2.GaussianBlur(returned, (0, 0), 1.2)
        returned = cv2.addWeighted(returned, 1 + sharpness, soft, -sharpness, 0)
    drawn: dict[str, Value] = {"factor": round(factor, 4), "blur_px": round(sigma_px, 3)}
    drawn |= {"compress": quality, "sharpen": round(sharpness, 3)}
    return np.asarray(returned, dtype=np.uint8), drawn


def _alignment(points: Floats, factor: float, height: int, width: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The similarity ``(2, 3)`` that turns the face upright and shrinks it by ``factor``, and the size it then fills.

    Closed form: with points as complex numbers the least-squares similarity is z -> a z + b. Only the turn of ``a`` is
    kept; its scale would follow the size of the face, and ``factor`` is wanted relative to the picture's own pixels.
    """
    face = points[list(_ANCHORS), 0].astype(np.float64) + 1j * points[list(_ANCHORS), 1].astype(np.float64)
    centred, mean = face - face.mean(), _MEAN_FACE - _MEAN_FACE.mean()
    turn = complex((centred.conj() * mean).sum())
    turn = turn / abs(turn) if abs(turn) > 1e-9 else 1 + 0j
    a = factor * turn
    corners = a * np.array([0, width, 1j * height, width + 1j * height])
    low = complex(corners.real.min(), corners.imag.min())
    size = (int(np.ceil(np.ptp(corners.real))), int(np.ceil(np.ptp(corners.imag))))
    matrix = np.array([[a.real, -a.imag, -low.real], [a.imag, a.real, -low.imag]])
    return matrix, (max(2, size[0]), max(2, size[1]))
