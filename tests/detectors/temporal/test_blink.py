"""``temporal.blink``: what it answers, what it refuses, and how much it may say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.blinking import drawn

from zhenwei.detectors.temporal.blink import Blink, llr_of
from zhenwei.testing import strip_subject
from zhenwei.types import Curve, Evidence, Floats, Pixels


def video(seconds: float, fps: float, blinks: tuple[float, ...] = ()) -> tuple[Pixels, Floats]:
    return drawn([any(0 <= i / fps - at < 0.2 for at in blinks) for i in range(round(seconds * fps))])


def ask(clip_: tuple[Pixels, Floats], fps: float = 25.0) -> Evidence:
    pixels, points = clip_
    return Blink().examine(strip_subject(pixels, points, fps=fps))


def test_blinks_are_counted_and_shown() -> None:
    evidence = ask(video(10, 25, (2.0, 5.0, 8.0)))
    assert evidence.score == pytest.approx(18, abs=0.2)
    assert "3 times" in evidence.finding
    assert evidence.llr == pytest.approx(math.log(0.9))
    (curve,) = evidence.exhibits
    assert isinstance(curve, Curve)
    assert curve.threshold is not None
    assert sum(y is not None and y < curve.threshold for y in curve.y) in (
        15,
        16,
        17,
    )  # by which side of a frame each begins


def test_a_stare_speaks_for_forged_the_more_the_longer_it_lasts() -> None:
    evidence = ask(video(10, 25))
    assert evidence.llr == pytest.approx(math.log(0.9 + 0.1 * (18 / 8) ** 2))
    assert "No blink" in evidence.finding
    assert llr_of(0, 8) < llr_of(0, 10) < llr_of(0, 20) <= 0.7
    assert llr_of(0, 1e6) == 0.7


def test_the_likelihood_ratio_is_that_of_the_two_models() -> None:
    rng = np.random.default_rng(0)
    rates = rng.gamma(2.0, 15 / 60 / 2.0, 200_000)
    counts = rng.poisson(rates * 10)
    forged = np.where(rng.random(200_000) < 0.1, 0, counts)
    assert llr_of(0, 10) == pytest.approx(math.log((forged == 0).mean() / (counts == 0).mean()), abs=0.02)
    assert llr_of(2, 10) == pytest.approx(math.log((forged > 0).mean() / (counts > 0).mean()), abs=0.02)


def test_what_cannot_be_told_is_refused() -> None:
    assert "8 s are needed" in ask(video(5, 25)).reason
    assert "too few" in ask(video(12, 10), 10.0).reason
    pixels, points = video(10, 25)
    lost = points.copy()
    lost[::2] = np.nan
    assert "lost" in ask((pixels, lost)).reason
    assert "too small" in ask((pixels, points * np.float32(0.15))).reason
    turned = points.copy()
    turned[:, 133, 0] = turned[:, 33, 0] + 10
    assert "turned away" in ask((pixels, turned)).reason
    noise = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
    assert "followed" in ask((noise, points)).reason
    assert ask((noise, points)).llr is None
