"""The blocks of a GIF, by its bytes: when each picture is shown, and whether the file reaches its end mark."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

PICTURE, TRAILER = b"\x2c", b"\x3b"
_EXTENSION, _CONTROL, _NOTHING = b"\x21", b"\xf9", b"\0"


def blocks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """``PICTURE`` with the microseconds that it is shown for, before its data are passed over, and ``TRAILER`` at the
    end mark; nothing more behind that, or where blocks can no longer be followed. Raises IndexError and struct.error
    where the file ends inside one."""
    file.seek(0)
    _skip_colours(file, file.read(13)[10])
    shown_us = 0
    while (kind := file.read(1)) in (_EXTENSION, PICTURE, _NOTHING):
        if kind == _NOTHING:  # between blocks, as some writers leave it; decoders pass it over
            continue
        if kind == PICTURE:
            _skip_colours(file, file.read(9)[8])
            file.read(1)
            yield PICTURE, shown_us
            shown_us = 0
        elif file.read(1) == _CONTROL:
            shown_us = struct.unpack("<H", file.read(5)[2:4])[0] * 10_000
        while size := file.read(1)[0]:
            file.seek(size, 1)
    if kind == TRAILER:
        yield TRAILER, 0


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << (flags & 7) + 1, 1)
