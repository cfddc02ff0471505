"""Stills that were animated as training material: of landmarks with and without depth, alone and as a clip."""

from __future__ import annotations

import json

import numpy as np
import pytest

from zhenwei.errors import DataError
from zhenwei.forge.animate import animated, animated_clip, animated_seeded
from zhenwei.forge.animate.layers import layers_of
from zhenwei.forge.animate.motion import opening, with_depth
from zhenwei.forge.animate.still import animated_clip_seeded
from zhenwei.forge.puppet import ANNA, BRUNO, Look, draw, mean_mesh

PORTRAIT = draw(ANNA, Look(blink=0.1, scene=3), 160)


@pytest.mark.parametrize("look", [Look(), Look(yaw=20, pitch=-8, roll=6, open=0.5)])
def test_a_depth_is_found_for_points_that_lost_theirs(look: Look) -> None:
    true = draw(BRUNO, look, 192).landmarks.astype(np.float64)
    found = with_depth(true[:, :2].astype(np.float32), mean_mesh())
    assert np.allclose(found[:, :2], true[:, :2], atol=1e-4)
    true_z, z = true[:, 2] - true[:, 2].mean(), found[:, 2] - found[:, 2].mean()
    assert np.corrcoef(true_z, z)[0, 1] > 0.97
    assert np.abs(true_z - z).mean() < 0.04 * 192
    assert (with_depth(true.astype(np.float32), mean_mesh()) == true).all()


def test_landmarks_without_depth_do() -> None:
    flat = np.ascontiguousarray(PORTRAIT.landmarks[:, :2])
    for seed in range(4):
        made = animated_seeded(PORTRAIT.pixels, flat, seed)
        with_theirs = animated_seeded(PORTRAIT.pixels, PORTRAIT.landmarks, seed)
        assert (made.pixels == PORTRAIT.pixels)[made.mask == 0].all()
        assert made.recipe["seed"] == with_theirs.recipe["seed"]
        assert np.abs(made.pixels.astype(float) - with_theirs.pixels).mean() < 6  # about the same turn


def test_layers_that_were_kept_give_the_same() -> None:
    layers = layers_of(PORTRAIT.pixels, PORTRAIT.landmarks)
    for seed in range(3):
        usual, quick = (animated_seeded(PORTRAIT.pixels, PORTRAIT.landmarks, seed, each) for each in (None, layers))
        assert np.array_equal(usual.pixels, quick.pixels)


def test_a_clip_has_its_truth_and_its_seed() -> None:
    moved = 0
    for seed in range(3):
        made = animated_clip(PORTRAIT.pixels, PORTRAIT.landmarks, np.random.default_rng(seed), 12)
        recipe = json.loads(json.dumps(made.recipe, allow_nan=False))
        again = animated_clip_seeded(PORTRAIT.pixels, PORTRAIT.landmarks, recipe["seed"], recipe["frames"])
        assert np.array_equal(again.frames, made.frames)
        assert made.frames.shape == (12, *PORTRAIT.pixels.shape)
        assert (made.origin == 0).all()
        for frame, mask in zip(made.frames, made.masks, strict=True):
            assert (frame == PORTRAIT.pixels)[mask == 0].all()
        assert made.altered[1:].all()
        moved += int(np.ptp(recipe["mouth"]) > 0.03)
    assert moved >= 1  # somebody spoke
    assert opening(PORTRAIT.landmarks.astype(np.float64)) < 0.2


def test_points_that_are_no_face_are_refused() -> None:
    for landmarks in (np.zeros((468, 3), np.float32), np.zeros((68, 2), np.float32)):
        with pytest.raises(DataError):
            animated(PORTRAIT.pixels, landmarks, np.random.default_rng(0))
        with pytest.raises(DataError):
            animated_clip(PORTRAIT.pixels, landmarks, np.random.default_rng(0))


@pytest.mark.parametrize("margin", [-12, -6, 0, 16])
def test_a_face_that_fills_its_picture_moves_too(margin: int) -> None:
    """Of such a crop no hair is seen beside the face."""
    points = PORTRAIT.landmarks[:, :2]
    left, top = np.floor(points.min(0)).astype(int) - margin
    right, bottom = np.ceil(points.max(0)).astype(int) + margin
    crop = np.ascontiguousarray(PORTRAIT.pixels[max(0, top) : bottom, max(0, left) : right])
    landmarks = PORTRAIT.landmarks - np.array([max(0, left), max(0, top), 0], np.float32)
    for seed in range(4):
        made = animated_seeded(crop, landmarks, seed)
        assert made.pixels.shape == crop.shape
        assert made.mask.any()
        assert (made.pixels == crop)[made.mask == 0].all()
