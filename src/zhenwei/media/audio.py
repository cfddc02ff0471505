"""Sound of an audio file or of a video's track, as float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from av.audio.stream import AudioStream
from av.container import InputContainer

from zhenwei.errors import MediaError
from zhenwei.media.containers import (
    CUT_SHORT,
    UNDECODABLE,
    audio_stream,
    audio_streams,
    exact,
    open_container,
    prepare,
    start_s,
)
from zhenwei.media.formats import Format
from zhenwei.media.limits import Limits
from zhenwei.media.told import IS_DEFAULT, OTHER_DAMAGED, OTHERS_SILENT, SPEAKS_MOST, Notes, heard, unread_tracks
from zhenwei.types import Audio, Floats, Interval, Text

# FFmpeg's packed sample formats: how they are stored, and what full scale is.
_SAMPLES: dict[str, tuple[np.dtype[Any], float]] = {
    "u8": (np.dtype(np.uint8), 2.0**7),
    "s16": (np.dtype(np.int16), 2.0**15),
    "s32": (np.dtype(np.int32), 2.0**31),
    "s64": (np.dtype(np.int64), 2.0**63),
    "flt": (np.dtype(np.float32), 1.0),
    "dbl": (np.dtype(np.float64), 1.0),
}


# Seconds in which somebody speaks; what says it is handed in, since it is a model's matter.
Speech = Callable[[Audio], float]
_MAX_TRACKS = 8
_SILENT = 1e-3  # of full scale: -60 dB, the dither and hiss of an input that nothing is plugged into
_GAP_S = 0.05  # less is a matter of coarse clocks
_BACK_S = 1.0  # a leap back of which more is no coarse clock, but one that begins anew
_FILLED_S, _TIMES_HEARD = 600.0, 4.0  # gaps are filled up to ten minutes and four times what was heard so far
_AUDIBLE_S = 0.01  # of speech: what a track is worth that only sounds
_CLEARLY = 2.0  # times as much speech as the default track makes another the one to hear


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A sound track as decoded: ``number`` counts from 1 among the ``of`` with a decoder."""

    number: int
    of: int
    audio: Audio
    codec: str
    rate_hz: int | None
    channels: int | None


def hear(
    file: BinaryIO, form: Format, name: str, rate_hz: int | None, speech_s: Speech | None, limits: Limits, told: Notes
) -> AudioTrack:
    """All of one track, that to be played or the first, unless somebody speaks more than twice as long in another
    or, without ``speech_s``, it is silent and another is not; see ``zhenwei.media.read_audio``."""
    with open_container(file, form, name, limits) as container:
        streams, default = audio_streams(container), audio_stream(container)
        count, first = len(streams), next((n for n, s in enumerate(streams, 1) if s is default), 1)

    def decode(number: int, losses: Notes) -> AudioTrack:
        return _decode(file, form, name, number, rate_hz, limits, losses)

    if count < 2:
        return decode(first, told)
    order = [first, *(number for number in range(1, count + 1) if number != first)][:_MAX_TRACKS]
    track, why = _choose(order, decode, speech_s, told)
    told.say(heard(track.number, count, why), *([unread_tracks(count, _MAX_TRACKS)] if count > _MAX_TRACKS else ()))
    return track


def _choose(
    order: list[int], decode: Callable[[int, Notes], AudioTrack], speech_s: Speech | None, told: Notes
) -> tuple[AudioTrack, Text]:
    """The track to hear and why; ``order[0]`` is the one to be played. Raises the first MediaError if none decodes."""
    found: dict[int, tuple[float, AudioTrack, Notes]] = {}
    errors: list[MediaError] = []
    for number in order:
        losses = Notes()
        try:
            track = decode(number, losses)
        except MediaError as unreadable:
            errors.append(unreadable)
            continue
        loud = float(np.abs(track.audio.samples).max()) > _SILENT
        worth = _AUDIBLE_S + (speech_s(track.audio) if speech_s else 0.0) if loud else 0.0
        found[number] = worth, track, losses
        if worth and not speech_s:
            break
        for lesser in sorted(found.keys() - {order[0]}, key=lambda n: found[n][0])[:-1]:
            del found[lesser]  # no more than three are held at a time
    if not found:
        raise errors[0]
    best = max(found, key=lambda n: (found[n][0], n == order[0]))
    if order[0] in found and found[best][0] <= _CLEARLY * found[order[0]][0]:
        best = order[0]
    worth, track, losses = found[best]
    told.lost_audio, told.gaps_s, told.closed_s = losses.lost_audio, losses.gaps_s, losses.closed_s
    if best == order[0]:
        return track, IS_DEFAULT
    if order[0] not in found:
        return track, OTHER_DAMAGED
    return track, SPEAKS_MOST if worth > _AUDIBLE_S else OTHERS_SILENT


def _decode(
    file: BinaryIO, form: Format, name: str, number: int, rate_hz: int | None, limits: Limits, told: Notes
) -> AudioTrack:
    with open_container(file, form, name, limits) as container:
        streams = audio_streams(container)
        if not streams:
            raise MediaError(f"{name} has no sound", want="an audio track", fix="Name a file with sound.")
        stream = streams[number - 1]
        context = stream.codec_context
        codec = context.codec.canonical_name  # known before decoding only, where the decoder cannot be opened
        sound = _sound(container, stream, name, rate_hz, limits, told)
        about = codec, context.sample_rate or None, context.channels or None
    if sound is None:
        raise MediaError(
            f"{name} holds no sound that can be decoded",
            got=f"an audio track in {codec}",
            want="at least one whole packet",
            fix="Copy or download the file again, or re-encode it to WAV.",
        )
    samples = sound.samples
    np.clip(samples, -1.0, 1.0, out=samples)
    samples.setflags(write=False)
    return AudioTrack(number, len(streams), Audio(samples, sound.rate_hz, tuple(sound.gaps)), *about)


def _sound(
    container: InputContainer, stream: AudioStream, name: str, rate_hz: int | None, limits: Limits, told: Notes
) -> _Sound | None:
    sound, heard = None, False
    gaps = _Gaps(exact(stream.time_base))
    gather: _Resampler | None = None
    for frame, gap_s in gaps.told(_frames(container, stream, limits, told)):
        samples = _floats(frame)
        _require_finite(samples, name)
        if gather is None or sound is None:
            rate = rate_hz or frame.sample_rate
            gather = _Resampler(len(samples), rate)
            delay_s = _delay_s(container, stream, frame)
            sound = _Sound(len(samples), rate, delay_s + _told_s(container, stream), name, limits)
            sound.wait(min(round(delay_s * rate), 3600 * rate))
        if gap_s:
            for piece in gather.rest():
                sound.add(piece)
            if sound.bridge(gap_s):
                told.gaps_s += gap_s
            else:
                told.closed_s += gap_s
        for piece in gather.take(samples, frame.sample_rate):
            sound.add(piece)
        heard = heard or samples.size > 0
    if gather is None or sound is None or not heard:
        return None
    for piece in gather.rest():
        sound.add(piece)
    return sound


def _told_s(container: InputContainer, stream: AudioStream) -> float:
    """How long the file says that the sound is; 0 where it does not say."""
    unit = exact(stream.time_base)
    if unit is not None and stream.duration is not None:
        return max(0.0, float(stream.duration * unit))
    return max(0.0, (container.duration or 0) / 1_000_000)


class _Sound:
    """``(channels, n)`` samples, each kept once: there is room for what the file tells of from the start, and memory
    that nothing was written to costs none. Never more than the limit, silence included."""

    def __init__(self, channels: int, rate_hz: int, told_s: float, name: str, limits: Limits) -> None:
        self.rate_hz = rate_hz
        self._channels, self._name, self._limits = channels, name, limits
        self._most = limits.max_audio_values // channels
        try:
            self._kept: Floats = np.zeros((channels, min(self._most, round(told_s * rate_hz))), np.float32)
        except MemoryError:  # where memory is limited; the file may hold less than it tells of
            self._kept = np.zeros((channels, min(self._most, rate_hz)), np.float32)
        self._end = 0
        self._filled_s = 0.0
        self.gaps: list[Interval] = []

    def wait(self, count: int) -> None:
        """``count`` samples of silence."""
        self._make_room(count)
        self._end += count

    def bridge(self, gap_s: float) -> bool:
        """Silence where the file holds no sound; False where there would be more of it than is worth listening to."""
        count, heard_s = round(gap_s * self.rate_hz), self._end / self.rate_hz - self._filled_s
        most = min(self._most, round(self._limits.max_duration_s * self.rate_hz))
        if self._filled_s + gap_s > _FILLED_S + _TIMES_HEARD * heard_s or self._end + count > most:
            return False
        self._filled_s += gap_s
        start = self._end
        self.wait(count)
        self.gaps.append(Interval(start / self.rate_hz, self._end / self.rate_hz))
        return True

    def add(self, piece: Floats) -> None:
        count = piece.shape[1]
        self._make_room(count)
        self._kept[:, self._end : self._end + count] = piece
        self._end += count

    @property
    def samples(self) -> Floats:
        return self._kept[:, : self._end]

    def _make_room(self, count: int) -> None:
        needed, there = self._end + count, self._kept.shape[1]
        if needed > self._most:
            raise MediaError(
                f"{self._name} holds too much sound to keep in memory",
                want=f"at most {self._limits.max_audio_values:,} samples",
                fix="Cut out the part in question or ask for a lower rate.",
            )
        if needed > there:
            larger = np.zeros((self._channels, min(self._most, max(needed, there + there // 2))), np.float32)
            larger[:, : self._end] = self.samples
            self._kept = larger


def _frames(container: InputContainer, stream: AudioStream, limits: Limits, told: Notes) -> Iterator[AudioFrame]:
    """Everything that decodes; damaged packets are left out and counted."""
    prepare(stream, limits)
    try:
        for packet in container.demux(stream):
            try:
                yield from stream.codec_context.decode(packet)
            except UNDECODABLE:
                told.lost_audio += bool(packet.size)
    except CUT_SHORT:
        return  # cut short: what came before stands


def _floats(frame: AudioFrame) -> Floats:
    """``(channels, n)`` float32; integers are divided by their full scale. Plane by plane: of more than 8 channels PyAV
    18 reads beyond the end of ``AudioFrame.planes`` and 19 refuses."""
    channels, count = frame.layout.nb_channels, frame.samples
    stored, full_scale = _SAMPLES[frame.format.packed.name]
    if frame.format.is_planar:
        planes = [AudioPlane(frame, channel) for channel in range(channels)]
        values = np.stack([np.frombuffer(memoryview(plane), stored, count) for plane in planes])
    else:
        values = np.frombuffer(memoryview(AudioPlane(frame, 0)), stored, count * channels).reshape(count, channels).T
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
    unit = exact(stream.time_base)
    if frame.pts is None or unit is None:
        return 0.0
    return float(max(Fraction(0), frame.pts * unit - start_s(container)))


class _Gaps:
    """Finds time that no sound fills, between frames that follow each other."""

    def __init__(self, unit: Fraction | None) -> None:
        self._unit = unit
        self._end_s: float | None = None  # of the frame before, by its own time
        self._kept_s = 0.0  # the end of what came so far, put one after the other, gaps included

    def told(self, frames: Iterable[AudioFrame]) -> Iterator[tuple[AudioFrame, float]]:
        """Each with the seconds before it in which nothing is heard."""
        held: AudioFrame | None = None
        for frame in frames:
            if held is not None:
                yield held, self._before(held, frame)
            held = frame
        if held is not None:
            yield held, self._before(held, None)

    def _before(self, frame: AudioFrame, after: AudioFrame | None) -> float:
        """As far as the time of ``frame`` leaps, and no further than it lies behind all that came, since coarse clocks
        leap to and fro. A leap that the frame ``after`` does not go on from is a wrong stamp."""
        if not frame.sample_rate:
            return 0.0
        lasts_s, start_s, gap_s = frame.samples / frame.sample_rate, self._start_s(frame), 0.0
        if start_s is None:
            self._end_s = None if self._end_s is None else self._end_s + lasts_s
        elif self._end_s is None:
            self._kept_s, self._end_s = start_s, start_s + lasts_s
        else:
            next_s = self._start_s(after)
            holds = after is not None and (next_s is None or next_s - (start_s + lasts_s) > -_GAP_S)
            if holds or abs(start_s - self._end_s) <= _GAP_S:
                gap_s = min(start_s - self._end_s, start_s - self._kept_s)
                if start_s - self._end_s < -_BACK_S:  # its clock begins anew
                    self._kept_s = start_s
                self._end_s = start_s + lasts_s
            else:
                self._end_s += lasts_s
        gap_s = gap_s if gap_s > _GAP_S else 0.0
        self._kept_s += gap_s + lasts_s
        return gap_s

    def _start_s(self, frame: AudioFrame | None) -> float | None:
        if frame is None or self._unit is None or frame.pts is None:
            return None
        return float(frame.pts * self._unit)


class _Resampler:
    """Brings frames to one rate and one number of channels; both may change in the middle of a broadcast."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._channels, self._rate_hz = channels, rate_hz
        self._from_hz = rate_hz
        self._stream: soxr.ResampleStream | None = None

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
        self._stream, self._from_hz = None, self._rate_hz
        return [np.asarray(last, dtype=np.float32)]
