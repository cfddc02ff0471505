"""``cnn.face_forgery`` on a real portrait: what it must see, what it must refuse, and what must not matter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from zhenwei import faces, models
from zhenwei.detectors.cnn.face_forgery import FaceForgery
from zhenwei.forge.synthesis import self_blend
from zhenwei.models.calibration import Calibration
from zhenwei.types import Curve, Evidence, Frame, ImageExhibit, Media, Pixels, Subject

PORTRAIT = Path(__file__).parents[2] / "data" / "astronaut.jpg"


@pytest.fixture(scope="module")
def portrait() -> Pixels:
    return np.asarray(Image.open(PORTRAIT).convert("RGB"), np.uint8)


def ask(*images: Pixels, detector: FaceForgery | None = None) -> Evidence:
    frames = tuple(Frame(i, i / 2, p) for i, p in enumerate(images))
    (track,) = faces.find_people(frames)
    height, width = images[0].shape[:2]
    media = Media("a", "b", "image" if len(frames) == 1 else "video", 1, "png", width=width, height=height)
    return (detector or FaceForgery()).examine(Subject(media, frames, track))


def test_the_llr_is_what_the_calibration_makes_of_the_score(portrait: Pixels) -> None:
    evidence = ask(portrait)
    (track,) = faces.find_people((Frame(0, 0.0, portrait),))
    seen = track.faces[0].quality
    calibration = Calibration.load(models.calibration_path("face_forgery"))
    assert evidence.score is not None
    assert evidence.llr == calibration.llr(evidence.score, face_px=seen.face_px, sharpness=seen.sharpness)
    assert evidence.weights == models.entry("face_forgery").weights


def test_forgeries_of_a_portrait_score_above_it(portrait: Pixels) -> None:
    (track,) = faces.find_people((Frame(0, 0.0, portrait),))
    landmarks = track.faces[0].landmarks
    assert landmarks is not None
    genuine = ask(portrait).score
    forged = [ask(self_blend(portrait, landmarks, np.random.default_rng(i)).pixels).score for i in range(12)]
    assert genuine is not None
    assert sum(score is not None and score > genuine for score in forged) >= 9


def test_the_mirrored_picture_gets_the_same_answer(portrait: Pixels) -> None:
    here, there = ask(portrait).score, ask(np.ascontiguousarray(portrait[:, ::-1])).score
    assert here is not None
    assert there is not None
    assert abs(here - there) < 1.0  # up to the box, which the finder draws anew; scores spread over about 3.7


def test_a_still_clip_says_what_the_picture_says(portrait: Pixels) -> None:
    video = ask(*[portrait] * 4)
    image = ask(portrait)
    assert video.score == pytest.approx(image.score, abs=0.4)  # the finder looks closer at a still than at a clip
    assert video.interval is not None
    (curve,) = [e for e in video.exhibits if isinstance(e, Curve)]
    alone = [y for y in curve.y if y is not None]
    assert len(set(alone[1:])) == 1  # equal frames, equal answers; the first of a clip is searched more closely
    assert video.llr is not None
    assert min(alone) - 1e-3 <= video.llr <= max(alone) + 1e-3


def test_exhibits_show_the_face_as_the_network_saw_it(portrait: Pixels) -> None:
    (exhibit,) = ask(portrait).exhibits
    assert isinstance(exhibit, ImageExhibit)
    assert exhibit.pixels.shape == (192, 192, 3)
    assert "not a map of the forgery" in exhibit.caption


def test_small_and_palette_faces_are_refused_with_the_reason(portrait: Pixels) -> None:
    small = cv2.resize(portrait, (170, 170), interpolation=cv2.INTER_AREA)
    few = np.asarray(portrait // 64 * 64 + 32, np.uint8)
    grey = np.asarray(Image.fromarray(portrait).convert("L").convert("RGB"), np.uint8)
    for image, word in (
        (small, "too small"), (few, "colours or fewer"), (grey // 16 * 16, "32 greys"), (grey // 64 * 64, "32 greys"),
    ):  # fmt: skip
        evidence = ask(np.asarray(image, np.uint8))
        assert evidence.llr is None
        assert evidence.score is None
        assert word in evidence.reason


def test_photographs_without_colour_are_answered_also_dark_and_flat_ones(portrait: Pixels) -> None:
    grey = np.asarray(Image.fromarray(portrait).convert("L").convert("RGB"), np.float32)
    for light, least in ((1.0, 0), (0.35, 0), (0.5, 90)):
        assert ask(np.asarray(grey * light + least, np.uint8)).llr is not None


def test_a_grey_picture_has_few_levels_and_is_answered(portrait: Pixels) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert ask(np.asarray(grey, np.uint8)).llr is not None


def test_faces_that_cannot_be_judged_are_left_out_and_counted(portrait: Pixels) -> None:
    frames = tuple(Frame(i, i / 2, portrait) for i in range(3))
    (track,) = faces.find_people(frames)
    poor = replace(track.faces[1], quality=replace(track.faces[1].quality, sharpness=0.5))
    mixed = replace(track, faces=(track.faces[0], poor, track.faces[2]))
    media = Media("a", "b", "video", 1, "mp4")
    evidence = FaceForgery().examine(Subject(media, frames, mixed))
    assert evidence.llr is not None
    assert evidence.reason.startswith("1 of 3 faces")
    refused = FaceForgery().examine(Subject(media, frames, replace(track, faces=(poor,))))
    assert refused.llr is None
    assert "too soft" in refused.reason


def test_a_soft_face_is_refused_and_not_called_forged(portrait: Pixels) -> None:
    soft = cv2.GaussianBlur(portrait, (0, 0), 4.0)
    evidence = ask(np.asarray(soft, np.uint8))
    assert evidence.llr is None
    assert "too soft" in evidence.reason
