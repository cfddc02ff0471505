"""``temporal.flicker`` on clips that keep still, tremble or cannot be judged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.training.albums import astronaut

from zhenwei import models
from zhenwei.detectors.temporal.flicker import Flicker, asked
from zhenwei.models.calibration import Calibration
from zhenwei.testing import strip_subject
from zhenwei.types import Curve, Evidence, Subject


def video(amount: float = 0.0, count: int = 100, fps: float = 25.0) -> Subject:
    """The astronaut's picture with a camera's noise; the face's light trembles by so many grey levels."""
    rng = np.random.default_rng(0)
    still = cv2.resize(astronaut(), (192, 192), interpolation=cv2.INTER_AREA).astype(np.float32)
    frames = still + rng.normal(0, 1.5, (count, 192, 192, 3)).astype(np.float32)
    points = strip_subject(np.zeros((2, 192, 192, 3), np.uint8)).strip
    assert points is not None
    hull = cv2.convexHull(points.landmarks[0, :, :2].round().astype(np.int32))
    face = cv2.fillConvexPoly(np.zeros((192, 192), np.float32), hull, 1)[..., None]
    frames += amount * rng.normal(size=(count, 1, 1, 3)).astype(np.float32) * face
    return strip_subject(np.clip(np.rint(frames), 0, 255).astype(np.uint8), fps=fps)


def ask(subject: Subject, *, always: bool = True) -> Evidence:
    return Flicker(always=always).examine(subject)


def test_a_face_that_trembles_scores_higher_than_one_that_keeps_still() -> None:
    still, slight, strong = (ask(video(amount)).score for amount in (0.0, 4.0, 12.0))
    assert still is not None
    assert slight is not None
    assert strong is not None
    assert still < slight < strong


def test_the_llr_is_what_the_calibration_makes_of_the_score() -> None:
    calibration = Calibration.load(models.calibration_path("flicker"))
    for amount in (0.0, 12.0):
        evidence = ask(video(amount))
        assert evidence.score is not None
        assert evidence.llr == calibration.llr(evidence.score)
    assert calibration.lowest >= np.log(0.5) - 1e-9


def test_only_tremor_is_told() -> None:
    still, strong = ask(video(), always=False), ask(video(12.0), always=False)
    assert still.llr is None
    assert "stands out" in still.reason
    assert strong.llr is not None
    assert "tremble" in strong.finding
    (curve,) = strong.exhibits
    assert isinstance(curve, Curve)
    assert len(curve.x) == 98


@pytest.mark.parametrize("count", [50, 51, 73, 74, 120, 250])
def test_windows_cover_every_frame(count: int) -> None:
    strip = video(count=count).strip
    assert strip is not None
    score, course = asked(strip)
    assert course.shape == (count - 2,)
    assert np.isfinite(course).all()
    assert np.isfinite(score)


def test_what_cannot_be_told_is_refused() -> None:
    assert "50 are needed" in ask(video(count=49)).reason
    assert "too few" in ask(video(fps=10.0)).reason
    whole = video().strip
    assert whole is not None
    lost = whole.landmarks.copy()
    lost[::3] = np.nan
    assert "lost" in ask(strip_subject(whole.pixels, lost)).reason
    assert "too small" in ask(strip_subject(whole.pixels, whole.landmarks * np.float32(0.3))).reason
