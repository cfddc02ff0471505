"""Camera raw files: the finished picture that the camera, or the program after it, put beside the sensor's data.

It is one whole JPEG, looked for by its own marks; the sensor's data may be JPEG too, lossless or in many equal tiles.
"""

from __future__ import annotations

import io
import mmap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

_START = b"\xff\xd8\xff"
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # marks without a length
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive; lossless (C3) is sensor data
_MAX_FOUND = 4096
_MAX_MARKS = 256
_MAX_ALIKE = 4  # more of one size are tiles of the sensor's data
_MIN_PX = 160
_HEAD = 1 << 20
_TIFF = {b"II": b"II*\0", b"MM": b"MM\0*"}


@dataclass(frozen=True, slots=True)
class Preview:
    """Where a JPEG begins in the file, and how large its picture is."""

    start: int
    width: int
    height: int


def largest_preview(file: BinaryIO) -> Preview | None:
    """The largest finished JPEG inside ``file``, of at least 160 pixels on its longer side; None if there is none."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = list(_previews(data))
    alike = Counter((p.width, p.height) for p in found)
    fit = [p for p in found if alike[p.width, p.height] <= _MAX_ALIKE and max(p.width, p.height) >= _MIN_PX]
    return max(fit, key=lambda p: (p.width * p.height, -p.start), default=None)


def _previews(data: mmap.mmap) -> Iterator[Preview]:
    at = -1
    for _ in range(_MAX_FOUND):
        at = data.find(_START, at + 1)
        if at < 0:
            return
        size = _frame_size(data, at)
        if size is not None:
            yield Preview(at, *size)


def _frame_size(data: mmap.mmap, start: int) -> tuple[int, int] | None:
    """(width, height) by the frame header of the JPEG at ``start``; None if it is none, or not of 8 bits."""
    at = start + 2
    for _ in range(_MAX_MARKS):
        head = data[at : at + 9]
        if len(head) < 9 or head[0] != 0xFF:
            return None
        kind = head[1]
        if kind == 0xFF or kind in _BARE:
            at += 1 if kind == 0xFF else 2
            continue
        if kind in _FRAMES:
            height, width = int.from_bytes(head[5:7], "big"), int.from_bytes(head[7:9], "big")
            return (width, height) if head[4] == 8 and width and height else None
        length = int.from_bytes(head[2:4], "big")
        if kind in (0xD8, 0xD9, 0xDA) or length < 2:
            return None
        at += 2 + length
    return None


def outer_exif(file: BinaryIO) -> bytes:
    """What the raw file itself says of the camera, as an EXIF block for Pillow; b"" if nothing is found. CR3 holds it
    in a box, other raw files are TIFF files under several names; a RAF has all of it in its JPEG."""
    file.seek(0)
    head = file.read(_HEAD)
    box = head.find(b"CMT1")
    tiff = head[box + 4 :] if head[4:8] == b"ftyp" and box > 0 else head
    plain = _TIFF.get(tiff[:2])
    if plain is None:
        return b""
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + plain + tiff[4:])
    kept = Image.Exif()
    for tag in (0x010F, 0x0110, 0x0112, 0x0131, 0x0132, 0x013B, 0x8298):
        if tag in exif:
            kept[tag] = exif[tag]
    for block in (0x8769, 0x8825):
        inner = exif.get_ifd(block)
        if inner:
            kept.get_ifd(block).update({tag: value for tag, value in inner.items() if tag != 0x927C})
    return kept.tobytes()


def part(file: BinaryIO, start: int) -> BinaryIO:
    """``file`` from ``start`` on, as a file of its own; both are good for as long as ``file`` is open."""
    return io.BufferedReader(_Part(file, start))


class _Part(io.RawIOBase):
    def __init__(self, file: BinaryIO, start: int) -> None:
        super().__init__()
        self._file, self._start, self._at = file, start, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 2:
            self._at = self._file.seek(0, 2) - self._start + offset
        else:
            self._at = offset + (self._at if whence == 1 else 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._start + self._at)
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
