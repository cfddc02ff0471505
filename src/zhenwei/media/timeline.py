"""When every frame of a clip is shown, and how long a file truly is, from its packets alone: some 300,000 a second."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from zhenwei.errors import MediaError
from zhenwei.media.containers import (
    ASSUMED_RATE,
    CUT_SHORT,
    audio_stream,
    audio_streams,
    exact,
    frame_rate,
    open_container,
    require_content,
    start_s,
    video_stream,
)
from zhenwei.media.formats import Format
from zhenwei.media.limits import Limits


def nearest(times: Sequence[int], count: int) -> list[int]:
    """Places in ``times`` (ascending) nearest to the middles of ``count`` equal parts of first to last time, each once.

    All places if there are no more than ``count``; of two equally near ones it is the earlier. Integer arithmetic, so
    it is exact for any unit of time.
    """
    if len(times) <= count:
        return list(range(len(times)))
    scale = 2 * count
    picked = []
    for part in range(count):
        wanted = scale * times[0] + (2 * part + 1) * (times[-1] - times[0])
        after = min(bisect_left(times, wanted, key=lambda time: scale * time), len(times) - 1)
        before = max(after - 1, 0)
        earlier_is_nearer = abs(wanted - scale * times[before]) <= abs(scale * times[after] - wanted)
        picked.append(before if earlier_is_nearer else after)
    return list(dict.fromkeys(picked))


@dataclass(frozen=True, slots=True)
class Timeline:
    """The packets of a video track in decoding order.

    ``pts``: presentation times in units of ``unit`` seconds, or ordinal numbers where the file has no usable times
    (``timed`` false). ``key``: places of packets where decoding can begin. ``shown``: places of packets that hold a
    frame to show, in order of presentation. ``end``: when the last one goes, judged by the gaps before it. ``late``:
    how many packets stand before the first key frame, with nothing that they could be decoded from.
    """

    pts: array[int]
    key: array[int]
    shown: tuple[int, ...]
    end: int
    unit: Fraction
    timed: bool
    late: int = 0

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last, in seconds."""
        return float((self.end - self.pts[self.shown[0]]) * self.unit) if self.shown else 0.0


def read_timeline(
    container: InputContainer, stream: VideoStream, name: str, limits: Limits, spans: _Spans | None = None
) -> Timeline:
    """Read all packets' times, as far as the file goes; ``spans`` sees every packet of the sound tracks too."""
    pts, key, hidden = array("q"), array("q"), set()
    timed = True
    for packet in packets(container, [stream, *(audio_streams(container) if spans else ())]):
        if spans is not None:
            spans.see(packet)
        if packet.stream is not stream:
            continue
        if len(pts) >= limits.max_frames:
            raise MediaError(
                f"{name} has too many frames", want=f"at most {limits.max_frames:,}", fix="Cut it shorter."
            )
        if packet.is_keyframe:
            key.append(len(pts))
        if packet.is_discard or packet.is_corrupt:
            hidden.add(len(pts))
        timed = timed and (packet.pts is not None or not key)
        pts.append(packet.pts if packet.pts is not None else len(pts))
    timed = timed and exact(stream.time_base) is not None and all(pts[a] < pts[b] for a, b in pairwise(key))
    hidden.update(range(key[0] if timed and key else 0))
    return _timeline(stream, pts, key, hidden, timed)


def packets(container: InputContainer, streams: list[VideoStream | AudioStream]) -> Iterator[av.Packet[Any]]:
    """All that hold something, as far as the file goes."""
    try:
        yield from (packet for packet in container.demux(streams) if packet.size)
    except CUT_SHORT:
        return


def _timeline(stream: VideoStream, pts: array[int], key: array[int], hidden: set[int], timed: bool) -> Timeline:
    places = [place for place in range(len(pts)) if place not in hidden]
    if not timed:
        rate = Fraction(frame_rate(stream) or ASSUMED_RATE).limit_denominator(1001)
        return Timeline(array("q", range(len(pts))), array("q", [0]), tuple(places), len(pts), 1 / rate, False)
    places.sort(key=pts.__getitem__)
    gaps = sorted(pts[after] - pts[before] for before, after in pairwise(places[-64:]))
    end = pts[places[-1]] + max(1, gaps[len(gaps) // 2] if gaps else 1) if places else 0
    late = key[0] if key else 0
    return Timeline(pts, key, tuple(places), end, exact(stream.time_base) or Fraction(1), True, late)


def video_timeline(file: BinaryIO, form: Format, name: str, limits: Limits) -> tuple[Timeline, Fraction]:
    """The times of all frames, and the clock time in seconds at which the file begins: with sound that of the earlier
    of both tracks, else that of the first frame."""
    with open_container(file, form, name, limits) as container:
        timeline = read_timeline(container, require_video(container, name, limits), name, limits)
        if timeline.timed and audio_stream(container) is not None:
            return timeline, start_s(container)
        return timeline, timeline.pts[timeline.shown[0]] * timeline.unit if timeline.shown else Fraction(0)


def require_video(container: InputContainer, name: str, limits: Limits) -> VideoStream:
    """The moving picture, or MediaError."""
    require_content(container, name, limits)
    stream = video_stream(container)
    if stream is None:
        raise MediaError(f"{name} has no frames", got="sound only", want="a video track")
    return stream


@dataclass(frozen=True, slots=True)
class Counted:
    """What the packets say. ``timeline``: of the moving picture, None if there is only sound. ``duration_s``: from the
    first to the end of the last of all tracks; ``reach_s``: the same, or from the zero of the clock if that is more.
    ``last``: the last packet of the sound."""

    timeline: Timeline | None
    duration_s: float
    reach_s: float
    last: bytes


def count_packets(file: BinaryIO, form: Format, name: str, limits: Limits) -> Counted:
    """Read every packet of picture and sound to the end of the file, or to where it breaks off."""
    spans = _Spans()
    with open_container(file, form, name, limits) as container:
        require_content(container, name, limits)
        video, timeline = video_stream(container), None
        if video is not None:
            timeline = read_timeline(container, video, name, limits, spans)
        else:
            for packet in packets(container, list(audio_streams(container))):
                spans.see(packet)
        last = b"" if spans.last is None else bytes(spans.last)
    shown_s = timeline.duration_s if timeline else 0.0
    return Counted(timeline, max(shown_s, spans.duration_s), max(shown_s, spans.reach_s), last)


@dataclass(slots=True)
class _Spans:
    """First and last moment of each track, by its number."""

    first: dict[int, Fraction] = field(default_factory=dict)
    end: dict[int, Fraction] = field(default_factory=dict)
    last: av.Packet[Any] | None = None

    def see(self, packet: av.Packet[Any]) -> None:
        number, unit = packet.stream.index, exact(packet.time_base)
        if unit is None or packet.is_discard:
            return
        ticks = packet.duration or 0
        if ticks >= 1 << 31:  # FFmpeg wraps what it takes off the last packet of an Ogg file round to this
            ticks -= 1 << 32
        length = ticks * unit
        before = self.end.get(number, Fraction(0))
        start = before if packet.pts is None else packet.pts * unit
        self.first[number] = min(self.first.get(number, start), start)
        self.end[number] = max(before, start + length)
        if packet.stream.type == "audio":
            self.last = packet

    @property
    def duration_s(self) -> float:
        return float(max(self.end.values()) - min(self.first.values())) if self.end else 0.0

    @property
    def reach_s(self) -> float:
        return max(self.duration_s, float(max(self.end.values(), default=0)))
