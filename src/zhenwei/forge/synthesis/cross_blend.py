"""Blends between two people: a donor's face laid over a target's as it is, aligned, in matching colours.

After L. Li et al., "Face X-ray for More General Face Forgery Detection", CVPR 2020: among many people take one whose
landmarks are much alike, align, match colours, blend inside a soft hull bent at random. Nothing is generated and no
detail is lost: what remains is the boundary between two photographs, and :func:`boundary_map` is its ground truth.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import check_face, draw_mask, face_part
from zhenwei.forge.synthesis.mesh_swap import match_colours, warp_onto
from zhenwei.forge.synthesis.retouch import blend
from zhenwei.types import Floats, Pixels

METHOD = "cross_blend"
_SHAPES = ("face", "no_forehead", "brows_to_mouth", "lower_face")
_SHAPE_ODDS = (0.35, 0.35, 0.15, 0.15)


def cross_blend(
    pixels: Pixels, landmarks: Floats, donor: Pixels, donor_landmarks: Floats, rng: np.random.Generator
) -> Forgery:
    """Blend the face of ``donor`` over that in ``pixels``.

    ``pixels``, ``donor``: ``(height, width, 3)`` uint8 RGB, of any two sizes. ``landmarks``, ``donor_landmarks``:
    FaceMesh points ``(468, 2)`` or ``(468, 3)`` in pixels of each; they may reach beyond its border. Raises DataError
    if either span no face, are not finite, or lie mostly outside. Draws once from ``rng``.
    """
    return cross_blend_seeded(pixels, landmarks, donor, donor_landmarks, int(rng.integers(2**53)))


def cross_blend_seeded(pixels: Pixels, landmarks: Floats, donor: Pixels, donor_landmarks: Floats, seed: int) -> Forgery:
    """As ``cross_blend``, with every choice following from ``seed``."""
    place, target, local = face_part(pixels, check_face(pixels, landmarks))
    theirs = check_face(donor, donor_landmarks)
    rng = np.random.default_rng(seed)
    height, width = target.shape[:2]

    shape = _SHAPES[int(rng.choice(len(_SHAPES), p=_SHAPE_ODDS))]
    mask, drawn = draw_mask(local, height, width, shape, rng)
    while drawn["covers"]:  # without a boundary there is nothing to see
        mask, drawn = draw_mask(local, height, width, shape, rng)
    xs, ys = warp_onto(local, theirs, height, width, fit=0.0)
    source = np.asarray(cv2.remap(donor, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)
    match = float(rng.uniform(0.7, 1.0))
    source = match_colours(source, target, mask, match)

    forged, whole = pixels.copy(), np.zeros(pixels.shape[:2], dtype=np.float32)
    forged[place], whole[place] = blend(target, source, mask), mask
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed, "match": round(match, 4)}
    return Forgery(forged, whole, recipe | drawn)


def boundary_map(mask: Floats) -> Floats:
    """The face X-ray of a blend: 1 where both pictures have an equal share, 0 where there is but one.

    ``mask``: ``(height, width)`` float32 in [0, 1], the share of the pasted picture; the map is 4 m (1 - m).
    """
    return np.asarray(4 * mask * (1 - mask), np.float32)


def nearest_donors(points: Floats, candidates: Floats, count: int) -> NDArray[np.int64]:
    """The ``count`` of ``candidates`` ``(n, 468, 2)`` posed and shaped most like ``points`` ``(468, 2)``, best first.

    Place and size do not matter. Raises DataError if there are not that many.
    """
    if not 1 <= count <= len(candidates):
        raise DataError("there are not enough donors", got=str(len(candidates)), want=f"at least {max(1, count)}")
    distance = ((normalised(candidates) - normalised(points[None])) ** 2).sum((1, 2))
    return np.asarray(np.argsort(distance, kind="stable")[:count], np.int64)


def normalised(points: Floats) -> Floats:
    """``(n, 468, 2)`` landmarks with place and size taken out: mean 0, root mean square 1."""
    centred = points - points.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(axis=(1, 2), keepdims=True)), np.float32)
