"""JPEG traces: savings by Pillow are recognised, and planted histories are found where they were planted."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from zhenwei.signals import jpeg
from zhenwei.stats.metrics import auc
from zhenwei.types import Floats, Pixels

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"


def saved(pixels: Pixels, quality: int) -> Pixels:
    """Through Pillow, without subsampling: another writer than the one that trains."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(file).convert("RGB"), np.uint8)


@pytest.fixture(scope="module")
def scene() -> Pixels:
    """Never saved at this size: made smaller from what was."""
    image = Image.open(PORTRAIT).convert("RGB").resize((400, 400), Image.Resampling.LANCZOS)
    grain = np.random.default_rng(0).normal(0, 1.5, (400, 400, 1))
    return np.clip(np.asarray(image, np.float64) + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 92, 100])
def test_the_table_is_what_the_library_writes(quality: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG", quality=quality)
    zigzag = sorted(np.ndindex(8, 8), key=lambda p: (sum(p), p[0] if sum(p) % 2 else p[1]))
    written = Image.open(file).quantization[0]  # type: ignore[attr-defined]
    assert list(written) in ([int(jpeg.table(quality)[p]) for p in zigzag], jpeg.table(quality).ravel().tolist())


@given(quality=st.integers(40, 95), seed=st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_the_error_is_what_saving_does(quality: int, seed: int) -> None:
    """By Parseval; noise in the middle of the range, so that nothing clips."""
    grey = np.random.default_rng(seed).normal(128, 14, (64, 64)).clip(60, 200).astype(np.uint8)
    blocks = jpeg.coefficients(grey.astype(np.float32))
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=quality)
    after = np.asarray(Image.open(file), np.float64)
    measured = ((after - grey) ** 2).reshape(8, 8, 8, 8).mean(axis=(1, 3))
    assert jpeg.requantised_error(blocks.values, quality) == pytest.approx(measured, rel=0.15, abs=0.35)


@given(row=st.integers(0, 7), column=st.integers(0, 7))
@settings(max_examples=10, deadline=None)
def test_a_crop_has_its_grid_where_it_was_cut(row: int, column: int) -> None:
    image = Image.open(PORTRAIT).convert("RGB").resize((400, 400), Image.Resampling.LANCZOS)
    cropped = saved(np.asarray(image, np.uint8), 70)[row:, column:]
    found = jpeg.grid_offset(jpeg.grid_steps(jpeg.luma(cropped)))
    assert found[:2] == ((-row) % 8, (-column) % 8)
    assert found[2] > 0.15


def test_what_was_never_saved_has_neither_grid_nor_dip(scene: Pixels) -> None:
    plane = jpeg.luma(scene)
    assert jpeg.grid_offset(jpeg.grid_steps(plane))[2] < 0.1
    assert jpeg.last_quality(jpeg.coefficients(plane))[1] < 0.3
    assert jpeg.double_quantised(jpeg.coefficients(plane), 90)[1] < 0.3


@pytest.mark.parametrize("quality", [50, 55, 64, 70, 75, 80, 85, 90, 95])
def test_the_last_quality_is_found(scene: Pixels, quality: int) -> None:
    found, dip = jpeg.last_quality(jpeg.coefficients(jpeg.luma(saved(scene, quality))))
    assert abs(found - quality) <= 1
    assert dip > 0.5


def placed(region: NDArray[np.bool_], places: Floats) -> float:
    """AUC of a map against the truth by block."""
    rows, columns = places.shape
    truth = region[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8).mean(axis=(1, 3))
    clear = ((truth < 0.05) | (truth > 0.95)) & np.isfinite(places)
    return float(auc(truth[clear] > 0.5, places[clear]))


def patch(height: int = 400, width: int = 400) -> NDArray[np.bool_]:
    region = np.zeros((height, width), bool)
    region[120:250, 60:200] = True
    return region


def test_a_patch_that_was_saved_at_another_quality_is_localised_by_its_ghost(scene: Pixels) -> None:
    """Farid's experiment: the ground was saved at 90, the patch before at 60; nothing was saved after pasting."""
    region = patch()
    mixed = np.where(region[..., None], saved(saved(scene, 61), 90), saved(scene, 90)).astype(np.uint8)
    ghost = jpeg.ghosts(jpeg.coefficients(jpeg.luma(mixed)))[..., jpeg.QUALITIES.index(61) - 1]
    assert placed(region, ghost) > 0.95
    none = jpeg.ghosts(jpeg.coefficients(jpeg.luma(saved(scene, 90))))[..., jpeg.QUALITIES.index(61) - 1]
    assert np.nanstd(ghost) > 2 * np.nanstd(none)


def test_a_patch_that_was_not_saved_twice_is_localised(scene: Pixels) -> None:
    region = patch()
    ground = saved(scene, 60)
    mixed = saved(np.where(region[..., None], scene, ground).astype(np.uint8), 90)
    places, comb = jpeg.double_quantised(jpeg.coefficients(jpeg.luma(mixed)), 90)
    assert placed(region, places) > 0.9
    once, less = jpeg.double_quantised(jpeg.coefficients(jpeg.luma(saved(scene, 90))), 90)
    twice, more = jpeg.double_quantised(jpeg.coefficients(jpeg.luma(saved(ground, 90))), 90)
    assert more > less + 0.1
    assert comb > less
    assert np.nanstd(twice) < np.nanstd(places)
    assert np.nanstd(once) < np.nanstd(places)


def test_a_patch_with_a_shifted_grid_is_localised(scene: Pixels) -> None:
    """The ground was saved at 85 on the grid of the picture, the patch at 50 and then moved by (3, 5)."""
    region = patch()
    moved = np.roll(saved(np.roll(scene, (-3, -5), axis=(0, 1)), 50), (3, 5), axis=(0, 1))
    mixed = np.where(region[..., None], moved, saved(scene, 85)).astype(np.uint8)
    steps = jpeg.grid_steps(jpeg.luma(mixed))
    assert jpeg.grid_offset(steps)[:2] == (0, 0)
    assert placed(region, jpeg.other_grid(steps, (0, 0))) > 0.85


def test_a_picture_saved_twice_with_a_shifted_grid_shows_both(scene: Pixels) -> None:
    twice = saved(np.ascontiguousarray(saved(scene, 40)[3:, 5:]), 85)
    steps = jpeg.grid_steps(jpeg.luma(twice))
    by_row, by_column = steps.down.mean(axis=(0, 1)), steps.across.mean(axis=(0, 1))
    assert set(np.argsort(by_row)[-2:]) == {0, 5}
    assert set(np.argsort(by_column)[-2:]) == {0, 3}


def test_large_pictures_are_sampled_and_small_ones_give_nothing() -> None:
    large = np.random.default_rng(1).random((2600, 3000)).astype(np.float32) * 255
    blocks = jpeg.coefficients(large)
    assert blocks.stride > 1
    assert blocks.values.shape[0] * blocks.values.shape[1] <= 33_500
    for side in (1, 7, 9):
        small = np.full((side, side), 90, np.float32)
        steps = jpeg.grid_steps(small)
        assert jpeg.grid_offset(steps)[2] == 0
        assert jpeg.ghosts(jpeg.coefficients(small)).shape[2] == len(jpeg.QUALITIES) - 2
        assert jpeg.other_grid(steps, (0, 0)).shape == steps.down.shape[:2]
        assert jpeg.double_quantised(jpeg.coefficients(small), 80)[1] == 0
        assert jpeg.last_quality(jpeg.coefficients(small))[1] < 0.3


def test_unlike_counts_in_robust_deviations() -> None:
    places = np.random.default_rng(3).standard_normal((60, 60)).astype(np.float32)
    places[0, 0], places[5, 5] = np.nan, 40
    found = jpeg.unlike(places)
    assert np.isnan(found[0, 0])
    assert found[5, 5] > 15
    assert np.nanmedian(found) == pytest.approx(0, abs=0.01)
    assert (jpeg.unlike(np.full((4, 4), 3, np.float32)) == 0).all()
