"""Noise by block: planted noise is measured, planted differences are found, and what is no noise is not counted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhenwei.signals.noise import BLOCK, block_noise, noise_ratio
from zhenwei.types import Floats


def noisy(sigma: float, height: int = 160, width: int = 200, seed: int = 0, ramp: float = 60.0) -> Floats:
    slope = np.linspace(128 - ramp, 128 + ramp, width, dtype=np.float32)
    grain = np.random.default_rng(seed).standard_normal((height, width), np.float32) * np.float32(sigma)
    return np.asarray(slope + grain, np.float32)


@given(sigma=st.floats(0.5, 12), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_planted_noise_is_measured(sigma: float, seed: int) -> None:
    blocks = block_noise(noisy(sigma, seed=seed, ramp=0))
    assert float(blocks.sigma.mean()) == pytest.approx(sigma, rel=0.04)
    assert blocks.usable.all()
    assert blocks.sigma.shape == (160 // BLOCK, 200 // BLOCK)


def test_planes_ramps_and_straight_edges_hold_no_noise() -> None:
    y, x = np.mgrid[:64, :64].astype(np.float32)
    for image in (np.full((64, 64), 90, np.float32), 2 * x + y, np.where(x < 20, 40, 200).astype(np.float32)):
        blocks = block_noise(np.asarray(image, np.float32))
        assert float(blocks.sigma.max()) < 0.02
        assert not blocks.usable.any()


def test_clipped_and_textured_blocks_cannot_be_judged() -> None:
    image = noisy(3.0, ramp=0)
    image[:40, :40] = 255
    stripes = np.where(np.arange(40) // 8 % 2 > 0, 60, 200).astype(np.float32)  # every block half dark, half bright
    image[100:140, 104:144] = np.roll(stripes, 4)[None, :] + image[100:140, 104:144] - 128
    usable = block_noise(image).usable
    assert not usable[:5, :5].any()
    assert not usable[13:17, 14:17].any()
    assert usable[:5, 6:].all()


@given(factor=st.sampled_from([0.5, 2.0, 3.0]), seed=st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_a_planted_difference_is_found_in_octaves(factor: float, seed: int) -> None:
    image, other = noisy(6.0, seed=seed, ramp=10), noisy(6.0 * factor, seed=seed + 100, ramp=10)
    inside = np.zeros((20, 25), bool)
    inside[5:15, 8:18] = True
    whole = np.kron(inside, np.ones((BLOCK, BLOCK), bool))
    mixed = np.where(whole, other, image)
    plain, fair = noise_ratio(block_noise(mixed), inside, ~inside)
    expected = np.log2((6 * factor + 0.25) / 6.25)  # a quarter level is added to both
    assert plain == pytest.approx(expected, abs=0.15)
    # What is left of the noise after smoothing counts as texture, and texture is allowed for: somewhat less is found.
    assert 0.75 * abs(expected) - 0.1 < fair * np.sign(expected) < abs(expected) + 0.15
    assert np.abs(noise_ratio(block_noise(image), inside, ~inside)).max() < 0.15


def test_noise_that_goes_with_brightness_is_allowed_for() -> None:
    """Shot noise: its deviation grows with the level; a bright face is noisier and yet of one picture."""
    rng = np.random.default_rng(4)
    level = np.tile(np.linspace(30, 220, 400, dtype=np.float32), (160, 1))
    image = level + rng.standard_normal(level.shape).astype(np.float32) * (1 + level / 32)
    inside = np.zeros((20, 50), bool)
    inside[4:16, 34:48] = True
    plain, fair = noise_ratio(block_noise(image.astype(np.float32)), inside, ~inside)
    assert plain > 0.5
    assert abs(fair) < 0.2


def test_too_little_to_compare_is_no_number() -> None:
    blocks = block_noise(noisy(3.0))
    few = np.zeros(blocks.usable.shape, bool)
    few[0, :11] = True
    assert np.isnan(noise_ratio(blocks, few, ~few)).all()
    assert np.isnan(noise_ratio(blocks, ~few, few)).all()
    assert block_noise(np.zeros((7, 300), np.float32)).sigma.shape == (0, 37)


def test_blurring_takes_noise_away() -> None:
    image = noisy(5.0)
    blurred = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.float32)
    assert float(block_noise(blurred).sigma.mean()) < 0.3 * float(block_noise(image).sigma.mean())
