"""Sound out of spectra that lost their phase: Griffin & Lim 1984, with momentum, and spectra out of mel bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import istft as scipy_istft
from scipy.signal import stft as scipy_stft

Reals = NDArray[np.float64]
_NNLS_STEPS = 20
_MOMENTUM = 0.99


def magnitude_of_mel(filters: Reals, mel: Reals) -> Reals:
    """A spectrum >= 0 whose mel bands are ``mel``: multiplicative updates (Lee & Seung 2001) from the
    pseudo-inverse."""
    found = np.maximum(np.linalg.pinv(filters) @ mel, 1e-8)
    for _ in range(_NNLS_STEPS):
        found = found * (filters.T @ mel) / np.maximum(1e-10, filters.T @ (filters @ found))
    return np.asarray(found, np.float64)


def griffin_lim(magnitude: Reals, size: int, hop: int, length: int, steps: int, rng: np.random.Generator) -> Reals:
    """Phases that fit ``magnitude``, from random ones (Griffin & Lim 1984, with the momentum of Perraudin et al.
    2013)."""
    phase = np.exp(2j * np.pi * rng.random(magnitude.shape))
    before = np.zeros_like(phase)
    for _ in range(steps):
        again = analysed(put_together(magnitude * phase, size, hop, length), size, hop)[:, : magnitude.shape[1]]
        ahead = again - _MOMENTUM / (1 + _MOMENTUM) * before
        before = again
        phase = ahead / np.maximum(1e-12, np.abs(ahead))
    return put_together(magnitude * phase, size, hop, length)


def analysed(audio: Reals, size: int, hop: int) -> NDArray[np.complex128]:
    """``(size // 2 + 1, frames)`` of sound ``(samples,)``, the first frame about its first sample."""
    return np.asarray(scipy_stft(audio, nperseg=size, noverlap=size - hop)[2])


def put_together(spectrum: NDArray[np.complex128], size: int, hop: int, length: int) -> Reals:
    """What :func:`analysed` takes apart, cut or filled to ``length`` samples."""
    made = np.asarray(scipy_istft(spectrum, nperseg=size, noverlap=size - hop)[1], np.float64)[:length]
    return np.pad(made, (0, length - len(made)))
