"""Channels of a sound made one, so that nobody who is heard in any of them is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Audio, Floats

_STRETCH_S, _LEAST_SAMPLES = 0.5, 256  # about a word
_COMPARED = 16  # of more channels the plain sum is taken: which of them cancel would cost more than they are worth
_AT_ONCE = 1 << 20  # samples of all channels
_LOST = 1 / 3  # of the channels' energy together: less is left of two equal ones that correlate by less than -2/3
_LEAST, _LEAST_SHARE = 2, 0.02  # stretches that must be lost: wide stereo cancels here and there
_SOUNDS = 1e-4  # of the energy of the loudest stretch
_NOTHING = 1e-4  # of a stretch's energy: less left is as bad as nothing
_SAME = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """``mono`` ``(samples,)`` float32; ``cancels``: the sum of the channels would lose somebody, and is not taken."""

    mono: Floats
    cancels: bool = False


def mix(audio: Audio) -> Mix:
    """The mean of one or two channels, of more the sum as loud as the loudest of them.

    Where channels cancel each other, stretch by stretch, the loudest alone or the sum with the opposite ones turned
    over takes its place, whichever loses least.
    """
    samples = np.asarray(audio.samples, np.float32)
    if len(samples) == 1 or not samples.size:
        return Mix(samples[0] if len(samples) == 1 else np.zeros(samples.shape[1], np.float32))
    if len(samples) > _COMPARED:
        return _plain_sum(samples)
    products = _products(samples, max(_LEAST_SAMPLES, round(_STRETCH_S * audio.rate_hz)))
    energy = np.trace(products, axis1=1, axis2=2)
    products = products[energy > _SOUNDS * energy.max(initial=0.0)]
    if not len(products):
        return Mix(samples.mean(axis=0))
    ones = np.ones(len(samples))
    lost = _kept(products, ones) < _LOST
    cancels = bool(lost.sum() >= max(min(_LEAST, len(lost)), _LEAST_SHARE * len(lost)))
    weights = _best(products, lost) if cancels else ones
    is_sum = bool((weights == 1).all())
    if len(samples) == 2 and is_sum:
        return Mix(samples.mean(axis=0))
    whole = products.sum(axis=0)
    gain = float(np.sqrt(np.diag(whole).max() / max(float(weights @ whole @ weights), 1e-12)))
    share = 1 / np.count_nonzero(weights)  # exactly the level where the channels are the same
    gain = share if abs(gain / share - 1) < _SAME else gain
    return Mix(np.asarray((gain * weights).astype(np.float32) @ samples, np.float32), cancels and not is_sum)


def _plain_sum(samples: Floats) -> Mix:
    """As loud as the loudest of them."""
    whole = samples.mean(axis=0)
    energy = max([float(np.dot(channel, channel)) for channel in samples])
    gain = float(np.sqrt(energy / max(float(np.dot(whole, whole)), 1e-12)))
    gain = 1.0 if abs(gain - 1) < _SAME else min(gain, float(len(samples)))
    return Mix(np.asarray(np.float32(gain) * whole, np.float32))


def _best(products: NDArray[np.float64], lost: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of the sum, of the sum with channels turned over and of each channel, what leaves most of every stretch."""
    count = products.shape[1]
    among = products[lost].sum(axis=0)
    loudest = int(np.argmax(np.diag(among)))
    turned = np.where(among[loudest] < 0, -1.0, 1.0)
    ways = [np.ones(count), turned, *np.eye(count)]
    worth = [float(np.log(np.clip(_kept(products, way), _NOTHING, 1.0)).mean()) for way in ways]
    return np.asarray(ways[int(np.argmax(worth))], np.float64)


def _kept(products: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(stretches,)``: the energy of the weighted sum, of that of the channels."""
    left = np.asarray(np.einsum("i,sij,j->s", weights, products, weights), np.float64)
    return np.asarray(left / np.trace(products, axis1=1, axis2=2), np.float64)


def _products(samples: Floats, stretch: int) -> NDArray[np.float64]:
    """``(stretches, channels, channels)``: the sums of the channels' products; piece by piece, to take no memory."""
    channels, length = samples.shape
    step = stretch * max(1, _AT_ONCE // (channels * stretch))
    found = []
    for start in range(0, length, step):
        part = samples[:, start : start + step]
        count = -(-part.shape[1] // stretch)
        part = np.pad(part, ((0, 0), (0, count * stretch - part.shape[1]))).reshape(channels, count, stretch)
        part = part.transpose(1, 0, 2)
        found.append((part @ part.transpose(0, 2, 1)).astype(np.float64))
    return np.asarray(np.concatenate(found), np.float64)
