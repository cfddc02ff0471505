"""From bytes to Media, frames and sound: sniffed by content, bounded by limits, evenly sampled, and never guessed.

Importing this room loads no decoder: its functions are loaded when they are first used. Whatever is wrong with a file
is a MediaError that says what, got, want and fix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhenwei.media.limits import Limits
from zhenwei.media.told import Notes

if TYPE_CHECKING:
    from zhenwei.media.given import at_hand
    from zhenwei.media.reading import (
        frame_times,
        hear,
        open_media,
        opened,
        read_audio,
        read_bytes,
        read_image,
        read_passage,
        sample_frames,
    )

__all__ = [
    "Limits",
    "Notes",
    "at_hand",
    "frame_times",
    "hear",
    "open_media",
    "opened",
    "read_audio",
    "read_bytes",
    "read_image",
    "read_passage",
    "sample_frames",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'zhenwei.media' has no attribute {name!r}")
    from zhenwei.media import given, reading

    return getattr(given if name == "at_hand" else reading, name)
