"""Three heads on one tower: one pass a person, maps that add up to the score, and no answer without a face."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import faces, models
from zhenwei.detectors import build
from zhenwei.detectors.encoder._heads import CONTRACT, MODEL
from zhenwei.forge.synthesis import self_blend
from zhenwei.models.calibration import Calibration
from zhenwei.types import Frame, ImageExhibit, Media, Pixels, Subject

PORTRAIT = Path(__file__).parents[2] / "data" / "astronaut.jpg"
HEADS = ("encoder.blended", "encoder.animated", "encoder.generated")


@pytest.fixture(scope="module")
def portrait() -> Pixels:
    return np.asarray(Image.open(PORTRAIT).convert("RGB"), np.uint8)


def subject(pixels: Pixels) -> Subject:
    frames = (Frame(0, 0.0, pixels),)
    media = Media("a", "b", "image", 1, "png", width=pixels.shape[1], height=pixels.shape[0])
    people = faces.find_people(frames)
    return Subject(media, frames, people[0] if people else None)


def test_three_detectors_run_the_tower_once(portrait: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    straight = models.OnnxModel.run

    def counted(self: models.OnnxModel, batch: np.ndarray) -> object:
        runs.append(self.id)
        return straight(self, batch)

    asked = subject(portrait)
    monkeypatch.setattr(models.OnnxModel, "run", counted)
    together = [build(name).examine(asked) for name in HEADS]
    assert runs == [MODEL]
    assert len({evidence.score for evidence in together}) == 3
    assert all(evidence.llr is not None for evidence in together)


@pytest.mark.parametrize("name", HEADS)
def test_the_same_face_weighs_what_it_does_in_media_of_its_kind(name: str, portrait: Pixels) -> None:
    picture = subject(portrait)
    clip = replace(picture, media=replace(picture.media, kind="video"))
    part, px = name.partition(".")[2], picture.track.faces[0].quality.face_px  # type: ignore[union-attr]
    for asked, own in ((picture, part), (clip, f"{part}_clips")):
        found = build(name).examine(asked)
        calibration = Calibration.load(models.calibration_path(MODEL, part=own))
        assert found.score is not None
        assert found.llr == pytest.approx(calibration.llr(found.score, face_px=px))
    assert build(name).examine(picture).score == build(name).examine(clip).score


def test_a_map_adds_up_to_its_score(portrait: Pixels) -> None:
    model = models.load(MODEL)
    found = subject(portrait)
    assert found.track is not None
    crop = faces.cut(found.frames[0], found.track.faces[0], CONTRACT)
    assert crop is not None
    outputs = model.run(faces.normalise(crop[None], CONTRACT))
    for score, regions in zip(outputs[0::2], outputs[1::2], strict=True):
        assert regions.shape == (1, 14, 14)
        assert regions.mean() == pytest.approx(float(score[0]), abs=2e-3)


def test_a_blended_face_scores_above_its_original(portrait: Pixels) -> None:
    """Over several draws: of one of them nothing could be said."""
    detector, rng = build("encoder.blended"), np.random.default_rng(5)
    genuine = subject(portrait)
    assert genuine.track is not None
    landmarks = genuine.track.faces[0].landmarks
    assert landmarks is not None
    before = detector.examine(genuine).score
    assert before is not None
    after = []
    for _ in range(6):
        blended = subject(self_blend(portrait, landmarks[:, :2], rng).pixels)
        after.append(detector.examine(blended).score)
    assert np.mean([score is not None and score > before for score in after]) >= 0.5


@pytest.mark.parametrize("name", HEADS)
def test_no_face_and_a_small_face_are_not_answered(name: str, portrait: Pixels) -> None:
    empty = build(name).examine(subject(np.full((200, 200, 3), 128, np.uint8)))
    assert empty.llr is None
    assert empty.reason
    side = portrait.shape[1] * 30 // 130
    tiny = np.asarray(Image.fromarray(portrait).resize((side, side * portrait.shape[0] // portrait.shape[1])), np.uint8)
    evidence = build(name).examine(subject(tiny))
    assert evidence.llr is None


@pytest.mark.parametrize("name", HEADS)
def test_it_shows_the_face_with_its_map(name: str, portrait: Pixels) -> None:
    (exhibit,) = build(name).examine(subject(portrait)).exhibits
    assert isinstance(exhibit, ImageExhibit)
    assert exhibit.pixels.shape == (224, 224, 3)
