"""A clip decoded, changed and encoded again, frame by frame: times are kept, sound is copied, memory stays flat.

Frames come upright and as RGB, as every detector sees them, and go back to 4:2:0 (BT.601, unmarked, which is how they
are read). The loss of that round trip is small beside that of any encoder here, but it is there.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from zhenwei import media
from zhenwei.errors import MediaError
from zhenwei.evaluation.ladder.packing import ENCODERS, MIN_PX, Codec, encoder_options, even, whole_or_nothing
from zhenwei.media import containers, formats, sources
from zhenwei.media.limits import DEFAULT_LIMITS
from zhenwei.types import Frame, Media, Pixels

_CLOCK = Fraction(1, 90_000)
_LARGEST_SIDE = 8192
_DEFAULT_GAP_S = 1 / 25
PerFrame = Callable[[Pixels, int], Pixels]


@dataclass(frozen=True, slots=True)
class VideoCoding:
    """How a clip is saved: H.264 or H.265 at constant rate factor ``crf``, in MP4."""

    codec: Codec = "h264"
    crf: int = 18

    def write(self, source: Media, path: Path, change: PerFrame) -> None:
        """Every frame of ``source`` through ``change(pixels, number)``, encoded to ``path`` with its time and sound.

        Raises :class:`MediaError` where nothing can be decoded, :class:`UsageError` where nothing can be written.
        """
        count = max(1, len(media.frame_times(source)))
        frames = media.sample_frames(source, count, max_side=_LARGEST_SIDE)
        with (
            _opened(source) as container,
            whole_or_nothing(path) as partial,
            av.open(str(partial), "w", format="mp4") as output,
        ):
            self._copy(frames, container, output, change, source.fps or 1 / _DEFAULT_GAP_S)

    def _copy(
        self,
        frames: Iterator[Frame],
        container: InputContainer | None,
        output: OutputContainer,
        change: PerFrame,
        fps: float,
    ) -> None:
        stream = None if container is None else containers.audio_stream(container)
        image = audio = None
        for number, frame in enumerate(frames):
            changed = change(frame.pixels, number)
            if image is None:
                image = _ImageExhibit(output, self, fps, changed)
                if container is not None and stream is not None:
                    audio = _Audio(container, stream, output)
            image.add(changed, frame.time_s)
            if audio is not None:
                audio.copy_until(frame.time_s)
        if image is not None:
            image.finish()
        if audio is not None:
            audio.copy_until(None)


class _ImageExhibit:
    """The track of pictures. One frame is held back, since only the next one tells how long it is shown. The size of
    the ``first`` frame is that of the clip; later ones of another size are scaled to it."""

    def __init__(self, output: OutputContainer, coding: VideoCoding, fps: float, first: Pixels) -> None:
        self._output, self._min_px = output, MIN_PX[coding.codec]
        self._held: tuple[Pixels, int] | None = None
        self._gap = max(1, round(1 / fps / _CLOCK))
        self._shown: dict[int, int] = {}  # how long, of frames that are still in the encoder
        height, width = even(first, self._min_px).shape[:2]
        rate = max(Fraction(1, 1001), Fraction(fps).limit_denominator(1001))
        stream = cast("VideoStream", output.add_stream(ENCODERS[coding.codec], rate=rate))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = _CLOCK
        stream.codec_context.thread_count = 1
        stream.options = dict(encoder_options(coding.codec, coding.crf))
        if coding.codec == "h265":
            stream.codec_context.codec_tag = "hvc1"
        self._stream = stream

    def add(self, pixels: Pixels, time_s: float) -> None:
        at = round(time_s / _CLOCK)
        if self._held is not None:
            at = max(at, self._held[1] + 1)
            self._gap = at - self._held[1]
            self._encode(*self._held)
        self._held = pixels, at

    def finish(self) -> None:
        if self._held is not None:
            self._encode(*self._held)  # shown for as long as the one before
        self._mux(self._stream.encode(None))

    def _encode(self, pixels: Pixels, at: int) -> None:
        frame = av.VideoFrame.from_ndarray(even(pixels, self._min_px), "rgb24")
        frame.pts, frame.time_base = at, _CLOCK
        self._shown[at] = self._gap
        self._mux(self._stream.encode(frame))

    def _mux(self, packets: list[av.Packet[VideoStream]]) -> None:
        for packet in packets:
            if packet.pts is not None:
                packet.duration = round(
                    self._shown.pop(round(packet.pts * packet.time_base / _CLOCK), 0) * _CLOCK / packet.time_base
                )
            self._output.mux(packet)


@contextmanager
def _opened(source: Media) -> Iterator[InputContainer | None]:
    """The container behind ``source``; None for an animated picture."""
    name = sources.shown_name(source.path)
    with sources.regular_file(source.path, DEFAULT_LIMITS) as (file, _):
        form = formats.recognise(file.read(formats.HEAD_BYTES))
        if form is None:
            raise MediaError(f"{name} has changed since it was opened", fix="Open it again.")
        if form.reader != "container":
            yield None
            return
        with containers.open_container(file, form, name, DEFAULT_LIMITS) as container:
            yield container


class _Audio:
    """The track of sound, packet by packet as it is; encoded again as AAC only where MP4 cannot hold it."""

    def __init__(self, container: InputContainer, stream: AudioStream, output: OutputContainer) -> None:
        self._container, self._stream, self._output = container, stream, output
        self._zero = containers.start_s(container)
        self._packets = self._demuxed()
        self._resampler: AudioResampler | None = None
        if _fits(stream):
            self._target = output.add_stream_from_template(stream)
            return
        context: AudioCodecContext = stream.codec_context
        layout = "mono" if context.channels == 1 else "stereo"
        self._target = output.add_stream("aac", rate=context.sample_rate, layout=layout)
        self._resampler = AudioResampler("fltp", layout, context.sample_rate)

    def _demuxed(self) -> Iterator[av.Packet[AudioStream]]:
        with suppress(*containers.CUT_SHORT):  # what came before stands
            for packet in self._container.demux(self._stream):
                if packet.size and packet.dts is not None:
                    yield packet

    def copy_until(self, time_s: float | None) -> None:
        """All packets that begin before ``time_s``; None = all that are left, to the end."""
        for packet in self._packets:
            at_s = float((packet.dts or 0) * packet.time_base - self._zero)
            self._pass_on(packet)
            if time_s is not None and at_s > time_s:
                return
        if time_s is None and self._resampler is not None:
            self._encode(self._resampler.resample(None))
            self._output.mux(self._target.encode(None))

    def _pass_on(self, packet: av.Packet[AudioStream]) -> None:
        if self._resampler is not None:
            try:
                frames = self._stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                return  # damaged: the rest may still be heard
            for frame in frames:
                self._encode(self._resampler.resample(frame))
            return
        _move(packet, self._zero, self._target)
        self._output.mux(packet)

    def _encode(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= round(self._zero / frame.time_base)
            self._output.mux(self._target.encode(frame))


def excerpt(source: Media, folder: Path, longest_s: float) -> Path:
    """The first ``longest_s`` seconds of a clip, its packets copied as they are; the clip itself where it is no
    longer, or where MP4 cannot hold its pictures."""
    path = Path(source.path)
    if source.kind != "video" or (source.duration_s or 0) <= longest_s:
        return path
    with _opened(source) as container:
        if container is None or not _fits(containers.video_stream(container)):
            return path
        target = folder / f"{source.sha256[:16]}-first-{longest_s:g}-s.mp4"
        _cut(container, target, longest_s)
        return target


def _cut(container: InputContainer, target: Path, longest_s: float) -> None:
    video, zero = containers.video_stream(container), containers.start_s(container)
    wanted = [s for s in (video, containers.audio_stream(container)) if s is not None and _fits(s)]
    with whole_or_nothing(target) as partial, av.open(str(partial), "w", format="mp4") as output:
        copies = {s.index: output.add_stream_from_template(s) for s in wanted}
        with suppress(*containers.CUT_SHORT):  # what came before stands
            for packet in container.demux(wanted):
                if packet.size == 0 or packet.dts is None:
                    continue
                if packet.stream is video and packet.dts * packet.time_base - zero >= longest_s:
                    break
                _move(packet, zero, copies[packet.stream.index])
                output.mux(packet)


def _move(packet: av.Packet[Any], zero: Fraction, target: VideoStream | AudioStream) -> None:
    """To another track whose clock begins at ``zero`` of this one."""
    shift = round(zero / packet.time_base)
    packet.dts = (packet.dts or 0) - shift
    packet.pts = None if packet.pts is None else packet.pts - shift
    packet.stream = target


def _fits(stream: VideoStream | AudioStream | None) -> bool:
    """Whether MP4 can hold the track as it is."""
    if stream is None or stream.codec_context is None:
        return False
    with av.open(io.BytesIO(), "w", format="mp4") as probe:
        return stream.codec_context.codec.canonical_name in probe.supported_codecs
