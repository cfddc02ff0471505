"""Labels in MP4, M4A and MOV, byte for byte: XMP in a ``uuid`` box at the end, so that no offset in the file moves."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from zhenwei.defence.labels_carriers import BrokenFileError, Carried

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_META_HEADS = (0, 4)  # QuickTime's meta box has no version before its children, ISO's has
_DEEPEST = 4
_MOST = 0xFFFFFFFF


def read_mp4(data: bytes) -> Carried:
    """XMP boxes; AIGC entries of the metadata (``moov/udta/meta`` or ``moov/meta``, as FFmpeg writes them)."""
    packets, texts, damaged = [], [], False
    try:
        for kind, start, stop in boxes(data, 0, len(data)):
            if kind == b"uuid" and data[start : start + 16] == _XMP:
                packets.append(data[start + 16 : stop].rstrip(b"\0"))
            elif kind == b"moov":
                texts += _aigc(data, start, stop, _DEEPEST)
    except BrokenFileError:
        damaged = True
    return Carried(tuple(packets), tuple(texts), damaged)


def write_mp4(data: bytes, packets: Sequence[bytes]) -> bytes:
    """``data`` with its XMP replaced: what was there becomes free space, and new boxes stand at the end, though before
    the index of a fragmented file, which must be last. Raises BrokenFileError."""
    out, end = bytearray(data), len(data)
    if end > _MOST:
        raise BrokenFileError
    for kind, start, stop in boxes(data, 0, len(data)):
        if kind == b"uuid" and data[start : start + 16] == _XMP:
            head = start - 16 if struct.unpack_from(">I", data, start - 16)[0] == 1 else start - 8
            if struct.unpack_from(">I", data, head)[0] == 0:  # reaches to the end of the file
                struct.pack_into(">I", out, head, stop - head)
            out[head + 4 : head + 8] = b"free"
            out[start:stop] = bytes(stop - start)
        if kind == b"mfra" and stop == len(data):
            end = start - 8
        if kind != b"uuid" and stop == len(data) and struct.unpack_from(">I", data, start - 8)[0] == 0:
            struct.pack_into(">I", out, start - 8, stop - start + 8)
    added = b"".join(struct.pack(">I", 24 + len(packet)) + b"uuid" + _XMP + packet for packet in packets)
    return bytes(out[:end]) + added + bytes(out[end:])


def boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first and last byte (excluded) of each box's body between ``at`` and ``end``. Raises BrokenFileError."""
    while at < end:
        if at + 8 > end:
            raise BrokenFileError
        length, kind, head = struct.unpack_from(">I", data, at)[0], data[at + 4 : at + 8], 8
        if length == 1:
            if at + 16 > end:
                raise BrokenFileError
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif length == 0:
            length = end - at
        if length < head or at + length > end:
            raise BrokenFileError
        yield kind, at + head, at + length
        at += length


def _aigc(data: bytes, start: int, stop: int, deepest: int) -> list[str]:
    found: list[str] = []
    for kind, first, last in boxes(data, start, stop):
        if kind == b"udta" and deepest:
            found += _quietly(data, first, last, deepest - 1)
        elif kind == b"meta":
            found += _metadata(data, first, last)
        elif kind == b"AIGC":
            found.append(data[first:last].strip(b"\0").decode("utf-8", "replace"))
    return found


def _quietly(data: bytes, start: int, stop: int, deepest: int) -> list[str]:
    try:
        return _aigc(data, start, stop, deepest)
    except BrokenFileError:  # QuickTime ends user data with four zero bytes
        return _aigc(data, start, stop - 4, deepest) if data[stop - 4 : stop] == bytes(4) else []


def _metadata(data: bytes, start: int, stop: int) -> list[str]:
    for skip in _META_HEADS:
        try:
            inside = {kind: (first, last) for kind, first, last in boxes(data, start + skip, stop)}
        except BrokenFileError:
            continue
        if b"ilst" in inside:
            names = _keys(data, *inside[b"keys"]) if b"keys" in inside else []
            return list(_values(data, *inside[b"ilst"], names))
    return []


def _keys(data: bytes, start: int, stop: int) -> list[bytes]:
    return [data[first:last] for _, first, last in boxes(data, start + 8, stop)]


def _values(data: bytes, start: int, stop: int, names: list[bytes]) -> Iterator[str]:
    """Values whose key is AIGC: by number into ``keys``, or in iTunes' way with the name in the entry."""
    for kind, first, last in boxes(data, start, stop):
        number, parts = int.from_bytes(kind, "big"), list(boxes(data, first, last))
        name = names[number - 1] if 0 < number <= len(names) else b""
        name = next((data[a + 4 : b] for k, a, b in parts if kind == b"----" and k == b"name"), name)
        if name == b"AIGC" or kind == b"AIGC":
            yield from (data[a + 8 : b].decode("utf-8", "replace") for k, a, b in parts if k == b"data")
