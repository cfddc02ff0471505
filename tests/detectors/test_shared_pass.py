"""Detectors of one model: one pass a person, and nothing remembered that should not be."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import faces, models
from zhenwei.detectors import _faces, build
from zhenwei.forge.synthesis import self_blend
from zhenwei.types import Frame, ImageExhibit, Media, Pixels, Subject

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
SHARED = ("attention.manipulation_map", "warp.boundary", "warp.affine", "warp.self_blend")


@pytest.fixture(scope="module")
def portrait() -> Pixels:
    return np.asarray(Image.open(PORTRAIT).convert("RGB"), np.uint8)


def subject(pixels: Pixels) -> Subject:
    frames = (Frame(0, 0.0, pixels),)
    media = Media("a", "b", "image", 1, "png", width=pixels.shape[1], height=pixels.shape[0])
    return Subject(media, frames, faces.find_people(frames)[0])


def test_four_detectors_run_the_network_once(portrait: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    straight = models.OnnxModel.run

    def counted(self: models.OnnxModel, batch: np.ndarray) -> object:
        runs.append(self.id)
        return straight(self, batch)

    asked = subject(portrait)
    monkeypatch.setattr(models.OnnxModel, "run", counted)
    together = [build(name).examine(asked) for name in SHARED]
    assert runs == ["face_traces", "face_traces"]  # the face and its mirror image
    other = subject(portrait)
    alone = [build(name).examine(other) for name in SHARED[::-1]]
    assert [e.score for e in together] == [e.score for e in alone[::-1]]
    assert len({e.score for e in together}) == 4


def test_another_picture_of_the_same_track_gets_its_own_pass(portrait: Pixels) -> None:
    first = subject(portrait)
    changed = Subject(first.media, (Frame(0, 0.0, np.ascontiguousarray(portrait // 2)),), first.track)
    detector = build("warp.boundary")
    before, other, again = (detector.examine(s).score for s in (first, changed, first))
    assert before == again != other


def test_pictures_are_not_kept_alive(portrait: Pixels) -> None:
    copy = portrait.copy()
    gone = weakref.ref(copy)
    build("warp.affine").examine(subject(copy))
    del copy
    gc.collect()
    assert gone() is None


def test_maps_are_shown_and_blends_score_above_their_picture(portrait: Pixels) -> None:
    asked = subject(portrait)
    assert asked.track is not None
    landmarks = asked.track.faces[0].landmarks
    assert landmarks is not None
    forged = [self_blend(portrait, landmarks, np.random.default_rng(i)).pixels for i in range(8)]
    for name in SHARED:
        detector = build(name)
        answer = detector.examine(asked)
        assert answer.llr is not None
        assert isinstance(answer.exhibits[0], ImageExhibit)
        if name != "warp.affine":
            scores = [detector.examine(subject(image)).score for image in forged]
            assert sum(s is not None and answer.score is not None and s > answer.score for s in scores) >= 5


def test_every_person_has_their_pass_however_the_detectors_take_turns(
    portrait: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline asks each detector about everyone before the next one: a pass of one person must not push out
    another's."""
    both = np.concatenate([portrait, portrait[:, ::-1]], axis=1)
    frames = (Frame(0, 0.0, np.ascontiguousarray(both)),)
    tracks = faces.find_people(frames)
    assert len(tracks) == 2
    media = Media("a", "b", "image", 1, "png", width=both.shape[1], height=both.shape[0])
    asked = [Subject(media, frames, track) for track in tracks]
    runs: list[str] = []
    straight = models.OnnxModel.run

    def counted(self: models.OnnxModel, batch: np.ndarray) -> object:
        runs.append(self.id)
        return straight(self, batch)

    monkeypatch.setattr(models.OnnxModel, "run", counted)
    together = [[build(name).examine(one).score for one in asked] for name in SHARED]
    assert len(runs) == 4  # two people, each with their mirror image
    for row, name in zip(together, SHARED, strict=True):
        for score, one in zip(row, asked, strict=True):
            fresh = Subject(media, (Frame(0, 0.0, both.copy()),), one.track)
            assert build(name).examine(fresh).score == score


def test_passes_over_pictures_that_are_gone_are_forgotten(portrait: Pixels) -> None:
    build("warp.affine").examine(subject(portrait.copy()))
    _faces._memory.passes.clear()  # of tests whose pictures are still there
    for _ in range(5):
        build("warp.affine").examine(subject(portrait.copy()))
    gc.collect()
    build("warp.affine").examine(subject(portrait))
    assert len(_faces._memory.passes) == 1
