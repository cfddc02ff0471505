"""Who is who by the rule alone: places, times and scenes, and looks made up to be as alike as people can be."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.faces import tracking
from zhenwei.types import Box, Face, Floats, Frame, Pixels, Quality


def seen(time_s: float, x: float, looks: Floats, *, y: float = 100, side: float = 100) -> tracking.Observation:
    """A face at this time, its box's upper left corner at ``x``, ``y``."""
    box = Box(x, y, x + side, y + side)
    face = Face(0, time_s, box, 0.9, np.zeros((6, 2), np.float32), Quality(side, 99, 0.5, 0))
    return tracking.Observation(face, 30.0, looks)


def people_alike(likeness: float) -> tuple[Floats, Floats]:
    """Looks of two people whose likeness is this."""
    a = np.eye(1, 8, dtype=np.float32)[0]
    b = np.eye(1, 8, 1, dtype=np.float32)[0]
    return a, (likeness * a + np.float32(np.sqrt(1 - likeness**2)) * b).astype(np.float32)


def linked(frames: Sequence[Sequence[tracking.Observation]], scenes: Sequence[int] = ()) -> list[list[float]]:
    """Where each person was, from left to right; one scene unless told."""
    return [[f.box.left for f in who] for who, _ in tracking.link(frames, scenes or [0] * len(frames))]


@pytest.mark.parametrize("spacing_s", [0.04, 1.0, 5.0])
def test_looks_weigh_more_than_place(spacing_s: float) -> None:
    """People who changed places between two frames, as alike as 95 % of pairs of people are at most."""
    a, b = people_alike(0.59)
    frames = [[seen(i * spacing_s, x, a), seen(i * spacing_s, y, b)] for i, x, y in ((0, 0, 900), (1, 900, 0))]
    assert linked(frames) == [[0, 900], [900, 0]]


def test_place_decides_between_twins() -> None:
    a, b = people_alike(0.98)
    frames = [[seen(0.2 * i, 10 * i, a), seen(0.2 * i, 600, b)] for i in range(4)]
    assert linked(frames) == [[0, 10, 20, 30], [600] * 4]


def test_somebody_who_changes_looks_in_place_is_still_the_same() -> None:
    a, b = people_alike(0.55)
    assert linked([[seen(0, 300, a)], [seen(1, 310, b)]]) == [[300, 310]]
    assert linked([[seen(0, 300, a)], [seen(1, 900, b)]]) == [[300], [900]]


def test_the_order_within_a_frame_does_not_matter() -> None:
    a, b = people_alike(0.4)
    frames = [[seen(i, 50 * i, a), seen(i, 800 - 50 * i, b)] for i in range(6)]
    turned = [list(reversed(f)) if i % 2 else f for i, f in enumerate(frames)]
    assert sorted(linked(frames)) == sorted(linked(turned))


TWIN, OTHER_TWIN = people_alike(0.98)


def crossing(spacing_s: float, *, down: bool = False) -> list[list[tracking.Observation]]:
    """Twins who walk through one another, one face further each frame."""
    frames = []
    for i in range(4):
        here, there = (0.0, 100.0 * i), (0.0, 300.0 - 100 * i)
        (x, y), (x1, y1) = (here, there) if down else (here[::-1], there[::-1])
        frames.append([seen(i * spacing_s, x, TWIN, y=y), seen(i * spacing_s, x1, OTHER_TWIN, y=y1)])
    return frames


@pytest.mark.parametrize("down", [False, True])
def test_who_moves_goes_on_in_the_same_direction(down: bool) -> None:
    """Only their movement tells the twins apart when each stands where the other stood."""
    frames = crossing(0.2, down=down)
    order = [f[::-1] if i % 2 else f for i, f in enumerate(frames)]
    people = [[f.box.top if down else f.box.left for f in who] for who, _ in tracking.link(order, [0] * 4)]
    assert sorted(people) == [[0, 100, 200, 300], [300, 200, 100, 0]]


def test_a_face_is_expected_as_far_on_as_time_has_passed() -> None:
    """Half a second at 200 px/s, then 0.25 s: the twin 50 px on is the one, not the one 100 px on, nor behind."""
    walk = [[seen(0.0, 0, TWIN)], [seen(0.5, 100, TWIN)]]
    for left, right in ((50, 150), (150, 260)):
        (known, _) = linked([*walk, [seen(0.75, left, TWIN), seen(0.75, right, TWIN)]])
        assert known == [0, 100, 150]


@pytest.mark.parametrize("times", [(0.0, 1.5, 1.75), (0.0, 0.25, 1.5)])
def test_movement_is_not_carried_on_over_more_than_a_second(times: tuple[float, float, float]) -> None:
    walk = [[seen(times[0], 0, TWIN)], [seen(times[1], 200, TWIN)]]
    (known, _) = linked([*walk, [seen(times[2], 230, TWIN), seen(times[2], 430, TWIN)]])
    assert known == [0, 200, 230]


@given(st.floats(-300, 300), st.floats(-300, 300), st.floats(0, 2))
def test_right_and_down_are_as_far(x: float, y: float, passed: float) -> None:
    before = (seen(0, 500, TWIN, y=500).face,)
    one, other = seen(passed, 500 + x, TWIN, y=500 + y).face, seen(passed, 500 + y, TWIN, y=500 + x).face
    near = tracking._nearness(before, one, passed)
    assert near == pytest.approx(tracking._nearness(before, other, passed))
    assert 0 <= near <= 1


def test_a_face_is_expected_to_keep_its_size() -> None:
    small, large = seen(0.2, 100, TWIN, y=100, side=50), seen(0.2, 75, TWIN, y=75, side=100)
    for known in (small, large):
        ((first, _), _) = tracking.link([[known], [small, large]], [0, 0])
        assert first[1].box == known.face.box


def test_across_a_cut_place_says_nothing() -> None:
    """A stranger in the same place is somebody else after a cut, and looks alone find who moved in the new scene."""
    a, b = people_alike(0.55)
    assert linked([[seen(0, 300, a)], [seen(0.04, 300, b)]]) == [[300, 300]]
    assert linked([[seen(0, 300, a)], [seen(0.04, 300, b)]], [0, 1]) == [[300], [300]]
    _, same = people_alike(0.75)
    assert linked([[seen(0, 0, a)], [seen(0.04, 2000, same)]], [0, 1]) == [[0, 2000]]


def test_after_a_cut_the_new_scene_is_where_a_person_is() -> None:
    """Changed looks are forgiven in place again, from the second frame of the scene on; and not in a third scene."""
    a, b = people_alike(0.55)
    frames = [[seen(0, 0, a)], [seen(0.1, 900, a)], [seen(0.2, 900, b)]]
    assert linked(frames, [0, 1, 1]) == [[0, 900, 900]]
    assert linked(frames, [0, 1, 2]) == [[0, 900], [900]]


def test_a_look_seen_once_is_remembered_among_many_alike() -> None:
    """Of more looks than are kept, one of the two most alike goes, not the oldest and not the rarest."""
    usual, turned = people_alike(0.7)
    views = [turned, *[usual] * 12]
    assert linked([[seen(5.0 * i, 0, v)] for i, v in enumerate(views)] + [[seen(100, 5000, turned)]]) == [
        [0] * 13 + [5000]
    ]


def test_a_new_scene_begins_where_little_is_left_of_the_last_frame() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (2, 6, 8, 3), dtype=np.uint8)
    here, there = (np.asarray(cv2.resize(n, (160, 90), interpolation=cv2.INTER_CUBIC), np.uint8) for n in noise)
    assert numbers([]) == []
    assert numbers([here, here, there, there, here]) == [0, 0, 1, 1, 2]
    darker = np.asarray(here * 0.8, np.uint8)
    assert numbers([here, darker, np.roll(here, 6, axis=1)]) == [0, 0, 0]


def test_a_slow_change_is_no_cut_however_far_it_goes() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (2, 6, 8, 3), dtype=np.uint8)
    here, there = (cv2.resize(n, (160, 90), interpolation=cv2.INTER_CUBIC).astype(np.float32) for n in noise)
    fade = [np.asarray(here + (there - here) * share, np.uint8) for share in np.linspace(0, 1, 9)]
    assert numbers(fade) == [0] * 9
    assert numbers([fade[0], fade[-1]]) == [0, 1]


def numbers(images: Sequence[Pixels]) -> list[int]:
    return tracking.scenes([Frame(i, i / 2, p) for i, p in enumerate(images)])
