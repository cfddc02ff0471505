"""What speech detectors hear by: short-time spectra, filter banks, cepstra, on plain arrays.

Sound here is mono ``(samples,)``, any float type, full scale 1. Frames lie wholly within the signal (no padding): there
are ``1 + (samples - size) // hop`` of them, none for a signal shorter than ``size``. Spectra are ``(frames, bins)``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import UsageError
from zhenwei.signals import cosine, filters

Reals = NDArray[np.float64]
FLOOR = 1e-10  # added to powers before the logarithm: -100 dB of full scale


def frames_of(audio: NDArray[np.floating], size: int, hop: int) -> Reals:
    """``(frames, size)`` views of ``audio``. UsageError for sizes below 1 or sound that is not mono."""
    if audio.ndim != 1 or size < 1 or hop < 1:
        got = f"sound of shape {audio.shape}, frames of {size} every {hop}"
        raise UsageError("sound cannot be cut into frames", got=got, want="mono sound (samples,), positive sizes")
    if len(audio) < size:
        return np.zeros((0, size))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(audio, size)[::hop], np.float64)


def stft(audio: NDArray[np.floating], size: int, hop: int, points: int | None = None) -> NDArray[np.complex128]:
    """Short-time Fourier transform ``(frames, points // 2 + 1)`` with a periodic Hann window of ``size`` samples;
    phases count from the start of each frame. ``points`` of the transform: ``size`` unless more are asked for."""
    spectrum = np.fft.rfft(frames_of(audio, size, hop) * _hann(size), points or size, axis=1)
    return np.asarray(spectrum, np.complex128)


@lru_cache(maxsize=16)
def _hann(size: int) -> Reals:
    """Periodic, as scipy.signal.get_window gives it."""
    return np.asarray(0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, size + 1)[:-1]), np.float64)


@lru_cache(maxsize=16)
def linear_filters(count: int, points: int, rate_hz: int, lowest_hz: float = 0.0, highest_hz: float = 0.0) -> Reals:
    """``(count, points // 2 + 1)`` triangles of height 1, evenly spaced; ``highest_hz`` 0 = half the rate."""
    edges = np.linspace(lowest_hz, highest_hz or rate_hz / 2, count + 2)
    return _triangles(edges, points, rate_hz)


@lru_cache(maxsize=16)
def mel_filters(count: int, points: int, rate_hz: int, lowest_hz: float = 0.0, highest_hz: float = 0.0) -> Reals:
    """As :func:`linear_filters`, evenly spaced in mel = 2595 log10(1 + f / 700) (O'Shaughnessy 1987)."""
    low = 2595 * np.log10(1 + lowest_hz / 700)
    high = 2595 * np.log10(1 + (highest_hz or rate_hz / 2) / 700)
    edges = 700 * (10 ** (np.linspace(low, high, count + 2) / 2595) - 1)
    return _triangles(edges, points, rate_hz)


def _triangles(edges: Reals, points: int, rate_hz: int) -> Reals:
    at = np.fft.rfftfreq(points, 1 / rate_hz)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    filters = np.maximum(0.0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
    filters.flags.writeable = False
    return np.asarray(filters, np.float64)


def cepstra(audio: NDArray[np.floating], size: int, hop: int, filters: Reals, count: int) -> Reals:
    """``(frames, count)``: orthonormal DCT-II of the log energies that ``filters`` ``(n, bins)`` gather. With
    :func:`linear_filters` these are LFCC (Sahidullah, Kinnunen & Hanilçi, Interspeech 2015), with
    :func:`mel_filters` MFCC."""
    power = np.abs(stft(audio, size, hop, 2 * (filters.shape[1] - 1))) ** 2
    turn = cosine.matrix(len(filters))[:count]
    return np.asarray(np.log(power @ filters.T + FLOOR) @ turn.T, np.float64)


def deltas(features: Reals, reach: int = 2) -> Reals:
    """Slopes over ``2 reach + 1`` frames by least squares ``(frames, n)``; the first and last frame are repeated."""
    padded = np.pad(features, ((reach, reach), (0, 0)), mode="edge") if len(features) else features
    steps = range(1, reach + 1)
    length = len(features)
    total = sum(k * (padded[reach + k : reach + k + length] - padded[reach - k : reach - k + length]) for k in steps)
    return np.asarray(total / (2 * sum(k * k for k in steps)), np.float64).reshape(features.shape)


def without_rumble(audio: NDArray[np.floating], rate_hz: int, above_hz: float = 100.0) -> NDArray[np.float32]:
    """High-passed (Butterworth, 4th order): below speech lie hum and handling, which tell recordings apart and not
    voices."""
    return np.asarray(filters.high_passed(audio, above_hz, rate_hz), np.float32)


def levelled(audio: NDArray[np.floating], rms: float = 0.05) -> NDArray[np.float32]:
    """Brought to one loudness: root mean square ``rms``. Silence stays silence."""
    now = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if audio.size else 0.0
    return np.asarray(audio * (rms / now) if now > 1e-7 else audio, np.float32)
