"""Many small pictures as one: a grid with titles over its columns."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from zhenwei.errors import UsageError
from zhenwei.types import Pixels

MAX_SIDE = 4096
_GAP, _TITLE_PX, _MIN_TILE = 2, 18, 64


def grid(rows: Sequence[Sequence[Pixels]], titles: Sequence[str]) -> Pixels:
    """Pictures of one size ``(height, width, 3)`` uint8 RGB, row by row, on white; shorter rows are filled up.

    ``titles``: over the columns, ASCII. Tiles below 64 px are enlarged by a whole factor, each pixel repeated. Raises
    UsageError for no pictures, for those of several sizes, and where the sheet would be larger than ``MAX_SIDE``.
    """
    if not rows or not rows[0]:
        raise UsageError("a sheet needs pictures", got="none")
    for tile in (tile for row in rows for tile in row):
        check_pixels(tile)
        if tile.shape != rows[0][0].shape:
            raise UsageError("pictures of a sheet are of one size", got=str(tile.shape), want=str(rows[0][0].shape))
    factor = max(1, -(-_MIN_TILE // min(rows[0][0].shape[:2])))
    height, width = (factor * side for side in rows[0][0].shape[:2])
    columns, top = max(map(len, rows)), _TITLE_PX if titles else 0
    sheet = np.full((top + len(rows) * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    for r, row in enumerate(rows):
        for c, tile in enumerate(row):
            y, x = top + _GAP + r * (height + _GAP), _GAP + c * (width + _GAP)
            sheet[y : y + height, x : x + width] = tile.repeat(factor, axis=0).repeat(factor, axis=1)
    for c, title in enumerate(titles[:columns]):
        at = (_GAP + 1 + c * (width + _GAP), _TITLE_PX - 5)
        cv2.putText(sheet, title, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (40, 40, 40), 1, cv2.LINE_AA)
    check_pixels(sheet)
    return sheet


def check_pixels(pixels: Pixels) -> None:
    """UsageError unless ``pixels`` are ``(height, width, 3)`` uint8 with sides from 1 to ``MAX_SIDE``."""
    right = isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    if not right or min(pixels.shape[:2]) < 1 or max(pixels.shape[:2]) > MAX_SIDE:
        got = f"{getattr(pixels, 'dtype', type(pixels).__name__)} {getattr(pixels, 'shape', '')}"
        raise UsageError("this is no picture", got=got, want=f"(height, width, 3) uint8, sides up to {MAX_SIDE}")
