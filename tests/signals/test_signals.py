"""Shared maths against independent ways to the same number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from zhenwei.signals.colour import clipped_share, distinct_colours, is_grey
from zhenwei.signals.focus import laplacian_variance


@given(st.integers(0, 2**32 - 1), st.integers(1, 255))
def test_distinct_colours_are_those_of_a_set(seed: int, top: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, top + 1, (9, 7, 3)).astype(np.uint8)
    assert distinct_colours(pixels) == len({tuple(p) for p in pixels.reshape(-1, 3).tolist()})


def test_an_empty_picture_has_no_colours() -> None:
    assert distinct_colours(np.zeros((0, 4, 3), np.uint8)) == 0


def test_grey_is_all_channels_alike() -> None:
    level = np.random.default_rng(0).integers(0, 256, (5, 6, 1)).astype(np.uint8)
    grey = np.repeat(level, 3, axis=2)
    assert is_grey(grey)
    for channel in range(3):
        tinted = grey.copy()
        tinted[2, 3, channel] ^= 1
        assert not is_grey(tinted)


def test_clipped_share_counts_both_ends() -> None:
    assert clipped_share(np.array([0, 4, 5, 100, 250, 251, 255, 128], np.uint8)) == 0.5


@given(st.integers(0, 2**32 - 1))
def test_laplacian_variance_is_scipys(seed: int) -> None:
    luma = np.random.default_rng(seed).integers(0, 256, (12, 17)).astype(np.uint8)
    expected = ndimage.laplace(luma.astype(np.float64), mode="mirror").var()
    assert laplacian_variance(luma) == pytest.approx(expected, rel=1e-5)


def test_blur_takes_detail_away() -> None:
    luma = np.random.default_rng(1).integers(0, 256, (64, 64)).astype(np.uint8)
    soft = ndimage.gaussian_filter(luma.astype(np.float64), 2).astype(np.uint8)
    assert laplacian_variance(soft) < 0.1 * laplacian_variance(luma)
    assert laplacian_variance(np.full((8, 8), 77, np.uint8)) == 0
