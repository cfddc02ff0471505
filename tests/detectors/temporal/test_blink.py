"""``temporal.blink``: what it answers, what it refuses, and how much it may say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zhenwei.detectors.temporal.blink import Blink, llr_of
from zhenwei.testing import face_mesh, strip_subject
from zhenwei.types import Box, Curve, Floats

SIDE = 160


def faces(seconds: float, fps: float, blinks: tuple[float, ...] = ()) -> Floats:
    """Landmarks of a still face, slightly trembling, whose lids meet at these times."""
    rng = np.random.default_rng(0)
    mesh = face_mesh(Box(30, 25, 130, 135))
    for (a, b), *lids in (((33, 133), (160, 144), (158, 153)), ((362, 263), (385, 380), (387, 373))):
        mesh[b, 0] = mesh[a, 0] + 24
        mesh[b, 1] = mesh[a, 1]
        for n, (up, low) in enumerate(lids):
            mesh[[up, low], 0] = mesh[a, 0] + 8 * (n + 1)
            mesh[up, 1], mesh[low, 1] = mesh[a, 1] - 3.6, mesh[a, 1] + 3.6
    count = round(seconds * fps)
    points = np.repeat(mesh[None], count, axis=0) + rng.normal(0, 0.05, (count, 468, 3)).astype(np.float32)
    for at in blinks:
        first = round(at * fps)
        for up, low in ((160, 144), (158, 153), (385, 380), (387, 373)):
            points[first : first + 5, up, 1] = points[first : first + 5, low, 1]
    return np.asarray(points, np.float32)


def ask(points: Floats, fps: float = 25.0):  # type: ignore[no-untyped-def]
    pixels = np.full((len(points), SIDE, SIDE, 3), 128, np.uint8)
    return Blink().examine(strip_subject(pixels, points, fps=fps))


def test_blinks_are_counted_and_shown() -> None:
    evidence = ask(faces(10, 25, (2.0, 5.0, 8.0)))
    assert evidence.score == pytest.approx(18, abs=0.2)
    assert "3 times" in evidence.finding
    assert evidence.llr == pytest.approx(math.log(0.9))
    (curve,) = evidence.exhibits
    assert isinstance(curve, Curve)
    assert curve.threshold is not None
    assert sum(y is not None and y < curve.threshold for y in curve.y) == 15


def test_a_stare_speaks_for_forged_the_more_the_longer_it_lasts() -> None:
    evidence = ask(faces(10, 25))
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


@pytest.mark.parametrize(
    ("points", "fps", "why"),
    [
        (faces(5, 25), 25.0, "8 s are needed"),
        (faces(12, 10), 10.0, "too few"),
        (np.where(np.arange(250)[:, None, None] % 2, faces(10, 25), np.nan).astype(np.float32), 25.0, "lost"),
        ((faces(10, 25) * 0.2).astype(np.float32), 25.0, "too small"),
    ],
)
def test_what_cannot_be_told_is_refused(points: Floats, fps: float, why: str) -> None:
    evidence = ask(points, fps)
    assert evidence.llr is None
    assert why in evidence.reason


def test_a_face_turned_away_and_shaking_landmarks_are_refused() -> None:
    turned = faces(10, 25)
    turned[:, 133, 0] = turned[:, 33, 0] + 10
    assert "turned away" in ask(turned).reason
    shaking = faces(10, 25)
    shaking[..., 1] += np.random.default_rng(1).normal(0, 1.5, shaking.shape[:2]).astype(np.float32)
    assert "followed" in ask(shaking).reason
