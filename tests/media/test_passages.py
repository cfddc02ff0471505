"""A passage holds exactly the frames between its ends, both included; clips whose frames show their own number."""

from __future__ import annotations

from array import array
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.media import open_media, read_passage
from zhenwei.media.timeline import Timeline
from zhenwei.media.videos import within
from zhenwei.types import Media

from .making import read_code, write_video

STEP_S = 0.125  # times that floats hold exactly


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Media:
    path = tmp_path_factory.mktemp("passages") / "a.mp4"
    return open_media(
        write_video(path, [125 * number for number in range(17)], options={"g": "5", "bf": "2"}, last=125)
    )


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        (0.25, 0.5, [2, 3, 4]),  # both ends fall on frames
        (0.25, 0.4999, [2, 3]),
        (0.25, 0.5001, [2, 3, 4]),
        (0.2501, 0.5, [3, 4]),
        (0.2499, 0.5, [2, 3, 4]),
        (0.5, 0.5, [4]),
        (0.51, 0.62, []),
        (1.875, 2.0, [15, 16]),  # the last frame
        (1.875, 1.9999, [15]),
        (2.0, 9.0, [16]),
        (2.001, 9.0, []),
        (-1.0, 0.0, [0]),
        (0.0, 9.0, list(range(17))),
    ],
)
def test_both_ends_are_included_and_nothing_beyond(
    video: Media, start_s: float, end_s: float, expected: list[int]
) -> None:
    frames = list(read_passage(video, start_s, end_s))
    assert [read_code(frame.pixels) for frame in frames] == expected
    assert [frame.time_s for frame in frames] == [number * STEP_S for number in expected]
    assert [frame.index for frame in frames] == list(range(len(expected)))


def timeline(times: list[int]) -> Timeline:
    return Timeline(
        array("q", times), array("q", [0]), tuple(range(len(times))), times[-1] + 1, Fraction(1, 1000), True
    )


def test_how_fast_a_passage_is_depends_on_its_own_frames_alone() -> None:
    """Ten frames a second, then a hundred, then ten again."""
    slow, fast = [100 * i for i in range(10)], [900 + 10 * i for i in range(1, 20)]
    times = [*slow, *fast, *(1090 + 100 * i for i in range(1, 10))]
    assert within(timeline(times), Fraction(0), (0.0, 0.9), 31.0) == list(range(10))
    assert within(timeline(times), Fraction(0), (0.91, 1.09), 31.0) == list(range(10, 29, 4))
    assert within(timeline(times), Fraction(0), (1.19, 9.0), 31.0) == list(range(29, 38))
    assert within(timeline(times), Fraction(0), (1.08, 1.09), 31.0) == [27]  # 10 ms apart: the gap behind is no part


def test_times_count_from_the_zero_of_the_file() -> None:
    assert within(timeline([500, 600, 700, 800]), Fraction(1, 2), (0.1, 0.2), 31.0) == [1, 2]


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40, unique=True), st.data())
def test_a_passage_is_what_lies_between_its_ends(times: list[int], data: st.DataObject) -> None:
    times = sorted(times)
    start, end = sorted((data.draw(st.sampled_from(times)), data.draw(st.integers(0, 5000))))
    found = within(timeline(times), Fraction(0), (start / 1000, end / 1000), 1e9)
    assert found == [place for place, time in enumerate(times) if start <= time <= end]
