"""Genuine faces altered: the picture stays what it was, but for what the way is named after."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zhenwei.training.data.altered import WAYS
from zhenwei.types import Pixels


def picture(height: int = 72, width: int = 96) -> Pixels:
    """Slow shades with two edges and the noise of a sensor."""
    rng = np.random.default_rng(3)
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    shade = np.stack([90 + 60 * across, 80 + 40 * down, 70 + 30 * across * down], -1)
    shade[20:50, 30:70] += 50
    return np.clip(shade + rng.normal(0, 6, shade.shape), 0, 255).astype(np.uint8)


def noise_of(pixels: Pixels) -> float:
    """Median size of what a blur takes away, away from edges."""
    x = pixels.astype(np.float32)
    return float(np.median(np.abs(x - cv2.GaussianBlur(x, (0, 0), 1.5))))


@pytest.mark.parametrize("way", WAYS)
def test_each_way_gives_a_picture_of_the_same_size_and_subject(way: str) -> None:
    original = picture()
    for seed in range(5):
        found = WAYS[way](original, np.random.default_rng(seed))
        assert found.shape == original.shape
        assert found.dtype == np.uint8
        assert not np.array_equal(found, original)
        greys = [cv2.GaussianBlur(x.mean(-1), (0, 0), 3).ravel() for x in (original, found)]
        assert np.corrcoef(*greys)[0, 1] > 0.93, seed


@pytest.mark.parametrize("way", WAYS)
def test_the_seed_decides_and_the_picture_is_left_alone(way: str) -> None:
    original = picture()
    kept = original.copy()
    one, again, other = [WAYS[way](original, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.array_equal(original, kept)


@pytest.mark.parametrize("way", ["retouched", "denoised"])
def test_noise_is_smoothed_away(way: str) -> None:
    original = picture()
    found = [noise_of(WAYS[way](original, np.random.default_rng(seed))) for seed in range(8)]
    assert np.median(found) < 0.7 * noise_of(original)


def test_what_was_enlarged_has_no_finest_detail() -> None:
    """Above half of the band that 1.8 times leaves, but for ringing."""

    def finest(pixels: Pixels) -> float:
        power = np.abs(np.fft.rfft(pixels.astype(np.float64).mean(-1), axis=1)) ** 2
        return float(power[:, -8:].mean())

    original = picture()
    for seed in range(8):
        assert finest(WAYS["enlarged"](original, np.random.default_rng(seed))) < 0.5 * finest(original)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 5)])
def test_small_pictures(way: str, shape: tuple[int, int]) -> None:
    x = np.full((*shape, 3), 128, np.uint8)
    assert WAYS[way](x, np.random.default_rng(0)).shape == x.shape
