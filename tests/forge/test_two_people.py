"""Forgeries of two people: mesh swaps and blends, with ground truth that is true, and repeatable."""

from __future__ import annotations

import json
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forge.repeating import repeat

from zhenwei.errors import DataError
from zhenwei.forge.synthesis import Forgery, boundary_map, cross_blend, mesh_swap, nearest_donors
from zhenwei.forge.synthesis.mesh_swap import match_colours, warp_onto
from zhenwei.testing import face_mesh
from zhenwei.types import Box, Floats, Pixels

Method = Callable[[Pixels, Floats, Pixels, Floats, np.random.Generator], Forgery]
METHODS = (mesh_swap, cross_blend)
OURS = (120, 160)  # height, width
THEIRS = (200, 140)


def image(height: int, width: int, tint: tuple[int, int, int]) -> Pixels:
    rng = np.random.default_rng(3)
    out = np.full((height, width, 3), tint, dtype=np.float32)
    for cells in (3, 9, 27):
        layer = rng.normal(0, 14, (cells, cells, 3)).astype(np.float32)
        out += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
    made = np.clip(out, 0, 255).astype(np.uint8)
    made.flags.writeable = False
    return made


def mesh(height: int, width: int) -> Floats:
    points = face_mesh(Box(0.2 * width, 0.15 * height, 0.8 * width, 0.9 * height))[:, :2]
    return np.ascontiguousarray(points, np.float32)


def forge(method: Method, seed: int) -> Forgery:
    ours, theirs = image(*OURS, (150, 120, 100)), image(*THEIRS, (70, 90, 160))
    return method(ours, mesh(*OURS), theirs, mesh(*THEIRS), np.random.default_rng(seed))


@pytest.mark.parametrize("method", METHODS)
def test_ground_truth_is_true(method: Method) -> None:
    ours = image(*OURS, (150, 120, 100))
    for seed in range(25):
        forged = forge(method, seed)
        assert forged.pixels.shape == ours.shape
        assert forged.mask.dtype == np.float32
        assert 0 <= forged.mask.min() <= forged.mask.max() <= 1
        assert np.array_equal(forged.pixels[forged.mask == 0], ours[forged.mask == 0])
        assert not np.array_equal(forged.pixels[forged.mask > 0.5], ours[forged.mask > 0.5])
        assert forged.mask.max() > 0.9
        assert forged.mask.min() == 0  # never the donor alone: that would be a genuine face


@pytest.mark.parametrize("method", METHODS)
def test_a_recipe_repeats_the_forgery(method: Method) -> None:
    ours, theirs = image(*OURS, (150, 120, 100)), image(*THEIRS, (70, 90, 160))
    for seed in range(6):
        forged = forge(method, seed)
        recipe = json.loads(json.dumps(forged.recipe, allow_nan=False))
        again = repeat(recipe, ours, mesh(*OURS), theirs, mesh(*THEIRS))
        assert np.array_equal(again.pixels, forged.pixels)
        assert np.array_equal(again.mask, forged.mask)


@pytest.mark.parametrize("method", METHODS)
def test_another_seed_is_another_forgery(method: Method) -> None:
    assert np.array_equal(forge(method, 1).pixels, forge(method, 1).pixels)
    assert not np.array_equal(forge(method, 1).pixels, forge(method, 2).pixels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("which", ["ours", "theirs"])
def test_landmarks_that_are_no_face_are_refused(method: Method, which: str) -> None:
    ours, theirs = image(*OURS, (150, 120, 100)), image(*THEIRS, (70, 90, 160))
    bad = np.full((468, 2), 60, np.float32)
    points = (bad, mesh(*THEIRS)) if which == "ours" else (mesh(*OURS), bad)
    with pytest.raises(DataError, match="span no face"):
        method(ours, points[0], theirs, points[1], np.random.default_rng(0))


def test_every_landmark_lands_on_its_own() -> None:
    """A bent donor: at fit 1 the map leads from each landmark of ours to theirs, at fit 0 to the best affine guess."""
    ours = mesh(*OURS)
    theirs = mesh(*THEIRS) + 6 * np.sin(mesh(*OURS)[:, ::-1] / 15).astype(np.float32)
    ones = np.hstack([ours, np.ones((468, 1))])
    guess = ones @ np.linalg.lstsq(ones, theirs, rcond=None)[0]
    assert np.abs(guess - theirs).max() > 3  # the bend is no affine map
    inside = ((ours > 1) & (ours < np.array(OURS[::-1]) - 2)).all(1)
    for fit, want in ((1.0, theirs), (0.0, guess)):
        maps = warp_onto(ours, theirs, *OURS, fit)
        columns, rows = ours[inside, :1].copy(), ours[inside, 1:].copy()
        found = np.hstack([cv2.remap(m, columns, rows, cv2.INTER_LINEAR) for m in maps])
        assert float(np.median(np.abs(found - want[inside]))) < 0.25
        assert float(np.abs(found - want[inside]).max()) < (2.5 if fit else 0.05)


def test_matched_colours_have_the_moments_of_the_target() -> None:
    ours, theirs = image(*OURS, (150, 120, 100)), image(*OURS, (70, 90, 160))
    mask = np.zeros(OURS, np.float32)
    mask[30:90, 40:120] = 1
    lab = [
        cv2.cvtColor(x, cv2.COLOR_RGB2LAB)[mask > 0].astype(float) for x in (ours, match_colours(theirs, ours, mask, 1))
    ]
    assert lab[1].mean(0) == pytest.approx(lab[0].mean(0), abs=1.5)
    assert lab[1].std(0) == pytest.approx(lab[0].std(0), abs=2.5)
    assert match_colours(theirs, ours, mask, 0) is theirs


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
def test_boundary_map_is_one_where_both_share_alike(values: list[float]) -> None:
    mask = np.array([values], np.float32)
    found = boundary_map(mask)
    assert found == pytest.approx(4 * mask - 4 * mask**2, abs=1e-6)
    assert boundary_map(np.array([[0, 0.5, 1]], np.float32)).tolist() == [[0, 1, 0]]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 4), st.floats(0.2, 5), st.floats(-100, 100))
def test_the_nearest_donor_is_oneself_wherever_and_however_large(which: int, scale: float, shift: float) -> None:
    faces = np.random.default_rng(0).normal(size=(5, 468, 2)).astype(np.float32)
    moved = (faces[which] * scale + shift).astype(np.float32)
    order = nearest_donors(moved, faces, 5)
    assert order[0] == which
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]


def test_too_few_donors_are_an_error() -> None:
    with pytest.raises(DataError, match="not enough donors"):
        nearest_donors(mesh(*OURS), np.zeros((2, 468, 2), np.float32), 3)
