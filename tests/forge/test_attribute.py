"""Attribute edits: only inside their mask, repeatable, each of its kind and no other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forge.repeating import repeat

from zhenwei.errors import DataError
from zhenwei.forge.synthesis import attribute
from zhenwei.forge.synthesis.attribute import KINDS, attribute_seeded
from zhenwei.testing import face_mesh
from zhenwei.testing.made import portrait
from zhenwei.types import Box, Floats, Pixels

FACE = portrait(220, 180)


def mesh(pixels: Pixels) -> Floats:
    height, width = pixels.shape[:2]
    return face_mesh(Box(0.15 * width, 0.05 * height, 0.85 * width, 0.95 * height))


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_changes_inside_the_mask_and_nowhere_else(kind: str) -> None:
    for seed in range(8):
        forged = attribute_seeded(FACE, mesh(FACE), seed, kind=kind)
        assert np.array_equal(forged.pixels[forged.mask == 0], FACE[forged.mask == 0])
        assert not np.array_equal(forged.pixels, FACE)
        assert 0 <= forged.mask.min() <= forged.mask.max() <= 1
        assert 0 < forged.mask.mean() < 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipe_repeats_it(kind: str) -> None:
    forged = attribute(FACE, mesh(FACE), np.random.default_rng(3), kind=kind)
    again = repeat(json.loads(json.dumps(forged.recipe, allow_nan=False)), FACE, mesh(FACE))
    assert np.array_equal(again.pixels, forged.pixels)
    assert np.array_equal(again.mask, forged.mask)


def test_smoothing_smooths_and_lips_keep_their_light() -> None:
    def roughness(pixels: Pixels) -> float:
        return float(np.abs(np.diff(pixels.astype(float), axis=1)).mean())

    smooth = attribute_seeded(FACE, mesh(FACE), 1, kind="skin")
    inside = smooth.mask > 0.9
    assert roughness(smooth.pixels) < roughness(FACE)
    lips = attribute_seeded(FACE, mesh(FACE), 1, kind="lips")
    inside = lips.mask > 0.9
    before, after = (p[inside].astype(float) @ [0.299, 0.587, 0.114] for p in (FACE, lips.pixels))
    assert abs(float((after - before).mean())) < 6
    assert np.abs(lips.pixels[inside].astype(int) - FACE[inside]).max() > 5


@settings(max_examples=30)
@given(st.integers(0, 2**53 - 1), st.integers(40, 200), st.integers(40, 200))
def test_every_seed_and_size_gives_a_forgery(seed: int, height: int, width: int) -> None:
    pixels = portrait(height, width)
    forged = attribute_seeded(pixels, mesh(pixels), seed)
    assert forged.recipe["kind"] in KINDS
    assert forged.pixels.shape == pixels.shape


def test_another_kind_is_refused() -> None:
    with pytest.raises(DataError, match="no such edit"):
        attribute_seeded(FACE, mesh(FACE), 0, kind="age")
