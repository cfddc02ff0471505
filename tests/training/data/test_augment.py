"""Degradations: a function of the draw alone, the same for both faces of a pair, and masks that follow the pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.training.making import SIDE, person

from zhenwei.training.data.augment import AugmentationDraw, draw
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.recipe import Augmentation
from zhenwei.types import Floats, Pixels

NOTHING = Augmentation(zoom=1, rotate_deg=0, downscale=0, colour=0, grey=0, blur=0, sharpen=0, noise=0, jpeg=0, webp=0)
EVERYTHING = Augmentation(downscale=1, colour=1, grey=0.5, blur=1, sharpen=1, noise=1, jpeg=0.5, webp=0.5, h264=0.3)
PLAIN = AugmentationDraw(
    matrix=np.eye(2, 3),
    size_px=SIDE,
    shrink=None,
    gain=(1.0, 1.0, 1.0),
    offset=0.0,
    gamma=1.0,
    saturation=1.0,
    blur_sigma=0.0,
    sharpen=0.0,
    noise=(0.0, 0),
    encoding=None,
    crf=None,
)


def drawn(options: Augmentation, seed: int, size_px: int = 64, step: int | None = None) -> AugmentationDraw:
    return draw(options, SIDE, size_px, np.random.default_rng(seed), step=step)


def disc(x: float, y: float, radius: float) -> Floats:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 < radius**2, np.float32)


@pytest.mark.parametrize("seed", range(12))
def test_equal_states_give_equal_draws_and_bit_equal_pictures(seed: int) -> None:
    first, second = drawn(EVERYTHING, seed), drawn(EVERYTHING, seed)
    assert np.array_equal(first.matrix, second.matrix)
    assert replace(first, matrix=PLAIN.matrix) == replace(second, matrix=PLAIN.matrix)
    image = person(1)
    before = image.copy()
    assert np.array_equal(first.apply(image), second.apply(image))
    assert np.array_equal(image, before)


def test_different_states_give_different_draws() -> None:
    images = {drawn(EVERYTHING, seed).apply(person(1)).tobytes() for seed in range(20)}
    assert len(images) == 20


@pytest.mark.parametrize("seed", range(12))
def test_both_faces_of_a_pair_go_through_the_same(seed: int) -> None:
    """A forgery that changed nothing cannot be told from its original: nothing in the degradation knows the label."""
    degrade = drawn(EVERYTHING, seed)
    assert np.array_equal(degrade.apply(person(2)), degrade.apply(person(2).copy()))


@pytest.mark.parametrize("seed", range(20))
def test_the_mask_goes_where_the_pixels_go(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    x, y = rng.uniform(80, 140, 2).tolist()
    shape = disc(x, y, float(rng.uniform(25, 45)))
    degrade = drawn(Augmentation(downscale=0, colour=0, grey=0, blur=0, sharpen=0, noise=0, jpeg=0, webp=0), seed, 192)
    image = np.repeat((shape * 255).astype(np.uint8)[..., None], 3, axis=2)
    seen, told = degrade.apply(image)[..., 0] > 127, degrade.apply_mask(shape) > 0.5
    assert (seen & told).sum() / (seen | told).sum() > 0.95
    # and both go where the matrix says: an oracle that does not warp
    centre = np.argwhere(shape > 0).mean(axis=0)[::-1]
    assert np.argwhere(told).mean(axis=0)[::-1] == pytest.approx(degrade.matrix @ [*centre, 1], abs=0.7)


def test_half_of_the_pictures_are_mirrored_and_none_stands_on_its_head() -> None:
    matrices = [drawn(Augmentation(), seed).matrix for seed in range(400)]
    mirrored = sum(m[0, 0] < 0 for m in matrices)
    assert 150 < mirrored < 250
    assert all(m[1, 1] > 0 for m in matrices)


def test_the_window_stays_within_the_picture_but_for_the_turn() -> None:
    for seed in range(100):
        matrix = drawn(Augmentation(rotate_deg=0), seed, 192).matrix
        corners = np.array([[0, 192], [0, 192]], float)
        back = np.linalg.inv(matrix[:, :2]) @ (corners - matrix[:, 2:])
        assert back.min() > -0.04 * SIDE  # the stretch of 3 % either way
        assert back.max() < 1.04 * SIDE


@pytest.mark.parametrize("seed", range(12))
def test_with_all_probabilities_zero_little_more_than_the_size_changes(seed: int) -> None:
    smooth = cv2.GaussianBlur(person(3), (0, 0), 4)
    degrade = drawn(NOTHING, seed)
    small = cv2.resize(smooth, (64, 64), interpolation=cv2.INTER_AREA)
    as_drawn = small[:, ::-1] if degrade.matrix[0, 0] < 0 else small
    out = degrade.apply(np.asarray(smooth, np.uint8))
    assert np.abs(out.astype(int) - as_drawn).mean() < 4
    assert degrade.encoding is None
    assert degrade.shrink is None


def test_a_draw_that_does_nothing_changes_nothing() -> None:
    assert np.array_equal(PLAIN.apply(person(4)), person(4))
    assert np.array_equal(PLAIN.apply_mask(disc(90, 120, 30)), disc(90, 120, 30))


def test_gain_offset_and_gamma_are_what_they_say() -> None:
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    out = replace(PLAIN, gain=(0.9, 1.0, 1.2), offset=0.05, gamma=1.3, size_px=256).apply(
        np.ascontiguousarray(np.broadcast_to(levels, (256, 256, 3)))
    )
    for channel, gain in enumerate((0.9, 1.0, 1.2)):
        wanted = [round(255 * min(1, max(0, (v / 255) ** 1.3 * gain + 0.05))) for v in range(256)]
        assert np.abs(out[7, :, channel].astype(int) - wanted).max() <= 1  # of float32 halves


def test_no_saturation_is_grey() -> None:
    out = replace(PLAIN, saturation=0.0).apply(person(5)).astype(int)
    assert np.ptp(out, axis=2).max() == 0


def test_noise_has_the_deviation_it_says() -> None:
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    out = replace(PLAIN, noise=(6.0, 3)).apply(grey).astype(float)
    assert out.std() == pytest.approx(6, rel=0.03)
    assert not np.array_equal(out, replace(PLAIN, noise=(6.0, 4)).apply(grey))


def test_blur_softens_and_sharpening_sharpens() -> None:
    def detail(pixels: Pixels) -> float:
        return float(cv2.Laplacian(pixels, cv2.CV_64F).var())

    image = person(6)
    assert detail(replace(PLAIN, blur_sigma=1.0).apply(image)) < 0.5 * detail(image)
    assert detail(replace(PLAIN, sharpen=0.8).apply(image)) > 1.5 * detail(image)
    assert detail(replace(PLAIN, shrink=(0.4, 0, 1)).apply(image)) < 0.5 * detail(image)


@pytest.mark.parametrize("extension", [".jpg", ".webp"])
def test_encoding_is_the_last_step(extension: str) -> None:
    out = replace(PLAIN, encoding=(extension, 40)).apply(person(7))
    assert np.array_equal(out, decode(encode(person(7), extension, 40)))
    assert not np.array_equal(out, person(7))


def test_a_video_codec_costs_detail_the_more_the_higher_its_crf() -> None:
    def lost(crf: int) -> float:
        return float(np.abs(replace(PLAIN, crf=crf).apply(person(8)).astype(int) - person(8)).mean())

    assert 0 < lost(20) < lost(40) < 30


def test_h264_comes_in_at_its_step_and_not_before() -> None:
    options = Augmentation(h264=1, h264_crf=(25, 27), h264_from_step=100)
    assert {drawn(options, seed, step=99).crf for seed in range(20)} == {None}
    assert {drawn(options, seed, step=100).crf for seed in range(60)} == {25, 26, 27}


def test_qualities_and_shares_follow_the_recipe() -> None:
    options = Augmentation(jpeg=0.6, webp=0.3, jpeg_quality=(50, 60))
    encodings = [drawn(options, seed).encoding for seed in range(600)]
    jpegs = [e[1] for e in encodings if e is not None and e[0] == ".jpg"]
    assert (min(jpegs), max(jpegs)) == (50, 60)
    assert len(jpegs) / 600 == pytest.approx(0.6, abs=0.06)
    assert sum(e is None for e in encodings) / 600 == pytest.approx(0.1, abs=0.04)
