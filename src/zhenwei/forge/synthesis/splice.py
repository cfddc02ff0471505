"""Splices: a region of another photograph, or of this one, cut out and pasted in without any re-enactment.

What is forged by hand is forged so: eyes or a mouth of somebody else, an object over something, a part of the picture
copied elsewhere. The region keeps the history of where it comes from (and at times is given one of its own: another
compression, noise, blur or size), which is what consistency of the imaging pipeline is judged by (M. Huh et al.,
"Fighting Fake News: Image Splice Detection via Learned Self-Consistency", ECCV 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import OUTLINES, check_face
from zhenwei.forge.synthesis.mesh_swap import match_colours
from zhenwei.forge.synthesis.retouch import blend, compress
from zhenwei.types import Floats, Pixels

METHOD = "splice"
KINDS = ("part", "object", "copy_move")
EDGES = ("hard", "feathered", "poisson")
HISTORIES = ("none", "jpeg", "noise", "blur", "resampled")
_KIND_ODDS = (0.4, 0.35, 0.25)
_EDGE_ODDS = (0.35, 0.4, 0.25)
_HISTORY_ODDS = (0.4, 0.2, 0.15, 0.15, 0.1)
_PARTS = ("eyes", "eyes_nose", "nose_mouth", "mouth", "lower_face")
_RIM_PX = 3  # never pasted into: Poisson blending needs pixels around
_CORNERS = 7


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """``region`` ``(h, w)`` bool of the target, and the affine map ``(2, 3)`` from the source picture to it."""

    region: NDArray[np.bool_]
    matrix: NDArray[np.float64]
    drawn: dict[str, Value]


def splice(
    pixels: Pixels, landmarks: Floats, donor: Pixels, donor_landmarks: Floats, rng: np.random.Generator
) -> Forgery:
    """Paste a region of ``donor`` (or of the picture itself) into ``pixels``.

    ``pixels``, ``donor``: ``(height, width, 3)`` uint8 RGB, of any two sizes. ``landmarks``, ``donor_landmarks``:
    FaceMesh points ``(468, 2)`` or ``(468, 3)`` in pixels of each. The mask is 0 or 1 but for feathered edges; in a
    Poisson blend every pixel of the region is new, so it is 1 there. Raises DataError if either span no face, are not
    finite, or lie mostly outside. Draws once from ``rng``.
    """
    return splice_seeded(pixels, landmarks, donor, donor_landmarks, int(rng.integers(2**53)))


def splice_seeded(pixels: Pixels, landmarks: Floats, donor: Pixels, donor_landmarks: Floats, seed: int) -> Forgery:
    """As ``splice``, with every choice following from ``seed``."""
    points, theirs = check_face(pixels, landmarks), check_face(donor, donor_landmarks)
    rng = np.random.default_rng(seed)
    kind = KINDS[int(rng.choice(len(KINDS), p=_KIND_ODDS))]
    image = pixels if kind == "copy_move" else donor
    cut = _face_part(points, theirs, pixels, rng) if kind == "part" else _object(image, pixels, rng)
    source, history = _with_history(image, rng)
    height, width = pixels.shape[:2]
    laid = cv2.warpAffine(
        source, cut.matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    mask = cut.region.astype(np.float32)
    matched = float(rng.uniform(0.5, 1.0)) if rng.random() < 0.5 else 0.0
    shown = match_colours(np.asarray(laid, np.uint8), pixels, mask, matched) if matched else np.asarray(laid, np.uint8)
    edge = EDGES[int(rng.choice(len(EDGES), p=_EDGE_ODDS))]
    forged, mask = _pasted(pixels, shown, cut.region, edge, rng)
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed, "kind": kind, "edge": edge}
    return Forgery(forged, mask, recipe | {"matched": round(matched, 4)} | cut.drawn | history)


def _face_part(points: Floats, theirs: Floats, pixels: Pixels, rng: np.random.Generator) -> _Cut:
    """The same part of the other face, over where this one has it: aligned in place and size, not in expression."""
    part = _PARTS[int(rng.integers(len(_PARTS)))]
    indices = [i for outline in OUTLINES[part] for i in outline]
    growth = float(rng.uniform(1.05, 1.4))
    region = np.zeros(pixels.shape[:2], np.uint8)
    for outline in OUTLINES[part]:
        mine = points[list(outline)]
        hull = cv2.convexHull(((mine - mine.mean(0)) * growth + mine.mean(0)).astype(np.float32))
        cv2.fillConvexPoly(region, hull.round().astype(np.int32), 1)
    here, there = points[indices], theirs[indices]
    scale = float(here.std(0).mean() / max(1e-3, there.std(0).mean()))
    angle_deg = float(rng.uniform(-4, 4))
    matrix = _placed(there.mean(0), here.mean(0), scale, angle_deg)
    drawn: dict[str, Value] = {"part": part, "scale": round(scale, 4), "angle_deg": round(angle_deg, 3)}
    return _Cut(_inside(region, here.mean(0), rng), matrix, drawn)


def _object(image: Pixels, pixels: Pixels, rng: np.random.Generator) -> _Cut:
    """An ellipse or a polygon from anywhere to anywhere else, at times mirrored."""
    size = np.array(pixels.shape[1::-1], np.float64)
    radius = float(rng.uniform(0.08, 0.22)) * float(size.min())
    scale, angle_deg = float(rng.uniform(0.7, 1.4)), float(rng.uniform(-20, 20))
    there = np.array(image.shape[1::-1]) * rng.uniform(0.25, 0.75, 2)
    here = size * rng.uniform(0.15, 0.85, 2)
    if image is pixels and np.linalg.norm(here - there) < 2 * radius:  # onto itself: nothing would be forged
        here = size - there if np.linalg.norm(size - 2 * there) >= 2 * radius else (there + size / 2) % size
    turn = np.sort(rng.uniform(0, 2 * np.pi, _CORNERS)) if rng.random() < 0.5 else np.linspace(0, 2 * np.pi, 40)
    stretch = np.array([1.0, float(rng.uniform(0.6, 1.0))])
    outline = here + radius * stretch * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    region = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(region, cv2.convexHull(outline.astype(np.float32)).round().astype(np.int32), 1)
    mirrored = bool(rng.random() < 0.3)
    matrix = _placed(there, here, scale, angle_deg, mirrored=mirrored)
    drawn: dict[str, Value] = {"scale": round(scale, 4), "angle_deg": round(angle_deg, 3), "mirrored": int(mirrored)}
    drawn |= {"from": [round(float(v), 1) for v in there], "to": [round(float(v), 1) for v in here]}
    return _Cut(_inside(region, here, rng), matrix, drawn)


def _placed(
    there: NDArray[np.floating], here: NDArray[np.floating], scale: float, angle_deg: float, *, mirrored: bool = False
) -> NDArray[np.float64]:
    """The map that turns and scales about ``there`` and puts it at ``here``."""
    turn = np.deg2rad(angle_deg)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = linear @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    return np.column_stack([linear, here - linear @ there]).astype(np.float64)


def _inside(region: NDArray[np.uint8], centre: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Without the rim of the picture; of a region that lay beyond it, a disc that does not."""
    kept = np.zeros_like(region, np.bool_)
    kept[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX] = region[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX] > 0
    least = 0.003 * region.size
    if kept.sum() >= least:
        return kept
    height, width = region.shape
    radius = max(3, round(float(rng.uniform(0.06, 0.12)) * min(height, width)))
    rim = radius + _RIM_PX
    x, y = int(np.clip(centre[0], rim, width - 1 - rim)), int(np.clip(centre[1], rim, height - 1 - rim))
    disc = np.zeros_like(region)
    cv2.circle(disc, (x, y), radius, 1, -1)
    return disc > 0


def _with_history(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """The picture as another pipeline would have left it."""
    name = HISTORIES[int(rng.choice(len(HISTORIES), p=_HISTORY_ODDS))]
    amount = 0.0
    if name == "jpeg":
        amount = float(rng.integers(35, 90))
        image = compress(image, int(amount))
    elif name == "noise":
        amount = float(rng.uniform(2, 10))
        noisy = image + rng.standard_normal(image.shape, np.float32) * np.float32(amount)
        image = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    elif name == "blur":
        amount = float(rng.uniform(0.6, 2.0))
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), amount), np.uint8)
    elif name == "resampled":
        amount = float(rng.uniform(0.35, 0.8))
        small = cv2.resize(image, None, fx=amount, fy=amount, interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
    return image, {"history": name, "amount": round(amount, 4)}


def _pasted(
    target: Pixels, source: Pixels, region: NDArray[np.bool_], edge: str, rng: np.random.Generator
) -> tuple[Pixels, Floats]:
    mask = region.astype(np.float32)
    if edge == "poisson":
        left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
        centre = (left + width // 2, top + height // 2)
        cloned = cv2.seamlessClone(source, target, region.astype(np.uint8) * 255, centre, cv2.NORMAL_CLONE)
        pasted = np.where(region[..., None], cloned, target).astype(np.uint8)
        if not np.array_equal(pasted, target):  # of a sliver at the rim nothing is solved for, and nothing would change
            return pasted, mask
    if edge == "feathered":
        across = float(np.sqrt(region.sum()))
        width = max(3, 2 * round(across * float(rng.uniform(0.03, 0.2)) / 2) + 1)
        # Inwards only: outside the region nothing may change.
        inner = cv2.erode(region.astype(np.uint8), np.ones((width // 2 + 1, width // 2 + 1), np.uint8))
        core = inner if inner.any() else region.astype(np.uint8)
        soft = np.asarray(cv2.GaussianBlur(core.astype(np.float32), (width, width), 0), np.float32)
        mask = np.clip(soft, 0, 1) * region
    return blend(target, source, mask), mask.astype(np.float32)
