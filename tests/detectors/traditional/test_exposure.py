"""``traditional.exposure``: what it says follows from the tones alone, and it keeps within what it can know."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import models
from zhenwei.detectors.traditional.exposure import Exposure, face_features
from zhenwei.models.calibration import Calibration
from zhenwei.signals.exposure import FEATURES
from zhenwei.testing import image_subject, portrait, video_subject
from zhenwei.types import Box, Curve, ImageExhibit, Pixels

PORTRAIT = Path(__file__).parents[2] / "data" / "astronaut.jpg"
FACE = Box(170, 60, 290, 210)


@pytest.fixture(scope="module")
def astronaut() -> Pixels:
    return np.asarray(Image.open(PORTRAIT).convert("RGB"), np.uint8)


def test_the_llr_is_what_the_calibration_makes_of_the_classifier(astronaut: Pixels) -> None:
    subject = image_subject(astronaut, FACE)
    evidence = Exposure(always=True).examine(subject)
    assert subject.track is not None
    (face,) = subject.track.faces
    (scores,) = models.load("exposure").run(face_features(astronaut, face)[None])
    calibration = Calibration.load(models.calibration_path("exposure"))
    seen = face.quality
    assert evidence.score == float(scores[0])
    assert evidence.llr == calibration.llr(float(scores[0]), face_px=seen.face_px, sharpness=seen.sharpness)
    assert evidence.weights == models.entry("exposure").weights


def test_the_classifier_takes_the_face_and_the_picture(astronaut: Pixels) -> None:
    face = image_subject(astronaut, FACE).track
    assert face is not None
    row = face_features(astronaut, face.faces[0])
    assert len(row) == 2 * len(FEATURES) == (models.load("exposure").input_shape[1])
    elsewhere = astronaut.copy()
    elsewhere[400:] = 255
    changed = face_features(elsewhere, face.faces[0])
    assert (changed[:36] == row[:36]).all()
    assert (changed[36:] != row[36:]).any()


def test_it_never_speaks_for_a_photograph_and_never_firmly(astronaut: Pixels) -> None:
    for pixels in (astronaut, (astronaut // 2 + 64).astype(np.uint8), portrait(480, 400)):
        answers = [Exposure(always=a).examine(image_subject(pixels)) for a in (True, False)]
        assert answers[0].llr is not None
        assert math.log(0.5) - 1e-9 <= answers[0].llr < 1
        assert answers[1].score == answers[0].score
        assert answers[1].llr is None or answers[1].llr == answers[0].llr > 0
        if answers[1].llr is None:
            assert "says nothing of other kinds" in answers[1].reason


def test_grey_small_and_hidden_faces_are_refused(astronaut: Pixels) -> None:
    grey = np.repeat(astronaut.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert "no colours" in Exposure().examine(image_subject(grey, FACE)).reason
    few = np.asarray(Image.fromarray(astronaut).quantize(256).convert("RGB"), np.uint8)
    assert "256 colours or fewer" in Exposure().examine(image_subject(few, FACE)).reason
    for box in (Box(10, 10, 50, 50), Box(-200, 0, 20, 220), Box(900, 900, 1100, 1100)):
        assert "too small" in Exposure().examine(image_subject(astronaut, box)).reason
    tight = image_subject(astronaut[60:210, 170:290], Box(0, 0, 120, 150), tight=True)
    assert "only the face" in Exposure().examine(tight).reason
    assert "no face" in Exposure().examine(replace(image_subject(astronaut), track=None)).reason


def test_a_clip_has_the_mean_of_some_faces_and_exhibits_show_tails_and_clipping(astronaut: Pixels) -> None:
    one = Exposure(always=True).examine(image_subject(astronaut))
    video = Exposure(always=True).examine(video_subject([astronaut] * 20))
    assert video.score == pytest.approx(one.score)
    assert video.interval is not None
    assert video.interval.start_s == 0
    assert video.interval.end_s == pytest.approx(19 / 3)
    curve, image = one.exhibits
    assert isinstance(curve, Curve)
    assert sum(10**y for y in curve.y if y is not None) == pytest.approx(1, abs=0.01)
    assert isinstance(image, ImageExhibit)
    assert image.pixels.shape == astronaut.shape
    burnt = astronaut.copy()
    burnt[:50, :50] = 255
    shown = Exposure(always=True).examine(image_subject(burnt)).exhibits[1]
    assert isinstance(shown, ImageExhibit)
    assert (shown.pixels[:50, :50, 0] > shown.pixels[:50, :50, 1] + 50).all()
