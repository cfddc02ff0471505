"""A voice for tests: glottal pulses with a little jitter through formants that move as in syllables. Nobody's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

RATE_HZ = 16_000
_VOWELS = np.array([(700, 1200, 2600), (300, 2200, 3000), (350, 800, 2500), (500, 1800, 2600), (600, 1000, 2500)])
_HOP = 160


def voice(seconds: float, seed: int = 0, *, hertz: float = 120.0) -> NDArray[np.float32]:
    """``(samples,)`` float32 at 16 kHz, peak 0.5: syllables of a fifth of a second with short breaths between."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    at = np.arange(count) / RATE_HZ
    course = hertz * (1 + 0.12 * np.sin(2 * np.pi * 0.7 * at) + 0.01 * rng.standard_normal(count).cumsum() / 200)
    pulses = np.diff(np.floor(np.cumsum(course) / RATE_HZ), prepend=0.0)
    source = lfilter([1.0], [1.0, -0.96], pulses) + 0.004 * rng.standard_normal(count)
    return _spoken(source, rng)


def first_sample(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of a sound, one sample: what a process of its own can be asked for without loading a module of tests."""
    return np.asarray(audio[100:101], np.float32)


def _spoken(source: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    syllables = len(source) // (RATE_HZ // 5) + 2
    said = _VOWELS[rng.integers(len(_VOWELS), size=syllables)]
    knots = np.arange(syllables) * RATE_HZ / 5
    state = [np.zeros(2) for _ in range(3)]
    out = np.zeros(len(source))
    for start in range(0, len(source), _HOP):
        piece = source[start : start + _HOP]
        for k in range(3):
            formant = np.interp(start, knots, said[:, k])
            radius = np.exp(-np.pi * (60 + 40 * k) / RATE_HZ)
            poles = [1.0, -2 * radius * np.cos(2 * np.pi * formant / RATE_HZ), radius**2]
            piece, state[k] = lfilter([sum(poles)], poles, piece, zi=state[k])
        out[start : start + _HOP] = piece
    rhythm = 0.15 + 0.85 * np.clip(1.6 * np.sin(np.pi * np.arange(len(out)) / (RATE_HZ / 5)) ** 2, 0, 1)
    out *= rhythm
    return np.asarray(0.5 * out / np.abs(out).max(), np.float32)
