"""The arithmetic around BlazeFace: anchors, views, merging."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zhenwei.faces import blazeface
from zhenwei.faces.blazeface import FULL_RANGE, SHORT_RANGE, Candidate, SquareView
from zhenwei.faces.sampling import part, scaled
from zhenwei.types import Box, Pixels


def candidate(left: float, confidence: float, size: float = 10) -> Candidate:
    return Candidate(Box(left, 0, left + size, size), confidence, np.full((6, 2), left, np.float32))


def test_anchors_are_those_of_the_networks() -> None:
    short, full = blazeface.anchors(SHORT_RANGE), blazeface.anchors(FULL_RANGE)
    assert short.shape == (16 * 16 * 2 + 8 * 8 * 6, 2)
    assert full.shape == (48 * 48, 2)
    np.testing.assert_allclose(short[[0, 1, 2, 511]], np.array([[1, 1], [1, 1], [3, 1], [31, 31]]) / 32)
    np.testing.assert_allclose(short[[512, 517, 518, 895]], np.array([[1, 1], [1, 1], [3, 1], [15, 15]]) / 16)
    np.testing.assert_allclose(full[[0, 1, 48, -1]], np.array([[1, 1], [3, 1], [1, 3], [95, 95]]) / 96)


def test_candidates_of_one_face_are_averaged_by_confidence() -> None:
    near, far = blazeface.merged([candidate(1, 0.3), candidate(40, 0.5), candidate(0, 0.9)])[::1]
    assert near.box.left == pytest.approx(0.25)  # (0 x 0.9 + 1 x 0.3) / 1.2
    assert near.keypoints[0, 0] == pytest.approx(0.25)
    assert near.confidence == 0.9
    assert (far.box.left, far.confidence) == (40, 0.5)
    assert blazeface.merged([]) == []


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(16, 300),
    width=st.integers(16, 300),
    left=st.integers(-80, 200),
    top=st.integers(-80, 200),
    side=st.integers(16, 400),
    repeated=st.integers(0, 100),
)
def test_a_view_knows_where_its_pixels_come_from(
    height: int, width: int, left: int, top: int, side: int, repeated: int
) -> None:
    """In a picture whose colours are its coordinates, a pixel of the view shows the place that the scaling names."""
    y, x = np.mgrid[:height, :width] + 0.5
    assume(left < width and top < height and left + side > 0 and top + side > 0)
    image = np.stack([x * 0.8, y * 0.8, np.full_like(x, 200)], -1).astype(np.uint8)
    shown, scaling = blazeface._input(SquareView(image, left, top, side, repeated), 128)
    assert shown.shape == (128, 128, 3)
    rows, columns = np.nonzero(shown[..., 2] > 0)  # where there is picture or repeated border
    places = scaling.to_image(np.stack([columns + 0.5, rows + 0.5], -1).astype(np.float64))
    colours = (shown[rows, columns, :2] + 1) * 127.5 / 0.8
    wanted = np.clip(places, 0.5, [width - 0.5, height - 0.5])
    inner = ((places > 2) & (places < np.array([width, height]) - 2)).all(axis=1)  # the border is averaged with itself
    slack = 2.0 + 0.6 * side / 128
    assert len(rows)
    assert (np.abs(colours - wanted)[inner] < slack).all()


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_part_beyond_the_picture_repeats_its_border(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    left, top = data.draw(st.integers(-20, 20)), data.draw(st.integers(-20, 20))
    right, bottom = left + data.draw(st.integers(1, 30)), top + data.draw(st.integers(1, 30))
    rows = np.clip(np.arange(top, bottom), 0, height - 1)
    columns = np.clip(np.arange(left, right), 0, width - 1)
    np.testing.assert_array_equal(part(pixels, left, top, right, bottom), pixels[rows][:, columns])


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1281, 719), (3, 500), (64, 64)])
def test_scaling_keeps_means_and_ramps(width: int, height: int) -> None:
    ramp = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 3))
    small: Pixels = scaled(np.round(ramp).astype(np.uint8), 32, 16)
    assert small.shape == (16, 32, 3)
    assert float(small.mean()) == pytest.approx(127.5, abs=1.5)
    assert (np.diff(small[8, :, 0].astype(int)) >= 0).all()
