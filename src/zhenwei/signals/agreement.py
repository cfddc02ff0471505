"""Places of a picture that agree with each other, and the part that does not.

After M. Huh, A. Liu, A. Owens, A. Efros, "Fighting Fake News: Image Splice Detection via Learned Self-Consistency",
ECCV 2018: a matrix says how far any two patches agree; mean shift over its rows finds what most of them agree with; and
a map shows for every place how far it does not. The squares of patches overlap, and each pixel is given the mean of
those that cover it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats

_ROUNDS = 30
_STILL = 1e-5
_MIN_WIDTH = 0.02  # of the kernel: rows of agreements in [0, 1] that differ by less are one


def corners(height: int, width: int, patch: int, most: int) -> NDArray[np.int64]:
    """``(n, 2)`` row and column of the upper left corners of square patches that cover a picture, in rows.

    They overlap by half or more where the picture is small; on the longer side there are at most ``most``. Empty if
    not even one patch fits.
    """
    if min(height, width) < patch:
        return np.zeros((0, 2), np.int64)
    step = max(patch / 4, (max(height, width) - patch) / max(1, most - 1))
    grid = np.meshgrid(_spread(height - patch, step), _spread(width - patch, step), indexing="ij")
    return np.stack(grid, axis=-1).reshape(-1, 2)


def _spread(room: int, step: float) -> NDArray[np.int64]:
    return np.linspace(0, room, math.floor(room / step) + 1 if room >= step else 1).round().astype(np.int64)


def logits(points: Floats, margins: Floats) -> NDArray[np.float64]:
    """``(n, n)`` symmetric: ``margins`` ``(n,)``, meant of both, less the squared distance of ``points`` ``(n, d)``."""
    flat = points.reshape(len(points), -1).astype(np.float64)
    square = (flat**2).sum(1)
    apart = np.maximum(0, square[:, None] + square[None] - 2 * flat @ flat.T)
    return np.asarray((margins[:, None] + margins[None]) / 2 - apart)


def mean_shift(rows: NDArray[np.float64], width: float | None = None) -> NDArray[np.float64]:
    """The densest point that ``rows`` ``(n, d)`` are drawn to, ``(d,)``: the mode found by mean shift from every row.

    Gaussian kernel on root mean square distance; ``width``: its deviation, by default half the median distance.
    (K. Fukunaga & L. Hostetler 1975; D. Comaniciu & P. Meer 2002.)
    """
    data = np.asarray(rows, np.float64)
    if width is None:
        apart = np.sqrt(_distances(data, data))
        width = 0.5 * float(np.median(apart[~np.eye(len(data), dtype=bool)])) if len(data) > 1 else 1.0
    scale = 2 * max(width, _MIN_WIDTH) ** 2
    at = data.copy()
    for _ in range(_ROUNDS):
        weight = np.exp(-_distances(at, data) / scale)
        moved = weight @ data / weight.sum(1, keepdims=True)
        still = float(np.abs(moved - at).max()) < _STILL
        at = moved
        if still:
            break
    density = np.exp(-_distances(at, data) / scale).sum(1)
    return np.asarray(at[int(density.argmax())])


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean squared differences ``(len(a), len(b))``."""
    square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.maximum(0, square) / a.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Parted:
    """``odd``: ``(n,)`` in [0, 1], how far each patch departs from what most agree with. ``apart``: ``(n,)`` bool, the
    patches of the smaller side of the best division by ``odd``. ``gap``: by how much agreement within the two sides
    exceeds that between them, in logits; 0 where there is nothing to divide."""

    odd: NDArray[np.float64]
    apart: NDArray[np.bool_]
    gap: float


def parted(agree: NDArray[np.float64], least: int = 2) -> Parted:
    """Divides patches whose agreements are ``agree`` ``(n, n)`` logits; neither side has fewer than ``least``."""
    count = len(agree)
    likely = 1 / (1 + np.exp(-np.clip(agree, -60, 60)))
    odd = 1 - mean_shift(likely) if count else np.zeros(0)
    order = np.argsort(odd, kind="stable")
    best, chosen = 0.0, np.zeros(count, bool)
    for kept in range((count + 1) // 2, count - least + 1):
        apart = np.zeros(count, bool)
        apart[order[kept:]] = True
        gap = _gap(agree, apart)
        if gap > best:
            best, chosen = gap, apart
    return Parted(odd, chosen, best)


def _gap(agree: NDArray[np.float64], apart: NDArray[np.bool_]) -> float:
    """Mean agreement within, of both sides alike, less that across."""
    sides = []
    for side in (apart, ~apart):
        count = int(side.sum())
        if count < 2:
            return 0.0
        square = agree[np.ix_(side, side)]
        sides.append(float((square.sum() - np.trace(square)) / (count * (count - 1))))
    return sum(sides) / 2 - float(agree[np.ix_(apart, ~apart)].mean())


def spread_out(
    values: NDArray[np.float64], at: NDArray[np.int64], patch: int, shape: tuple[int, int], cells: int = 64
) -> Floats:
    """``values`` ``(n,)`` of square patches laid over each other: ``(rows, columns)`` float32, of at most ``cells`` a
    side, each the mean of the patches whose square covers its centre; nearer patches count more. NaN where none does.
    """
    scale = max(shape) / cells
    rows, columns = max(1, round(shape[0] / scale)), max(1, round(shape[1] / scale))
    y, x = (np.arange(rows) + 0.5) * (shape[0] / rows), (np.arange(columns) + 0.5) * (shape[1] / columns)
    half = patch / 2
    down = np.maximum(0, 1 - np.abs(y[None] - at[:, :1] - half) / half)
    across = np.maximum(0, 1 - np.abs(x[None] - at[:, 1:] - half) / half)
    weight = np.einsum("nr,nc->nrc", down, across)
    total = weight.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.einsum("nrc,n->rc", weight, values) / total, np.float32)
