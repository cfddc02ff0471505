"""Calibration from what was held out, and deliveries that know nothing of the label."""

from __future__ import annotations

import numpy as np
import pytest
from tests.training.making import person

from zhenwei.training.data.held_out_images import Delivery, degradation
from zhenwei.training.install.calibrate import NEUTRAL


@pytest.mark.parametrize("degradation", [Delivery(96, 50, None), Delivery(96, 50, 30)])
def test_a_delivered_picture_is_smaller_and_poorer_and_still_the_same(degradation: Delivery) -> None:
    arrived = degradation.apply(person(1))
    assert arrived.shape == (96, 96, 3)
    assert np.array_equal(arrived, degradation.apply(person(1)))
    block = person(1)[:217, :217].reshape(31, 7, 31, 7, 3).mean((1, 3))
    seen = arrived[:93, :93].reshape(31, 3, 31, 3, 3).mean((1, 3))
    assert np.corrcoef(block.ravel(), seen.ravel())[0, 1] > 0.98


def test_some_deliveries_are_soft_or_noisy_by_what_they_say() -> None:
    drawn = [degradation(np.random.default_rng(i)) for i in range(600)]
    soft, noisy = [d for d in drawn if d.blur_px], [d for d in drawn if d.noise[0]]
    assert 0.2 < len(soft) / len(drawn) < 0.3
    assert 0.11 < len(noisy) / len(drawn) < 0.19
    assert all(0.003 <= d.blur_px / d.side <= 0.015 for d in soft)
    grain = np.random.default_rng(3).integers(0, 256, (96, 96, 3), np.uint8)
    detail = [
        np.std(np.diff(Delivery(96, 95, None, blur).apply(grain).astype(float), axis=1)) for blur in (0.0, 0.7, 1.4)
    ]
    assert detail[0] > 2 * detail[1] > 4 * detail[2]
    flat = np.full((96, 96, 3), 128, np.uint8)
    noise = Delivery(96, 100, None, noise=(8.0, 5))
    assert 5 < np.std(noise.apply(flat)) < 9
    assert np.array_equal(noise.apply(flat), noise.apply(flat))


def test_the_neutral_calibration_changes_no_score() -> None:
    for score in (-15.0, -0.3, 0.0, 2.5, 19.0):
        assert NEUTRAL.llr(score, face_px=80, sharpness=50) == pytest.approx(score)
