"""From bytes to Media, frames and sound: sniffed by content, bounded by limits, evenly sampled, and never guessed.

Importing this room loads no decoder; each function does on its first call. Whatever is wrong with a file is a
MediaError that says what, got, want and fix.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from zhenwei.media.given import Given, Source
from zhenwei.media.limits import DEFAULT_LIMITS, Limits
from zhenwei.media.told import Told
from zhenwei.types import Audio, Frame, Media

__all__ = [
    "Limits",
    "Told",
    "at_hand",
    "frame_times",
    "hear",
    "open_media",
    "opened",
    "read_audio",
    "read_bytes",
    "read_passage",
    "read_picture",
    "sample_frames",
]


def at_hand(source: Source, limits: Limits = DEFAULT_LIMITS) -> AbstractContextManager[Given]:
    """A file with the content of ``source`` (a path, bytes, an open binary file, an array of uint8 pixels), for as
    long as the context lasts; ``Given.path`` is what ``open_media`` takes. A path is itself and is not looked at.

    Raises UsageError for anything else, MediaError for a stream that cannot be read or is beyond ``max_bytes``.
    """
    from zhenwei.media import given

    return given.laid_down(source, limits)


def opened(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> AbstractContextManager[Media]:
    """As ``open_media``, around everything that is read of the file: it is opened and looked into once, and whatever
    this thread reads of it meanwhile is read from there.

    Leaving raises MediaError unless the path still leads to the same bytes; also where reading failed meanwhile, as
    that of a cut file does.
    """
    from zhenwei.media import reading

    return reading.opened(path, limits)


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
    from zhenwei.media import reading

    return reading.open_media(path, limits)


def sample_frames(
    media: Media,
    count: int = 32,
    *,
    max_side: int = 1920,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 1,
    told: Told | None = None,
) -> Iterator[Frame]:
    """Up to ``count`` frames spread evenly over the whole of ``media``, in order of time, each at most once.

    The time from first to last frame is cut into ``count`` equal parts, and the frame nearest to the middle of each is
    taken by its exact presentation time; of a clip with no more than ``count`` frames come all. Where frames are far
    apart (variable rate), one may be nearest to several parts and fewer than ``count`` come. A picture is one frame.

    ``Frame.pixels``: ``(height, width, 3)`` uint8 RGB, upright, contiguous, read-only. Video is reduced by area to
    ``max_side`` pixels on its longer side; pictures and animated pictures keep their size. ``time_s`` counts from the
    start of the file, on the same clock as ``read_audio``. ``threads`` decode; their number does not change the frames.

    High dynamic range, wide gamuts and pixels that are not square are shown as a standard screen would (see
    ``zhenwei.media.shown``). A clip that is cut short or damaged gives what can be decoded; ``told`` counts the damaged
    frames that were left out among those that had to be decoded. Raises MediaError if that is nothing, UsageError
    if ``count``, ``max_side`` or ``threads`` is below 1. Memory does not grow with the length of the clip.
    """
    from zhenwei.media import reading

    return reading.sample_frames(media, count, max_side, limits, threads, told or Told())


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
    from zhenwei.media import clips, reading

    request = clips.Request(start_s, end_s, fastest_hz, max_side, window, threads)
    return reading.read_passage(media, request, limits)


def read_picture(media: Media, limits: Limits = DEFAULT_LIMITS) -> Frame:
    """The picture of ``media`` (kind "image") at its own size: ``(height, width, 3)`` uint8 RGB, upright, read-only.

    Transparency is laid over mid-grey (128), samples of more than 8 bits are reduced to 8, CMYK, YCbCr, grey and
    palettes become RGB; colour profiles are not applied. Of a TIFF of several pages it is the first. Raises MediaError
    if it is damaged, cut short or holds NaN.
    """
    from zhenwei.media import reading

    return reading.read_picture(media, limits)


def read_bytes(media: Media, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """All bytes of the file; MediaError if it is gone or no longer holds those of ``media.sha256``."""
    from zhenwei.media import reading

    return reading.read_bytes(media, limits)


def read_audio(media: Media, rate_hz: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Audio:
    """The sound of an audio file or of a video's track: ``(channels, n)`` float32 in [-1, 1], read-only.

    At ``rate_hz`` samples a second (resampled by soxr, high quality), by default the file's own. Sound that begins
    later than the file is led by silence, so that it is on the clock of ``sample_frames``. Samples beyond full scale
    are clipped. Of several tracks it is the one marked to be played, else the first, unless that is silent.

    Raises MediaError if there is no sound, none of it can be decoded, it holds NaN or infinity, or it is more than
    ``limits.max_audio_values``; UsageError if ``rate_hz`` is not from 1000 to 384000.
    """
    from zhenwei.media import reading

    return reading.read_audio(media, rate_hz, limits)


def hear(
    media: Media,
    rate_hz: int | None = None,
    *,
    speech_s: Callable[[Audio], float] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Audio, Media]:
    """As ``read_audio``, with ``media`` as it is to be told of then: with the facts of the track that was heard, which
    one of several it is and why, and how many damaged packets were left out.

    ``speech_s`` says for how many seconds somebody speaks in a track; one with more than twice the speech of the track
    marked to be played is heard in its place. Of more than 8 tracks the first 8 are compared.
    """
    from zhenwei.media import reading

    return reading.hear(media, rate_hz, speech_s, limits)


def frame_times(media: Media, limits: Limits = DEFAULT_LIMITS) -> tuple[float, ...]:
    """When each frame of ``media`` is shown, in seconds from the start of the file, in order. Nothing is decoded."""
    from zhenwei.media import reading

    return reading.frame_times(media, limits)
