"""Filters by the Fourier transform, against SciPy's sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, hilbert, sosfilt, sosfiltfilt

from zhenwei.signals import filters

RATE_HZ = 16_000
LIMITS_HZ = ((100, 1000), (2000, 3500), (6500, 7800))


@pytest.mark.parametrize("count", [1, 28, 999, 40_000])
def test_the_high_pass_is_scipys(count: int) -> None:
    audio = np.random.default_rng(count).normal(0.2, 0.3, count).cumsum() / 50  # with much below 100 Hz
    high = sosfilt(butter(4, 100.0, "highpass", fs=RATE_HZ, output="sos"), audio)
    np.testing.assert_allclose(filters.high_passed(audio, 100.0, RATE_HZ), high, atol=1e-10 * np.abs(audio).max())


def test_bands_and_envelopes_are_scipys_but_near_the_ends() -> None:
    audio = np.random.default_rng(1).normal(0, 0.3, 40_000)
    inside = slice(2000, -2000)
    for limits, (band, envelope) in zip(LIMITS_HZ, filters.bands(audio, LIMITS_HZ, RATE_HZ), strict=True):
        wanted = sosfiltfilt(butter(4, limits, "bandpass", fs=RATE_HZ, output="sos"), audio)
        np.testing.assert_allclose(band[inside], wanted[inside], atol=1e-6)
        np.testing.assert_allclose(envelope[inside], np.abs(hilbert(wanted))[inside], atol=1e-3)
        assert band.std() == pytest.approx(wanted.std(), rel=0.02)


def test_single_precision_gives_the_same_bands() -> None:
    audio = np.random.default_rng(2).normal(0, 0.3, 40_000).astype(np.float32)
    singles, doubles = (
        filters.bands(audio, LIMITS_HZ, RATE_HZ),
        filters.bands(audio.astype(np.float64), LIMITS_HZ, RATE_HZ),
    )
    for single, double in zip(singles, doubles, strict=True):
        assert {part.dtype for part in single} == {np.dtype(np.float32)}
        np.testing.assert_allclose(single, double, atol=1e-6)


@pytest.mark.parametrize("count", [2, 30, 700])
def test_short_sound_has_its_bands(count: int) -> None:
    for band, envelope in filters.bands(np.ones(count), LIMITS_HZ, RATE_HZ):
        assert len(band) == len(envelope) == count
        assert np.isfinite(band).all()


@pytest.mark.parametrize("least", [1, 2, 7, 1000, 52_374, 100_001])
def test_transforms_are_of_a_fast_length(least: int) -> None:
    points = filters.points_of(least)
    assert least <= points < 1.2 * least + 8
    assert points % 2 == 0
    for factor in (2, 3, 5):
        while points % factor == 0:
            points //= factor
    assert points == 1
