"""The doors of this room: from a path to Media, and from Media to frames and sound."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from io import BufferedReader
from itertools import accumulate
from typing import BinaryIO

from zhenwei.errors import MediaError, UsageError
from zhenwei.media import animations, clips, containers, labels, opening, pictures, sounds, sources, timeline
from zhenwei.media import told as told_words
from zhenwei.media.facts import safe_facts
from zhenwei.media.formats import HEAD_BYTES, Format, advice, described, recognise
from zhenwei.media.limits import Limits
from zhenwei.media.picture_facts import picture_facts
from zhenwei.media.told import Told
from zhenwei.types import Audio, Frame, Media

_kept = threading.local()  # of each thread: the files that are kept open, by path and digest


def open_media(path: str | os.PathLike[str], limits: Limits) -> Media:
    """See ``zhenwei.media.open_media``."""
    text = os.fspath(path)
    with sources.regular_file(text, limits) as (file, size_bytes):
        return _described(file, text, size_bytes, limits)[0]


@contextmanager
def opened(path: str | os.PathLike[str], limits: Limits) -> Iterator[Media]:
    """See ``zhenwei.media.opened``."""
    text = os.fspath(path)
    with sources.kept_file(text, limits, partial(_described, path=text, limits=limits)) as kept:
        files: dict[tuple[str, str], sources.KeptFile] = _kept.__dict__.setdefault("files", {})
        key = text, kept.media.sha256
        files[key] = kept
        try:
            yield kept.media
        finally:
            files.pop(key, None)  # opened twice at a time, the inner one has taken it out


def _described(file: BufferedReader, path: str, size_bytes: int, limits: Limits) -> tuple[Media, Format]:
    name = sources.shown_name(path)
    form = _recognised(file, name)
    blank = Media(path, "", "image", size_bytes, form.name)
    if form.reader == "picture":
        media = _open_picture(file, form, name, limits, blank)
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


def _open_picture(file: BinaryIO, form: Format, name: str, limits: Limits, blank: Media) -> Media:
    with pictures.guarded(form, name, limits):
        opened = pictures.open_as_far(file, form, name, limits)
        width, height = pictures.shown_size(opened)
        return replace(
            blank,
            codec=form.name,
            width=width,
            height=height,
            frame_count=1,
            rotation_deg=pictures.rotation_deg(opened.image),
            facts=safe_facts([*picture_facts(opened.image, form), *labels.label_facts(opened.image)]),
            notes=opened.notes,
        )


def _open_animation(file: BinaryIO, form: Format, name: str, limits: Limits, blank: Media) -> Media:
    picture = _open_picture(file, form, name, limits, blank)
    shown_us = animations.durations_us(file, form, limits)
    if len(shown_us) < 2:
        return picture
    animations.require_short((picture.width or 0, picture.height or 0), len(shown_us), name, limits)
    duration_s = sum(shown_us) / 1_000_000
    containers.require_duration(duration_s, name, limits)
    fps = len(shown_us) / duration_s
    return replace(picture, kind="video", duration_s=duration_s, fps=fps, frame_count=len(shown_us))


def sample_frames(media: Media, count: int, max_side: int, limits: Limits, threads: int, told: Told) -> Iterator[Frame]:
    """See ``zhenwei.media.sample_frames``. The arguments are checked at once, the file is read by the iterator."""
    for option, value in (("count", count), ("max_side", max_side), ("threads", threads)):
        if value < 1:
            raise UsageError(f"{option} has no meaning", got=str(value), want="at least 1")
    if media.kind == "audio":
        raise MediaError(f"{sources.shown_name(media.path)} has no frames", got="sound only", want="a picture or video")
    return _frames(media, count, max_side, limits, threads, told)


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


def read_bytes(media: Media, limits: Limits) -> bytes:
    """See ``zhenwei.media.read_bytes``."""
    with _reopened(media, limits) as (file, _, _):
        data = file.read()
    if hashlib.sha256(data).hexdigest() != media.sha256:
        raise sources.changed(media.path)
    return data


def _frames(media: Media, count: int, max_side: int, limits: Limits, threads: int, told: Told) -> Iterator[Frame]:
    with _reopened(media, limits) as (file, form, name):
        if media.kind == "image":
            yield _picture_frame(file, form, name, limits)
        elif form.reader == "container":
            yield from clips.clip_frames(file, form, name, count, max_side, limits, threads, told)
        else:
            yield from animations.animation_frames(file, form, name, count, limits)


def read_passage(media: Media, request: clips.Request, limits: Limits) -> Iterator[Frame]:
    """See ``zhenwei.media.read_passage``. The arguments are checked at once, the file is read by the iterator."""
    r = request
    if not (r.start_s <= r.end_s and r.fastest_hz > 0 and min(r.max_side, r.threads) >= 1):
        got = f"{r.start_s} to {r.end_s} s at {r.fastest_hz} Hz, {r.max_side} px, {r.threads} threads"
        raise UsageError("a passage has no meaning", got=got, want="start before end, and positive numbers")
    if media.kind != "video":
        raise MediaError(f"{sources.shown_name(media.path)} has no passage", got=media.kind, want="a video")
    return _passage(media, request, limits)


def _passage(media: Media, request: clips.Request, limits: Limits) -> Iterator[Frame]:
    with _reopened(media, limits) as (file, form, name):
        if form.reader == "container":
            yield from clips.passage_frames(file, form, name, request, limits)


def read_picture(media: Media, limits: Limits) -> Frame:
    """See ``zhenwei.media.read_picture``."""
    if media.kind != "image":
        name = sources.shown_name(media.path)
        raise MediaError(f"{name} is not a picture", got=media.kind, want="an image", fix="Sample its frames instead.")
    with _reopened(media, limits) as (file, form, name):
        return _picture_frame(file, form, name, limits)


def _picture_frame(file: BinaryIO, form: Format, name: str, limits: Limits) -> Frame:
    with pictures.guarded(form, name, limits):
        opened = pictures.open_as_far(file, form, name, limits)
        return Frame(0, 0.0, pictures.upright_rgb(opened, name))


def read_audio(media: Media, rate_hz: int | None, limits: Limits) -> Audio:
    """See ``zhenwei.media.read_audio``."""
    return _hear(media, rate_hz, None, limits, Told()).audio


def hear(media: Media, rate_hz: int | None, speech_s: sounds.Speech | None, limits: Limits) -> tuple[Audio, Media]:
    """See ``zhenwei.media.hear``."""
    told = Told()
    track = _hear(media, rate_hz, speech_s, limits, told)
    heard = replace(media, audio_codec=track.codec, audio_rate_hz=track.rate_hz, audio_channels=track.channels)
    general = told_words.several_sounds(track.of)  # what is known now says it better
    return track.audio, told.onto(replace(heard, notes=tuple(note for note in media.notes if note != general)))


def _hear(
    media: Media, rate_hz: int | None, speech_s: sounds.Speech | None, limits: Limits, told: Told
) -> sounds.Track:
    if rate_hz is not None and not 1000 <= rate_hz <= 384_000:
        raise UsageError("rate_hz has no meaning", got=str(rate_hz), want="1000 to 384000")
    with _reopened(media, limits) as (file, form, name):
        if form.reader != "container":
            raise MediaError(f"{name} has no sound", got="a picture", want="an audio track")
        return sounds.hear(file, form, name, rate_hz, speech_s, limits, told)


def frame_times(media: Media, limits: Limits) -> tuple[float, ...]:
    """See ``zhenwei.media.frame_times``."""
    with _reopened(media, limits) as (file, form, name):
        if media.kind == "image":
            return (0.0,)
        if form.reader == "animation":
            starts = accumulate(animations.durations_us(file, form, limits)[:-1], initial=0)
            return tuple(start / 1_000_000 for start in starts)
        found, zero = timeline.clip_timeline(file, form, name, limits)
        return tuple(float(found.pts[place] * found.unit - zero) for place in found.shown)
