"""``draw_channel``: a way for speech to travel - room, noise, band, codec -, drawn without regard to who speaks.

After RawBoost (Tak, Kamble, Patino, Todisco & Evans, ICASSP 2022) in spirit: what detectors meet between mouth and
file must not tell genuine from synthetic.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from zhenwei.signals.voice import RATE_HZ

Reals = NDArray[np.float64]
_ODDS = {"equaliser": 0.6, "band": 0.3, "room": 0.3, "noise": 0.5, "companding": 0.2, "clipping": 0.15}


def draw_channel(rng: np.random.Generator) -> Callable[[NDArray[np.floating]], NDArray[np.float32]]:
    """A function of speech ``(samples,)`` at 16 kHz that keeps its length; the same for whatever goes through it."""
    seed = int(rng.integers(2**32))
    taken = [name for name, odds in _ODDS.items() if rng.random() < odds]

    def travel(audio: NDArray[np.floating]) -> NDArray[np.float32]:
        mine = np.random.default_rng(seed)
        out = np.asarray(audio, np.float64)
        for name in taken:
            out = _STEPS[name](out, mine)
        return np.asarray(out, np.float32)

    return travel


def _equaliser(audio: Reals, rng: np.random.Generator) -> Reals:
    knots = rng.normal(0, 5, int(rng.integers(3, 9)))  # dB
    return _filtered(audio, lambda at: 10 ** (np.interp(at, np.linspace(0, 1, len(knots)), knots) / 20))


def _band(audio: Reals, rng: np.random.Generator) -> Reals:
    top, steep = rng.uniform(3000, 8000) / (RATE_HZ / 2), rng.uniform(0.01, 0.1)
    return _filtered(audio, lambda at: 1 / (1 + np.exp(np.clip((at - top) / steep * 4, -60, 60))))


def _filtered(audio: Reals, gain: Callable[[Reals], Reals]) -> Reals:
    spectrum = np.fft.rfft(audio)
    at = np.linspace(0, 1, len(spectrum))
    return np.asarray(np.fft.irfft(spectrum * gain(at), len(audio)), np.float64)


def _room(audio: Reals, rng: np.random.Generator) -> Reals:
    length = int(rng.uniform(0.05, 0.4) * RATE_HZ)
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= rng.uniform(0.05, 0.6) / np.sqrt(np.square(tail).sum())
    tail[0] = 1.0
    return np.asarray(fftconvolve(audio, tail)[: len(audio)], np.float64)


def _noise(audio: Reals, rng: np.random.Generator) -> Reals:
    white = np.fft.rfft(rng.standard_normal(len(audio)))
    coloured = np.fft.irfft(white * np.linspace(0.01, 1, len(white)) ** -rng.uniform(0, 1), len(audio))
    level = np.sqrt(np.square(audio).mean() / max(1e-12, np.square(coloured).mean()))
    return np.asarray(audio + coloured * level * 10 ** (-rng.uniform(8, 45) / 20), np.float64)


def _companding(audio: Reals, rng: np.random.Generator) -> Reals:
    """G.711's curve with 6 to 9 bits."""
    peak, steps = float(np.abs(audio).max()) + 1e-9, 2.0 ** rng.integers(6, 10)
    curved = np.sign(audio) * np.log1p(255 * np.abs(audio) / peak) / np.log(256)
    rounded = np.round(curved * steps) / steps
    return np.asarray(np.sign(rounded) * (256 ** np.abs(rounded) - 1) / 255 * peak, np.float64)


def _clipping(audio: Reals, rng: np.random.Generator) -> Reals:
    most = float(np.sqrt(np.square(audio).mean())) * rng.uniform(2, 6)
    return np.clip(audio, -most, most)


_STEPS: dict[str, Callable[[Reals, np.random.Generator], Reals]] = {
    "equaliser": _equaliser,
    "band": _band,
    "room": _room,
    "noise": _noise,
    "companding": _companding,
    "clipping": _clipping,
}
