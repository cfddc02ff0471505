"""Regenerated pictures keep the content, carry the traces of enlargement, and can be repeated."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.regenerate import ENLARGERS, enlarge, regenerate, regenerate_seeded
from zhenwei.types import Floats, Pixels


def image(height: int = 120, width: int = 96) -> Pixels:
    """Detail at every scale."""
    rng = np.random.default_rng(3)
    out = np.full((height, width, 3), (150, 120, 100), dtype=np.float32)
    for cells in (3, 9, 27, 81):
        layer = rng.normal(0, 12, (cells, cells, 3)).astype(np.float32)
        out += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(out, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(120, 96), (97, 131), (16, 16), (33, 300)])
def test_the_whole_picture_is_drawn_anew_and_its_content_stays(height: int, width: int) -> None:
    pixels = image(height, width)
    before = pixels.copy()
    for seed in range(25):
        forged = regenerate(pixels, np.random.default_rng(seed))
        assert forged.pixels.shape == pixels.shape
        assert forged.pixels.dtype == np.uint8
        assert forged.mask.dtype == np.float32
        assert (forged.mask == 1).all()
        change = np.abs(forged.pixels.astype(float) - pixels)
        assert 0.02 < change.mean() < 12
        coarse = [cv2.resize(p, (4, 4), interpolation=cv2.INTER_AREA).astype(float) for p in (pixels, forged.pixels)]
        assert np.abs(coarse[0] - coarse[1]).mean() < 5
    assert np.array_equal(pixels, before)


def test_a_recipe_is_plain_and_repeats_the_picture_bit_for_bit() -> None:
    pixels = image()
    made = [regenerate(pixels, np.random.default_rng(seed)) for seed in range(12)]
    for forged in made:
        recipe = json.loads(json.dumps(dict(forged.recipe), allow_nan=False))
        assert recipe == dict(forged.recipe)
        again = regenerate_seeded(pixels, recipe["seed"])
        assert np.array_equal(again.pixels, forged.pixels)
        assert dict(again.recipe) == recipe
        assert len(recipe["enlargers"]) == recipe["levels"]
    assert {name for forged in made for name in forged.recipe["enlargers"]} == set(ENLARGERS)  # type: ignore[union-attr]
    assert len({forged.pixels.tobytes() for forged in made}) == len(made)


@pytest.mark.parametrize("name", ENLARGERS)
def test_undisturbed_each_way_of_enlarging_is_the_bilinear_one(name: str) -> None:
    small = image(20, 14).astype(np.float32)
    large = enlarge(small, name, 0.0, np.random.default_rng(0))
    expected = cv2.resize(small, (28, 40), interpolation=cv2.INTER_LINEAR)
    assert np.abs(large - expected)[2:-2, 2:-2].max() < 1e-3


def comb(x: Floats) -> float:
    """How much the four phases of the pixel grid differ on average: the trace that enlarging by two leaves."""
    means = [float(x[row::2, column::2].mean()) for row in (0, 1) for column in (0, 1)]
    return max(means) - min(means)


def test_transposed_convolutions_and_shuffles_leave_a_comb_on_a_plain_surface_and_interpolation_none() -> None:
    plain = np.full((32, 32, 3), 100, np.float32)
    traces = {
        name: [comb(enlarge(plain, name, 0.1, np.random.default_rng(seed))) for seed in range(8)] for name in ENLARGERS
    }
    assert min(traces["transposed"]) > 0.3
    assert np.median(traces["shuffle"]) > 0.3
    assert max(traces["nearest"] + traces["linear"]) < 1e-3


def test_what_cannot_be_redrawn_is_refused() -> None:
    with pytest.raises(DataError, match="too small"):
        regenerate(image(15, 40), np.random.default_rng(0))
