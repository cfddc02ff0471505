"""Butterworth filters of order 4 on whole signals, by the Fourier transform.

What ``scipy.signal`` does sample by sample with ``butter``, ``sosfilt``, ``sosfiltfilt`` and ``hilbert`` is done here
by multiplying spectra, to 1e-9 of the signal, or 1e-6 of one in float32: importing that package takes half a second, as
much as examining a minute of speech. Signals are ``(samples,)``; what lies before the first sample is as silence, or
stands still.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Complexes = NDArray[np.complex128]
R = TypeVar("R", NDArray[np.float32], NDArray[np.float64])
_ORDER = 4
_RINGS = 80  # periods of the lowest frequency that passes, after which nothing is left of an impulse
_EDGE = 512  # samples that are added at both ends, mirrored in the end's own value and faded: a step is in every band
_POLES = np.exp(1j * np.pi * (2 * np.arange(_ORDER) + _ORDER + 1) / (2 * _ORDER))


def high_passed(audio: NDArray[np.floating], above_hz: float, rate_hz: int) -> Reals:
    """As ``sosfilt`` with ``butter(4, above_hz, "highpass", output="sos")``: silence before the first sample."""
    points = points_of(len(audio) + round(_RINGS * rate_hz / above_hz))
    spectrum = np.fft.rfft(audio, points) * _high_pass(points, above_hz, rate_hz)
    return np.asarray(np.fft.irfft(spectrum, points)[: len(audio)], np.float64)


def bands(audio: R, limits_hz: Sequence[tuple[int, int]], rate_hz: int) -> Iterator[tuple[R, R]]:
    """Each band, passed forwards and backwards as ``sosfiltfilt`` with ``butter(4, limits, "bandpass", output="sos")``
    does it, and its envelope, the modulus of ``hilbert``: both are parts of one analytic signal. They are those of
    SciPy but for the first and last hundredths of a second, where it takes what lies beyond otherwise. At least 2
    samples of float32 or float64, as which the parts come."""
    edge = min(_EDGE, len(audio) - 1)
    fade = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    before, after = 2 * audio[0] - audio[edge:0:-1], 2 * audio[-1] - audio[-2 : -edge - 2 : -1]
    longer = np.concatenate([before * fade, audio, after * fade[::-1]]).astype(audio.dtype, copy=False)
    points = points_of(len(longer) + round(_RINGS * rate_hz / min(low for low, _ in limits_hz)))
    spectrum = np.fft.rfft(longer, points)
    for limits in limits_hz:
        both = np.zeros(points, spectrum.dtype)  # of negative frequencies nothing
        both[: len(spectrum)] = spectrum * _twice(points, limits, rate_hz)
        analytic = np.fft.ifft(both)[edge : edge + len(audio)]
        yield np.ascontiguousarray(analytic.real), np.abs(analytic)


@lru_cache(maxsize=4)
def _high_pass(points: int, above_hz: float, rate_hz: int) -> Complexes:
    return _prototype(_warped(np.array(above_hz), rate_hz) / _axis(points))


@lru_cache(maxsize=16)
def _twice(points: int, limits_hz: tuple[int, int], rate_hz: int) -> Reals:
    """What passing a band both ways leaves, doubled for the analytic signal."""
    return 2 * np.abs(_band_pass(points, limits_hz, rate_hz)) ** 2


def _band_pass(points: int, limits_hz: tuple[int, int], rate_hz: int) -> Complexes:
    low, high = _warped(np.array(limits_hz), rate_hz)
    at = _axis(points)
    return _prototype((at**2 + low * high) / (at * (high - low)))


def _axis(points: int) -> Complexes:
    """The frequencies of a real transform on the imaginary axis, after the bilinear transform; instead of 0 and of
    infinity very small and large ones."""
    found = np.tan(np.pi * np.arange(points // 2 + 1) / points)
    return 1j * np.maximum(found, 1e-200)


def _warped(hertz: Reals, rate_hz: int) -> Reals:
    return np.asarray(np.tan(np.pi * hertz / rate_hz), np.float64)


def _prototype(at: Complexes) -> Complexes:
    """The low-pass of order 4 with its edge at 1, at ``at``."""
    found = np.ones(len(at), np.complex128)
    for pole in _POLES:
        found /= at - pole
    return found


@lru_cache(maxsize=64)
def points_of(least: int) -> int:
    """The shortest length of a fast transform that holds ``least`` samples: a product of 2, 3 and 5, even."""
    best = 1 << max(1, (least - 1).bit_length())
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            twos = -(-least // threes)
            candidate = threes << max(1, (twos - 1).bit_length())
            best = min(best, candidate)
            threes *= 3
        fives *= 5
    return best
