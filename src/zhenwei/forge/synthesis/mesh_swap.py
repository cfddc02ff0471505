"""Mesh swaps: one person's face drawn over another's, landmark by landmark.

The way of the graphics-based swappers (FaceSwap; the "FaceApp" era): every triangle of the donor's face mesh is moved
onto its place in the target, colours are matched, and the result is blended in. ``fit`` below 1 keeps some of the
donor's own geometry: at 0 only shift, scale, turn and shear follow, which is the blend between two people of L. Li et
al., "Face X-ray for More General Face Forgery Detection", CVPR 2020. Deterministic, with an exact mask.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator

from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import OVAL, check_face, draw_mask, face_part
from zhenwei.forge.synthesis.retouch import blend, degrade
from zhenwei.types import Floats, Pixels

METHOD = "mesh_swap"
_SHAPES = ("face", "no_forehead", "brows_to_mouth")
_SHAPE_ODDS = (0.4, 0.4, 0.2)
_CELL_PX = 4  # the warp is worked out on this grid and interpolated: it is smooth
_MIN_SPREAD = 4.0  # Lab levels; a flat patch is not stretched to a lively one


def mesh_swap(
    pixels: Pixels, landmarks: Floats, donor: Pixels, donor_landmarks: Floats, rng: np.random.Generator
) -> Forgery:
    """Draw the face of ``donor`` over that in ``pixels``.

    ``pixels``, ``donor``: ``(height, width, 3)`` uint8 RGB, of any two sizes. ``landmarks``, ``donor_landmarks``:
    FaceMesh points ``(468, 2)`` or ``(468, 3)`` in pixels of each; they may reach beyond its border. Raises DataError
    if either span no face, are not finite, or lie mostly outside. Draws once from ``rng``.
    """
    return mesh_swap_seeded(pixels, landmarks, donor, donor_landmarks, int(rng.integers(2**53)))


def mesh_swap_seeded(pixels: Pixels, landmarks: Floats, donor: Pixels, donor_landmarks: Floats, seed: int) -> Forgery:
    """As ``mesh_swap``, with every choice following from ``seed``."""
    place, target, local = face_part(pixels, check_face(pixels, landmarks))
    theirs = check_face(donor, donor_landmarks)
    rng = np.random.default_rng(seed)
    height, width = target.shape[:2]

    shape = _SHAPES[int(rng.choice(len(_SHAPES), p=_SHAPE_ODDS))]
    mask, drawn = draw_mask(local, height, width, shape, rng)
    while drawn["covers"]:  # in a tight crop nothing but the other person would be left: a genuine face
        mask, drawn = draw_mask(local, height, width, shape, rng)
    fit = float(rng.choice((0.0, 0.5, 1.0), p=(0.3, 0.1, 0.6)))
    xs, ys = warp_onto(local, theirs, height, width, fit)
    source = np.asarray(cv2.remap(donor, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)
    match = float(rng.choice((0.0, 0.6, 1.0), p=(0.15, 0.2, 0.65)))
    source = match_colours(source, target, mask, match)
    detail: dict[str, Value] = {"detail": []}
    if rng.random() < 0.5:
        source, detail = degrade(source, rng)

    forged, whole = pixels.copy(), np.zeros(pixels.shape[:2], dtype=np.float32)
    forged[place], whole[place] = blend(target, source, mask), mask
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed, "fit": fit, "match": match}
    return Forgery(forged, whole, recipe | drawn | detail)


def warp_onto(target: Floats, donor: Floats, height: int, width: int, fit: float = 1.0) -> tuple[Floats, Floats]:
    """``cv2.remap`` maps (x, y), each ``(height, width)`` float32, that bring the donor's face onto the target's.

    ``target``, ``donor``: ``(n, 2)`` FaceMesh points in pixels of each picture.
    Inside the mesh the map is linear in every triangle (at ``fit`` 1 each landmark lands on its own); outside it runs
    out into the affine map that fits best.
    """
    ones = np.ones((len(target), 1))
    affine = np.linalg.lstsq(np.hstack([target, ones]), donor, rcond=None)[0]
    residue = (donor - np.hstack([target, ones]) @ affine) * fit
    xs, ys = np.meshgrid(_grid(width), _grid(height))
    bent = _spread(target, residue, xs, ys) if fit else np.zeros((*xs.shape, 2))
    coarse = np.stack([xs, ys, np.ones_like(xs)], axis=-1) @ affine + bent
    # From the coarse grid to every pixel: the grid's points stand at exact multiples of the cell.
    columns = np.arange(width, dtype=np.float32)[None, :] / _CELL_PX + np.zeros((height, 1), np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None] / _CELL_PX + np.zeros((1, width), np.float32)
    full = cv2.remap(coarse.astype(np.float32), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(full[..., 0]), np.ascontiguousarray(full[..., 1])


def match_colours(source: Pixels, target: Pixels, mask: Floats, amount: float) -> Pixels:
    """``source`` with mean and spread of its Lab colours inside ``mask`` brought to the target's, by ``amount``.

    After E. Reinhard et al., "Color Transfer between Images", 2001, in CIE Lab. ``amount`` 0 changes nothing.
    """
    weight = mask.astype(np.float64)
    total = float(weight.sum())
    if amount == 0 or total < 1:
        return source
    theirs = cv2.cvtColor(source, cv2.COLOR_RGB2LAB).astype(np.float32)
    ours = cv2.cvtColor(target, cv2.COLOR_RGB2LAB).astype(np.float32)
    (mean_s, spread_s), (mean_t, spread_t) = (_moments(x, weight, total) for x in (theirs, ours))
    gain = np.clip(spread_t / np.maximum(spread_s, _MIN_SPREAD), 0.4, 2.5)
    matched = (theirs - mean_s) * gain + mean_t
    mixed = np.clip(np.rint(theirs + (matched - theirs) * amount), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_LAB2RGB), np.uint8)


def _moments(lab: Floats, weight: NDArray[np.float64], total: float) -> tuple[Floats, Floats]:
    mean = np.tensordot(weight, lab, 2) / total
    variance = np.tensordot(weight, (lab - mean) ** 2, 2) / total
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def _grid(length: int) -> NDArray[np.float64]:
    return np.arange(0, length + _CELL_PX, _CELL_PX, dtype=np.float64)


def _spread(
    points: Floats, residue: NDArray[np.float64], xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``residue`` at ``points`` interpolated to the grid; beyond the oval it is kept a little and then dies away."""
    middle = points.mean(axis=0)
    rim = points[list(OVAL)] - middle
    near, far = middle + rim * 1.25, middle + rim * 2.5
    known = np.vstack([points, near, far]).astype(np.float64)
    values = np.vstack([residue, residue[list(OVAL)], np.zeros((len(OVAL), 2))])
    found = LinearNDInterpolator(known, values, fill_value=0.0)(xs, ys)
    return np.asarray(found, np.float64)
