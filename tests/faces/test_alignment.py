"""Cutting: the right part of the frame, at the right scale, or nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhenwei import faces
from zhenwei.errors import UsageError
from zhenwei.types import Box, Face, Frame, InputContract, Quality

CONTRACT = InputContract(size_px=32, margin=0.0, min_face_px=20)
RNG = np.random.default_rng(5)
FRAME = Frame(0, 0.0, RNG.integers(0, 256, (120, 160, 3), dtype=np.uint8))


def face(box: Box, *, tight: bool = False) -> Face:
    quality = Quality(min(box.width, box.height), 100.0, 0.5, 0.0)
    return Face(0, 0.0, box, 0.9, np.zeros((6, 2), np.float32), quality, None, tight)


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    st.floats(-60, 150),
    st.floats(-60, 110),
    st.floats(20, 200),
    st.floats(20, 200),
)


@settings(deadline=None, max_examples=50)
@given(box=boxes, margin=st.floats(0, 1))
def test_the_region_is_the_grown_box_made_square_in_whole_pixels(box: Box, margin: float) -> None:
    square = faces.region(FRAME, face(box), InputContract(32, margin, 20))
    grown = box.expanded(margin)
    assert square.width == square.height == round(square.width)
    assert square.left == round(square.left)
    assert square.width == pytest.approx(max(grown.width, grown.height), abs=0.51)
    assert square.left + square.right == pytest.approx(grown.left + grown.right, abs=1.01)
    assert square.top + square.bottom == pytest.approx(grown.top + grown.bottom, abs=1.01)


@settings(deadline=None, max_examples=50)
@given(box=boxes)
def test_what_is_cut_is_that_part_of_the_frame_with_its_border_repeated(box: Box) -> None:
    square = faces.region(FRAME, face(box), CONTRACT)
    contract = InputContract(int(square.width), 0.0, 1)  # no scaling: the very pixels
    rows = np.clip(np.arange(square.top, square.bottom), 0, 119).astype(int)
    columns = np.clip(np.arange(square.left, square.right), 0, 159).astype(int)
    cut = faces.cut(FRAME, face(box), contract)
    assert cut is not None
    np.testing.assert_array_equal(cut, FRAME.pixels[rows][:, columns])
    assert cut.flags.owndata or not np.shares_memory(cut, FRAME.pixels)


def test_shrinking_averages_and_enlarging_interpolates() -> None:
    box = Box(10, 10, 106, 106)
    shrunk = faces.cut(FRAME, face(box), CONTRACT)
    means = FRAME.pixels[10:106, 10:106].reshape(32, 3, 32, 3, 3).mean(axis=(1, 3))
    assert shrunk is not None
    assert np.abs(shrunk - means).max() <= 0.51
    enlarged = faces.cut(FRAME, face(box), InputContract(300, 0.0, 20))
    part = np.ascontiguousarray(FRAME.pixels[10:106, 10:106])
    np.testing.assert_array_equal(enlarged, cv2.resize(part, (300, 300), interpolation=cv2.INTER_LINEAR))


def test_a_face_below_the_contract_is_not_cut() -> None:
    assert faces.cut(FRAME, face(Box(0, 0, 19.9, 60)), CONTRACT) is None
    assert faces.cut(FRAME, face(Box(0, 0, 20, 60)), CONTRACT) is not None


@pytest.mark.parametrize(
    ("box", "own"),
    [
        (Box(-8, 5, 124, 110), True),
        (Box(0, 0, 120, 120), True),
        (Box(13, 0, 120, 120), False),
        (Box(0, 0, 120, 106), False),
    ],
)
def test_a_tight_crop_is_shown_by_its_own_frame_when_the_box_is_near_it(box: Box, own: bool) -> None:
    crop = Frame(0, 0.0, np.ascontiguousarray(FRAME.pixels[:, :120]))
    contract = InputContract(120, 0.0, 20)
    cut = faces.cut(crop, face(box, tight=True), contract)
    assert cut is not None
    assert np.array_equal(cut, crop.pixels) == own
    assert (faces.region(crop, face(box, tight=True), contract) == Box(0, 0, 120, 120)) == own
    assert faces.region(crop, face(Box(-8, 5, 124, 110)), contract) != Box(0, 0, 120, 120)


def test_a_margin_around_a_tight_crop_repeats_its_border() -> None:
    crop = Frame(0, 0.0, np.ascontiguousarray(FRAME.pixels[:, :120]))
    cut = faces.cut(crop, face(Box(2, 2, 118, 118), tight=True), InputContract(180, 0.25, 20))
    np.testing.assert_array_equal(cut, np.pad(crop.pixels, ((30, 30), (30, 30), (0, 0)), mode="edge"))


def test_a_portrait_shows_more_than_the_box() -> None:
    assert faces.portrait(FRAME, face(Box(40, 40, 80, 80)), 68).shape == (68, 68, 3)
    wide = faces.portrait(FRAME, face(Box(40, 40, 80, 80)), 68)  # 40 px and 0.35 of it on each side
    np.testing.assert_array_equal(wide, FRAME.pixels[26:94, 26:94])
    assert faces.portrait(FRAME, face(Box(0, 0, 9, 9)), 40).shape == (40, 40, 3)


def test_normalise() -> None:
    contract = InputContract(4, 0.0, 20, mean=0.25, deviation=0.5)
    pixels = RNG.integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    batch = faces.normalise(pixels, contract)
    assert batch.shape == (3, 3, 4, 4)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    assert batch[1, 2, 3, 0] == pytest.approx((pixels[1, 3, 0, 2] / 255 - 0.25) / 0.5, abs=1e-6)
    assert faces.normalise(pixels[:0], contract).shape == (0, 3, 4, 4)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((1, 5, 4, 3), np.uint8), np.zeros((1, 4, 4, 3))]
)
def test_normalise_refuses_what_is_not_cut_to_the_contract(bad: np.ndarray) -> None:
    with pytest.raises(UsageError, match="not faces cut to the contract"):
        faces.normalise(bad, InputContract(4, 0.0, 20))
