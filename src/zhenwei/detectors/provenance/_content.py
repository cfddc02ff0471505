"""The bytes of the file that a subject is of, and how much each kind of statement weighs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zhenwei.types import Media, Text

# Stated, not measured: no data at hand tells how often genuine and forged files carry these. The pages say why.
GENERATED_LLR = 3.0  # it says that a generator made it: hardly anybody says so of a photograph
SIGNED_EDIT_LLR = 2.0  # a signer says that AI altered it: of one in eight such files perhaps only to remove a wire
COMPOSITE_LLR = 1.0  # a label says so, with nobody to answer for it: phones write it after removing a passer-by
MARK_LLR = 2.0  # a generator's mark, which anybody can also put into a photograph to discredit it
FACE_APP_LLR = 0.7
CAPTURE_LLR = -3.0  # a signer whom the reader trusts says that a camera recorded it
MOST_BYTES = 64 << 20  # all of it is held in memory, which is not to grow with the length of a clip
NO_FILE = Text("the file itself is not at hand", zh="无法读取文件本身")
TOO_LARGE = Text(
    "the file is too large to be searched here; zhenwei verify reads it",
    zh="文件过大，此处不检索；可用 zhenwei verify 读取",
)


def content(media: Media) -> bytes | Text:
    """The file's bytes, or why they are not read: it is gone, was changed since it was opened, or is very large."""
    if media.size_bytes > MOST_BYTES:
        return TOO_LARGE
    try:
        path = Path(media.path)
        if not path.is_file() or path.stat().st_size != media.size_bytes:
            return NO_FILE
        data = path.read_bytes()
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return NO_FILE
    return data if hashlib.sha256(data).hexdigest() == media.sha256 else NO_FILE
