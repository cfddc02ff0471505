"""A 64-bit hash of what a picture looks like: near copies get near hashes, whatever their size and compression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zhenwei.signals import cosine
from zhenwei.types import Floats

SIDE = 32
_KEPT = 8  # of the lowest frequencies in each direction


def dct_hash(luma: Floats) -> np.uint64:
    """``luma`` ``(32, 32)`` of any scale -> 64 bits: which of the 8 x 8 lowest DCT coefficients exceed their median.

    The one for the mean brightness is left out of the median, as it dwarfs the others (C. Zauner, "Implementation and
    benchmarking of perceptual image hash functions", 2010). Brightness and contrast cancel out.
    """
    low = cosine.transformed(luma.astype(np.float64))[:_KEPT, :_KEPT].ravel()
    bits = low > np.median(low[1:])
    bits[0] = True
    return np.uint64(int.from_bytes(np.packbits(bits).tobytes(), "big"))


def distances(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """``(n,)`` and ``(m,)`` hashes -> ``(n, m)`` uint8: in how many of 64 bits each pair differs."""
    return np.asarray(np.bitwise_count(some[:, None] ^ others[None, :]), np.uint8)
