"""The warp: its statistics, its borders, and that it repeats itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zhenwei.errors import UsageError
from zhenwei.forge.swap.warp import DEVIATION, Moves, move, similarity, warp, warp_maps
from zhenwei.types import Floats, Pixels


def _displacements(side: int, count: int, deviation: float = DEVIATION) -> Floats:
    rng = np.random.default_rng(0)
    still = np.stack(warp_maps(side, np.random.default_rng(0), 0.0))
    return np.stack([np.stack(warp_maps(side, rng, deviation)) - still for _ in range(count)])


def _smooth(rng: np.random.Generator, cells: int) -> Pixels:
    coarse = rng.integers(0, 255, (cells, cells, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("side", [32, 64, 128])
def test_displacements_have_mean_nought_and_the_deviation_of_the_grid(side: int) -> None:
    moved = _displacements(side, 600)
    assert np.abs(moved.mean()) < 0.002 * side
    # Bilinear between the grid's points: the variance is that of a point times (1 - 2t(1 - t)) in each axis, from 1 on
    # a point to 1/4 in the middle of a cell, and 4/9 on average.
    spread = moved.std() / (DEVIATION * side)
    assert spread == pytest.approx(2 / 3, rel=0.03)
    # mean length of a two-dimensional Gaussian of that deviation, mixed over places: near sqrt(pi/2) of it
    length = np.hypot(moved[:, 0], moved[:, 1]).mean() / (DEVIATION * side)
    assert length == pytest.approx(spread * np.sqrt(np.pi / 2), rel=0.05)


def test_grid_points_move_by_the_full_deviation_and_borders_move_too() -> None:
    side = 128
    moved = _displacements(side, 800)
    # The middle point of the grid, and the corner of what is kept (on a corner point's plateau).
    for row, column in ((side // 2, side // 2), (0, 0), (side - 1, side - 1)):
        spread = moved[:, :, row, column].std() / (DEVIATION * side)
        assert 0.85 < spread < 1.1


def test_without_deviation_nothing_moves() -> None:
    rng = np.random.default_rng(1)
    smooth = _smooth(rng, 8)
    xs, ys = warp_maps(64, rng, 0.0)
    assert np.allclose(xs, np.arange(64)[None], atol=1e-3)
    assert np.allclose(ys, np.arange(64)[:, None], atol=1e-3)
    assert np.array_equal(warp(smooth, rng, 0.0), smooth)


def test_the_same_seed_gives_the_same_warp_and_another_does_not() -> None:
    pixels = np.random.default_rng(2).integers(0, 255, (64, 64, 3), np.uint8)
    one, same, other = (warp(pixels, np.random.default_rng(s)) for s in (5, 5, 6))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_umeyama_finds_turn_scale_and_shift() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(25, 2)) * 20
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    found = similarity(points, 1.2 * points @ turn.T + (3, -4))
    assert np.allclose(found, np.column_stack([1.2 * turn, (3, -4)]))


def test_moves_leave_alone_what_is_not_to_move_and_mirror_exactly() -> None:
    pixels = np.random.default_rng(5).integers(0, 255, (32, 32, 3), np.uint8)
    mask = np.asarray(pixels[..., 0] / 255, np.float32)
    still, kept = move(pixels, mask, Moves(0, 0, 0, 0), np.random.default_rng(0))
    assert np.array_equal(still, pixels)
    assert kept is not None
    assert np.allclose(kept, mask)
    turned, kept = move(pixels, mask, Moves(0, 0, 0, 1.0), np.random.default_rng(0))
    assert np.array_equal(turned, pixels[:, ::-1])
    assert kept is not None
    assert np.allclose(kept, mask[:, ::-1])


def test_light_and_tint_change_colours_only_where_asked() -> None:
    grey = np.full((32, 32, 3), 128, np.uint8)
    lit = [move(grey, None, Moves(0, 0, 0, 0, light=0.3), np.random.default_rng(s))[0].mean() for s in range(20)]
    assert np.ptp(lit) > 30


def test_a_picture_that_is_not_square_is_refused() -> None:
    with pytest.raises(UsageError, match="square"):
        warp(np.zeros((32, 40, 3), np.uint8), np.random.default_rng(0))
    with pytest.raises(UsageError, match="too small"):
        warp_maps(8, np.random.default_rng(0))
