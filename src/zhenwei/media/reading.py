"""The doors of this room: from a path to Media, and from Media to frames and sound."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from io import BufferedReader
from itertools import accumulate
from typing import BinaryIO

from zhenwei.errors import MediaError, UsageError
from zhenwei.media import animations, audio, containers, images, labels, opening, sources, timeline, videos
from zhenwei.media import told as told_words
from zhenwei.media.facts import safe_facts
from zhenwei.media.formats import HEAD_BYTES, Format, advice, described, recognise
from zhenwei.media.image_facts import image_facts
from zhenwei.media.limits import DEFAULT_LIMITS, Limits
from zhenwei.media.told import Notes
from zhenwei.types import Audio, Frame, Media

_kept = threading.local()  # of each thread: the files that are kept open, by path and digest


def open_media(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Media:
    """What is known of the file at ``path``: format by its bytes, SHA-256, size, tags. Decodes one frame at most.

    ``kind`` is "image" for a still picture, "video" for anything that moves (animated GIF, WebP and PNG too), "audio"
    for sound without moving pictures (cover art does not move). Width and height are as shown, after EXIF orientation
    or rotation metadata, and with square pixels; ``rotation_deg`` is the clockwise turn that was needed.
    ``duration_s`` is what the file states, counted from its packets where it states nothing, and what there is of it
    where it is cut short. ``notes`` tell what had to be guessed, changed or left out.

    Raises MediaError if there is no such file, it is not a regular file, not in a format that is read, damaged so
    that not even its header can be read, or beyond ``limits``.
    """
    text = os.fspath(path)
    with sources.regular_file(text, limits) as (file, size_bytes):
        return _described(file, size_bytes, text, limits)[0]


@contextmanager
def opened(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Iterator[Media]:
    """As ``open_media``, around everything that is read of the file: it is opened and looked into once, and whatever
    this thread reads of it meanwhile is read from there.

    Leaving raises MediaError unless the path still leads to the same bytes; also where reading failed meanwhile, as
    that of a cut file does.
    """
    text = os.fspath(path)
    with sources.kept_file(text, limits, partial(_described, path=text, limits=limits)) as kept:
        files: dict[tuple[str, str], sources.KeptFile] = _kept.__dict__.setdefault("files", {})
        key = text, kept.media.sha256
        files[key] = kept
        try:
            yield kept.media
        finally:
            files.pop(key, None)  # opened twice at a time, the inner one has taken it out


def _described(file: BufferedReader, size_bytes: int, path: str, limits: Limits) -> tuple[Media, Format]:
    name = sources.shown_name(path)
    form = _recognised(file, name)
    blank = Media(path, "", "image", size_bytes, form.name)
    if form.reader == "picture":
        media = _open_image(file, form, name, limits, blank)
    elif form.reader == "animation":
        media = _open_animation(file, form, name, limits, blank)
    else:
        media = opening.open_container(file, form, name, limits, blank)
    return replace(media, sha256=sources.digest(file)), form


def _recognised(file: BinaryIO, name: str) -> Format:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    form = recognise(head)
    if form is None:
        raise MediaError(
            f"{name} is not a picture, video or sound that can be read",
            got=described(head),
            want="a common format such as JPEG, PNG, HEIC, WebP, TIFF, MP4, MOV, MKV, WebM, WAV, MP3, FLAC",
            fix=advice(head),
        )
    return form


def _open_image(file: BinaryIO, form: Format, name: str, limits: Limits, blank: Media) -> Media:
    with images.guarded(form, name, limits):
        opened = images.open_as_far(file, form, name, limits)
        width, height = images.shown_size(opened)
        return replace(
            blank,
            codec=form.name,
            width=width,
            height=height,
            frame_count=1,
            rotation_deg=images.rotation_deg(opened.image),
            facts=safe_facts([*image_facts(opened.image, form), *labels.label_facts(opened.image)]),
            notes=opened.notes,
        )


def _open_animation(file: BinaryIO, form: Format, name: str, limits: Limits, blank: Media) -> Media:
    image = _open_image(file, form, name, limits, blank)
    shown_us = animations.durations_us(file, form, limits)
    if len(shown_us) < 2:
        return image
    animations.require_short((image.width or 0, image.height or 0), len(shown_us), name, limits)
    duration_s = sum(shown_us) / 1_000_000
    containers.require_duration(duration_s, name, limits)
    fps = len(shown_us) / duration_s
    return replace(image, kind="video", duration_s=duration_s, fps=fps, frame_count=len(shown_us))


def sample_frames(
    media: Media,
    count: int = 32,
    *,
    max_side: int = 1920,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 1,
    told: Notes | None = None,
) -> Iterator[Frame]:
    """Up to ``count`` frames spread evenly over the whole of ``media``, in order of time, each at most once.

    The time from first to last frame is cut into ``count`` equal parts, and the frame nearest to the middle of each is
    taken by its exact presentation time; of a clip with no more than ``count`` frames come all. Where frames are far
    apart (variable rate), one may be nearest to several parts and fewer than ``count`` come. A picture is one frame.

    ``Frame.pixels``: ``(height, width, 3)`` uint8 RGB, upright, contiguous, read-only. Video is reduced by area to
    ``max_side`` pixels on its longer side; pictures and animated pictures keep their size. ``time_s`` counts from the
    start of the file, on the same clock as ``read_audio``. ``threads`` decode; their number does not change the frames.

    High dynamic range, wide gamuts and pixels that are not square are shown as a standard screen would (see
    ``zhenwei.media.display``). A clip that is cut short or damaged gives what can be decoded; ``told`` counts the
    damaged frames that were left out among those that had to be decoded. Raises MediaError if that is nothing,
    UsageError if ``count``, ``max_side`` or ``threads`` is below 1. Memory does not grow with the length of the clip.
    """
    for option, value in (("count", count), ("max_side", max_side), ("threads", threads)):
        if value < 1:
            raise UsageError(f"{option} has no meaning", got=str(value), want="at least 1")
    if media.kind == "audio":
        raise MediaError(f"{sources.shown_name(media.path)} has no frames", got="sound only", want="a picture or video")
    return _frames(media, count, max_side, limits, threads, told or Notes())


@contextmanager
def _reopened(media: Media, limits: Limits) -> Iterator[tuple[BufferedReader, Format, str]]:
    """The file of ``media`` at its start, what it is, and its name; the one that is kept open, if nobody reads it."""
    name = sources.shown_name(media.path)
    kept = _kept.__dict__.get("files", {}).get((media.path, media.sha256))
    if kept is not None and not kept.busy:
        kept.busy = True
        kept.file.seek(0)
        try:
            yield kept.file, kept.form, name
        finally:
            kept.busy = False
        return
    with sources.regular_file(media.path, limits) as (file, _):
        form = _recognised(file, name)
        if form.name != media.container:
            raise MediaError(
                f"{name} has changed since it was opened", got=form.name, want=media.container, fix="Open it again."
            )
        yield file, form, name


def read_bytes(media: Media, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """All bytes of the file; MediaError if it is gone or no longer holds those of ``media.sha256``."""
    with _reopened(media, limits) as (file, _, _):
        data = file.read()
    if hashlib.sha256(data).hexdigest() != media.sha256:
        raise sources.changed(media.path)
    return data


def _frames(media: Media, count: int, max_side: int, limits: Limits, threads: int, told: Notes) -> Iterator[Frame]:
    with _reopened(media, limits) as (file, form, name):
        if media.kind == "image":
            yield _image_frame(file, form, name, limits)
        elif form.reader == "container":
            yield from videos.video_frames(file, form, name, count, max_side, limits, threads, told)
        else:
            yield from animations.animation_frames(file, form, name, count, limits)


def read_passage(
    media: Media,
    start_s: float,
    end_s: float,
    *,
    fastest_hz: float = 31.0,
    max_side: int = 1920,
    window: Callable[[float], tuple[int, int, int, int]] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 1,
) -> Iterator[Frame]:
    """Every frame of a video that is shown from ``start_s`` to ``end_s``, both included, in order of time.

    Of a clip with more than ``fastest_hz`` frames a second comes every second, third ... one, so that no more than
    these come. Frames and ``time_s`` are as in ``sample_frames``; ``index`` counts from 0. Nothing comes of an
    animated picture, nor of a passage without frames. Memory does not grow with the passage.

    ``window`` says for a time which part of the upright frame is wanted, as (left, top, right, bottom) in pixels; the
    pixels are then that part, as far as it lies in the frame, and bit for bit what the whole frame has there.

    Raises MediaError if none of a passage's frames can be decoded, UsageError for numbers without meaning.
    """
    if not (start_s <= end_s and fastest_hz > 0 and min(max_side, threads) >= 1):
        got = f"{start_s} to {end_s} s at {fastest_hz} Hz, {max_side} px, {threads} threads"
        raise UsageError("a passage has no meaning", got=got, want="start before end, and positive numbers")
    if media.kind != "video":
        raise MediaError(f"{sources.shown_name(media.path)} has no passage", got=media.kind, want="a video")
    return _passage(media, videos.Request(start_s, end_s, fastest_hz, max_side, window, threads), limits)


def _passage(media: Media, request: videos.Request, limits: Limits) -> Iterator[Frame]:
    with _reopened(media, limits) as (file, form, name):
        if form.reader == "container":
            yield from videos.passage_frames(file, form, name, request, limits)


def read_image(media: Media, limits: Limits = DEFAULT_LIMITS) -> Frame:
    """The picture of ``media`` (kind "image") at its own size: ``(height, width, 3)`` uint8 RGB, upright, read-only.

    Transparency is laid over mid-grey (128), samples of more than 8 bits are reduced to 8, CMYK, YCbCr, grey and
    palettes become RGB; colour profiles are not applied. Of a TIFF of several pages it is the first. Raises MediaError
    if it is damaged, cut short or holds NaN.
    """
    if media.kind != "image":
        name = sources.shown_name(media.path)
        raise MediaError(f"{name} is not a picture", got=media.kind, want="an image", fix="Sample its frames instead.")
    with _reopened(media, limits) as (file, form, name):
        return _image_frame(file, form, name, limits)


def _image_frame(file: BinaryIO, form: Format, name: str, limits: Limits) -> Frame:
    with images.guarded(form, name, limits):
        opened = images.open_as_far(file, form, name, limits)
        return Frame(0, 0.0, images.upright_rgb(opened, name))


def read_audio(media: Media, rate_hz: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Audio:
    """The sound of an audio file or of a video's track: ``(channels, n)`` float32 in [-1, 1], read-only.

    At ``rate_hz`` samples a second (resampled by soxr, high quality), by default the file's own. Sound that begins
    later than the file is led by silence, and a gap in it is filled with silence (``gaps``), so that it is on the clock
    of ``sample_frames``. Samples beyond full scale are clipped. Of several tracks it is the one marked to be
    played, else the first, unless that is silent.

    Raises MediaError if there is no sound, none of it can be decoded, it holds NaN or infinity, or it is more than
    ``limits.max_audio_values``; UsageError if ``rate_hz`` is not from 1000 to 384000.
    """
    return _hear(media, rate_hz, None, limits, Notes()).audio


def hear(
    media: Media,
    rate_hz: int | None = None,
    *,
    speech_s: audio.Speech | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Audio, Media]:
    """As ``read_audio``, with ``media`` as it is to be told of then: with the facts of the track that was heard, which
    one of several it is and why, and how many damaged packets were left out.

    ``speech_s`` says for how many seconds somebody speaks in a track; one with more than twice the speech of the track
    marked to be played is heard in its place. Of more than 8 tracks the first 8 are compared.
    """
    told = Notes()
    track = _hear(media, rate_hz, speech_s, limits, told)
    heard = replace(media, audio_codec=track.codec, audio_rate_hz=track.rate_hz, audio_channels=track.channels)
    general = told_words.several_tracks(track.of)  # what is known now says it better
    return track.audio, told.onto(replace(heard, notes=tuple(note for note in media.notes if note != general)))


def _hear(
    media: Media, rate_hz: int | None, speech_s: audio.Speech | None, limits: Limits, told: Notes
) -> audio.AudioTrack:
    if rate_hz is not None and not 1000 <= rate_hz <= 384_000:
        raise UsageError("rate_hz has no meaning", got=str(rate_hz), want="1000 to 384000")
    with _reopened(media, limits) as (file, form, name):
        if form.reader != "container":
            raise MediaError(f"{name} has no sound", got="a picture", want="an audio track")
        return audio.hear(file, form, name, rate_hz, speech_s, limits, told)


def frame_times(media: Media, limits: Limits = DEFAULT_LIMITS) -> tuple[float, ...]:
    """When each frame of ``media`` is shown, in seconds from the start of the file, in order. Nothing is decoded."""
    with _reopened(media, limits) as (file, form, name):
        if media.kind == "image":
            return (0.0,)
        if form.reader == "animation":
            starts = accumulate(animations.durations_us(file, form, limits)[:-1], initial=0)
            return tuple(start / 1_000_000 for start in starts)
        found, zero = timeline.video_timeline(file, form, name, limits)
        return tuple(float(found.pts[place] * found.unit - zero) for place in found.shown)
