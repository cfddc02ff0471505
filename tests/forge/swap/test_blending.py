"""Blending: exact where nothing is forged, and each way does what it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from zhenwei.errors import UsageError
from zhenwei.forge.blending import COLOURS, EDGES, blend, match, weights
from zhenwei.forge.puppet import ANNA, BRUNO, Look, draw
from zhenwei.types import Floats, Pixels


@pytest.fixture(scope="module")
def faces() -> tuple[Pixels, Pixels, Floats]:
    target, source = draw(BRUNO, Look(), 96), draw(ANNA, Look(scene=3), 96)
    return target.pixels, source.pixels, target.mask


@pytest.mark.parametrize(("colour", "edge"), list(itertools.product(COLOURS, EDGES)))
def test_outside_the_mask_nothing_changes_and_inside_something_does(
    faces: tuple[Pixels, Pixels, Floats], colour: str, edge: str
) -> None:
    target, source, mask = faces
    mixed = blend(target, source, mask, colour=colour, edge=edge)  # type: ignore[arg-type]
    assert mixed.dtype == np.uint8
    assert np.array_equal(mixed[mask == 0], target[mask == 0])
    assert np.abs(mixed[mask > 0.9].astype(int) - target[mask > 0.9]).mean() > 1
    again = blend(target, source, mask, colour=colour, edge=edge)  # type: ignore[arg-type]
    assert np.array_equal(mixed, again)


def test_an_empty_mask_leaves_the_picture(faces: tuple[Pixels, Pixels, Floats]) -> None:
    target, source, mask = faces
    for edge in EDGES:
        assert np.array_equal(blend(target, source, np.zeros_like(mask), colour="reinhard", edge=edge), target)


def test_copying_copies(faces: tuple[Pixels, Pixels, Floats]) -> None:
    target, source, mask = faces
    mixed = blend(target, source, mask, colour="none", edge="copy")
    assert np.array_equal(mixed[mask >= 0.5], source[mask >= 0.5])
    assert np.array_equal(mixed[mask < 0.5], target[mask < 0.5])


def test_colours_come_near_the_target(faces: tuple[Pixels, Pixels, Floats]) -> None:
    target, source, mask = faces
    inside = mask >= 0.5

    def gap(pixels: Pixels) -> float:
        return float(np.abs(pixels[inside].mean(axis=0) - target[inside].mean(axis=0)).max())

    far = gap(source)
    assert far > 40
    for colour in ("mean", "reinhard", "histogram"):
        assert gap(match(target, source, mask, colour)) < 0.15 * far
    spreads = [match(target, source, mask, c)[inside].std() for c in ("mean", "histogram")]
    assert abs(spreads[1] - target[inside].std()) < abs(spreads[0] - target[inside].std())


def test_weights_fall_off_inwards(faces: tuple[Pixels, Pixels, Floats]) -> None:
    mask = faces[2]
    hard, feather, gaussian = (weights(mask, edge) for edge in ("copy", "feather", "gaussian"))
    assert set(np.unique(hard)) == {0.0, 1.0}
    for soft in (feather, gaussian):
        assert (soft <= hard).all()
        assert soft.max() > 0.95
        assert ((soft > 0.1) & (soft < 0.9)).sum() > 100
    row = feather[mask.shape[0] // 2]
    rising = np.diff(row[: int(row.argmax()) + 1])
    assert (rising >= -1e-6).all()


def test_poisson_takes_the_rim_from_the_target(faces: tuple[Pixels, Pixels, Floats]) -> None:
    """One constant colour into another: nothing is left of the difference."""
    mask = faces[2]
    target, source = np.full((96, 96, 3), 90, np.uint8), np.full((96, 96, 3), 160, np.uint8)
    mixed = blend(target, source, mask, colour="none", edge="poisson")
    assert np.abs(mixed.astype(int) - 90).max() <= 2


def test_what_has_no_meaning_is_refused(faces: tuple[Pixels, Pixels, Floats]) -> None:
    target, source, mask = faces
    with pytest.raises(UsageError, match="match colours"):
        blend(target, source, mask, colour="lct", edge="copy")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="way to blend"):
        blend(target, source, mask, colour="none", edge="hard")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="mask"):
        blend(target, source, mask[:-1], colour="none", edge="copy")
    with pytest.raises(UsageError, match="mask"):
        blend(target, source, mask * 2, colour="none", edge="copy")
    with pytest.raises(UsageError, match="blended"):
        blend(target, source[:-1], mask, colour="none", edge="copy")
