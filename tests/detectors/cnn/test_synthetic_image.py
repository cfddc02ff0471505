"""``cnn.synthetic_image``: how far it may go, what it must refuse, and what must not matter."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from zhenwei import faces, models
from zhenwei.detectors.cnn.synthetic_image import SyntheticImage
from zhenwei.models.calibration import Calibration
from zhenwei.types import Curve, Evidence, Frame, ImageExhibit, Media, Pixels, Subject

PORTRAIT = Path(__file__).parents[2] / "data" / "astronaut.jpg"


@pytest.fixture(scope="module")
def portrait() -> Pixels:
    return np.asarray(Image.open(PORTRAIT).convert("RGB"), np.uint8)


def ask(*images: Pixels, detector: SyntheticImage | None = None) -> Evidence:
    frames = tuple(Frame(i, i / 2, p) for i, p in enumerate(images))
    (track,) = faces.find_people(frames)
    height, width = images[0].shape[:2]
    media = Media("a", "b", "image" if len(frames) == 1 else "video", 1, "png", width=width, height=height)
    return (detector or SyntheticImage(always=True)).examine(Subject(media, frames, track))


def test_the_llr_is_what_the_calibration_makes_of_the_score(portrait: Pixels) -> None:
    evidence = ask(portrait)
    (track,) = faces.find_people((Frame(0, 0.0, portrait),))
    seen = track.faces[0].quality
    calibration = Calibration.load(models.calibration_path("synthetic_image"))
    assert evidence.score is not None
    assert evidence.llr == calibration.llr(evidence.score, face_px=seen.face_px, sharpness=seen.sharpness)
    assert evidence.weights == models.entry("synthetic_image").weights


def test_a_photograph_is_not_called_generated_and_never_firmly_genuine(portrait: Pixels) -> None:
    for quality in (95, 70):
        _, data = cv2.imencode(".jpg", portrait[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        saved = np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
        llr = ask(saved).llr
        assert llr is not None
        assert math.log(0.5) <= llr < 1


def test_the_score_of_the_mirrored_picture_is_near(portrait: Pixels) -> None:
    here, there = ask(portrait).score, ask(np.ascontiguousarray(portrait[:, ::-1])).score
    assert here is not None
    assert there is not None
    assert abs(here - there) < 1  # up to the box, which the finder draws anew


def test_exhibits_show_what_the_network_saw_and_a_clip_has_its_curve(portrait: Pixels) -> None:
    (exhibit,) = ask(portrait).exhibits
    assert isinstance(exhibit, ImageExhibit)
    assert exhibit.pixels.shape == (192, 192, 3)
    assert "not what was altered" in exhibit.caption
    video = ask(portrait, portrait, portrait)
    assert video.interval is not None
    assert [type(e) for e in video.exhibits] == [ImageExhibit, ImageExhibit, ImageExhibit, Curve]


def test_small_and_palette_faces_are_refused_with_the_reason(portrait: Pixels) -> None:
    small = cv2.resize(portrait, (220, 220), interpolation=cv2.INTER_AREA)
    few = np.asarray(portrait // 64 * 64 + 32, np.uint8)
    for image, word in ((small, "64 px are needed"), (few, "colours or fewer")):
        evidence = ask(np.asarray(image, np.uint8))
        assert evidence.llr is None
        assert evidence.score is None
        assert word in evidence.reason


def test_without_a_clear_trace_it_abstains_and_keeps_the_score(portrait: Pixels) -> None:
    measured, shy = ask(portrait), ask(portrait, detector=SyntheticImage())
    assert measured.llr is not None
    assert measured.llr < math.log(2)
    assert shy.llr is None
    assert shy.score == measured.score
    assert shy.person == measured.person
    assert "does not speak against other kinds of forgery" in shy.reason
    assert shy.exhibits
