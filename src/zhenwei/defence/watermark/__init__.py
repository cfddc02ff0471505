"""Marks without a network: one that tells the source, one that tells what was changed since, and one in sound.

Marks are found by who has the key, and can be put in by who has the key. They survive what platforms do, not what
somebody does who wants them gone; figures stand in docs/defence.
"""

from zhenwei.defence.watermark.picture import (
    ID_BYTES,
    PictureMark,
    mark_frames,
    mark_picture,
    read_frames,
    read_picture,
)
from zhenwei.defence.watermark.sound import SOUND_ID_BYTES, mark_sound, read_sound

__all__ = [
    "ID_BYTES",
    "SOUND_ID_BYTES",
    "PictureMark",
    "mark_frames",
    "mark_picture",
    "mark_sound",
    "read_frames",
    "read_picture",
    "read_sound",
]
