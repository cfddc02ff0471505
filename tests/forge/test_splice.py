"""Splices: ground truth that is true, whatever is pasted and however."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.forge.repeating import repeat

from zhenwei.errors import DataError
from zhenwei.forge.synthesis import splice
from zhenwei.forge.synthesis.splice import EDGES, HISTORIES, KINDS, _pasted, splice_seeded
from zhenwei.types import Pixels

from .test_synthesis import image, mesh

SEEDS = range(60)


def _donor(height: int = 140, width: int = 180) -> Pixels:
    return np.ascontiguousarray(image(height, width)[:, ::-1] // 2 + 90)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**40), st.integers(90, 260), st.integers(90, 260))
@example(137, 132, 131)  # a sliver at the rim, blended over
def test_outside_the_mask_nothing_changes_and_inside_something_does(seed: int, height: int, width: int) -> None:
    pixels, donor = image(height, width), _donor()
    before = pixels.copy(), donor.copy()
    forged = splice_seeded(pixels, mesh(height, width), donor, mesh(140, 180), seed)
    assert forged.pixels.shape == pixels.shape
    assert forged.mask.shape == (height, width)
    assert forged.mask.dtype == np.float32
    assert 0 <= forged.mask.min() <= forged.mask.max() <= 1
    assert forged.mask.max() > 0.5
    assert np.array_equal(forged.pixels[forged.mask == 0], pixels[forged.mask == 0])
    assert not np.array_equal(forged.pixels, pixels)
    assert np.array_equal(pixels, before[0])
    assert np.array_equal(donor, before[1])


def test_every_kind_edge_and_history_occurs_and_hard_edges_are_hard() -> None:
    seen: set[object] = set()
    for seed in SEEDS:
        forged = splice_seeded(image(), mesh(160, 160), _donor(), mesh(140, 180), seed)
        seen |= {forged.recipe["kind"], forged.recipe["edge"], forged.recipe["history"]}
        if forged.recipe["edge"] != "feathered":
            assert set(np.unique(forged.mask)) == {0.0, 1.0}
        assert 0.002 < forged.mask.mean() < 0.8
    assert seen == {*KINDS, *EDGES, *HISTORIES}


def test_what_is_pasted_is_the_donor_where_it_says() -> None:
    """Hard, unmatched, without a history: inside the mask stand the donor's pixels under the recipe's own geometry."""
    checked = 0
    for seed in range(400):
        pixels, donor = image(), _donor()
        forged = splice_seeded(pixels, mesh(160, 160), donor, mesh(140, 180), seed)
        r = forged.recipe
        if (r["kind"], r["edge"], r["history"], r["matched"]) != ("object", "hard", "none", 0.0) or r["mirrored"]:
            continue
        there, here = np.array(r["from"], np.float64), np.array(r["to"], np.float64)
        y, x = np.argwhere(cv2.erode((forged.mask > 0).astype(np.uint8), np.ones((9, 9))))[0]
        turn = -np.deg2rad(float(r["angle_deg"]))  # type: ignore[arg-type]
        back = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / float(r["scale"])  # type: ignore[arg-type]
        u, v = back @ (np.array([x, y]) - here) + there
        if not (2 < u < donor.shape[1] - 3 and 2 < v < donor.shape[0] - 3):
            continue
        near = donor[int(v) - 1 : int(v) + 3, int(u) - 1 : int(u) + 3].reshape(-1, 3)
        assert (forged.pixels[y, x] >= near.min(0) - 2).all()
        assert (forged.pixels[y, x] <= near.max(0) + 2).all()
        checked += 1
    assert checked >= 8


def test_poisson_blending_of_a_picture_with_itself_is_that_picture() -> None:
    """Were the region shifted by a pixel, edges would show."""
    source = image()
    region = np.zeros((160, 160), np.bool_)
    region[41:90, 30:77] = True
    out, mask = _pasted(source, source, region, "poisson", np.random.default_rng(0))
    assert np.abs(out.astype(int) - source).max() <= 2
    assert np.array_equal(mask > 0, region)


def test_a_recipe_repeats_the_splice_and_is_json() -> None:
    pixels, points, donor, theirs = image(), mesh(160, 160), _donor(), mesh(140, 180)
    for seed in range(8):
        forged = splice(pixels, points, donor, theirs, np.random.default_rng(seed))
        again = repeat(json.loads(json.dumps(forged.recipe)), pixels, points, donor, theirs)
        assert np.array_equal(again.pixels, forged.pixels)
        assert np.array_equal(again.mask, forged.mask)


def test_faces_that_cannot_be_spliced_are_refused() -> None:
    pixels, points = image(), mesh(160, 160)
    rng = np.random.default_rng(0)
    with pytest.raises(DataError):
        splice(pixels[..., 0], points, pixels, points, rng)
    with pytest.raises(DataError):
        splice(pixels, points, pixels[:20, :20], points, rng)
    with pytest.raises(DataError):
        splice(pixels, points + 1000, pixels, points, rng)
