"""What is known of a video or sound file without decoding it: its tracks, its true length, and what is amiss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from zhenwei.media import containers, display, timeline, told, wholeness
from zhenwei.media.bitstreams import bare_audio, transport_start
from zhenwei.media.formats import HEAD_BYTES, Format, after_tag
from zhenwei.media.limits import Limits
from zhenwei.media.told import Notes
from zhenwei.types import Media, Text

# Elsewhere FFmpeg guesses the duration from the last packets or the bit rate, so the packets are counted instead.
_DECLARE_IMAGE = frozenset({"mov", "matroska", "avi", "asf", "flv", "mxf", "ogg"})
_DECLARE_AUDIO = _DECLARE_IMAGE | {"wav", "w64", "aiff", "caf", "au", "flac", "wv"}
_SHORT_S, _AUDIO_SHORT_S = 0.5, 0.1  # less may be missing of what is declared: containers round


@dataclass(frozen=True, slots=True)
class _Headers:
    """From the headers and one frame. ``declared_s``: FFmpeg's length where that is no guess; ``stated_s``: that of the
    header, even of a cut file; ``lost_s``: where the index points beyond the end; ``indexed``: it has every packet."""

    media: Media
    declared_s: float | None
    stated_s: float | None
    lost_s: float | None
    indexed: bool


def open_container(file: BinaryIO, form: Format, name: str, limits: Limits, blank: Media) -> Media:
    """``blank`` filled in from the container; MediaError as for ``zhenwei.media.open_media``."""
    notes = Notes()
    ending = wholeness.ending(file, form, blank.size_bytes)
    states_length = _states_frames(file, form) and not ending.open_length
    seen = _look(file, form, name, limits, blank, states_length, notes)
    media, end_s, cut = seen.media, seen.lost_s, seen.lost_s is not None or ending.end == "cut"
    if not seen.indexed:
        counted = timeline.count_packets(file, form, name, limits)
        containers.require_duration(counted.duration_s, name, limits)
        end_s = counted.duration_s
        if counted.timeline is not None:
            if counted.timeline.late:
                notes.say(told.late_start(counted.timeline.late))
            media = replace(media, frame_count=media.frame_count or len(counted.timeline.shown) or None)
        slack_s = _AUDIO_SHORT_S if media.kind == "audio" else _SHORT_S
        if form.decoder in ("mp3", "aac"):
            cut = cut or wholeness.breaks_off(counted.last, form.decoder)
        cut = cut or (seen.stated_s or 0.0) - counted.reach_s > slack_s
    duration_s = end_s if cut and end_s is not None else seen.declared_s or end_s
    notes.say(*_ending_notes(ending, cut, duration_s or 0.0, seen.stated_s), *_start_notes(file, form))
    return notes.onto(replace(media, duration_s=duration_s or None))


def _look(
    file: BinaryIO, form: Format, name: str, limits: Limits, blank: Media, states_length: bool, notes: Notes
) -> _Headers:
    with containers.open_container(file, form, name, limits) as container:
        containers.require_content(container, name, limits)
        video, audio = containers.video_stream(container), containers.audio_stream(container)
        states = form.decoder in (_DECLARE_IMAGE if video else _DECLARE_AUDIO | {"mp3"}) and states_length
        declared_s = containers.declared_duration_s(container, video or audio) if states else None
        containers.require_duration(declared_s, name, limits)
        lost_s = containers.missing_after_s(container, blank.size_bytes)
        media = blank if audio is None else _with_audio(blank, audio)
        notes.say(*_track_notes(container))
        frame = None
        if video is not None:
            codec = video.codec_context.codec.canonical_name  # known before decoding only, if it cannot be opened
            frame = containers.first_frame(container, video, limits)
            media = replace(_with_image(media, video, frame), codec=codec)
            notes.say(*_image_notes(video, frame))
        main = video or audio
        indexed = form.decoder == "mov" and main is not None and main.frames > 0
        facts = containers.stream_facts(container, frame, spans=states or video is not None)
        stated_s = _stated_s(form, main, declared_s) if indexed or form.decoder != "mov" else None
        return _Headers(replace(media, facts=facts), declared_s, stated_s, lost_s, indexed)


def _stated_s(form: Format, stream: VideoStream | AudioStream | None, declared_s: float | None) -> float | None:
    """FFmpeg shortens what an AVI states to what there is of it; its number of frames is left alone."""
    if form.decoder == "avi" and isinstance(stream, VideoStream):
        rate = containers.frame_rate(stream)
        return stream.frames / rate if rate and stream.frames else None
    return declared_s


def _states_frames(file: BinaryIO, form: Format) -> bool:
    """Whether the file states its own length, as far as its format can: of MP3s only some do."""
    if form.decoder != "mp3":
        return True
    head = after_tag(file.read(HEAD_BYTES))[:256]
    file.seek(0)
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))


def _with_audio(media: Media, audio: AudioStream) -> Media:
    context = audio.codec_context
    return replace(
        media,
        kind="audio",
        codec=context.codec.canonical_name,
        audio_codec=context.codec.canonical_name,
        audio_rate_hz=context.sample_rate or None,
        audio_channels=context.channels or None,
    )


def _with_image(media: Media, video: VideoStream, frame: VideoFrame | None) -> Media:
    turn = containers.orientation(frame) if frame is not None else containers.Orientation()
    context = video.codec_context
    width, height = display.square_size(context.width, context.height, display.pixel_ratio(video))
    return replace(
        media,
        kind="video",
        width=height if turn.swap else width,
        height=width if turn.swap else height,
        fps=containers.frame_rate(video),
        frame_count=video.frames or None,
        rotation_deg=turn.clockwise_deg,
    )


def _track_notes(container: InputContainer) -> Iterator[Text]:
    images, audio_tracks = containers.video_streams(container), containers.audio_streams(container)
    if len(images) > 1:
        chosen = containers.video_stream(container)
        yield told.other_images(len(images), next(n for n, s in enumerate(images, 1) if s is chosen))
    if len(audio_tracks) > 1:
        yield told.several_tracks(len(audio_tracks))
    still = len(container.streams.video) - len(images)
    if still:
        yield told.cover(still)
    unread = sum(s.codec_context is None for s in (*container.streams.video, *container.streams.audio))
    if unread:
        yield told.no_decoder(unread)


def _image_notes(video: VideoStream, frame: VideoFrame | None) -> Iterator[Text]:
    if containers.rate_is_guessed(video):
        yield told.rate_assumed(containers.ASSUMED_RATE)
    ratio = display.pixel_ratio(video)
    words = f"{ratio.numerator}:{ratio.denominator}"
    if not display.sensible(ratio):
        yield told.absurd_ratio(words)
    elif ratio != 1:
        size = video.codec_context.width, video.codec_context.height
        yield told.squared(words, size, display.square_size(*size, ratio))
    if frame is None:
        return
    space = display.colour_space(frame)
    if space.curve:
        yield told.tone_mapped(display.CURVES[space.curve])
    if space.primaries:
        yield told.gamut_mapped(display.PRIMARIES[space.primaries])
    bits = max((component.bits for component in frame.format.components), default=8)
    if bits > 8:
        yield told.reduced_to_8_bits(bits)
    if _is_transparent(frame):
        yield told.OVER_GREY


def _is_transparent(frame: VideoFrame) -> bool:
    if not any(component.is_alpha for component in frame.format.components):
        return False
    return bool(frame.to_ndarray(format="rgba")[..., 3].min() < 255)


def _ending_notes(ending: wholeness.Ending, cut: bool, end_s: float, declared_s: float | None) -> Iterator[Text]:
    if cut:
        yield told.cut_short(end_s, declared_s)
    elif ending.end == "unmarked":
        yield told.not_marked_complete(end_s)
    if ending.open_length:
        yield told.NO_LENGTH
    if ending.behind:
        yield told.left_behind(ending.behind)


def _start_notes(file: BinaryIO, form: Format) -> Iterator[Text]:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if form.decoder == "mpegts":
        found = transport_start(head)
        if found is not None and found[0]:
            yield told.mid_packet(found[0])
    elif form.decoder in ("mp3", "aac") and not head.startswith(b"ID3"):
        audio = bare_audio(head)
        if audio is not None and audio[1]:
            yield told.mid_packet(audio[1])
