"""Self-blended forgeries: a face pasted onto itself.

A copy of the picture, slightly recoloured, degraded and moved, is blended back over the original inside a mask of the
face. What remains is what face swaps have in common whatever made them: a blending boundary and two halves that do not
quite agree. After K. Shiohara and T. Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022, with a
colour step that does what it says, masks for tight crops, and only the pasted half changed, so that the mask is true.
"""

from __future__ import annotations

import cv2
import numpy as np

from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import WHOLE, check_face, displacement, draw_mask, face_part
from zhenwei.forge.synthesis.retouch import blend, degrade, recolour
from zhenwei.types import Floats, Pixels

METHOD = "self_blend"
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
_SHAPES = ("face", "no_forehead", "brows_to_mouth", "lower_face", "eyes", "eyes_nose", "nose_mouth", "mouth")
_SHAPE_ODDS = (0.36, 0.26, 0.12, 0.08, 0.03, 0.06, 0.05, 0.04)


def self_blend(pixels: Pixels, landmarks: Floats, rng: np.random.Generator) -> Forgery:
    """Blend a changed copy of ``pixels`` over itself inside the face.

    ``pixels``: ``(height, width, 3)`` uint8 RGB, a face crop or a whole frame. ``landmarks``: FaceMesh points
    ``(468, 2)`` or ``(468, 3)`` in pixels of it; they may reach beyond its border. Raises DataError if they span no
    face, are not finite, or lie mostly outside. Draws once from ``rng``.
    """
    return self_blend_seeded(pixels, landmarks, int(rng.integers(2**53)))


def self_blend_seeded(pixels: Pixels, landmarks: Floats, seed: int) -> Forgery:
    """As ``self_blend``, with every choice following from ``seed``."""
    place, target, local = face_part(pixels, check_face(pixels, landmarks))
    rng = np.random.default_rng(seed)
    height, width = target.shape[:2]

    shape = _SHAPES[int(rng.choice(len(_SHAPES), p=_SHAPE_ODDS))]
    part, drawn = draw_mask(local, height, width, shape, rng)
    ratios = RATIOS if shape in WHOLE else RATIOS[1:]  # a quarter of a small part would be no forgery at all
    ratio = ratios[int(rng.integers(len(ratios)))]
    strength = 0.1 + 0.9 * float(rng.random()) ** 1.5
    source, colour = recolour(target, strength, rng)
    source, detail = degrade(source, rng)
    source, part, motion = _moved(source, part, rng)
    part *= np.float32(ratio)

    forged, mask = pixels.copy(), np.zeros(pixels.shape[:2], dtype=np.float32)
    forged[place], mask[place] = blend(target, source, part), part
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed, "ratio": ratio, "strength": round(strength, 4)}
    return Forgery(forged, mask, recipe | drawn | colour | detail | motion)


def _moved(source: Pixels, mask: Floats, rng: np.random.Generator) -> tuple[Pixels, Floats, dict[str, Value]]:
    """Source and mask shifted, turned and scaled a little together; at times the source is bent as well."""
    height, width = mask.shape
    scale, angle_deg = float(rng.uniform(0.95, 1 / 0.95)), float(rng.uniform(-2, 2))
    shift = (float(rng.uniform(-0.03, 0.03)) * width, float(rng.uniform(-0.015, 0.015)) * height)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, scale)
    matrix[:, 2] += shift
    moved = cv2.warpAffine(source, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    follows = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    bend_px = 0.0
    if rng.random() < 0.4:  # a generator does not reproduce the geometry exactly
        bend_px = float(rng.uniform(0.002, 0.008)) * max(height, width)
        xs, ys = displacement(height, width, bend_px, rng)
        moved = cv2.remap(moved, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    drawn: dict[str, Value] = {"scale": round(scale, 4), "angle_deg": round(angle_deg, 3)}
    drawn |= {"shift_px": [round(s, 3) for s in shift], "source_bend_px": round(bend_px, 3)}
    return np.asarray(moved, dtype=np.uint8), np.clip(follows, 0, 1).astype(np.float32), drawn
