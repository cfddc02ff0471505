"""Frames of a video, evenly spread over the whole of it by their exact time.

A first pass reads every packet's time without decoding any, some 300,000 a second. It says which frames are nearest
to the wanted times and from which key frame each can be had, so that the second pass decodes little more than those:
packets that no wanted frame depends on are dropped, and the decoder starts afresh at the next key frame. Dropping
beats seeking, which lands elsewhere in every format. Nothing but these times grows with the length of the clip.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from zhenwei.errors import MediaError
from zhenwei.media.containers import (
    CUT_SHORT,
    audio_stream,
    clock,
    decoded,
    frame_rate,
    open_container,
    prepare,
    require_content,
    require_duration,
    start_s,
    video_stream,
)
from zhenwei.media.formats import Format
from zhenwei.media.limits import Limits
from zhenwei.media.spread import nearest
from zhenwei.media.upright import Window, upright_part, upright_pixels
from zhenwei.types import Frame, Pixels

# Decoders in which a frame marked as no reference can be left out without changing any other. HEVC is not among
# them: there the mark holds for one temporal layer only.
_SKIPS_UNUSED = frozenset({"h264"})
_DEFAULT_RATE = 25


@dataclass(frozen=True, slots=True)
class Timeline:
    """The packets of a video track in decoding order.

    ``pts``: presentation times in units of ``unit`` seconds, or ordinal numbers where the file has no usable times
    (``timed`` false). ``key``: places of packets where decoding can begin. ``shown``: places of packets that hold a
    frame to show, in order of presentation. ``end``: when the last one goes, judged by the gaps before it.
    """

    pts: array[int]
    key: array[int]
    shown: tuple[int, ...]
    end: int
    unit: Fraction
    timed: bool

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last, in seconds."""
        return float((self.end - self.pts[self.shown[0]]) * self.unit) if self.shown else 0.0


def read_timeline(container: InputContainer, stream: VideoStream, name: str, limits: Limits) -> Timeline:
    """Read all packets' times; where the file breaks off, what came before stands. Nothing is decoded."""
    pts, key, hidden = array("q"), array("q"), set()
    timed = True
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue  # the mark at the end
            if len(pts) >= limits.max_frames:
                raise MediaError(
                    f"{name} has too many frames", want=f"at most {limits.max_frames:,}", fix="Cut it shorter."
                )
            if packet.is_keyframe:
                key.append(len(pts))
            if packet.is_discard or packet.is_corrupt:
                hidden.add(len(pts))
            timed = timed and packet.pts is not None
            pts.append(packet.pts if packet.pts is not None else len(pts))
    except CUT_SHORT:
        pass
    timed = timed and clock(stream) is not None and all(pts[a] < pts[b] for a, b in pairwise(key))
    return _timeline(stream, pts, key, hidden, timed)


def _timeline(stream: VideoStream, pts: array[int], key: array[int], hidden: set[int], timed: bool) -> Timeline:
    places = [place for place in range(len(pts)) if place not in hidden]
    if not timed:
        rate = Fraction(frame_rate(stream) or _DEFAULT_RATE).limit_denominator(1001)
        return Timeline(array("q", range(len(pts))), array("q", [0]), tuple(places), len(pts), 1 / rate, False)
    places.sort(key=pts.__getitem__)
    gaps = sorted(pts[after] - pts[before] for before, after in pairwise(places[-64:]))
    end = pts[places[-1]] + max(1, gaps[len(gaps) // 2] if gaps else 1) if places else 0
    return Timeline(pts, key, tuple(places), end, clock(stream) or Fraction(1), True)


def chosen(timeline: Timeline, count: int) -> list[int]:
    """Places of the frames that stand for the whole clip, in order of presentation."""
    times = [timeline.pts[place] for place in timeline.shown]
    return [timeline.shown[number] for number in nearest(times, count)]


def anchor(timeline: Timeline, place: int) -> int:
    """Where decoding must begin for the frame at ``place``: the last key frame before it that is not shown after it.

    A frame shown before its key frame may need what came before that one (open groups of pictures).
    """
    for number in range(bisect_left(timeline.key, place + 1) - 1, -1, -1):
        if timeline.pts[timeline.key[number]] <= timeline.pts[place]:
            return timeline.key[number]
    return 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Packets to decode in one go, from ``first`` to ``last``; ``places`` of the wanted frames in order of showing."""

    first: int
    last: int
    places: tuple[int, ...]


def stretches(timeline: Timeline, places: list[int]) -> list[Stretch]:
    """The least that has to be decoded for the frames at ``places``, in decoding order."""
    found: list[Stretch] = []
    for first, wanted in sorted((key, tuple(group)) for key, group in groupby(places, lambda p: anchor(timeline, p))):
        if found and first <= found[-1].last + 1:
            before = found.pop()
            both = before.places + wanted
            found.append(Stretch(before.first, max(both), both))
        else:
            found.append(Stretch(first, max(wanted), wanted))
    return found


def decode_places(
    container: InputContainer, stream: VideoStream, timeline: Timeline, places: list[int], sparing: bool
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """The frames at ``places`` with their clock times in seconds, each once; ``container`` stands at its start.

    ``sparing`` leaves out all that the wanted frames do not depend on, which takes a timeline with times; otherwise
    everything is decoded.
    """
    context = stream.codec_context
    skips = sparing and context.name in _SKIPS_UNUSED
    plan = deque(stretches(timeline, places) if sparing else [Stretch(0, len(timeline.pts), tuple(places))])
    wanted, matcher = frozenset(places), _Matcher(timeline)
    for place, packet in enumerate(_packets(container, stream)):
        if plan and place > plan[0].last:
            yield from matcher.offer(decoded(stream, None))
            yield from matcher.finish()
            context.flush_buffers()
            plan.popleft()
        if not plan:
            return
        if place < plan[0].first:
            continue
        if place == plan[0].first:
            matcher.begin(plan[0].places)
        context.skip_frame = "NONREF" if skips and place not in wanted else "DEFAULT"
        yield from matcher.offer(decoded(stream, packet))
    yield from matcher.offer(decoded(stream, None))
    yield from matcher.finish()


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except CUT_SHORT:
        return  # cut short: what came before stands


class _Matcher:
    """Finds the wanted frames among those that come out of the decoder, in order of presentation.

    A wanted frame that never comes (its packet was damaged, or holds no picture) is replaced by the nearer of its
    neighbours that were decoded, unless that one is given already.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._wanted: deque[int] = deque()
        self._spare: tuple[int, VideoFrame] | None = None
        self._count = 0

    def begin(self, places: tuple[int, ...]) -> None:
        self._wanted.extend(self._timeline.pts[place] for place in places)

    def offer(self, frames: list[VideoFrame]) -> Iterator[tuple[Fraction, VideoFrame]]:
        for frame in frames:
            time = frame.pts if self._timeline.timed else self._count
            self._count += 1
            if time is None or frame.is_corrupt:
                continue
            yield from self._match(time, frame)

    def _match(self, time: int, frame: VideoFrame) -> Iterator[tuple[Fraction, VideoFrame]]:
        current: tuple[int, VideoFrame] | None = (time, frame)
        while self._wanted and time >= self._wanted[0]:
            if current is None and self._wanted[0] == time:
                break  # two frames of one time: the other is still to come
            wanted = self._wanted.popleft()
            if self._spare is not None and wanted - self._spare[0] < time - wanted:
                yield self._timed(self._spare)
                self._spare = None
            elif current is not None:
                yield self._timed(current)
                self._spare = current = None
        self._spare = current

    def finish(self) -> Iterator[tuple[Fraction, VideoFrame]]:
        if self._wanted and self._spare is not None:
            yield self._timed(self._spare)
        self._wanted.clear()
        self._spare = None

    def _timed(self, found: tuple[int, VideoFrame]) -> tuple[Fraction, VideoFrame]:
        return found[0] * self._timeline.unit, found[1]


def clip_timeline(file: BinaryIO, form: Format, name: str, limits: Limits) -> tuple[Timeline, Fraction]:
    """The times of all frames, and the clock time in seconds at which the file begins.

    With sound that is the earlier of both tracks; alone, a clip begins with its first frame.
    """
    with open_container(file, form, name, limits) as container:
        timeline = read_timeline(container, _video(container, name, limits), name, limits)
        if timeline.timed and audio_stream(container) is not None:
            return timeline, start_s(container)
        return timeline, timeline.pts[timeline.shown[0]] * timeline.unit if timeline.shown else Fraction(0)


def clip_frames(
    file: BinaryIO, form: Format, name: str, count: int, max_side: int, limits: Limits, threads: int
) -> Iterator[Frame]:
    """See ``zhenwei.media.sample_frames``."""
    timeline, zero = clip_timeline(file, form, name, limits)
    require_duration(timeline.duration_s, name, limits)
    converter = VideoReformatter()

    def converted(frame: VideoFrame, _time_s: float) -> Pixels:
        return upright_pixels(frame, max_side, converter)

    wanted = _Wanted(timeline, zero, chosen(timeline, count))
    yield from _frames(file, form, name, wanted, converted, limits, threads)


@dataclass(frozen=True, slots=True)
class Request:
    """A passage as asked for; see ``zhenwei.media.read_passage``."""

    start_s: float
    end_s: float
    fastest_hz: float
    max_side: int
    window: Callable[[float], Window] | None
    threads: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Frames at ``places`` of a timeline whose file begins at ``zero`` seconds of its clock."""

    timeline: Timeline
    zero: Fraction
    places: list[int]


def passage_frames(
    file: BinaryIO,
    form: Format,
    name: str,
    request: Request,
    limits: Limits,
) -> Iterator[Frame]:
    """See ``zhenwei.media.read_passage``."""
    timeline, zero = clip_timeline(file, form, name, limits)
    places = within(timeline, zero, (request.start_s, request.end_s), request.fastest_hz)
    if not places:
        return
    converter = VideoReformatter()

    def converted(frame: VideoFrame, time_s: float) -> Pixels:
        if request.window is None:
            return upright_pixels(frame, request.max_side, converter)
        return upright_part(frame, request.max_side, converter, request.window(time_s))

    yield from _frames(file, form, name, _Wanted(timeline, zero, places), converted, limits, request.threads)


def within(timeline: Timeline, zero: Fraction, span_s: tuple[float, float], fastest_hz: float) -> list[int]:
    """Places of the frames shown in ``span_s``, every k-th of them where all would be more than ``fastest_hz``."""
    times = [float(timeline.pts[place] * timeline.unit - zero) for place in timeline.shown]
    places = [place for place, time in zip(timeline.shown, times, strict=True) if span_s[0] <= time <= span_s[1]]
    gaps = sorted(after - before for before, after in pairwise(times) if span_s[0] <= before <= span_s[1])
    gap = gaps[len(gaps) // 2] if gaps else 0.0
    return places[:: max(1, math.ceil(1 / (gap * fastest_hz)))] if gap > 0 else places


def _frames(
    file: BinaryIO,
    form: Format,
    name: str,
    wanted: _Wanted,
    converted: Callable[[VideoFrame, float], Pixels],
    limits: Limits,
    threads: int,
) -> Iterator[Frame]:
    timeline, index = wanted.timeline, 0
    for sparing in (timeline.timed, False):  # where the key frames are not what they claim, the plain way may still do
        with open_container(file, form, name, limits) as container:
            stream = _video(container, name, limits)
            prepare(stream, limits, threads)
            for time, frame in decode_places(container, stream, timeline, wanted.places, sparing):
                time_s = float(time - wanted.zero)
                yield Frame(index, time_s, converted(frame, time_s))
                index += 1
        if index:
            return
    raise MediaError(
        f"{name} holds no picture that can be decoded",
        got=f"{len(timeline.pts)} packets of {stream.codec_context.name}",
        want="at least one whole frame",
        fix="Copy or download the file again, or re-encode it to MP4 (H.264).",
    )


def _video(container: InputContainer, name: str, limits: Limits) -> VideoStream:
    require_content(container, name, limits)
    stream = video_stream(container)
    if stream is None:
        raise MediaError(f"{name} has no frames", got="sound only", want="a video track")
    return stream
