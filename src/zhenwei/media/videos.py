"""Frames of a video, evenly spread over the whole of it by their exact time.

A first pass reads every packet's time without decoding any (``zhenwei.media.timeline``); the second decodes, from the
nearest key frames, what the wanted frames depend on. Seeking lands elsewhere in every format, so packets are dropped.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from typing import BinaryIO

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from zhenwei.errors import MediaError
from zhenwei.media.containers import decoded, open_container, prepare, require_duration
from zhenwei.media.display import pixel_ratio, shown_part, shown_pixels
from zhenwei.media.formats import Format
from zhenwei.media.limits import Limits
from zhenwei.media.timeline import Timeline, nearest, packets, require_video, video_timeline
from zhenwei.media.told import Notes
from zhenwei.media.upright import Window
from zhenwei.types import Frame, Pixels

# Decoders in which a frame marked as no reference can be left out without changing any other. HEVC is not among
# them: there the mark holds for one temporal layer only.
_SKIPS_UNUSED = frozenset({"h264"})


def chosen(timeline: Timeline, count: int) -> list[int]:
    """Places of the frames that stand for the whole clip, in order of presentation."""
    times = [timeline.pts[place] for place in timeline.shown]
    return [timeline.shown[number] for number in nearest(times, count)]


def anchor(timeline: Timeline, place: int) -> int:
    """Where decoding must begin for the frame at ``place``: the last key frame before it that is not shown after it.
    A frame shown before its key frame may need what came before that one (open groups of pictures)."""
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
    container: InputContainer,
    stream: VideoStream,
    timeline: Timeline,
    places: list[int],
    sparing: bool,
    told: Notes | None = None,
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """The frames at ``places`` with their clock times in seconds, each once; ``container`` stands at its start.
    ``sparing`` leaves out all that they do not depend on, which takes a timeline with times. ``told`` counts damage."""
    context = stream.codec_context
    skips = sparing and context.name in _SKIPS_UNUSED
    plan = deque(stretches(timeline, places) if sparing else [Stretch(0, len(timeline.pts), tuple(places))])
    wanted, matcher = frozenset(places), _Matcher(timeline, told)
    for place, packet in enumerate(packets(container, [stream])):
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
        yield from matcher.offer(decoded(stream, packet, told))
    yield from matcher.offer(decoded(stream, None))
    yield from matcher.finish()


class _Matcher:
    """Finds the wanted frames among those that come out of the decoder, in order of presentation; the nearer of its
    neighbours stands in for one that never comes."""

    def __init__(self, timeline: Timeline, told: Notes | None) -> None:
        self._timeline, self._told = timeline, told
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
                if self._told is not None and frame.is_corrupt:
                    self._told.lost_frames += 1
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


def video_frames(
    file: BinaryIO, form: Format, name: str, count: int, max_side: int, limits: Limits, threads: int, told: Notes
) -> Iterator[Frame]:
    """See ``zhenwei.media.sample_frames``."""
    timeline, zero = video_timeline(file, form, name, limits)
    require_duration(timeline.duration_s, name, limits)
    converter = VideoReformatter()

    def converted(frame: VideoFrame, _time_s: float, ratio: Fraction) -> Pixels:
        return shown_pixels(frame, max_side, converter, ratio)

    wanted = _Wanted(timeline, zero, chosen(timeline, count))
    yield from _frames(file, form, name, wanted, converted, limits, threads, told)


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
    timeline, zero = video_timeline(file, form, name, limits)
    places = within(timeline, zero, (request.start_s, request.end_s), request.fastest_hz)
    if not places:
        return
    converter = VideoReformatter()

    def converted(frame: VideoFrame, time_s: float, ratio: Fraction) -> Pixels:
        if request.window is None:
            return shown_pixels(frame, request.max_side, converter, ratio)
        return shown_part(frame, request.max_side, converter, ratio, request.window(time_s))

    wanted = _Wanted(timeline, zero, places)
    yield from _frames(file, form, name, wanted, converted, limits, request.threads, Notes())


def within(timeline: Timeline, zero: Fraction, span_s: tuple[float, float], fastest_hz: float) -> list[int]:
    """Places of the frames shown in ``span_s``, every k-th of them where all would be more than ``fastest_hz``."""
    times = [float(timeline.pts[place] * timeline.unit - zero) for place in timeline.shown]
    inside = [number for number, time in enumerate(times) if span_s[0] <= time <= span_s[1]]
    places = [timeline.shown[number] for number in inside]
    gaps = sorted(times[after] - times[before] for before, after in pairwise(inside))
    gap = gaps[len(gaps) // 2] if gaps else 0.0
    return places[:: max(1, math.ceil(1 / (gap * fastest_hz)))] if gap > 0 else places


def _frames(
    file: BinaryIO,
    form: Format,
    name: str,
    wanted: _Wanted,
    converted: Callable[[VideoFrame, float, Fraction], Pixels],
    limits: Limits,
    threads: int,
    told: Notes,
) -> Iterator[Frame]:
    timeline, index = wanted.timeline, 0
    for sparing in (timeline.timed, False):  # where the key frames are not what they claim, the plain way may still do
        with open_container(file, form, name, limits) as container:
            stream = require_video(container, name, limits)
            codec = stream.codec_context.codec.canonical_name
            prepare(stream, limits, threads)
            ratio, told.lost_frames = pixel_ratio(stream), 0
            for time, frame in decode_places(container, stream, timeline, wanted.places, sparing, told):
                time_s = float(time - wanted.zero)
                yield Frame(index, time_s, converted(frame, time_s, ratio))
                index += 1
        if index:
            return
    raise MediaError(
        f"{name} holds no picture that can be decoded",
        got=f"{len(timeline.pts)} packets of {codec}",
        want="at least one whole frame",
        fix="Copy or download the file again, or re-encode it to MP4 (H.264).",
    )
