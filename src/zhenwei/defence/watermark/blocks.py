"""Which parts of a marked picture were replaced since: a fragile mark in each block, and the tracer's own votes there.

The fragile mark quantises two coefficients of every block with a dither of the key (B. Chen & G. Wornell, 2001): it
holds after light compression and is gone where something was painted over. After stronger compression it is gone
everywhere; then the hidden bits, known once the identifier is read, are looked for block by block, which is coarser.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from zhenwei.defence.watermark.carrier import BLOCK, CELLS, SIDE, Layout, Reals, drawn
from zhenwei.defence.watermark.code import Soft
from zhenwei.types import Floats

_PLACES = ((3, 4), (4, 3))  # above the band of the hidden bits
_STEP = 9.0
ENERGY = _STEP**2 / 12 * CELLS * CELLS * len(_PLACES)  # what it changes of a canonical luma, squared and summed
_CLEAR, _LOST = 0.80, 0.35  # mean cosines: a quarter of the blocks above = can be judged; below = replaced
_COARSE_CLEAR, _COARSE_LOST = 4.0, 1.0  # standard errors: of half the blocks at least; of one that counts as replaced
_LEAST_FINE, _LEAST_COARSE = 6, 12  # blocks in one piece: fewer are chance
Bools = NDArray[np.bool_]


def change(luma: Floats, key: bytes) -> Floats:
    """What brings every block of a canonical luma to its fragile mark."""
    found = _coefficients(luma)
    dither = _dither(key)
    nearest = np.rint((found - dither) / _STEP) * _STEP + dither
    transformed = np.zeros((CELLS, CELLS, BLOCK, BLOCK))
    for number, (u, v) in enumerate(_PLACES):
        transformed[..., u, v] = (nearest - found)[..., number]
    haar = idctn(transformed, axes=(2, 3), norm="ortho").transpose(0, 2, 1, 3).reshape(SIDE // 2, SIDE // 2)
    return np.asarray(haar.repeat(2, axis=0).repeat(2, axis=1) / 2, np.float32)


def judged(lumas: list[Floats], votes: Reals, code: Soft, key: bytes, plan: Layout) -> tuple[Bools | None, bool | None]:
    """Which blocks ``(16, 16)`` lost their mark, or None; and whether the picture is as it was marked, None = cannot
    tell. ``votes`` ``(16, 16, 22)``: whitened coefficients, ``code``: the bits that are hidden in them."""
    fine = np.mean([np.cos(2 * np.pi * (_coefficients(y) - _dither(key)) / _STEP).mean(-1) for y in lumas], axis=0)
    smooth = _smooth(fine, 3)
    if np.quantile(smooth, 0.75) >= _CLEAR:  # what is left of the mark was hardly compressed
        lost = _pieces(smooth < _LOST, _LEAST_FINE)
        return lost, not lost.any()
    agrees = np.zeros(votes.size)
    agrees[plan.places] = votes.ravel()[plan.places] * plan.signs * code[:, None]
    coarse = _smooth(agrees.reshape(votes.shape).mean(-1), 5)
    lively = np.sqrt(_smooth((votes**2).mean(-1), 5))
    noise = lively / np.sqrt(25.0 * votes.shape[-1])
    if float(np.median(coarse / np.maximum(noise, 1e-9))) < _COARSE_CLEAR:
        return None, None
    # Where compression left nothing, nothing was lost by a change.
    lost = _pieces((coarse < _COARSE_LOST * noise) & (lively > 0.5 * np.median(lively)), _LEAST_COARSE)
    return (lost, False) if lost.any() else (lost, None)


def _coefficients(luma: Floats) -> Reals:
    haar = (luma[0::2, 0::2] + luma[1::2, 0::2] + luma[0::2, 1::2] + luma[1::2, 1::2]) / 2
    blocks = haar.reshape(CELLS, BLOCK, CELLS, BLOCK).transpose(0, 2, 1, 3).astype(np.float64)
    transformed = dctn(blocks, axes=(2, 3), norm="ortho")
    return np.stack([transformed[..., u, v] for u, v in _PLACES], axis=-1)


def _dither(key: bytes) -> Reals:
    return drawn(key, "blocks").uniform(0, _STEP, (CELLS, CELLS, len(_PLACES)))


def _smooth(values: Reals, size: int) -> Reals:
    return np.asarray(cv2.blur(values.astype(np.float32), (size, size), borderType=cv2.BORDER_REFLECT_101), np.float64)


def _pieces(lost: Bools, least: int) -> Bools:
    """Only what hangs together in pieces of some size."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(lost.astype(np.uint8), connectivity=4)
    kept = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= least]
    return np.asarray(np.isin(labels, kept))
