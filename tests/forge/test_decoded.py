"""Faces, and parts of them, through a latent autoencoder: ground truth that is true, and repeatable."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.forge.latents import untrained_latents
from tests.forge.test_latent import PORTRAIT, WEIGHTS, needs_weights
from tests.forge.test_synthesis import image, mesh

from zhenwei.errors import DataError
from zhenwei.forge.latent import LatentRoundTrip, opened
from zhenwei.forge.make import read_sitter
from zhenwei.forge.synthesis.decoded import METHOD, decoded, decoded_seeded
from zhenwei.types import Pixels

SEEDS = range(10)


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> LatentRoundTrip:
    return LatentRoundTrip(untrained_latents(tmp_path_factory.mktemp("latents")))


def test_the_truth_is_exact_and_the_recipe_repeats_it(trip: LatentRoundTrip) -> None:
    pixels, landmarks = image(96, 120), mesh(96, 120)
    before, shapes = pixels.copy(), set()
    for seed in SEEDS:
        forged = decoded(pixels, landmarks, np.random.default_rng(seed), trip)
        assert forged.pixels.shape == pixels.shape
        assert 0 <= forged.mask.min() <= forged.mask.max() <= 1
        assert np.array_equal(forged.pixels[forged.mask == 0], pixels[forged.mask == 0])
        assert not np.array_equal(forged.pixels[forged.mask > 0.5], pixels[forged.mask > 0.5])
        recipe = json.loads(json.dumps(forged.recipe, allow_nan=False))
        assert recipe["method"] == METHOD
        again = decoded_seeded(pixels, landmarks, recipe["seed"], trip)
        assert np.array_equal(again.pixels, forged.pixels)
        assert np.array_equal(again.mask, forged.mask)
        shapes.add(recipe["shape"])
    assert len(shapes) > 2
    assert np.array_equal(pixels, before)


def test_depths_and_noise_are_those_of_the_recipe() -> None:
    """Heard by an autoencoder that adds one grey level and tells what it was asked for."""
    asked: list[tuple[float, tuple[int, ...]]] = []

    def trip(pixels: Pixels, strength: float, _rng: np.random.Generator) -> Pixels:
        asked.append((strength, pixels.shape))
        return np.asarray(np.minimum(pixels, 254) + 1, np.uint8)

    pixels, landmarks = image(), mesh(160, 160)
    for seed in range(30):
        asked.clear()
        forged = decoded(pixels, landmarks, np.random.default_rng(seed), trip)
        trips, strength = forged.recipe["trips"], forged.recipe["strength"]
        assert len(asked) == trips
        assert [round(each, 4) for each, _ in asked] == [strength, *[0.0] * (len(asked) - 1)]
        assert all(side % 8 == 0 for _, shape in asked for side in shape[:2])
        if forged.recipe["shape"] == "picture":
            sure = forged.mask == 1
            assert (forged.pixels[sure] == np.minimum(pixels.astype(int) + trips, 255)[sure]).all()


def test_a_large_face_is_drawn_small(trip: LatentRoundTrip) -> None:
    forged = decoded(image(400, 400), mesh(400, 400), np.random.default_rng(2), trip)
    assert forged.pixels.shape == (400, 400, 3)


def test_points_that_are_no_face_are_refused(trip: LatentRoundTrip) -> None:
    with pytest.raises(DataError, match="span no face"):
        decoded(image(), np.full((468, 2), 80, np.float32), np.random.default_rng(0), trip)


def test_an_autoencoder_is_opened_once(tmp_path: Path) -> None:
    folder = untrained_latents(tmp_path)
    assert opened(folder) is opened(folder)


@needs_weights
def test_a_portrait_stays_nearly_the_same() -> None:
    sitter = read_sitter(PORTRAIT)
    for seed in range(4):
        forged = decoded_seeded(sitter.pixels, sitter.landmarks, seed, opened(WEIGHTS))
        sure = forged.mask > 0.5
        apart = np.abs(forged.pixels.astype(float) - sitter.pixels)[sure].mean()
        assert 0.3 < apart < 16
