"""Marks without a network: one that tells the source, one that tells what was changed since, and one in sound.

Who has the key can find marks and put them in. They survive what platforms do; figures stand in docs/defence.
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
