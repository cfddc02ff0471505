"""A large picture by a sample: square patches with their surroundings, side by side in one smaller picture.

What is measured block by block in the smaller picture, and needs no more around a block than the margin, is what would
be measured there in the whole one. The cost no longer grows with the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Pixels

MARGIN = 16  # pixels: a block of 8 in the picture at half size


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """``pixels``: ``(height, width, 3)`` uint8 RGB, a mosaic of patches of ``side`` + 2 x ``margin`` pixels, row by
    row, ``across`` in a row. ``corners``: ``(n, 2)``, top and left of each patch, without its margin, in the whole.
    """

    pixels: Pixels
    corners: NDArray[np.int64]
    side: int
    across: int
    margin: int

    def blocks(self, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """For blocks of ``size`` pixels of the mosaic: top and left of each in the whole picture, ``(rows, columns)``
        both, and whether it lies inside a patch rather than in a margin or an empty place."""
        whole = self.side + 2 * self.margin
        rows, columns = self.pixels.shape[0] // size, self.pixels.shape[1] // size
        y, x = np.meshgrid(np.arange(rows) * size, np.arange(columns) * size, indexing="ij")
        number = y // whole * self.across + x // whole
        filled = number < len(self.corners)
        corner = self.corners[np.minimum(number, len(self.corners) - 1)]
        dy, dx = y % whole - self.margin, x % whole - self.margin
        inner = filled & (dy >= 0) & (dx >= 0) & (dy + size <= self.side) & (dx + size <= self.side)
        return corner[..., 0] + dy, corner[..., 1] + dx, inner


def cut_out(pixels: Pixels, corners: Sequence[tuple[int, int]], side: int, margin: int = MARGIN) -> Patches:
    """The patches of ``side`` pixels with these corners (top, left), which lie in the picture; what a margin lacks at
    the picture's edge is mirrored. Not for no corners."""
    height, width = pixels.shape[:2]
    whole = side + 2 * margin
    across = max(1, int(np.ceil(np.sqrt(len(corners)))))
    down = -(-len(corners) // across)
    mosaic = np.zeros((down * whole, across * whole, 3), np.uint8)
    for number, (top, left) in enumerate(corners):
        y, x = number // across * whole, number % across * whole
        first, start = top - margin, left - margin
        if first >= 0 and start >= 0 and first + whole <= height and start + whole <= width:
            mosaic[y : y + whole, x : x + whole] = pixels[first : first + whole, start : start + whole]
        else:
            rows, columns = _mirrored(first, whole, height), _mirrored(start, whole, width)
            mosaic[y : y + whole, x : x + whole] = pixels[rows[:, None], columns]
    return Patches(mosaic, np.asarray(corners, np.int64).reshape(-1, 2), side, across, margin)


def _mirrored(start: int, count: int, size: int) -> NDArray[np.int64]:
    places = np.abs(np.arange(start, start + count))
    return np.asarray(np.clip(np.where(places >= size, 2 * (size - 1) - places, places), 0, size - 1), np.int64)
