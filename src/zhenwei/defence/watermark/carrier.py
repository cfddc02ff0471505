"""What carries the mark in a picture: coefficients of a canonical small luma, each bit spread over many of them.

A picture is reduced to 256 x 256 luma; its Haar low-pass (128 x 128) is cut into 8 x 8 blocks, and of each block's DCT
22 coefficients of low to middle frequency are used. The key deals these 5632 out to the hidden bits and gives each a
sign; a bit is the sign of the sum of its coefficients: spread-transform quantisation index modulation with one cell a
side (B. Chen & G. Wornell, 2001), the host's own share taken off (H. Malvar & D. Florêncio, "Improved spread spectrum",
2003). Coefficients are whitened and clipped first, since a few strong edges would otherwise drown the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.signals import cosine
from zhenwei.types import Floats, Pixels

SIDE, BLOCK = 256, 8
CELLS = SIDE // 2 // BLOCK  # blocks a side
BAND = tuple((u, v) for u in range(BLOCK) for v in range(BLOCK) if 3 <= u + v <= 6)
VIDEO = 0.7
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# The usual size of a coefficient in photographs of faces, fitted to 20 of them: 260 (1 + |frequency|)^-1.55
SPREAD = np.array([260 / (1 + np.hypot(u, v)) ** 1.55 for u, v in BAND])
PILOT_BAND = (0.07, 0.20)  # cycles a pixel
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """``places`` ``(bits, n)``: coefficients of each hidden bit, of the flattened ``(16, 16, 22)``; ``signs`` of each.
    ``pilot`` ``(256, 256)`` float32, mean square 1: a pattern by which the grid is found again."""

    places: NDArray[np.int64]
    signs: Reals
    pilot: Floats


@lru_cache(maxsize=8)
def layout(key: bytes, bits: int) -> Layout:
    """Follows from the key alone, on every machine."""
    votes = CELLS * CELLS * len(BAND)
    each = votes // bits
    rng = drawn(key, "votes")
    places = rng.permutation(votes)[: each * bits].reshape(bits, each)
    signs = rng.choice([-1.0, 1.0], (bits, each))
    noise = np.fft.fft2(drawn(key, "pilot").standard_normal((SIDE, SIDE)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    inside = (frequency > PILOT_BAND[0]) & (frequency < PILOT_BAND[1])
    pilot = np.fft.ifft2(noise * inside).real
    return Layout(places.astype(np.int64), signs, np.asarray(pilot / pilot.std(), np.float32))


def drawn(key: bytes, purpose: str) -> np.random.Generator:
    """Chance that follows from the key and what it is for."""
    digest = hashlib.sha256(key + purpose.encode()).digest()
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(list(digest))))


def canonical(pixels: Pixels) -> Floats:
    """``(256, 256)`` float32 luma of a picture ``(height, width, 3)`` uint8 of any size."""
    small = min(pixels.shape[:2]) < SIDE
    way = cv2.INTER_LINEAR if small else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, (SIDE, SIDE), interpolation=way).astype(np.float32) @ _LUMA, np.float32)


def coefficients(luma: Floats, band: Sequence[tuple[int, int]] = BAND) -> Reals:
    """``(16, 16, len(band))`` of a canonical luma: of each block's DCT those at the places of ``band``."""
    haar = (luma[0::2, 0::2] + luma[1::2, 0::2] + luma[0::2, 1::2] + luma[1::2, 1::2]) / 2
    blocks = haar.reshape(CELLS, BLOCK, CELLS, BLOCK).transpose(0, 2, 1, 3).astype(np.float64)
    transformed = cosine.transformed(blocks)
    return np.stack([transformed[..., u, v] for u, v in band], axis=-1)


def synthesised(change: Reals, band: Sequence[tuple[int, int]] = BAND) -> Floats:
    """The change of a canonical luma that changes its coefficients by ``change`` ``(16, 16, len(band))``."""
    transformed = np.zeros((CELLS, CELLS, BLOCK, BLOCK))
    for number, (u, v) in enumerate(band):
        transformed[..., u, v] = change[..., number]
    haar = cosine.restored(transformed).transpose(0, 2, 1, 3).reshape(SIDE // 2, SIDE // 2)
    return np.asarray(haar.repeat(2, axis=0).repeat(2, axis=1) / 2, np.float32)


def whitened(coefficients: Reals) -> Reals:
    return np.asarray(np.clip(coefficients / SPREAD, -VIDEO, VIDEO))


def projections(found: Reals, plan: Layout) -> Reals:
    """``(bits,)``: the sum behind each hidden bit, of whitened coefficients ``(16, 16, 22)``."""
    return np.asarray((found.ravel()[plan.places] * plan.signs).sum(axis=1) / np.sqrt(plan.places.shape[1]))
