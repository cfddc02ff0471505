"""Which people of a clip get a passage without gaps: those most to be seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from zhenwei import detectors, pipeline
from zhenwei.types import Box, Face, Frame, Kind, Media, Quality, Strip, Track

STRIP = ("temporal.blink",)
NONE = ("cnn.face_forgery",)


def track(person: int, sizes: Sequence[float]) -> Track:
    faces = tuple(
        Face(i, i / 2, Box(0, 0, px, px), 0.9, np.zeros((6, 2), np.float32), Quality(px, 99, 0.5, 0))
        for i, px in enumerate(sizes)
    )
    return Track(person, faces)


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Who was followed, in order. Person 9 cannot be."""
    asked: list[int] = []
    marks, at = np.zeros((1, 478, 3), np.float32), np.zeros((1, 2), np.float32)
    strip = Strip(np.zeros(1), np.zeros((1, 4, 4, 3), np.uint8), at, marks, 1.0)

    def follow(_facts: Media, _frames: Sequence[Frame], who: Track) -> Strip | None:
        asked.append(who.person)
        return None if who.person == 9 else strip

    monkeypatch.setattr(pipeline, "_strip", follow)
    return asked


def strips(*people: Track, ids: Sequence[str] = STRIP, kind: Kind = "video") -> dict[int, Strip]:
    chosen = [detectors.build(name) for name in ids]
    told: list[float] = []
    found = pipeline._strips(chosen, Media("a", "b", kind, 1, "mp4"), (), people, lambda _s, share: told.append(share))
    assert told == sorted(told)
    assert all(0.6 <= share < 0.7 for share in told)
    return found


def test_the_two_seen_largest_and_longest_are_followed(followed: list[int]) -> None:
    """Size alone does not tell, nor how often alone, nor who came first: the sum over the frames does."""
    early, often = track(1, [50, 50]), track(2, [40] * 6)
    large, both = track(3, [180]), track(4, [90] * 4)
    assert set(strips(early, often, large, both)) == {2, 4}
    assert followed == [4, 2]


def test_of_equals_the_first_are_followed(followed: list[int]) -> None:
    assert set(strips(*[track(p, [80, 80]) for p in (3, 1, 2)])) == {1, 2}
    assert followed == [1, 2]


def test_who_cannot_be_followed_has_no_passage_and_nobody_takes_the_place(followed: list[int]) -> None:
    assert set(strips(track(9, [200] * 3), track(2, [60]), track(3, [50]))) == {2}
    assert followed == [9, 2]


def test_nobody_is_followed_where_no_detector_looks_at_a_passage(followed: list[int]) -> None:
    assert strips(track(1, [80]), ids=NONE) == {}
    assert strips(track(1, [80]), kind="image") == {}
    assert strips() == {}
    assert followed == []
    assert set(strips(track(1, [80]), ids=(*NONE, *STRIP))) == {1}
