"""Video and sound containers through PyAV: opening them safely, their facts from one frame at most."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
import av.error
from av.audio.stream import AudioStream
from av.buffer import Buffer
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from zhenwei.errors import MediaError
from zhenwei.media.facts import Facts, clean, container_facts, safe_facts
from zhenwei.media.formats import Format
from zhenwei.media.limits import Limits
from zhenwei.media.told import Notes

_BUFFER_BYTES = 1 << 18
_NO_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails
_FIRST_FRAME_TRIES = 300  # packets; ten seconds of a stream that starts amid a group of pictures
_MICROSECONDS = 1_000_000
# What decoding raises for damage. ValueError: a decoder that could not be opened has none from then on (PyAV 19).
UNDECODABLE = (av.error.FFmpegError, ValueError, MemoryError)
_BARE_VIDEO = frozenset({"h264", "hevc", "mpegvideo", "m4v"})
ASSUMED_RATE = 25
# What demuxing raises where a file breaks off. IndexError: PyAV's final flush, after all packets are given, stumbles
# over tracks that appeared in the middle of a stream.
CUT_SHORT = (av.error.FFmpegError, OSError, IndexError)
# Tags that are no UTF-8 must not keep a file from being read. PyAV below 19 refuses them unless told; from 19 on they
# come with surrogates in the place of their bytes, which ``_tags`` turns into what the older ones give.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if hasattr(InputContainer, "metadata_errors") else {}
_CURVES = {14: "BT.2020 (10 bits)", 15: "BT.2020 (12 bits)", 16: "smpte2084 (PQ)", 18: "arib-std-b67 (HLG)"}
_PRIMARIES = {9: "bt2020", 11: "smpte431 (DCI-P3)", 12: "smpte432 (Display P3)"}
_AGAIN = "Copy or download the file again, or re-encode it to MP4 (H.264, AAC)."


class _Source:
    """An open file as PyAV reads it. A place that does not exist, which damaged headers point to, is answered by an
    error number: an exception would be written to the terminal."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -errno.EINVAL


@contextmanager
def open_container(file: BinaryIO, form: Format, name: str, limits: Limits) -> Iterator[InputContainer]:
    """The container behind ``file``, read by its own demuxer and no other; FFmpeg gets no path to look others up by."""
    file.seek(0)
    try:
        container = av.open(
            _Source(file),
            "r",
            format=form.decoder,
            options={"max_pixels": str(limits.max_video_pixels)},
            container_options={"protocol_whitelist": "", "max_streams": str(limits.max_streams)},
            buffer_size=_BUFFER_BYTES,
            **_LENIENT,
        )
    except (av.error.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise MediaError(
            f"{name} is a damaged or unsupported {form.name} file",
            got=clean(getattr(error, "strerror", None) or error),
            want="a complete video or sound file",
            fix=_AGAIN,
        ) from error
    with container:
        _require_streams(container, name, limits)
        yield container


def _require_streams(container: InputContainer, name: str, limits: Limits) -> None:
    if len(container.streams) > limits.max_streams:
        raise MediaError(
            f"{name} has too many tracks",
            got=str(len(container.streams)),
            want=f"at most {limits.max_streams}",
            fix="Copy out the tracks in question.",
        )


def video_streams(container: InputContainer) -> list[VideoStream]:
    """Those that move: no cover art, no thumbnails."""
    return [s for s in container.streams.video if not s.disposition & _NO_VIDEO]


def video_stream(container: InputContainer) -> VideoStream | None:
    """The moving picture: the largest of :func:`video_streams`, the first of equals."""
    return max(video_streams(container), key=_area, default=None)


def _area(stream: VideoStream) -> int:
    context = stream.codec_context
    return 0 if context is None else context.width * context.height


def audio_streams(container: InputContainer) -> list[AudioStream]:
    """The sound tracks; one without a decoder is passed over."""
    return [s for s in container.streams.audio if s.codec_context is not None]


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The sound: the track marked as default, else the first."""
    return max(audio_streams(container), key=lambda s: bool(s.disposition & Disposition.default), default=None)


def require_content(container: InputContainer, name: str, limits: Limits) -> None:
    """MediaError unless there is a moving picture that can be decoded and is not too large, or else sound."""
    video = video_stream(container)
    if video is None:
        if audio_stream(container) is None:
            kinds = ", ".join(sorted({str(s.type) for s in container.streams})) or "nothing"
            raise MediaError(
                f"{name} holds neither video nor sound that can be read",
                got=f"tracks: {kinds}",
                want="a video or audio track",
                fix="Check that it is the right file.",
            )
        return
    if video.codec_context is None:
        raise MediaError(
            f"{name} holds video that cannot be decoded here",
            got="an unknown codec",
            want="H.264, VP9, AV1",
            fix=_AGAIN,
        )
    width, height = video.codec_context.width, video.codec_context.height
    if width < 1 or height < 1:
        raise MediaError(f"{name} holds no picture that can be decoded", got=f"{width} x {height}", fix=_AGAIN)
    if width * height > limits.max_video_pixels:
        raise MediaError(
            f"{name} has too large a picture",
            got=f"{width} x {height}",
            want=f"at most {limits.max_video_pixels:,} pixels",
            fix="Scale it down.",
        )


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored frame becomes upright: swap its axes, then mirror left-right, then top-bottom."""

    swap: bool = False
    mirror: bool = False
    flip: bool = False

    @property
    def clockwise_deg(self) -> int:
        """The turn alone; a mirrored picture counts as its turn."""
        if self.swap:
            return 90 if self.mirror else 270
        return 180 if self.flip else 0


def orientation(frame: VideoFrame) -> Orientation:
    """From the display matrix ``x' = a x + c y, y' = b x + d y`` of the frame (ISO 14496-12, 8.2.2.3), if it has one.

    Only quarter turns and mirrors are known to players; anything else is taken for the nearest.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, Buffer) or data.buffer_size < 36:
        return Orientation()
    a, b, _, c, d = memoryview(bytes(data)).cast("i")[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(swap=True, mirror=c < 0, flip=b < 0)
    return Orientation(mirror=a < 0, flip=d < 0)


def first_frame(container: InputContainer, stream: VideoStream, limits: Limits) -> VideoFrame | None:
    """The first frame that decodes, None if there is none near the start."""
    prepare(stream, limits)
    tries = 0
    try:
        for packet in container.demux(stream):
            tries += 1
            frame = next(iter(decoded(stream, packet)), None)
            if frame is not None or tries > _FIRST_FRAME_TRIES:
                return frame
    except CUT_SHORT:
        pass
    return None


def prepare(stream: VideoStream | AudioStream, limits: Limits, threads: int = 1) -> None:
    """Before the first packet: how many threads decode ``stream``, and how large its pictures may grow on the way."""
    context = stream.codec_context
    context.options = {**context.options, "max_pixels": str(limits.max_video_pixels)}
    context.thread_count = threads
    if threads > 1:
        context.thread_type = "AUTO"


def decoded(stream: VideoStream, packet: av.Packet[VideoStream] | None, told: Notes | None = None) -> list[VideoFrame]:
    """The frames that one packet completes (None: all that are left); none where it is damaged, which is counted."""
    try:
        return stream.codec_context.decode(packet)
    except UNDECODABLE:
        if told is not None and packet is not None:
            told.lost_frames += 1
        return []


def exact(value: Fraction | None) -> Fraction | None:
    """``value`` of PyAV as a fraction, None unless it is a positive number: PyAV from 19 on has its own kind of
    fraction, which says 0 in the place of None."""
    if not value or value.denominator == 0 or value.numerator <= 0:
        return None
    return Fraction(value.numerator, value.denominator)


def seconds(value: int | None, unit: Fraction | None) -> float | None:
    """A duration in seconds, None unless it is positive."""
    if value is None or unit is None or value <= 0:
        return None
    return float(value * unit)


def declared_duration_s(container: InputContainer, stream: VideoStream | AudioStream | None) -> float | None:
    """What the container says, else the track."""
    whole = seconds(container.duration, Fraction(1, _MICROSECONDS))
    return whole or (seconds(stream.duration, exact(stream.time_base)) if stream is not None else None)


def start_s(container: InputContainer) -> Fraction:
    """The clock time at which the file begins: the zero of every ``time_s``."""
    return Fraction(container.start_time or 0, _MICROSECONDS)


def frame_rate(stream: VideoStream) -> float | None:
    """Average frames per second, None if it makes no sense.

    Bare streams hold no times; theirs is the rate that their own headers state, else the one that is assumed.
    """
    bare = stream.container.format.name in _BARE_VIDEO
    stated = (stream.codec_context.framerate,) if bare else (stream.average_rate, stream.guessed_rate)
    for rate in map(exact, stated):
        if rate is not None and rate <= 1000:
            return float(rate)
    return float(ASSUMED_RATE) if bare else None


def rate_is_guessed(stream: VideoStream) -> bool:
    """Whether it is a bare stream that states no rate."""
    rate = exact(stream.codec_context.framerate)
    return stream.container.format.name in _BARE_VIDEO and (rate is None or rate > 1000)


def require_duration(duration_s: float | None, name: str, limits: Limits) -> None:
    if duration_s is not None and duration_s > limits.max_duration_s:
        raise MediaError(
            f"{name} is too long",
            got=f"a length of {duration_s:,.0f} s",
            want=f"at most {limits.max_duration_s:,.0f} s",
            fix="Cut out the part in question.",
        )


def missing_after_s(container: InputContainer, size_bytes: int) -> float | None:
    """The time from which the file's own index points beyond its end: it was cut short there. None if it is whole."""
    lost: list[float] = []
    for stream in (video_stream(container), audio_stream(container)):
        unit = None if stream is None else exact(stream.time_base)
        if stream is None or unit is None or len(stream.index_entries) == 0:
            continue
        entries, last = stream.index_entries, stream.index_entries[-1]
        if last.pos + last.size <= size_bytes:
            continue
        first = next(entry for entry in entries if entry.pos + entry.size > size_bytes)
        lost.append(max(0.0, float(first.timestamp * unit - start_s(container))))
    return min(lost, default=None)


def _span(stream: VideoStream | AudioStream) -> str:
    """When a track starts and ends and by which clock, "" where it does not say."""
    unit = exact(stream.time_base)
    if unit is None or stream.duration is None or stream.duration <= 0:
        return ""
    first = float((stream.start_time or 0) * unit)
    return f"{first:.3f} to {first + float(stream.duration * unit):.3f} s, clock {unit.numerator}/{unit.denominator}"


def _tags(found: Mapping[str, str]) -> dict[str, str]:
    return {_text(key): _text(value) for key, value in found.items()}


def _text(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def stream_facts(container: InputContainer, frame: VideoFrame | None, *, spans: bool = True) -> Facts:
    """Tags of the container and its first tracks, and how the picture is stored. ``spans``: whether the tracks' own
    lengths are stated, so that they are facts."""
    pairs: list[tuple[object, object]] = []
    video, audio = video_stream(container), audio_stream(container)
    if video is not None:
        context = video.codec_context
        pairs += [("Pixel format", context.pix_fmt), ("Video profile", context.profile or "")]
        ratio = exact(context.sample_aspect_ratio)
        if ratio not in (None, 1):
            pairs.append(("Pixel aspect ratio", ratio))
        if frame is not None and frame.interlaced_frame:
            pairs.append(("Scan", "interlaced"))
        if frame is not None:  # by the names of H.273, where they are not those of standard range
            pairs.append(("Transfer curve", _CURVES.get(int(frame.color_trc), "")))
            pairs.append(("Colour primaries", _PRIMARIES.get(int(frame.color_primaries), "")))
    if audio is not None and spans:
        pairs += [(name, _span(s)) for name, s in (("Video track", video), ("Sound track", audio)) if s is not None]
    pairs += container_facts(_tags(container.metadata))
    for prefix, stream in (("video ", video), ("audio ", audio)):
        if stream is not None:
            pairs += container_facts(_tags(stream.metadata), prefix)
    return safe_facts(pairs)
