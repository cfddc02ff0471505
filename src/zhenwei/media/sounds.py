"""Sound of an audio file or of a video's track, as float32."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import av
import av.error
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from zhenwei.errors import MediaError
from zhenwei.media.containers import CUT_SHORT, audio_stream, open_container, prepare, start_s
from zhenwei.media.formats import Format
from zhenwei.media.limits import Limits
from zhenwei.types import Audio, Floats

# FFmpeg's packed sample formats: how they are stored, and what full scale is.
_SAMPLES: dict[str, tuple[np.dtype[Any], float]] = {
    "u8": (np.dtype(np.uint8), 2.0**7),
    "s16": (np.dtype(np.int16), 2.0**15),
    "s32": (np.dtype(np.int32), 2.0**31),
    "s64": (np.dtype(np.int64), 2.0**63),
    "flt": (np.dtype(np.float32), 1.0),
    "dbl": (np.dtype(np.float64), 1.0),
}


def decode_audio(file: BinaryIO, form: Format, name: str, rate_hz: int | None, limits: Limits) -> Audio:
    """All of the sound; see ``zhenwei.media.read_audio``."""
    with open_container(file, form, name, limits) as container:
        stream = audio_stream(container)
        if stream is None:
            raise MediaError(f"{name} has no sound", want="an audio track", fix="Name a file with sound.")
        pieces, rate = _pieces(container, stream, name, rate_hz, limits)
    if not pieces:
        raise MediaError(
            f"{name} holds no sound that can be decoded",
            got=f"an audio track in {stream.codec_context.name}",
            want="at least one whole packet",
            fix="Copy or download the file again, or re-encode it to WAV.",
        )
    samples = np.concatenate(pieces, axis=1)
    np.clip(samples, -1.0, 1.0, out=samples)
    samples.setflags(write=False)
    return Audio(samples, rate)


def _pieces(
    container: InputContainer, stream: AudioStream, name: str, rate_hz: int | None, limits: Limits
) -> tuple[list[Floats], int]:
    pieces: list[Floats] = []
    rate, values, heard = rate_hz or 0, 0, False
    gather: _Resampler | None = None
    for frame in _frames(container, stream, limits):
        samples = _floats(frame)
        _require_finite(samples, name)
        if gather is None:
            rate = rate or frame.sample_rate
            gather = _Resampler(len(samples), rate)
            pieces += gather.silence(_delay_s(container, stream, frame))
        fresh = gather.take(samples, frame.sample_rate)
        pieces += fresh
        heard = heard or samples.size > 0
        values += sum(piece.size for piece in fresh)
        _require_room(values, name, limits)
    if gather is None or not heard:
        return [], rate
    return [*pieces, *gather.rest()], rate


def _require_room(values: int, name: str, limits: Limits) -> None:
    if values > limits.max_audio_values:
        raise MediaError(
            f"{name} holds too much sound to keep in memory",
            want=f"at most {limits.max_audio_values:,} samples",
            fix="Cut out the part in question or ask for a lower rate.",
        )


def _frames(container: InputContainer, stream: AudioStream, limits: Limits) -> Iterator[AudioFrame]:
    """Everything that decodes; damaged packets are left out."""
    prepare(stream, limits)
    try:
        for packet in container.demux(stream):
            try:
                yield from stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                continue
    except CUT_SHORT:
        return  # cut short: what came before stands


def _floats(frame: AudioFrame) -> Floats:
    """``(channels, n)`` float32; integers are divided by their full scale.

    ``AudioFrame.to_ndarray`` of PyAV 18 reads beyond the end where there are more than 8 planes, hence by hand.
    """
    channels, count = frame.layout.nb_channels, frame.samples
    stored, full_scale = _SAMPLES[frame.format.packed.name]
    if frame.format.is_planar:
        values = np.stack([np.frombuffer(memoryview(plane), stored, count) for plane in frame.planes[:channels]])
    else:
        values = np.frombuffer(memoryview(frame.planes[0]), stored, count * channels).reshape(count, channels).T
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number, or becomes none, is refused after this
        floats = values.astype(np.float32)
        if stored.kind != "f":
            floats = (floats - full_scale if stored.kind == "u" else floats) / np.float32(full_scale)
    return floats


def _require_finite(samples: Floats, name: str) -> None:
    if not np.isfinite(samples).all():
        raise MediaError(
            f"{name} holds sound samples that are not numbers",
            got="NaN or infinity",
            want="finite samples",
            fix="Export the sound again as 16-bit WAV.",
        )


def _delay_s(container: InputContainer, stream: AudioStream, frame: AudioFrame) -> float:
    """By how much the sound begins after the file does, so that sound and frames share one clock."""
    if frame.pts is None or stream.time_base is None:
        return 0.0
    return float(max(Fraction(0), frame.pts * stream.time_base - start_s(container)))


class _Resampler:
    """Brings frames to one rate and one number of channels; both may change in the middle of a broadcast."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._channels, self._rate_hz = channels, rate_hz
        self._from_hz = rate_hz
        self._stream: soxr.ResampleStream | None = None

    def silence(self, duration_s: float) -> list[Floats]:
        count = min(round(duration_s * self._rate_hz), 3600 * self._rate_hz)
        return [np.zeros((self._channels, count), np.float32)] if count else []

    def take(self, samples: Floats, rate_hz: int) -> list[Floats]:
        done = []
        if rate_hz != self._from_hz:
            done = self.rest()
            self._from_hz = rate_hz
            if rate_hz != self._rate_hz:
                self._stream = soxr.ResampleStream(rate_hz, self._rate_hz, self._channels, dtype="float32")
        if len(samples) != self._channels:  # drop what is more, repeat the last for what is less
            samples = samples[[min(channel, len(samples) - 1) for channel in range(self._channels)]]
        if self._stream is not None:
            samples = self._stream.resample_chunk(np.ascontiguousarray(samples.T)).T
        return [*done, samples]

    def rest(self) -> list[Floats]:
        if self._stream is None:
            return []
        last = self._stream.resample_chunk(np.zeros((0, self._channels), np.float32), last=True).T
        self._stream = None
        return [np.asarray(last, dtype=np.float32)]
