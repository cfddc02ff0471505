"""Whether a face does anything in a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests import moving

from zhenwei import faces, media
from zhenwei.types import Frame, Pixels, Track


def seen(pictures: list[Pixels]) -> tuple[list[Frame], Track]:
    found = [Frame(number, number / 12, pixels) for number, pixels in enumerate(pictures)]
    (track,) = faces.find_people(found)
    return found, track


@pytest.mark.parametrize("how", [moving.held, moving.enlarged, moving.noisy])
def test_a_picture_held_moved_or_noisy_does_nothing(how: Callable[[float], Pixels]) -> None:
    assert faces.does_nothing(*seen(list(moving.frames(how))[::3]))


def test_a_face_that_opens_its_mouth_does_something() -> None:
    assert not faces.does_nothing(*seen(list(moving.frames(moving.talking))[::3]))


def test_pictures_that_fade_into_each_other_hardly_move() -> None:
    shown = [Frame(number, number / 6, pixels) for number, pixels in enumerate(moving.frames(moving.faded))]
    for track in faces.find_people(shown):
        assert not faces.does_nothing(shown, track)
        assert faces.hardly_moves(shown, track)
    talking = [Frame(number, number / 6, pixels) for number, pixels in enumerate(moving.frames(moving.talking))]
    (track,) = faces.find_people(talking)
    assert not faces.hardly_moves(talking, track)
    assert not faces.hardly_moves(talking[:1], Track(1, track.faces[:1]))  # nobody knows


def test_a_mouth_that_shows_what_was_not_there_is_no_bent_picture() -> None:
    for how, bent in ((moving.talking, True), (moving.enlarged, True), (moving.speaking, False), (moving.faded, False)):
        shown = [Frame(number, number / 12, pixels) for number, pixels in enumerate(moving.frames(how))]
        track = max(faces.find_people(shown), key=lambda found: len(found.faces))
        assert faces.could_be_bent(shown, track) is bent
        assert not faces.could_be_bent(shown, Track(1, track.faces[:3]))  # nobody knows


@pytest.mark.parametrize("crf", [20, 32])
def test_so_it_is_after_coding(tmp_path: Path, crf: int) -> None:
    for how, still in ((moving.enlarged, True), (moving.talking, False)):
        path = moving.write(tmp_path / "clip.mp4", moving.frames(how), crf=crf)
        with media.opened(str(path)) as found:
            frames = list(media.sample_frames(found, 8))
        (track,) = faces.find_people(frames)
        assert faces.does_nothing(frames, track) is still


def test_light_changes_nothing() -> None:
    darker = [(moving.portrait() * (1 - 0.08 * step)).astype(np.uint8) for step in range(6)]
    assert faces.does_nothing(*seen(darker))


def test_one_frame_does_nothing_and_of_one_sighting_among_many_nobody_knows() -> None:
    frames, track = seen([moving.portrait()] * 3)
    once = Track(1, track.faces[:1])
    assert faces.does_nothing(frames[:1], once)
    assert not faces.does_nothing(frames, once)


def test_where_there_is_nothing_to_see_nobody_knows() -> None:
    frames, track = seen([moving.portrait()] * 4)
    blank = [Frame(frame.index, frame.time_s, np.full_like(frame.pixels, 90 + frame.index)) for frame in frames]
    assert not faces.does_nothing(blank, track)


def test_the_clearest_face_is_the_first_of_the_best() -> None:
    _, track = seen([moving.portrait()] * 4)
    first = track.faces[0]
    assert faces.clearest(Track(1, tuple([replace(first, frame=number) for number in range(4)]))).frame == 0
    larger = replace(first, frame=2, quality=replace(first.quality, face_px=2 * first.quality.face_px))
    assert faces.clearest(Track(1, (first, larger))) is larger
