"""Spectra, cepstra, group delay and constant-Q against closed forms and against librosa and SciPy.

What librosa makes of a fifth of a second of noise is kept in ``tests/data/librosa.npz`` (version 0.11.0): asked anew,
it compiles for longer than everything else here takes. The calls are named at each test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from zhenwei.errors import UsageError
from zhenwei.signals import speech

RATE = 16_000
NOISE = np.random.default_rng(1).normal(0, 0.1, RATE)


def tone(hertz: float, amplitude: float = 0.5, seconds: float = 1.0) -> np.ndarray:
    return amplitude * np.cos(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)


@pytest.fixture(scope="module")
def librosa() -> dict[str, NDArray[Any]]:
    with np.load(Path(__file__).parents[1] / "data" / "librosa.npz") as kept:
        return dict(kept)


def test_spectra_are_those_of_librosa(librosa: dict[str, NDArray[Any]]) -> None:
    """``librosa.stft(audio, n_fft=512, hop_length=160, win_length=512, window="hann", center=False).T``"""
    np.testing.assert_allclose(speech.stft(librosa["sound"], 512, 160), librosa["spectra"], atol=1e-5)


@given(st.integers(0, 2000), st.integers(1, 400), st.integers(1, 300))
def test_frames_lie_within_the_sound(samples: int, size: int, hop: int) -> None:
    found = speech.frames_of(np.arange(samples, dtype=np.float64), size, hop)
    assert found.shape == (max(0, 1 + (samples - size) // hop) if samples >= size else 0, size)
    for number, frame in enumerate(found):
        assert frame[0] == number * hop


def test_mel_filters_are_those_of_librosa(librosa: dict[str, NDArray[Any]]) -> None:
    """``librosa.filters.mel(sr=16000, n_fft=1024, n_mels=80, htk=True, norm=None)``"""
    np.testing.assert_allclose(speech.mel_filters(80, 1024, RATE), librosa["mel_80"], atol=1e-5)


def test_linear_filters_share_out_all_that_lies_between_their_outer_peaks() -> None:
    filters = speech.linear_filters(20, 512, RATE, 100, 7900)
    at = np.fft.rfftfreq(512, 1 / RATE)
    step = (7900 - 100) / 21
    inner = (at >= 100 + step) & (at <= 7900 - step)
    np.testing.assert_allclose(filters[:, inner].sum(0), 1.0, atol=1e-9)


def test_mfcc_are_those_of_librosa(librosa: dict[str, NDArray[Any]]) -> None:
    """``librosa.feature.mfcc(S=log(filters @ abs(spectra.T) ** 2 + FLOOR), n_mfcc=20, dct_type=2, norm="ortho").T``"""
    filters = speech.mel_filters(40, 512, RATE)
    found = speech.cepstra(librosa["sound"], 512, 160, filters, 20)
    np.testing.assert_allclose(found, librosa["cepstra"], atol=1e-4)


def test_cepstra_of_all_coefficients_give_back_the_energies() -> None:
    filters = speech.linear_filters(40, 512, RATE)
    found = speech.cepstra(NOISE, 512, 160, filters, 40)
    energies = np.log(np.abs(speech.stft(NOISE, 512, 160)) ** 2 @ filters.T + speech.FLOOR)
    np.testing.assert_allclose(scipy.fft.idct(found, norm="ortho", axis=1), energies, atol=1e-8)


def test_louder_moves_the_first_cepstrum_only() -> None:
    filters = speech.linear_filters(20, 512, RATE)
    quiet, loud = (speech.cepstra(NOISE * gain, 320, 160, filters, 20) for gain in (1.0, 2.0))
    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], 2 * np.log(2) * np.sqrt(20), atol=1e-5)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=1e-5)


def test_slopes_are_those_of_a_straight_line_and_of_librosa(librosa: dict[str, NDArray[Any]]) -> None:
    """``librosa.feature.delta(line.T, width=5, mode="nearest").T``"""
    line = np.arange(20.0)[:, None] * np.array([[1.0, -2.5]])
    np.testing.assert_allclose(speech.deltas(line)[2:-2], np.tile([1.0, -2.5], (16, 1)))
    np.testing.assert_allclose(speech.deltas(librosa["line"]), librosa["slopes"])


def test_rumble_is_taken_off_and_speech_stays() -> None:
    power = [float(np.square(speech.without_rumble(tone(f), RATE)[8000:]).mean()) for f in (40, 300, 2000)]
    assert power[0] < 0.01 * 0.125
    assert power[1:] == pytest.approx([0.125, 0.125], rel=0.02)


@given(st.floats(1e-3, 30))
def test_loudness_becomes_one(gain: float) -> None:
    assert float(np.sqrt(np.square(speech.levelled(NOISE * gain)).mean())) == pytest.approx(0.05, rel=1e-3)
    assert not speech.levelled(np.zeros(100)).any()
    assert speech.levelled(np.zeros(0)).size == 0


def test_stereo_is_refused() -> None:
    with pytest.raises(UsageError, match="mono"):
        speech.frames_of(np.zeros((2, 100)), 10, 10)
