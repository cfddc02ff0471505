"""Attribute edits: the person stays, something about them changes: a smile, larger eyes, smoother skin, a spot gone.

What photo apps do (the "FaceApp" of the early years, and any retoucher): the part is bent, recoloured, smoothed or
painted over from its surroundings, and blended back. ``smile``, ``eyes`` and ``jaw`` bend the picture by displacements
of landmarks; ``skin`` smooths and ``lips`` recolours; ``inpaint`` removes a spot and fills it from around it (A. Telea,
"An Image Inpainting Technique Based on the Fast Marching Method", 2004).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import LIPS, OVAL, check_face, draw_mask, face_part
from zhenwei.forge.synthesis.retouch import blend
from zhenwei.types import Floats, Pixels

METHOD = "attribute"
_CORNERS = (61, 291)  # of the mouth
_EYES = ((33, 133), (362, 263))
_CHEEKS = (234, 454)
_CHIN, _BROW = 152, 10
_Edit = Callable[[Pixels, Floats, np.random.Generator], tuple[Pixels, dict[str, Value]]]


def attribute(pixels: Pixels, landmarks: Floats, rng: np.random.Generator, *, kind: str | None = None) -> Forgery:
    """One of ``KINDS``, drawn unless ``kind`` says which.

    ``pixels``: ``(height, width, 3)`` uint8 RGB, a face crop or a whole frame. ``landmarks``: FaceMesh points
    ``(468, 2)`` or ``(468, 3)`` in pixels of it. Raises DataError for another kind and for landmarks that span no face,
    are not finite, or lie mostly outside. Draws once from ``rng``.
    """
    return attribute_seeded(pixels, landmarks, int(rng.integers(2**53)), kind=kind)


def attribute_seeded(pixels: Pixels, landmarks: Floats, seed: int, *, kind: str | None = None) -> Forgery:
    """As ``attribute``, with every choice following from ``seed`` (and ``kind``, where it is given)."""
    place, target, local = face_part(pixels, check_face(pixels, landmarks))
    rng = np.random.default_rng(seed)
    drawn_kind = KINDS[int(rng.integers(len(KINDS)))]
    chosen = kind or drawn_kind
    if chosen not in KINDS:
        raise DataError("there is no such edit", got=chosen, want=", ".join(KINDS))
    edit, shape = _EDITS[chosen]
    mask, drawn = draw_mask(local, target.shape[0], target.shape[1], shape, rng)
    source, how = edit(target, local, rng)
    if chosen == "inpaint":
        mask = _around(source, target)
    forged, whole = pixels.copy(), np.zeros(pixels.shape[:2], dtype=np.float32)
    forged[place], whole[place] = blend(target, source, mask), mask
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed, "kind": chosen}
    return Forgery(forged, whole, recipe | drawn | how)


def _bent(pixels: Pixels, at: Floats, by: Floats, reach_px: float) -> Pixels:
    """What stands at ``at`` ``(n, 2)`` moves by ``by`` ``(n, 2)`` pixels, less and less within ``reach_px``."""
    height, width = pixels.shape[:2]
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    field = np.zeros((height, width, 2), np.float32)
    for (x, y), move in zip(at, by, strict=True):
        near = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * reach_px**2))
        field += near[..., None] * move.astype(np.float32)
    moved = cv2.remap(
        pixels, xs - field[..., 0], ys - field[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.uint8)


def _smile(pixels: Pixels, points: Floats, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """The corners of the mouth go up and out, or down."""
    corners = points[list(_CORNERS)]
    across = corners[1] - corners[0]
    up = np.array([across[1], -across[0]]) * (1 if rng.random() < 0.7 else -0.7)
    amount = float(rng.uniform(0.12, 0.3))
    by = np.asarray(np.stack([up - 0.4 * across, up + 0.4 * across]) * amount, np.float32)
    reach = float(np.linalg.norm(across)) * 0.35
    return _bent(pixels, corners, by, reach), {"amount": round(amount, 4)}


def _eyes(pixels: Pixels, points: Floats, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """Both eyes larger or smaller by up to a fifth."""
    amount = float(rng.uniform(0.1, 0.2)) * (1 if rng.random() < 0.7 else -1)
    for corners in _EYES:
        pair = points[list(corners)]
        middle, size = pair.mean(axis=0), float(np.linalg.norm(pair[1] - pair[0]))
        pixels = _magnified(pixels, middle, size * 0.9, amount)
    return pixels, {"amount": round(amount, 4)}


def _magnified(pixels: Pixels, middle: Floats, radius_px: float, amount: float) -> Pixels:
    height, width = pixels.shape[:2]
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    dx, dy = xs - middle[0], ys - middle[1]
    inside = np.clip(1 - (dx**2 + dy**2) / radius_px**2, 0, 1)
    scale = 1 - amount * inside
    wide = cv2.remap(
        pixels,
        np.asarray(middle[0] + dx * scale, np.float32),
        np.asarray(middle[1] + dy * scale, np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(wide, np.uint8)


def _jaw(pixels: Pixels, points: Floats, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """The outline from cheek to chin drawn in or out."""
    outline = points[list(OVAL[8:29:2])]
    middle = points[[_CHIN, _BROW]].mean(axis=0)
    amount = float(rng.uniform(0.04, 0.09)) * (1 if rng.random() < 0.75 else -1)
    reach = float(np.linalg.norm(points[_CHEEKS[1]] - points[_CHEEKS[0]])) * 0.12
    return _bent(pixels, outline, (middle - outline) * amount, reach), {"amount": round(amount, 4)}


def _skin(pixels: Pixels, points: Floats, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """Texture smoothed where there are no edges."""
    across = float(np.linalg.norm(points[_CHEEKS[1]] - points[_CHEEKS[0]]))
    sigma, reach = float(rng.uniform(18, 45)), max(3, round(across * 0.04))
    smooth = cv2.bilateralFilter(pixels, 2 * min(reach, 7) + 1, sigma, reach)
    return np.asarray(smooth, np.uint8), {"sigma": round(sigma, 2), "reach_px": reach}


def _lips(pixels: Pixels, points: Floats, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """Another colour, the light and shade kept."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    shift = [float(rng.uniform(8, 30)), float(rng.uniform(-12, 14))]
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(points[list(LIPS)].round().astype(np.int32)), 1)
    lab[..., 1:] += np.asarray(shift, np.float32) * inside[..., None]
    coloured = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    return np.asarray(coloured, np.uint8), {"shift": [round(s, 2) for s in shift]}


def _inpaint(pixels: Pixels, points: Floats, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """A spot somewhere on the face, filled from its surroundings."""
    across = float(np.linalg.norm(points[_CHEEKS[1]] - points[_CHEEKS[0]]))
    limit = np.array(pixels.shape[1::-1]) - 1
    at = np.clip(points[int(rng.integers(len(points)))], 0.15 * limit, 0.85 * limit)
    axes = [max(3.0, across * float(rng.uniform(0.05, 0.16))) for _ in range(2)]
    hole = np.zeros(pixels.shape[:2], np.uint8)
    centre = (round(float(at[0])), round(float(at[1])))
    cv2.ellipse(hole, centre, (round(axes[0]), round(axes[1])), float(rng.uniform(0, 180)), 0, 360, 255, -1)
    filled = cv2.inpaint(pixels, hole, 3, cv2.INPAINT_TELEA)
    return np.asarray(filled, np.uint8), {"centre_px": list(centre), "axes_px": [round(a, 2) for a in axes]}


def _around(source: Pixels, target: Pixels) -> Floats:
    """1 where the two differ, closed over what happens to be equal inside."""
    changed = (source != target).any(axis=2).astype(np.uint8)
    closed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(closed, np.float32)


_EDITS: dict[str, tuple[_Edit, str]] = {
    "smile": (_smile, "lower_face"),
    "eyes": (_eyes, "eyes"),
    "jaw": (_jaw, "face"),
    "skin": (_skin, "no_forehead"),
    "lips": (_lips, "mouth"),
    "inpaint": (_inpaint, "face"),
}
KINDS = tuple(_EDITS)
