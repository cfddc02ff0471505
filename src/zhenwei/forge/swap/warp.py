"""What a face goes through before the network sees it: it is moved a little, then warped; only the first is its target.

The warp is a grid of 5 by 5 points, each moved by a Gaussian of 5/256 of the side in both axes, borders too, enlarged
to every pixel and sampled. As the target is not warped, the network learns to draw the person's own shape whatever
shape it is given, and the other person's counts as one more warp. Without it the reconstruction is easier and the swap
worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import UsageError
from zhenwei.types import Floats, Pixels

GRID = 5
DEVIATION = 5 / 256  # of the side
_LARGER = 1.25  # the grid is enlarged past the picture and its rim cut off, so that the border is smooth as well


@dataclass(frozen=True, slots=True)
class Moves:
    """How far a face is moved: degrees, shares of the side, the chance of a mirror, shares of the way in L*, a* b*."""

    turn_deg: float = 10.0
    zoom: float = 0.05
    shift: float = 0.05
    mirror: float = 0.5
    light: float = 0.0
    tint: float = 0.0


def warp_maps(side: int, rng: np.random.Generator, deviation: float = DEVIATION) -> tuple[Floats, Floats]:
    """``cv2.remap`` maps (x, y), each ``(side, side)`` float32.

    Draws 50 normal numbers from ``rng``, x first. ``deviation`` 0 gives the identity. Raises UsageError below
    16 px.
    """
    if side < 16:
        raise UsageError("a face is too small to warp", got=f"{side} px", want="16 px and more")
    points = np.linspace(0, side, GRID) - 0.5  # OpenCV counts from the middles of pixels
    large = int(_LARGER * side)
    rim = (large - side) // 2
    maps: list[Floats] = []
    for axis in range(2):
        grid = np.broadcast_to(points[None] if axis == 0 else points[:, None], (GRID, GRID))
        moved = grid + rng.normal(0, deviation * side, (GRID, GRID))
        full = cv2.resize(moved.astype(np.float32), (large, large), interpolation=cv2.INTER_LINEAR)
        maps.append(np.ascontiguousarray(full[rim : rim + side, rim : rim + side], np.float32))
    return maps[0], maps[1]


def warp(pixels: Pixels, rng: np.random.Generator, deviation: float = DEVIATION) -> Pixels:
    """``pixels`` ``(side, side, 3)`` uint8, warped; the same for the same state of ``rng``."""
    xs, ys = warp_maps(_side(pixels), rng, deviation)
    return np.asarray(cv2.remap(pixels, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def similarity(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn, scale and shift ``(2, 3)`` that bring points ``(n, 2)`` onto others with the least squares.

    S. Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns", 1991.
    """
    a, b = here - here.mean(axis=0), there - there.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    turn = (u * sign) @ vt
    scale = float((s * sign).sum() / max(a.var(axis=0).sum(), 1e-12))
    return np.column_stack([scale * turn, there.mean(axis=0) - scale * turn @ here.mean(axis=0)])


def move(pixels: Pixels, mask: Floats | None, moves: Moves, rng: np.random.Generator) -> tuple[Pixels, Floats | None]:
    """Turned, zoomed, shifted, mirrored, in other light: what both the input and the target show."""
    side = _side(pixels)
    turn = rng.uniform(-moves.turn_deg, moves.turn_deg)
    zoom = 1 + rng.uniform(-moves.zoom, moves.zoom)
    dx, dy = rng.uniform(-moves.shift, moves.shift, 2) * side
    mirrored = rng.random() < moves.mirror
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), turn, zoom)
    matrix[:, 2] += (dx, dy)
    if mirrored:
        matrix[0] = [-matrix[0, 0], -matrix[0, 1], side - 1 - matrix[0, 2]]
    moved = cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    kept = None
    if mask is not None:
        kept = np.asarray(cv2.warpAffine(mask, matrix, (side, side), flags=cv2.INTER_LINEAR), np.float32)
    return _tinted(np.asarray(moved, np.uint8), moves, rng), kept


def _tinted(pixels: Pixels, moves: Moves, rng: np.random.Generator) -> Pixels:
    if not moves.light and not moves.tint:
        return pixels
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    for plane, most in enumerate((moves.light, moves.tint, moves.tint)):
        share = rng.uniform(-most, most)
        lab[..., plane] += ((255 if share > 0 else 0) - lab[..., plane]) * abs(share)
    return np.asarray(cv2.cvtColor(np.rint(lab).astype(np.uint8), cv2.COLOR_LAB2RGB), np.uint8)


def _side(pixels: Pixels) -> int:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.shape[0] != pixels.shape[1] or pixels.dtype != np.uint8:
        got = f"{pixels.dtype} {pixels.shape}"
        raise UsageError("a face is a square picture here", got=got, want="uint8 (side, side, 3)")
    return int(pixels.shape[0])
