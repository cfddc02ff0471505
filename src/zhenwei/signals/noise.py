"""How noisy a picture is from place to place, and whether one part has another noise than the rest.

The noise of a block is the mean size of its diagonal second difference, (a - b - c + d) / 2 over 2 x 2 pixels, which no
plane or slanted edge reaches, times sqrt(pi / 2): for white Gaussian noise of deviation s it estimates s (after
J. Immerkaer, "Fast noise variance estimation", CVIU 1996). Blocks that are clipped, flat or strongly textured hold
none to be measured (after S. Lyu, X. Pan & X. Zhang, "Exposing region splicing forgeries with blind local noise
estimation", IJCV 2014, for the question, not for the estimator).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats

BLOCK = 8  # pixels a side
_MEAN_TO_DEVIATION = float(np.sqrt(np.pi / 2))
_SMOOTH_PX = 1.5
_TEXTURED = 24.0  # grey levels: deviation of the smoothed block from which it holds more detail than noise
_DARK, _BRIGHT = 4, 251
_FLAT = 0.02  # grey levels
_FLOOR = 0.25  # grey levels: added to the noise before its logarithm, as quantisation hides less
_RIDGE = 1.0
_MIN_BLOCKS = 12


@dataclass(frozen=True, slots=True, eq=False)
class BlockNoise:
    """By block of 8 x 8 pixels, ``(rows, columns)``: noise in grey levels, mean level, ``texture`` (deviation of the
    smoothed block) and whether the block can be judged. Pixels beyond the last whole block are left out."""

    sigma: Floats
    level: Floats
    texture: Floats
    usable: NDArray[np.bool_]


def block_noise(plane: Floats) -> BlockNoise:
    """``plane``: ``(height, width)`` float32 in [0, 255], such as luma. Smaller than a block: no blocks."""
    import cv2

    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    if rows == 0 or columns == 0:
        none = np.zeros((rows, columns), np.float32)
        return BlockNoise(none, none, none, none > 0)
    plane = np.ascontiguousarray(plane[: rows * BLOCK, : columns * BLOCK], np.float32)
    smooth = np.asarray(cv2.GaussianBlur(plane, (0, 0), _SMOOTH_PX), np.float32)
    sigma = _blocks(np.abs(_diagonal(plane))).mean(axis=2) * np.float32(_MEAN_TO_DEVIATION)
    clipped = _blocks(((plane <= _DARK) | (plane >= _BRIGHT)).astype(np.float32)).mean(axis=2) > 0.1
    texture = _blocks(smooth).std(axis=2)
    usable = ~clipped & (sigma > _FLAT) & (texture < _TEXTURED)
    return BlockNoise(sigma, _blocks(plane).mean(axis=2), texture, usable)


def _diagonal(plane: Floats) -> Floats:
    """The diagonal second difference at each pixel and its right and lower neighbours; the last repeat themselves."""
    across = np.diff(plane, axis=1, append=plane[:, -1:])
    both = np.diff(across, axis=0, append=across[-1:])
    if both.shape[0] > 1:
        both[-1] = both[-2]
    if both.shape[1] > 1:
        both[:, -1] = both[:, -2]
    return np.asarray(both / 2, np.float32)


def _blocks(plane: Floats) -> Floats:
    """``(rows, columns, 64)``: the pixels of each block."""
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    cut = plane.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    return np.asarray(cut.reshape(rows, columns, BLOCK * BLOCK), np.float32)


def noise_ratio(blocks: BlockNoise, inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> tuple[float, float]:
    """How many octaves noisier ``inside`` is than ``outside``, by median, and the same at equal brightness and texture.

    Both masks are by block, ``(rows, columns)``. Noise grows with brightness and seeps in from texture, so the second
    number is the coefficient of being inside in a regression of log2 noise on them. NaN for fewer than 12 usable blocks
    on either side.
    """
    within, beyond = blocks.usable & inside, blocks.usable & outside
    if min(within.sum(), beyond.sum()) < _MIN_BLOCKS:
        return float("nan"), float("nan")
    octaves = np.log2(blocks.sigma.astype(np.float64) + _FLOOR)
    plain = float(np.median(octaves[within]) - np.median(octaves[beyond]))
    chosen = within | beyond
    level = blocks.level[chosen].astype(np.float64) / 128 - 1
    texture = np.log2(blocks.texture[chosen].astype(np.float64) + 1)
    here = within[chosen].astype(np.float64)
    design = np.column_stack([here, level, level**2, texture, np.ones(len(here))])
    penalty = np.diag([0.0, _RIDGE, _RIDGE, _RIDGE, 0.0])
    found = np.linalg.solve(design.T @ design + penalty, design.T @ octaves[chosen])
    return plain, float(found[0])
