"""Marks that other tools leave: those of the invisible-watermark package, which Stable Diffusion and FLUX write.

The package's ``dwtDct`` hides a message bit by bit in the largest coefficient of 4 x 4 blocks of the Haar low-pass of
the U channel, quantised in steps of 36. Its messages are fixed and published; chance says one less than once in ten
million pictures. A new size, a cut or the usual JPEG of a camera takes such a mark away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Pixels

_STEP, _BLOCK = 36.0, 4
_CHANCE = 1e-7
_MIN_BLOCKS = 4  # a bit: fewer than so many blocks for each cannot be told from chance
_MAX_SIDE = 8192
_SPAN = 2 * _BLOCK  # pixels that a block of the low-pass covers
_MAX_BLOCKS, _BAND = 65_536, 64  # 4 megapixels: 480 votes and more a bit; rows that a part is taken of


@dataclass(frozen=True, slots=True)
class Foreign:
    """``tool``: whose message it is. ``agreement``: share of its bits that were read."""

    tool: str
    agreement: float


def _binary(number: int) -> NDArray[np.uint8]:
    """Without leading noughts, as these tools write their messages."""
    return np.array([int(bit) for bit in f"{number:b}"], np.uint8)


MESSAGES: dict[str, NDArray[np.uint8]] = {
    "Stable Diffusion": np.unpackbits(np.frombuffer(b"StableDiffusionV1", np.uint8)),
    "Stable Diffusion 2": np.unpackbits(np.frombuffer(b"SDV2", np.uint8)),
    "Stable Diffusion XL": _binary(0xB3EC907BB19E),
    "FLUX": _binary(0b001010101111111010000111100111001111010100101110),
}


def read_foreign(pixels: Pixels) -> Foreign | None:
    """Which of ``MESSAGES`` a picture ``(height, width, 3)`` uint8 RGB carries, or None. Some tools hand the package
    their colours in the other order, so both are tried."""
    height, width = pixels.shape[:2]
    if min(height, width) < 2 * _BLOCK or max(height, width) > _MAX_SIDE:
        return None
    bands = _bands(height // _SPAN, width // _SPAN)
    for code in (cv2.COLOR_RGB2YUV, cv2.COLOR_BGR2YUV):
        places: list[NDArray[np.int64]] = []
        bits: list[NDArray[np.bool_]] = []
        for first, last in bands:
            plane = cv2.cvtColor(pixels[first * _SPAN : last * _SPAN], code)[:, : width // 4 * 4, 1]
            bits.append(_bits(plane.astype(np.float32)))
            places.append(first * (width // _SPAN) + np.arange(len(bits[-1])))
        for tool, message in MESSAGES.items():
            share = _agreement(np.concatenate(bits), np.concatenate(places), message)
            if share is not None:
                return Foreign(tool, share)
    return None


def _bands(rows: int, across: int) -> list[tuple[int, int]]:
    """First and last row of blocks of the parts that are read: all, or of a large picture an even spread."""
    wanted = min(rows, _MAX_BLOCKS // across)
    parts = -(-rows // _BAND)
    each = -(-wanted // parts)
    starts = [rows * part // parts for part in range(parts)]
    return [(start, min(start + each, end)) for start, end in zip(starts, [*starts[1:], rows], strict=True)]


def _bits(plane: NDArray[np.float32]) -> NDArray[np.bool_]:
    """For each block, row by row: whether the largest coefficient but the first lies in the upper half of its step."""
    low = (plane[0::2, 0::2] + plane[1::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 1::2]) / 2
    rows, columns = (side // _BLOCK for side in low.shape)
    blocks = low[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    each = blocks.transpose(0, 2, 1, 3).reshape(rows * columns, _BLOCK * _BLOCK)
    place = np.abs(each[:, 1:]).argmax(axis=1) + 1
    return np.asarray(np.abs(each[np.arange(len(each)), place]) % _STEP > _STEP / 2)


def _agreement(bits: NDArray[np.bool_], places: NDArray[np.int64], message: NDArray[np.uint8]) -> float | None:
    """By majority of the blocks of each bit, which stand at ``places`` of all; None where chance could have done it."""
    length = len(message)
    counts = np.bincount(places % length, minlength=length)
    if counts.min() < _MIN_BLOCKS:
        return None
    votes = np.bincount(places % length, bits, length) / counts
    right = int(((votes > 0.5) == message.astype(np.bool_)).sum())
    chance = sum(math.comb(length, n) for n in range(right, length + 1)) / 2**length
    return right / length if chance < _CHANCE else None
