"""How much of a file this room is willing to read. A file beyond a limit is refused with a MediaError that names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is read; each protects from a small file that unfolds into hours of work or all of the memory.

    ``max_pixels``: width x height of a picture. 200 megapixels are the largest phone sensors, 600 MB as RGB.
    ``max_video_pixels``: width x height of a video frame. 8192 x 8192 is the largest picture that common encoders
    write; a decoder may hold 17 of them. ``max_animated_pixels``: canvas times frames of an animated GIF, WebP or
    PNG, which only decodes from its start; about half a minute of work. ``max_bytes``: size of the file, 16 GiB;
    all of it is read once for its digest. ``max_duration_s``: 4 hours, longer than nearly any film.
    ``max_frames``: pictures in a clip, 4 hours at 120 a second; each costs a few bytes while a clip is sampled.
    ``max_streams``: tracks in a container. ``max_audio_values``: samples times channels kept by ``read_audio``,
    with the silence before a track that begins late; 2 ** 28 values are 1 GiB, or 4 hours of 16 kHz mono, or 46
    minutes of 48 kHz stereo.
    """

    max_pixels: int = 200_000_000
    max_video_pixels: int = 8192 * 8192
    max_animated_pixels: int = 4_000_000_000
    max_bytes: int = 16 * 2**30
    max_duration_s: float = 4 * 3600.0
    max_frames: int = 4 * 3600 * 120
    max_streams: int = 32
    max_audio_values: int = 2**28


DEFAULT_LIMITS = Limits()
