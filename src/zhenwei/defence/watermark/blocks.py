"""Which parts of a marked picture were replaced since: a fragile mark in each block.

Two coefficients of every block are quantised with a dither of the key (B. Chen & G. Wornell, 2001). The mark holds
after light compression and is gone where something was painted over; where it is gone everywhere nothing is said.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.defence.watermark.carrier import BLOCK, CELLS, Reals, coefficients, drawn, synthesised
from zhenwei.types import Floats

_PLACES = ((3, 4), (4, 3))  # above the band of the hidden bits
_STEP = 9.0
ENERGY = _STEP**2 / 12 * CELLS * CELLS * len(_PLACES)  # what it changes of a canonical luma, squared and summed
_CLEAR = 0.82  # mean cosine that a quarter of the blocks must reach, or it cannot be told
_LOST = 0.30  # of that: below, a block counts as replaced
_DARKEST, _BRIGHTEST = 14.0, 246.0  # mean and peak of a block between which nothing of its mark is cut off
_MIN_BLOCKS = 16  # in one piece: fewer are chance, or fine texture that scaling smeared
_GAMMAS = (0.75, 0.83, 0.91, 1.0, 1.1, 1.2, 1.3)
_GAINS = tuple(np.exp(np.linspace(np.log(0.78), np.log(1.28), 17)).tolist())
Bools = NDArray[np.bool_]


def change(luma: Floats, key: bytes) -> Floats:
    """What brings every block of a canonical luma to its fragile mark."""
    found = coefficients(luma, _PLACES)
    dither = _dither(key)
    nearest = np.rint((found - dither) / _STEP) * _STEP + dither
    return synthesised(nearest - found, _PLACES)


def judged(lumas: list[Floats], key: bytes) -> tuple[Bools | None, bool | None]:
    """Which blocks ``(16, 16)`` lost their mark, and whether the picture is as it was marked; None, None = cannot tell.
    ``lumas``: canonical, of the frames that were read together."""
    smooth = _clearest(lumas, _dither(key))
    clear = float(np.quantile(smooth, 0.75))
    if clear < _CLEAR:
        return None, None
    cells = [y.reshape(CELLS, 2 * BLOCK, CELLS, 2 * BLOCK) for y in lumas]
    darkest = np.min([cell.mean(axis=(1, 3)) for cell in cells], axis=0)
    brightest = np.max([cell.max(axis=(1, 3)) for cell in cells], axis=0)
    holds = (darkest > _DARKEST) & (brightest < _BRIGHTEST)
    lost = _pieces(np.asarray((smooth < _LOST * clear) & holds))
    return lost, not lost.any()


def _clearest(lumas: list[Floats], dither: Reals) -> Reals:
    """The mean cosine about every block, for the tone curve and the contrast under which most of them are clear."""
    best, score = np.zeros((CELLS, CELLS)), -np.inf
    for gamma in _GAMMAS:
        found = []
        for luma in lumas:
            toned = np.asarray(255 * (np.maximum(luma, 0) / 255) ** (1 / gamma), np.float32)
            found.append(coefficients(toned, _PLACES))
        for gain in _GAINS:
            fine = np.mean([np.cos(2 * np.pi * (c / gain - dither) / _STEP).mean(-1) for c in found], axis=0)
            smooth = cv2.blur(fine.astype(np.float32), (3, 3), borderType=cv2.BORDER_REFLECT_101)
            clear = float(np.quantile(smooth, 0.6))
            if clear > score:
                best, score = np.asarray(smooth, np.float64), clear
    return best


def _dither(key: bytes) -> Reals:
    return drawn(key, "blocks").uniform(0, _STEP, (CELLS, CELLS, len(_PLACES)))


def _pieces(lost: Bools) -> Bools:
    """Only what hangs together in pieces of some size."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(lost.astype(np.uint8), connectivity=4)
    kept = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= _MIN_BLOCKS]
    return np.asarray(np.isin(labels, kept))
