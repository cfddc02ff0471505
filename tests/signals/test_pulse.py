"""A pulse that was put in is found at its rate; noise and scrambled frames hold none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import periodogram

from zhenwei.signals.pulse import PATCHES, chrom, common_pulse, in_band, patch_colours, pos, spectrum
from zhenwei.testing import face_mesh
from zhenwei.types import Box

Reals = NDArray[np.float64]
BLOOD = np.array([0.33, 0.77, 0.53])  # relative strength of the pulse in red, green and blue (de Haan & van Leest 2014)


def skin(bpm: float, *, seconds: float = 10, rate: float = 25, depth: float = 0.01, seed: int = 0) -> Reals:
    """Colours ``(n, 8, 3)`` of patches of one beating skin, with flickering light and noise of their own."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, seconds, 1 / rate)
    beat = depth * np.sin(2 * np.pi * bpm / 60 * times)[:, None, None] * BLOOD
    light = 1 + 0.05 * np.sin(2 * np.pi * 0.3 * times)[:, None, None]
    tone = rng.uniform(0.9, 1.1, (1, 8, 1)) * np.array([170.0, 120.0, 100.0])
    return np.asarray(tone * light * (1 + beat) + rng.normal(0, 0.15, (len(times), 8, 3)), np.float64)


@pytest.mark.parametrize("method", [pos, chrom])
@pytest.mark.parametrize("bpm", [48.0, 72.0, 110.0, 150.0])
def test_an_injected_pulse_is_found_within_two_beats(method: object, bpm: float) -> None:
    assert callable(method)
    colours = skin(bpm)
    signals = np.stack([method(colours[:, i], 25.0) for i in range(8)])
    found = common_pulse(signals, 25.0)
    assert 60 * found.rate_hz == pytest.approx(bpm, abs=2)
    assert found.share > 0.6
    assert found.agreement > 0.8
    frequencies, power = periodogram(signals.mean(0), 25.0, nfft=8192)  # independently
    band = (frequencies > 0.7) & (frequencies < 3)
    assert 60 * frequencies[band][np.argmax(power[band])] == pytest.approx(bpm, abs=2)
    shown, strength = spectrum(signals, 25.0)
    assert 60 * shown[np.argmax(strength)] == pytest.approx(bpm, abs=2)


def test_scrambled_frames_hold_no_pulse() -> None:
    colours = skin(72)[np.random.default_rng(1).permutation(250)]
    found = common_pulse(np.stack([pos(colours[:, i], 25.0) for i in range(8)]), 25.0)
    assert found.share < 0.62


def test_patches_out_of_step_do_not_agree() -> None:
    shifted = np.stack([np.roll(skin(72, seed=i)[:, i], 3 * i, axis=0) for i in range(8)], axis=1)
    apart = common_pulse(np.stack([pos(shifted[:, i], 25.0) for i in range(8)]), 25.0)
    together = common_pulse(np.stack([pos(skin(72)[:, i], 25.0) for i in range(8)]), 25.0)
    assert apart.agreement < 0.3 < 0.8 < together.agreement


def test_noise_agrees_by_one_over_the_patches_and_seldom_stands_out() -> None:
    rng = np.random.default_rng(0)
    found = [common_pulse(rng.normal(size=(8, 250)), 25.0) for _ in range(200)]
    assert sum(p.share >= 0.62 and p.agreement >= 0.52 for p in found) <= 2
    assert 1 / 8 < np.median([p.agreement for p in found]) < 0.35  # the peak is the best of many frequencies


def test_the_band_is_kept_and_the_rest_is_not() -> None:
    times = np.arange(0, 20, 1 / 25)
    inside, below, above = (np.sin(2 * np.pi * f * times) for f in (1.5, 0.1, 6.0))
    kept = in_band(inside + below + above, 25.0)[100:-100]
    assert np.allclose(kept, inside[100:-100], atol=0.1)


def test_patches_are_means_around_their_points() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 120, 120, 3), dtype=np.uint8)
    mesh = face_mesh(Box(20, 20, 100, 100))
    points = np.stack([mesh, np.full_like(mesh, np.nan)])
    found = patch_colours(pixels, points)
    assert np.isnan(found[1]).all()
    reach = max(1.0, 0.07 * float(np.linalg.norm(mesh[234, :2] - mesh[454, :2])))
    x, y = mesh[PATCHES[3], :2]
    part = pixels[0, round(y - reach) : round(y + reach), round(x - reach) : round(x + reach)]
    assert found[0, 3] == pytest.approx(part.reshape(-1, 3).mean(0))
