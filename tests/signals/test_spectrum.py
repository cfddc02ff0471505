"""Traces of enlargement: planted frequencies are found where they are, enlargement by two at a half."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import median_filter

from zhenwei.signals.spectrum import correlation, log_spectrum, noise_residual, peaks
from zhenwei.types import Pixels


def noise(count: int, side: int = 64) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(0).normal(size=(count, side, side))


def test_a_planted_wave_is_found_at_its_frequency() -> None:
    y, x = np.mgrid[:64, :64]
    wave = 0.5 * np.cos(2 * np.pi * (x / 4 + y / 8))
    found = peaks(log_spectrum(noise(30) + wave))
    assert (found[0].across, found[0].down) in {(0.25, 0.125), (-0.25, -0.125)}
    assert len(found) == 1
    assert found[0].strength > 10


def test_plain_noise_has_no_peaks() -> None:
    assert peaks(log_spectrum(noise(40))) == []


def test_what_alternates_from_column_to_column_peaks_at_half_the_rate() -> None:
    (found,) = peaks(log_spectrum(noise(40) + 0.4 * (-1.0) ** np.arange(64)))
    assert (abs(found.across), found.down) == (0.5, 0.0)


def test_enlargement_by_two_leaves_peaks_at_half_the_rate() -> None:
    """Of pictures with an offset, as features of a network have: zeros between the samples, then one uneven kernel."""
    put = np.zeros((40, 64, 64))
    put[:, ::2, ::2] = 1 + 0.3 * noise(40, 32)
    kernel = np.array([[0.2, 0.5, 0.3], [0.4, 1.0, 0.6], [0.2, 0.4, 0.3]])
    large = np.stack([cv2.filter2D(p, -1, kernel, borderType=cv2.BORDER_REFLECT_101) for p in put])
    found = peaks(log_spectrum(large - large.mean()))
    assert {(abs(p.across), abs(p.down)) for p in found} >= {(0.5, 0.0), (0.0, 0.5)}
    assert all(abs(p.across) in (0.0, 0.5) and abs(p.down) in (0.0, 0.5) for p in found)


def test_the_residual_is_what_a_median_leaves() -> None:
    pixels: Pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float64)
    left = grey - median_filter(grey, 3, mode="nearest")
    expected = (left - left.mean()) / left.std()
    np.testing.assert_allclose(noise_residual(pixels), expected, atol=1e-3)
    assert not noise_residual(np.full((20, 20, 3), 7, np.uint8)).any()


def test_correlation_is_pearsons() -> None:
    a, b = noise(2)
    assert correlation(a, b) == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=1e-12)
    assert correlation(a, 3 * a + 2) == pytest.approx(1)
    assert correlation(a, np.zeros_like(a)) == 0
