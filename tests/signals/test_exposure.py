"""Tails and saturation: closed forms, an independent count, and invariants."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from zhenwei.signals import exposure
from zhenwei.types import Pixels

IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)))


def test_tails_of_a_ramp_are_known_in_closed_form() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    dark, bright = exposure.tails(ramp)
    assert dark == pytest.approx(np.tile([1 / 256, 5 / 256, 17 / 256, 33 / 256], (4, 1)))
    assert bright == pytest.approx(np.tile([1 / 256, 5 / 256, 17 / 256, 33 / 256], (4, 1)))


@given(IMAGES)
def test_tails_are_what_counting_pixel_by_pixel_gives(pixels: Pixels) -> None:
    dark, bright = exposure.tails(pixels)
    for channel in range(3):
        values = [int(v) for v in pixels[..., channel].ravel()]
        for k, level in enumerate(exposure.DARK):
            assert dark[channel, k] == pytest.approx(sum(v <= level for v in values) / len(values))
        for k, level in enumerate(exposure.BRIGHT):
            assert bright[channel, k] == pytest.approx(sum(v >= level for v in values) / len(values), abs=1e-9)


@given(IMAGES)
def test_negating_a_picture_exchanges_its_tails(pixels: Pixels) -> None:
    dark, bright = exposure.tails(pixels)
    other_dark, other_bright = exposure.tails(255 - pixels)
    assert dark[:3] == pytest.approx(other_bright[:3], abs=1e-9)
    assert bright[:3] == pytest.approx(other_dark[:3], abs=1e-9)


@given(IMAGES)
def test_where_a_pixel_is_does_not_matter(pixels: Pixels) -> None:
    assert exposure.features(pixels) == pytest.approx(exposure.features(pixels[::-1, ::-1]), abs=1e-5)
    assert len(exposure.FEATURES) == len(exposure.features(pixels)) == 36


@given(IMAGES)
def test_saturation_is_that_of_the_standard_library(pixels: Pixels) -> None:
    found = exposure.saturation(pixels)
    for y, x in np.ndindex(pixels.shape[:2]):
        red, green, blue = (float(v) / 255 for v in pixels[y, x])
        assert found[y, x] == pytest.approx(colorsys.rgb_to_hsv(red, green, blue)[1], abs=1e-5)


def test_luma_is_within_one_level_of_pillows() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    theirs = np.asarray(Image.fromarray(pixels).convert("L")).astype(int)
    assert np.abs(exposure.luma(pixels).astype(int) - theirs).max() <= 1


def test_the_map_marks_exactly_what_is_clipped() -> None:
    pixels = np.full((5, 5, 3), 128, np.uint8)
    pixels[1, 2, 0], pixels[3, 4, 2] = 4, 251
    dark, bright = exposure.clipped(pixels)
    assert np.argwhere(dark).tolist() == [[1, 2]]
    assert np.argwhere(bright).tolist() == [[3, 4]]


def test_of_a_large_picture_an_even_sample_says_the_same() -> None:
    rng = np.random.default_rng(5)
    ramp = np.linspace(0, 255, 1800)[:, None, None] + rng.normal(0, 20, (1800, 1600, 3))
    pixels = np.clip(np.rint(ramp), 0, 255).astype(np.uint8)
    some = exposure.sampled(pixels)
    assert 200_000 < some.shape[0] * some.shape[1] <= exposure.MAX_PX < pixels.shape[0] * pixels.shape[1]
    assert exposure.sampled(pixels[:1024, :1024]).shape == (1024, 1024, 3)
    dark, bright = exposure.tails(pixels)
    whole = np.log10(np.concatenate([dark.ravel(), bright.ravel()]) + 1e-3)
    assert exposure.features(pixels)[: len(whole)] == pytest.approx(whole, abs=0.02)
