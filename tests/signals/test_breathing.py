"""Breathing: planted rhythms are found at their rate, noise and restless motion are not taken for breath."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zhenwei.detectors.temporal.breathing import stands_out
from zhenwei.signals.breathing import common_breath, filtered, head_height, shoulder_heights
from zhenwei.types import Pixels

RATE = 25.0
TIME = np.arange(250) / RATE


@pytest.mark.parametrize("breaths", [12, 16, 24, 30])
def test_a_common_rhythm_is_found_at_its_rate(breaths: int) -> None:
    rng = np.random.default_rng(breaths)
    moved = np.sin(2 * np.pi * breaths / 60 * TIME) * [[1.0], [0.6], [1.4]] + rng.normal(0, 0.2, (3, 250))
    found = common_breath(moved, RATE)
    assert 60 * found.rate_hz == pytest.approx(breaths, abs=1.5)
    assert stands_out(found)
    assert not stands_out(common_breath(moved[:, rng.permutation(250)], RATE))


def test_rhythms_out_of_step_are_no_breath() -> None:
    phases = np.array([[0.0], [2.1], [4.2]])
    found = common_breath(np.sin(2 * np.pi * 0.25 * TIME + phases), RATE)
    assert found.agreement < 0.1
    assert common_breath(np.sin(2 * np.pi * 0.25 * TIME + 0 * phases), RATE).agreement == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("restless", [False, True])
def test_chance_seldom_looks_like_breath(restless: bool) -> None:
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(300, 2, 250))
    found = [common_breath(np.cumsum(d, axis=1) if restless else d, RATE) for d in drawn]
    assert np.mean([stands_out(f) for f in found]) <= 0.02


def test_posture_that_shifts_is_taken_off() -> None:
    wave = np.sin(2 * np.pi * 0.3 * TIME)
    np.testing.assert_allclose(filtered(wave + 5 * TIME**2, RATE)[50:-50], filtered(wave, RATE)[50:-50], atol=0.02)
    assert common_breath(np.stack([wave, wave + 3 * TIME]), RATE).rate_hz == pytest.approx(0.3, abs=0.02)


def shifted(rows: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Pixels:
    """Textured frames that sink by so many pixels."""
    texture = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, (140, 100, 3)).astype(np.float32), (0, 0), 2)
    moves = [np.array([[1, 0, 0], [0, 1, row]], np.float32) for row in rows]
    return np.stack([cv2.warpAffine(texture, m, (100, 140))[20:120].clip(0, 255).astype(np.uint8) for m in moves])


def test_the_motion_of_the_shoulders_is_measured_in_pixels() -> None:
    sunk = 2 * np.sin(2 * np.pi * 0.25 * TIME[:100])
    both = shoulder_heights(shifted(sunk), np.zeros((100, 2), np.float32), 1.0)
    assert len(both) == 2
    for heights in both:
        np.testing.assert_allclose(heights - heights.mean(), sunk - sunk.mean(), atol=0.4)


def test_fewer_frames_tell_the_same() -> None:
    sunk = 2 * np.sin(2 * np.pi * 0.25 * TIME[:100])
    pixels, origins = shifted(sunk), np.zeros((100, 2), np.float32)
    for every, few in zip(
        shoulder_heights(pixels, origins, 1.0), shoulder_heights(pixels, origins, 1.0, 3), strict=True
    ):
        np.testing.assert_allclose(few - few.mean(), every - every.mean(), atol=0.3)


def test_a_window_that_follows_the_head_is_reckoned_with() -> None:
    """The window moves with the scene, so nothing moves in it: the motion is the window's."""
    origins = np.stack([np.zeros(40), np.arange(40.0)], axis=1).astype(np.float32)
    still = np.repeat(shifted(np.zeros(1)), 40, axis=0)
    (first, _) = shoulder_heights(still, origins, 0.5)
    np.testing.assert_allclose(first, 0.5 * np.arange(40), atol=1e-3)
    points = np.ones((40, 468, 3), np.float32)
    np.testing.assert_allclose(head_height(points, origins, 0.5), 1 + 0.5 * np.arange(40))


def test_shoulders_without_texture_are_left_out() -> None:
    assert shoulder_heights(np.full((10, 64, 64, 3), 90, np.uint8), np.zeros((10, 2), np.float32), 1.0) == []
