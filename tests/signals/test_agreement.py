"""Agreement of patches: planted parts are found, the map lies where the patches lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from zhenwei.signals.agreement import corners, logits, mean_shift, parted, spread_out


def planted(odd: int, even: int, seed: int = 0, noise: float = 0.3) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Logits of +3 within two sides and -3 across."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(odd + even) < odd)
    agree = np.where(side[:, None] == side[None], 3.0, -3.0)
    jitter = rng.standard_normal(agree.shape) * noise
    return agree + (jitter + jitter.T) / 2, side


@given(st.integers(1, 900), st.integers(1, 900), st.integers(2, 16))
@settings(max_examples=80, deadline=None)
def test_patches_cover_the_picture_and_stay_inside(height: int, width: int, most: int) -> None:
    at = corners(height, width, 128, most)
    if min(height, width) < 128:
        assert at.shape == (0, 2)
        return
    assert (at >= 0).all()
    assert (at[:, 0] <= height - 128).all()
    assert (at[:, 1] <= width - 128).all()
    assert len(np.unique(at, axis=0)) == len(at)
    for axis, side in enumerate((height, width)):
        lines = np.unique(at[:, axis])
        assert len(lines) <= most
        assert lines[0] == 0 or side - 128 < 32
    if min(height, width) >= 160 and max(height, width) <= 128 + 32 * (most - 1):
        assert [at.min(0).tolist(), at.max(0).tolist()] == [[0, 0], [height - 128, width - 128]]


def test_logits_are_the_margin_less_squared_distances() -> None:
    rng = np.random.default_rng(1)
    points = rng.standard_normal((7, 3, 4)).astype(np.float32)
    margins = rng.standard_normal(7).astype(np.float32)
    flat = points.reshape(7, -1)
    want = (margins[:, None] + margins[None]) / 2 - cdist(flat, flat, "sqeuclidean")
    np.testing.assert_allclose(logits(points, margins), want, atol=1e-5)


def test_mean_shift_finds_the_denser_of_two_clusters() -> None:
    rng = np.random.default_rng(2)
    rows = np.vstack([rng.normal(0.2, 0.02, (30, 5)), rng.normal(0.8, 0.02, (12, 5))])
    np.testing.assert_allclose(mean_shift(rng.permutation(rows)), 0.2, atol=0.02)


def test_mean_shift_of_one_row_is_that_row() -> None:
    np.testing.assert_allclose(mean_shift(np.array([[0.3, 0.4]])), [0.3, 0.4])


@pytest.mark.parametrize("odd", [3, 8, 14])
def test_a_planted_part_is_parted_from_the_rest(odd: int) -> None:
    agree, side = planted(odd, 30)
    found = parted(agree)
    assert (found.apart == side).all()
    assert found.odd[side].min() > found.odd[~side].max()
    assert found.gap == pytest.approx(6, abs=0.3)


def test_the_smaller_side_is_the_odd_one_whichever_comes_first() -> None:
    for seed in range(5):
        agree, side = planted(9, 16, seed)
        assert (parted(agree).apart == side).all()


def test_where_all_agree_there_is_no_gap() -> None:
    assert parted(np.full((25, 25), 2.0)).gap == 0
    noise = np.random.default_rng(3).standard_normal((40, 40)) * 0.3
    assert parted(3 + (noise + noise.T) / 2).gap < 0.4


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_patches_are_not_parted(count: int) -> None:
    found = parted(np.zeros((count, count)))
    assert found.gap == 0
    assert found.odd.shape == (count,)
    assert not found.apart.any()


def test_the_map_lies_where_the_patches_lie() -> None:
    at = corners(300, 500, 128, 12)
    right = (at[:, 1] > 250).astype(np.float64)
    shown = spread_out(right, at, 128, (300, 500))
    assert shown.shape == (38, 64)
    assert np.nanmax(shown[:, :16]) == 0
    assert np.nanmin(shown[:, 56:]) == 1
    np.testing.assert_allclose(spread_out(np.ones(len(at)), at, 128, (300, 500)), 1)


def test_uncovered_places_are_unknown() -> None:
    shown = spread_out(np.ones(1), np.array([[0, 0]]), 128, (256, 512))
    assert np.isnan(shown[:, 20:]).all()
    assert (shown[:15, :15] == 1).all()
