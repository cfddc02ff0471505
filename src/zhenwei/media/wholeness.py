"""Does the file end where its own structure says? Read from headers and sizes alone; nothing is decoded.

What was cut off is told apart from a length that the header leaves open (0 or all ones) and from bytes behind the end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from zhenwei.media.bitstreams import frame_bytes, transport_start
from zhenwei.media.formats import HEAD_BYTES, Format

End = Literal["whole", "cut", "unmarked", "unknown"]
"""As promised; before that; without the mark that ends one; nothing is promised."""
_OPEN = (0, 0xFFFFFFFF)
_OUTERMOST = frozenset(
    b"ftyp styp moov moof mdat mfra free skip wide uuid meta sidx ssix emsg prft udta pnot PICT pdin meco imda".split()
)
_SLOPPY = 8  # bytes: some writers of AVI count the header of the RIFF too
_MAX_PARTS = 100_000  # of a file's outermost structure; a fragmented film of four hours has some 30,000


@dataclass(frozen=True, slots=True)
class Ending:
    """``end``: how the file ends. ``open_length``: the header leaves the length of the sound open. ``behind``: bytes
    behind the sound that are no part of it as far as the header goes, nor anything else that is known."""

    end: End = "unknown"
    open_length: bool = False
    behind: int = 0


def ending(file: BinaryIO, form: Format, size_bytes: int) -> Ending:
    """How ``file`` of ``size_bytes`` ends; its position is put back to the start."""
    look = _LOOKS.get(form.name)
    if look is None:
        return Ending()
    file.seek(0)
    try:
        return look(file, size_bytes)
    except (struct.error, IndexError):
        return Ending("cut")  # a header breaks off
    finally:
        file.seek(0)


def _boxes(file: BinaryIO, size_bytes: int) -> Ending:
    """ISO base media: boxes side by side (ISO 14496-12, 4.2)."""
    at = 0
    for _ in range(_MAX_PARTS):
        if at + 8 > size_bytes:
            return Ending("whole" if at == size_bytes else "unknown")
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0]
        if size < 8 or kind not in _OUTERMOST:
            return Ending()  # to the end of the file, or no box any more
        at += size
        if at > size_bytes:
            return Ending("cut")
    return Ending()


def _matroska(file: BinaryIO, size_bytes: int) -> Ending:
    """EBML (RFC 8794): a header and the segment, whose size may be left open."""
    at = 0
    for _ in range(16):
        file.seek(at)
        head = file.read(12)
        if not head:
            return Ending("whole")
        name = head[: _ebml_width(head[0])]
        body = head[len(name) :]
        width = _ebml_width(body[0])
        size = int.from_bytes(body[:width], "big") & ((1 << 7 * width) - 1)
        if size == (1 << 7 * width) - 1:
            return Ending()
        at += len(name) + width + size
        if at > size_bytes:
            return Ending("cut")
    return Ending()


def _ebml_width(first: int) -> int:
    return 9 - first.bit_length()


def _avi(file: BinaryIO, size_bytes: int) -> Ending:
    """One RIFF after another (OpenDML); what is no RIFF behind them does not matter."""
    end = 0
    for name, at, size in _chunks(file, 0, size_bytes, "<"):
        if name != b"RIFF":
            break
        if size in _OPEN:
            return Ending()
        end = at + size + (size & 1)
        if end > size_bytes + _SLOPPY:
            return Ending("cut")
    return Ending("whole" if end else "unknown")


def _wav(file: BinaryIO, size_bytes: int) -> Ending:
    """RIFF, RF64 or BW64: the length of the sound is that of its ``data`` chunk (EBU Tech 3306 for the long ones)."""
    kind = file.read(12)[:4]
    long_size = 0
    for name, at, size in _chunks(file, 12, size_bytes, "<"):
        if name == b"ds64":
            file.seek(at + 8)
            long_size = struct.unpack("<Q", file.read(8))[0]
        elif name == b"data":
            length = long_size if size == 0xFFFFFFFF and kind in (b"RF64", b"BW64") else size
            if length in _OPEN:
                return Ending(open_length=size_bytes > at)
            if at + length > size_bytes:
                return Ending("cut")
            return Ending("whole", behind=_behind(file, at + length + (length & 1), size_bytes))
    return Ending("cut")


def _behind(file: BinaryIO, at: int, size_bytes: int) -> int:
    """How many bytes from ``at`` on are no chunks."""
    file.seek(at)
    head = file.read(8)
    if len(head) < 8 or (head[:4].isascii() and head[:4].decode("ascii").isprintable()):
        return 0
    return size_bytes - at if any(head) else 0


def _aiff(file: BinaryIO, size_bytes: int) -> Ending:
    file.read(12)
    for name, at, size in _chunks(file, 12, size_bytes, ">"):
        if name == b"SSND":
            if size in _OPEN:
                return Ending(open_length=True)
            return Ending("cut" if at + size > size_bytes else "whole")
    return Ending("cut")


def _au(file: BinaryIO, size_bytes: int) -> Ending:
    _, start, size = struct.unpack(">4sII", file.read(12))
    if size in _OPEN:
        return Ending(open_length=True)
    return Ending("cut" if start + size > size_bytes else "whole")


def _caf(file: BinaryIO, size_bytes: int) -> Ending:
    """Apple's Core Audio Format: sizes of 64 bits, -1 for sound up to the end of the file."""
    return _long_chunks(file, 8, size_bytes, lambda head: (head[:4], *struct.unpack(">q", head[4:12]), 12))


def _w64(file: BinaryIO, size_bytes: int) -> Ending:
    """Sony Wave64: names of 16 bytes, sizes that hold their own header, at places that 8 divides."""
    return _long_chunks(
        file, 40, size_bytes, lambda head: (head[:4], (struct.unpack("<Q", head[16:24])[0] - 24 + 7) // 8 * 8, 24)
    )


def _long_chunks(file: BinaryIO, at: int, size_bytes: int, read: Callable[[bytes], tuple[bytes, int, int]]) -> Ending:
    """``read`` gives name, size of the body and size of the header; the chunk ``data`` holds the sound."""
    for _ in range(_MAX_PARTS):
        file.seek(at)
        name, size, header = read(file.read(24))
        if name == b"data":
            if size <= 0 or size >= 1 << 62:
                return Ending(open_length=True)
            return Ending("cut" if at + header + size > size_bytes + 7 * (header == 24) else "whole")
        if size < 0:
            break
        at += header + size
    return Ending()


def _chunks(file: BinaryIO, at: int, size_bytes: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, place of the body, size) of IFF chunks, which begin at even places."""
    for _ in range(_MAX_PARTS):
        if at + 8 > size_bytes:
            return
        file.seek(at)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        yield name, at + 8, size
        at += 8 + size + (size & 1)


def _ogg(file: BinaryIO, size_bytes: int) -> Ending:
    """The last page must be whole and marked as the last of its stream (RFC 3533, 6)."""
    start = max(0, size_bytes - HEAD_BYTES - 512)  # a page has at most 65,307 bytes
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return Ending("cut")
    flags, count = tail[at + 5], tail[at + 26]
    page = 27 + count + sum(tail[at + 27 : at + 27 + count])
    if len(tail) < at + page:
        return Ending("cut")
    return Ending("whole" if flags & 4 else "unmarked")


def _transport(file: BinaryIO, size_bytes: int) -> Ending:
    found = transport_start(file.read(HEAD_BYTES))
    if found is None:
        return Ending()
    return Ending("cut" if (size_bytes - found[0]) % found[1] else "unknown")


def _flv(file: BinaryIO, size_bytes: int) -> Ending:
    """Behind each tag stands its size (FLV specification, annex E.3), so that the last can be found from the end."""
    file.seek(max(0, size_bytes - 4))
    before = struct.unpack(">I", file.read(4))[0]
    at = size_bytes - 4 - before
    if at < 9:
        return Ending("cut")
    file.seek(at)
    head = file.read(4)
    whole = head[0] & 0x1F in (8, 9, 18) and int.from_bytes(head[1:], "big") + 11 == before
    return Ending("whole" if whole else "cut")


def _asf(file: BinaryIO, size_bytes: int) -> Ending:
    """The file properties object tells the size of the whole (ASF specification, 3.2), 0 in a broadcast."""
    head = file.read(HEAD_BYTES)
    at = head.find(b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65")
    if at < 0:
        return Ending()
    told, flags = struct.unpack("<Q", head[at + 40 : at + 48])[0], head[at + 88]
    if not told or flags & 1:
        return Ending()
    return Ending("cut" if told > size_bytes else "whole")


_LOOKS: dict[str, Callable[[BinaryIO, int], Ending]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _boxes,
    "matroska,webm": _matroska,
    "avi": _avi,
    "wav": _wav,
    "aiff": _aiff,
    "au": _au,
    "ogg": _ogg,
    "mpegts": _transport,
    "asf": _asf,
    "caf": _caf,
    "w64": _w64,
    "flv": _flv,
}


def breaks_off(packet: bytes, codec: str) -> bool:
    """Whether the last ``packet`` of a bare MP3 or ADTS stream is shorter than its own header says."""
    wanted = frame_bytes(packet, codec)
    return wanted > 0 and len(packet) < wanted
