"""Marks without a network: one that tells the source, one that tells what was changed since, and one in sound.

Who has the key can find marks and put them in. They survive what platforms do; figures stand in docs/defence.
"""

from zhenwei.defence.watermark.audio import AUDIO_ID_BYTES, mark_audio, read_audio
from zhenwei.defence.watermark.image import (
    ID_BYTES,
    ImageMark,
    mark_frames,
    mark_image,
    read_frames,
    read_image,
)

__all__ = [
    "AUDIO_ID_BYTES",
    "ID_BYTES",
    "ImageMark",
    "mark_audio",
    "mark_frames",
    "mark_image",
    "read_audio",
    "read_frames",
    "read_image",
]
