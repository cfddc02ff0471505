"""Who is who: real faces moved about by the test."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from zhenwei import faces
from zhenwei.errors import UsageError
from zhenwei.faces import tracking
from zhenwei.types import Frame, Pixels, Track


def head(person: Pixels, side: int) -> Pixels:
    """Head and hair of one of the portraits."""
    return np.asarray(cv2.resize(person[0:256, 96:352], (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def pasted(backdrop: Pixels, heads: Sequence[tuple[Pixels, int, int]]) -> Pixels:
    image = backdrop.copy()
    for pixels, x, y in heads:
        side = pixels.shape[0]
        image[y : y + side, x : x + side] = pixels
    return image


def video(images: Sequence[Pixels], spacing_s: float) -> list[Frame]:
    return [Frame(i, i * spacing_s, p) for i, p in enumerate(images)]


def lefts(track: Track) -> list[float]:
    return [f.box.left for f in track.faces]


def test_nobody() -> None:
    assert faces.find_people([]) == ()
    assert faces.find_people([Frame(0, 0.0, np.zeros((90, 160, 3), np.uint8))]) == ()


def test_one_picture(astronaut: Pixels) -> None:
    (track,) = faces.find_people([Frame(0, 0.0, astronaut)])
    assert track.person == 1
    assert track.faces[0].box == faces.detect(astronaut)[0].box


@pytest.mark.parametrize("spacing_s", [0.04, 0.5, 3.0])
def test_people_who_change_places_stay_themselves(
    spacing_s: float, astronaut: Pixels, stranger: Pixels, backdrop: Pixels
) -> None:
    a, b = head(astronaut, 240), head(stranger, 240)
    steps = [(40 + 130 * i, 1000 - 130 * i) for i in range(8)]
    # In the middle they cover one another; there only who is in front is seen.
    frames = video([pasted(backdrop, [(b, right, 300), (a, left, 250)]) for left, right in steps], spacing_s)
    people = faces.find_people(frames)
    assert len(people) == 2
    rising, falling = sorted(people, key=lambda t: lefts(t)[0])
    assert lefts(rising) == sorted(lefts(rising))
    assert lefts(falling) == sorted(lefts(falling), reverse=True)
    assert len(rising.faces) == 8
    assert len(falling.faces) >= 5


def test_people_are_numbered_by_appearance_then_size(astronaut: Pixels, stranger: Pixels, backdrop: Pixels) -> None:
    small, large, late = head(stranger, 150), head(astronaut, 300), head(astronaut[:, ::-1], 200)
    early = pasted(backdrop, [(small, 60, 60), (large, 700, 200)])
    frames = video([early] * 3 + [pasted(early, [(late, 300, 420)])] * 3, 1.0)
    people = faces.find_people(frames)
    assert [t.person for t in people] == [1, 2, 3]
    assert [len(t.faces) for t in people] == [6, 6, 3]
    sizes = [t.faces[-1].box.width for t in people]
    assert sizes[0] > sizes[2] > sizes[1]
    assert [f.frame for f in people[2].faces] == [3, 4, 5]
    assert [f.time_s for f in people[2].faces] == [3.0, 4.0, 5.0]


def test_a_person_who_was_away_comes_back_as_the_same(astronaut: Pixels, backdrop: Pixels) -> None:
    here, there = (
        pasted(backdrop, [(head(astronaut, 260), 100, 100)]),
        pasted(backdrop, [(head(astronaut, 260), 900, 300)]),
    )
    (track,) = faces.find_people(video([here, here, backdrop, backdrop, there, there], 2.0))
    assert [f.frame for f in track.faces] == [0, 1, 4, 5]


def test_a_cut_to_somebody_else_at_the_same_place_is_somebody_else(
    astronaut: Pixels, stranger: Pixels, backdrop: Pixels
) -> None:
    studio = pasted(backdrop, [(head(astronaut, 300), 400, 200)])
    street = pasted(np.ascontiguousarray(255 - backdrop[::-1, ::-1] // 2), [(head(stranger, 300), 400, 200)])
    frames = video([studio] * 3 + [street] * 3 + [studio] * 2, 0.5)
    assert tracking.scenes(frames) == [0, 0, 0, 1, 1, 1, 2, 2]
    people = faces.find_people(frames)
    assert [[f.frame for f in t.faces] for t in people] == [[0, 1, 2, 6, 7], [3, 4, 5]]


def test_small_people_in_a_clip_are_followed(astronaut: Pixels, backdrop: Pixels) -> None:
    frames = video([pasted(backdrop, [(head(astronaut, 110), 200 + 40 * i, 300)]) for i in range(10)], 0.2)
    (track,) = faces.find_people(frames)
    assert len(track.faces) == 10
    assert max(f.quality.face_px for f in track.faces) < 60


def test_sparing_leaves_out_what_lies_between_two_alike(astronaut: Pixels, backdrop: Pixels) -> None:
    moving = [pasted(backdrop, [(head(astronaut, 260), 100 + 12 * i, 100)]) for i in range(8)]
    (every,) = faces.find_people(video(moving, 0.3))
    (track,) = faces.find_people(video(moving, 0.3), sparing=True)
    assert [f.frame for f in track.faces] == [0, 2, 4, 6, 7]
    assert [f.box for f in track.faces] == [every.faces[f.frame].box for f in track.faces]


def test_sparing_looks_closely_where_something_changes(astronaut: Pixels, stranger: Pixels, backdrop: Pixels) -> None:
    large, late, there = head(astronaut, 300), head(stranger, 200), head(astronaut, 300)
    early = pasted(backdrop, [(large, 700, 200)])
    joined = video([early] * 3 + [pasted(early, [(late, 300, 420)])] * 3, 1.0)
    people = faces.find_people(joined, sparing=True)
    assert [[f.frame for f in t.faces] for t in people] == [[0, 2, 3, 4, 5], [3, 4, 5]]
    jump = video([early] * 3 + [pasted(backdrop, [(there, 60, 60)])] * 3, 1.0)
    (track,) = faces.find_people(jump, sparing=True)
    assert [f.frame for f in track.faces] == [0, 2, 3, 4, 5]
    small = video([pasted(backdrop, [(head(astronaut, 110), 200, 300)])] * 6, 1.0)
    (track,) = faces.find_people(small, sparing=True)
    assert len(track.faces) == 6
    studio = pasted(backdrop, [(large, 400, 200)])
    street = pasted(np.ascontiguousarray(255 - backdrop[::-1, ::-1] // 2), [(head(stranger, 300), 400, 200)])
    people = faces.find_people(video([studio] * 3 + [street] * 3 + [studio] * 2, 0.5), sparing=True)
    assert [[f.frame for f in t.faces] for t in people] == [[0, 2, 6, 7], [3, 4, 5]]


@pytest.mark.parametrize("seen", [range(17, 31), range(1, 16), range(16, 28)])
def test_sparing_misses_no_small_person_who_stays(
    seen: range, astronaut: Pixels, stranger: Pixels, backdrop: Pixels
) -> None:
    alone = pasted(backdrop, [(head(astronaut, 300), 700, 200)])
    both = pasted(alone, [(head(stranger, 90), 150, 300)])
    frames = video([both if place in seen else alone for place in range(32)], 0.3)
    every, sparing = (faces.find_people(frames, sparing=spares) for spares in (False, True))
    assert [len(tracks) for tracks in (every, sparing)] == [2, 2]
    small = [min(tracks, key=lambda t: t.faces[0].box.area) for tracks in (every, sparing)]
    assert {f.frame for f in small[0].faces} - {f.frame for f in small[1].faces} <= {seen[-1]}
    assert {f.frame for f in small[1].faces} <= set(seen)


def test_sparing_skips_nothing_between_frames_that_lie_far_apart(astronaut: Pixels, backdrop: Pixels) -> None:
    frames = video([pasted(backdrop, [(head(astronaut, 260), 100, 100)])] * 6, 30.0)
    (track,) = faces.find_people(frames, sparing=True)
    assert len(track.faces) == 6


def test_wrong_use_is_told(astronaut: Pixels) -> None:
    with pytest.raises(UsageError, match="0, 1, 2"):
        faces.find_people([Frame(1, 0.0, astronaut)])
    with pytest.raises(UsageError, match="smallest face"):
        faces.find_people([Frame(0, 0.0, astronaut)], minimum_px=0)


def test_the_likeness_of_portraits(astronaut: Pixels, stranger: Pixels) -> None:
    own = tracking.looks(astronaut, faces.detect(astronaut)[0])
    darker = (astronaut * 0.9).astype(np.uint8)
    other = tracking.looks(stranger, faces.detect(stranger)[0])
    assert np.linalg.norm(own) == pytest.approx(1, abs=1e-5)
    assert float(own @ tracking.looks(darker, faces.detect(darker)[0])) > 0.75
    assert float(own @ other) < 0.6


def test_a_chance_finding_is_left_out_and_a_clear_one_is_kept(
    monkeypatch: pytest.MonkeyPatch, astronaut: Pixels, backdrop: Pixels
) -> None:
    """Once in six frames: believed with much support, else not."""
    frames = video([backdrop] * 2 + [pasted(backdrop, [(head(astronaut, 260), 100, 100)])] + [backdrop] * 3, 1.0)
    assert len(faces.find_people(frames)) == 1
    monkeypatch.setattr("zhenwei.faces.people._ONCE_ENOUGH", 1000.0)
    assert faces.find_people(frames) == ()
    assert len(faces.find_people([Frame(0, 0.0, frames[2].pixels)])) == 1
