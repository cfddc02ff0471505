"""Self-blended and affine-warped forgeries: ground truth that is true, and repeatable."""

from __future__ import annotations

import json
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from tests.forge.repeating import repeat

from zhenwei.errors import DataError
from zhenwei.forge.synthesis import Forgery, affine_warp, self_blend
from zhenwei.forge.synthesis.masks import LEFT_EYE, LIPS, OUTLINES, OVAL, RIGHT_EYE, check_face, draw_mask
from zhenwei.forge.synthesis.retouch import compress, degrade, recolour, resample
from zhenwei.types import Floats, Pixels

Method = Callable[[Pixels, Floats, np.random.Generator], Forgery]
METHODS = (self_blend, affine_warp)
SEEDS = range(40)


def mesh(height: int, width: int, scale: float = 0.8) -> Floats:
    """468 points: an ellipse of a face with eyes and mouth where they belong, the rest spread inside."""
    points = np.random.default_rng(7).uniform(-0.4, 0.4, (468, 2)).astype(np.float32)
    turn = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    points[list(OVAL)] = np.stack([0.5 * np.sin(turn), -0.6 * np.cos(turn)], axis=1)
    for part, x, y, half in ((RIGHT_EYE, -0.2, -0.15, 0.1), (LEFT_EYE, 0.2, -0.15, 0.1), (LIPS, 0.0, 0.3, 0.15)):
        around = np.linspace(0, 2 * np.pi, len(part), endpoint=False)
        points[list(part)] = np.stack([x + half * np.cos(around), y + 0.5 * half * np.sin(around)], axis=1)
    side = min(height, width) * scale
    return np.asarray(points * side + np.array([width / 2, height / 2]), dtype=np.float32)


def image(height: int = 160, width: int = 160) -> Pixels:
    """Skin-like gradients and detail at every scale."""
    rng = np.random.default_rng(3)
    out = np.full((height, width, 3), (150, 120, 100), dtype=np.float32)
    for cells in (3, 9, 27, 81):
        layer = rng.normal(0, 14, (cells, cells, 3)).astype(np.float32)
        out += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(out, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("method", METHODS)
def test_ground_truth_is_true(method: Method) -> None:
    pixels, landmarks = image(), mesh(160, 160)
    before = pixels.copy()
    for seed in SEEDS:
        forged = method(pixels, landmarks, np.random.default_rng(seed))
        assert forged.pixels.shape == pixels.shape
        assert forged.pixels.dtype == np.uint8
        assert forged.mask.shape == (160, 160)
        assert forged.mask.dtype == np.float32
        assert 0 <= forged.mask.min() <= forged.mask.max() <= 1
        assert np.array_equal(forged.pixels[forged.mask == 0], pixels[forged.mask == 0])
        assert not np.array_equal(forged.pixels[forged.mask > 0], pixels[forged.mask > 0])
    assert np.array_equal(pixels, before)


@pytest.mark.parametrize("method", METHODS)
def test_same_rng_same_forgery_and_other_rng_another(method: Method) -> None:
    pixels, landmarks = image(), mesh(160, 160)
    first, again, other = (method(pixels, landmarks, np.random.default_rng(s)) for s in (5, 5, 6))
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.mask, again.mask)
    assert first.recipe == again.recipe
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("method", METHODS)
def test_recipe_survives_json_and_repeats_the_forgery(method: Method) -> None:
    pixels, landmarks = image(), mesh(160, 160)
    for seed in range(8):
        forged = method(pixels, landmarks, np.random.default_rng(seed))
        recipe = json.loads(json.dumps(forged.recipe, allow_nan=False))
        assert recipe == forged.recipe
        again = repeat(recipe, pixels, landmarks)
        assert np.array_equal(again.pixels, forged.pixels)
        assert np.array_equal(again.mask, forged.mask)


@pytest.mark.parametrize("method", METHODS)
def test_third_coordinate_is_ignored(method: Method) -> None:
    flat = mesh(160, 160)
    deep = np.hstack([flat, np.full((468, 1), 9, np.float32)])
    first, second = (method(image(), points, np.random.default_rng(1)) for points in (flat, deep))
    assert np.array_equal(first.pixels, second.pixels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.full((468, 2), 80, np.float32), "span no face"),
        (np.stack([np.linspace(0, 159, 468)] * 2, axis=1).astype(np.float32), "span no face"),
        (mesh(160, 160) + 1000, "outside"),
        (np.where(np.arange(936).reshape(468, 2) == 5, np.nan, mesh(160, 160)).astype(np.float32), "finite"),
        (np.where(np.arange(936).reshape(468, 2) == 5, np.inf, mesh(160, 160)).astype(np.float32), "finite"),
        (np.zeros((68, 2), np.float32), "not a face mesh"),
    ],
    ids=["one-point", "line", "outside", "nan", "inf", "68-points"],
)
def test_degenerate_landmarks_are_refused(method: Method, landmarks: Floats, message: str) -> None:
    with pytest.raises(DataError, match=message):
        method(image(), landmarks, np.random.default_rng(0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(160, 160), (160, 160, 4), (8, 8, 3)])
def test_odd_pictures_are_refused(method: Method, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="cannot be forged"):
        method(np.zeros(shape, np.uint8), mesh(160, 160), np.random.default_rng(0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_work(method: Method, value: int) -> None:
    pixels = np.full((160, 200, 3), value, np.uint8)
    for seed in range(6):
        forged = method(pixels, mesh(160, 200), np.random.default_rng(seed))
        assert np.isfinite(forged.mask).all()
        assert np.array_equal(forged.pixels[forged.mask == 0], pixels[forged.mask == 0])


@pytest.mark.parametrize("method", METHODS)
def test_tight_crops_mostly_show_their_boundary_and_sometimes_none(method: Method) -> None:
    """The oval reaches 15 % beyond the border on each side; the edge of most masks must still lie inside."""
    pixels, landmarks = image(), mesh(160, 160, scale=1.3)
    touches = []
    for seed in range(150):
        mask = method(pixels, landmarks, np.random.default_rng(seed)).mask
        assert mask.max() > 0.2
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        touches.append(float((border > 0.1 * mask.max()).mean()))
    hidden = np.mean(np.array(touches) > 0.1)
    assert 0.05 <= hidden <= 0.4


@pytest.mark.parametrize("method", METHODS)
def test_a_small_face_in_a_large_frame_is_forged_where_it_is(method: Method) -> None:
    pixels = image(480, 640)
    landmarks = mesh(120, 120) + np.array([400, 50], dtype=np.float32)
    for seed in range(20):
        mask = method(pixels, landmarks, np.random.default_rng(seed)).mask
        rows, columns = np.nonzero(mask)
        assert 360 <= columns.min() <= columns.max() <= 560
        assert 10 <= rows.min() <= rows.max() <= 210


@pytest.mark.parametrize("shape", sorted(OUTLINES))
def test_every_outline_draws_its_part(shape: str) -> None:
    points = check_face(image(), mesh(160, 160))
    for seed in range(10):
        mask, drawn = draw_mask(points, 160, 160, shape, np.random.default_rng(seed))
        assert mask.max() == pytest.approx(1, abs=0.02)
        assert drawn["shape"] == shape
        below = float(mask[80:].sum() / mask.sum())
        assert below > 0.7 if shape in ("mouth", "lower_face") else True
        assert below < 0.3 if shape == "eyes" else True


def test_affine_warp_loses_detail_and_self_blend_does_both() -> None:
    """Oracle: energy of the Laplacian in the middle of the mask, against the same place before."""
    pixels, landmarks = image(), mesh(160, 160)

    def gains(method: Method) -> list[float]:
        out = []
        for seed in SEEDS:
            forged = method(pixels, landmarks, np.random.default_rng(seed))
            sure = forged.mask > 0.95 * forged.mask.max()
            fine = [float(np.abs(cv2.Laplacian(p, cv2.CV_32F))[sure].mean()) for p in (pixels, forged.pixels)]
            out.append(fine[1] / fine[0])
        return out

    assert np.median(gains(affine_warp)) < 0.8
    blends = gains(self_blend)
    assert min(blends) < 0.8
    assert max(blends) > 1.2


def test_hue_really_turns() -> None:
    """The published step hardly changes a pixel; this one turns the hue that OpenCV measures by what it says."""
    pixels = np.full((32, 32, 3), (160, 110, 90), np.uint8)
    turned = []
    for seed in range(30):
        changed, drawn = recolour(pixels, 1.0, np.random.default_rng(seed))
        before, after = (int(cv2.cvtColor(p, cv2.COLOR_RGB2HSV)[0, 0, 0]) for p in (pixels, changed))
        assert isinstance(drawn["hue_deg"], float)
        turned.append(abs((after - before + 90) % 180 - 90))
    assert np.median(turned) >= 3
    still, _ = recolour(pixels, 0.0, np.random.default_rng(0))
    assert np.abs(still.astype(int) - pixels).max() <= 1


def test_degrading_changes_detail_and_keeps_the_mean() -> None:
    pixels = image()
    for seed in range(20):
        changed, drawn = degrade(pixels, np.random.default_rng(seed))
        assert changed.shape == pixels.shape
        assert not np.array_equal(changed, pixels)
        assert abs(float(changed.mean()) - float(pixels.mean())) < 2
        assert drawn["detail"]
    rng = np.random.default_rng(0)
    assert float(resample(pixels, 4.0, rng).std()) < float(pixels.std())
    assert float(np.abs(compress(pixels, 10).astype(int) - pixels).mean()) > float(
        np.abs(compress(pixels, 90).astype(int) - pixels).mean()
    )
