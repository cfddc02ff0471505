"""Sampled frames are exactly those nearest to the wanted times: clips whose frames show their own number."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.errors import MediaError, UsageError
from zhenwei.media import Limits, frame_times, open_media, sample_frames
from zhenwei.media.formats import recognise
from zhenwei.media.timeline import nearest, video_timeline
from zhenwei.media.videos import anchor, chosen, stretches

from .making import read_code, write_video


def by_hand(times: list[int], count: int) -> list[int]:
    """The oracle: for each part's middle, the number of the nearest frame by looking at all of them."""
    if len(times) <= count:
        return list(range(len(times)))
    start, length = times[0], times[-1] - times[0]
    middles = [start + Fraction((2 * part + 1) * length, 2 * count) for part in range(count)]
    picked = [min(range(len(times)), key=lambda i: (abs(times[i] - middle), i)) for middle in middles]
    return sorted(set(picked))


EVEN = [40 * i for i in range(150)]
_RNG = np.random.default_rng(7)
UNEVEN = [int(t) for t in np.cumsum(_RNG.choice([10, 20, 33, 41, 100, 400], 150))]
UNEVEN = [time - UNEVEN[0] for time in UNEVEN]
X264 = "libx264"
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "one group": ("a.mp4", {"options": {"g": "999", "bf": "0"}}),
    "intra only": ("a.mp4", {"options": {"g": "1"}}),
    "b-frames": ("a.mp4", {"options": {"g": "12", "bf": "3", "b-adapt": "0"}}),
    "b-pyramid, long": ("a.mkv", {"options": {"g": "60", "bf": "8", "b-adapt": "0"}}),
    "open groups": ("a.mp4", {"options": {"x264-params": "open-gop=1:keyint=10:bframes=3:b-adapt=0:scenecut=0"}}),
    "open groups, ts": ("a.ts", {"options": {"x264-params": "open-gop=1:keyint=10:bframes=3:b-adapt=0:scenecut=0"}}),
    "transport stream": ("a.ts", {"options": {"g": "25", "bf": "2"}}),
    "matroska": ("a.mkv", {"options": {"g": "25", "bf": "2"}}),
    "fragments": ("a.mp4", {"options": {"g": "25", "bf": "2"}, "audio_s": 2.0}),
    "vp8": ("a.webm", {"codec": "libvpx", "options": {"g": "30", "deadline": "realtime", "cpu-used": "8"}}),
    "vp8, hidden frames": ("a.webm", {"codec": "libvpx", "options": {"g": "50", "auto-alt-ref": "1", "cpu-used": "4"}}),
    "vp9": ("a.webm", {"codec": "libvpx-vp9", "options": {"g": "40", "deadline": "realtime", "cpu-used": "8"}}),
    "av1": ("a.mkv", {"codec": "libsvtav1", "options": {"preset": "9", "g": "40", "crf": "10"}, "scale": 2}),
}


@pytest.mark.parametrize("times", [EVEN, UNEVEN], ids=["constant rate", "variable rate"])
@pytest.mark.parametrize("case", CASES)
def test_the_nearest_frames_come_and_no_others(tmp_path: Path, case: str, times: list[int]) -> None:
    name, options = CASES[case]
    path = write_video(tmp_path / name, times, **options)
    media = open_media(path)
    for count in (1, 7, 32):
        frames = list(sample_frames(media, count))
        expected = by_hand(times, count)
        assert [read_code(frame.pixels) for frame in frames] == expected
        assert [frame.index for frame in frames] == list(range(len(expected)))
        shown = [(times[number] - times[0]) / 1000 for number in expected]
        assert [frame.time_s for frame in frames] == pytest.approx(shown, abs=0.002)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.avi", "mpeg4"), ("a.mpg", "mpeg2video"), ("a.mov", "prores"), ("a.avi", X264), ("a.264", X264)],
)
def test_older_containers(tmp_path: Path, name: str, codec: str) -> None:
    """Some of them hold no presentation times; the frames then count at their rate."""
    times = list(range(60))
    options = {"libx264": {"g": "12", "bf": "0"}, "mpeg2video": {"g": "12", "bf": "2"}}.get(codec)
    path = write_video(tmp_path / name, times, unit=Fraction(1, 25), last=1, codec=codec, options=options)
    media = open_media(path)
    assert media.duration_s == pytest.approx(60 / 25, abs=0.041)
    frames = list(sample_frames(media, 8))
    assert [read_code(frame.pixels) for frame in frames] == by_hand(times, 8)
    assert [round(frame.time_s * 25) for frame in frames] == by_hand(times, 8)


def test_raw_stream_with_reordered_frames(tmp_path: Path) -> None:
    """No times and B-frames: numbers of presentation, not of decoding."""
    path = write_video(
        tmp_path / "a.264", list(range(60)), unit=Fraction(1, 25), last=1, options={"bf": "3", "g": "20"}
    )
    frames = list(sample_frames(open_media(path), 6))
    assert [read_code(frame.pixels) for frame in frames] == by_hand(list(range(60)), 6)


def test_fewer_frames_than_asked_gives_all_in_order(tmp_path: Path) -> None:
    media = open_media(write_video(tmp_path / "a.mp4", [0, 40, 500, 540, 900], options={"bf": "2"}))
    assert [read_code(frame.pixels) for frame in sample_frames(media, 32)] == [0, 1, 2, 3, 4]


def test_same_pixels_as_decoding_everything(tmp_path: Path) -> None:
    """Leaving out what no wanted frame depends on changes no bit; nor does the number of threads."""
    path = write_video(tmp_path / "a.mp4", EVEN, options={"g": "48", "bf": "5", "crf": "35"}, scale=2)
    with av.open(str(path)) as container:
        plain = {frame.time: frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)}
    assert len(plain) == len(EVEN)
    media = open_media(path)
    for threads in (1, 3):
        for frame in sample_frames(media, 20, threads=threads):
            assert np.array_equal(frame.pixels, plain[frame.time_s])


def test_every_frame_when_all_are_wanted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", EVEN, options={"g": "20", "bf": "3"})
    media = open_media(path)
    assert [read_code(frame.pixels) for frame in sample_frames(media, 1000)] == list(range(150))
    assert frame_times(media) == pytest.approx([time / 1000 for time in EVEN])


@pytest.mark.parametrize("name", ["a.ts", "a.mp4", "a.mkv"])
def test_times_of_frames_are_those_of_the_frames_that_are_sampled(tmp_path: Path, name: str) -> None:
    """A transport stream does not begin at 0 s."""
    media = open_media(write_video(tmp_path / name, EVEN[:40], options={"g": "20", "bf": "2"}))
    times = frame_times(media)
    assert times == pytest.approx([frame.time_s for frame in sample_frames(media, 1000)])
    assert times[0] == pytest.approx(0, abs=0.1)
    assert times[-1] == pytest.approx(times[0] + EVEN[39] / 1000, abs=0.002)


def test_frames_are_read_only_contiguous_rgb(tmp_path: Path) -> None:
    (frame,) = sample_frames(open_media(write_video(tmp_path / "a.mp4", [0, 40])), 1)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.shape == (48, 64, 3)
    assert frame.pixels.flags.c_contiguous
    assert not frame.pixels.flags.writeable


def test_large_frames_are_reduced_by_area(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [0, 40], codec="ffv1", scale=4)
    media = open_media(path)
    assert (media.width, media.height) == (256, 192)
    full = next(sample_frames(media, 1)).pixels
    small = next(sample_frames(media, 1, max_side=128)).pixels
    assert small.shape == (96, 128, 3)
    means = full.reshape(96, 2, 128, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 3
    assert next(sample_frames(media, 1, max_side=100)).pixels.shape == (75, 100, 3)


@pytest.mark.parametrize("option", ["count", "max_side", "threads"])
def test_senseless_options_are_refused_at_once(tmp_path: Path, option: str) -> None:
    media = open_media(write_video(tmp_path / "a.mp4", [0, 40]))
    senseless: dict[str, Any] = {option: 0}
    with pytest.raises(UsageError, match=option):
        sample_frames(media, **senseless)


def test_long_clip_decodes_little(tmp_path: Path) -> None:
    """Of 3000 packets in groups of 30, eight frames need at most eight groups."""
    path = write_video(tmp_path / "a.mp4", [40 * i for i in range(3000)], options={"g": "30", "preset": "ultrafast"})
    with path.open("rb") as file:
        form = recognise(file.read(4096))
        assert form is not None
        timeline, _ = video_timeline(file, form, "a", Limits())
    plan = stretches(timeline, chosen(timeline, 8))
    assert sum(stretch.last - stretch.first + 1 for stretch in plan) <= 8 * 30
    assert [read_code(f.pixels) for f in sample_frames(open_media(path), 8)] == by_hand([*range(3000)], 8)


def test_stretches_cover_each_wanted_frame_from_its_key_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", EVEN, options={"g": "10", "bf": "2"})
    with path.open("rb") as file:
        form = recognise(file.read(4096))
        assert form is not None
        timeline, _ = video_timeline(file, form, "a", Limits())
    places = chosen(timeline, 5)
    plan = stretches(timeline, places)
    assert sorted(place for stretch in plan for place in stretch.places) == sorted(places)
    for stretch in plan:
        assert all(stretch.first <= anchor(timeline, place) <= place <= stretch.last for place in stretch.places)
    assert all(before.last + 1 < after.first for before, after in pairwise(plan))


@given(
    gaps=st.lists(st.integers(1, 1000), min_size=1, max_size=60),
    start=st.integers(-(2**40), 2**40),
    count=st.integers(1, 40),
)
def test_nearest_agrees_with_looking_at_all(gaps: list[int], start: int, count: int) -> None:
    times = [start + sum(gaps[:i]) for i in range(len(gaps) + 1)]
    picked = nearest(times, count)
    assert picked == by_hand(times, count)
    assert picked == sorted(set(picked))


def test_frames_and_sound_share_one_clock(tmp_path: Path) -> None:
    """A picture track that begins 0.4 s after the sound."""
    media = open_media(write_video(tmp_path / "a.mp4", [400 + time for time in EVEN[:20]], audio_s=1.0))
    assert next(sample_frames(media, 100)).time_s == pytest.approx(0.4, abs=0.005)


def test_cut_short_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", EVEN, options={"movflags": "+faststart", "g": "10"}, scale=2)
    with (
        av.open(str(whole)) as source,
        av.open(str(tmp_path / "fast.mp4"), "w", options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    data = (tmp_path / "fast.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    media = open_media(cut)
    assert any(note.startswith("cut short") for note in media.notes)
    codes = [read_code(frame.pixels) for frame in sample_frames(media, 10)]
    assert 1 < len(codes) <= 10
    assert codes == sorted(set(codes))
    assert codes[-1] < 149
    assert not open_media(whole).notes


def test_nothing_decodable_is_an_error(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", EVEN[:20])
    media = open_media(path)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        spans = [(p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos is not None]
    for start, size in spans:
        data[start : start + size + 8] = bytes(size + 8)
    path.write_bytes(data)
    with pytest.raises(MediaError):
        list(sample_frames(media, 4))


def test_too_many_frames(tmp_path: Path) -> None:
    media = open_media(write_video(tmp_path / "a.mp4", EVEN))
    with pytest.raises(MediaError, match="too many frames"):
        list(sample_frames(media, 4, limits=Limits(max_frames=100)))
