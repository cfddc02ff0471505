"""Where a credential stands in a file: its bytes, out of the frame that each format gives it (C2PA 2.x, annex A)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from zhenwei.defence.labels_carriers import BrokenFileError
from zhenwei.defence.labels_id3 import objects_in
from zhenwei.defence.labels_images import chunks_of_png, segments_of_jpeg
from zhenwei.defence.labels_mp4 import boxes
from zhenwei.defence.labels_riff import chunks

UUID_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
APP11 = 0xEB
_STORE = b"jumdc2pa"
BOXED = ("image/avif", "image/heic", "image/heif", "video/mp4", "audio/mp4", "video/quicktime")
CHUNKED = ("image/webp", "audio/wav", "video/avi")
_PURPOSES = (b"manifest", b"original", b"update")


def stores(data: bytes, mime: str) -> list[bytes]:
    """The credentials in ``data``, without their frame; several where C2PA keeps an earlier one beside the last, none
    in formats in which they are not looked for. Raises BrokenFileError, also for a frame that is not C2PA's."""
    found: list[bytes] = []
    if mime == "image/jpeg":
        found += [store for store in _of_jpeg(data) if _STORE in store[:64]]
    elif mime == "image/png":
        found.append(_of_png(data))
    elif mime in CHUNKED:
        found.append(b"".join(data[a:b] for kind, a, b in chunks(data) if kind == b"C2PA"))
    elif mime == "audio/mpeg":
        found += [body for kind, body in objects_in(data) if kind == "application/c2pa" or _STORE in body[:24]]
    elif mime in BOXED:
        found += _of_mp4(data)
    return list(filter(None, found))


def _of_jpeg(data: bytes) -> Iterator[bytes]:
    """Segments of one box: "JP", the box's number, a count, then the box's head again, then a part of it."""
    parts: dict[bytes, list[tuple[int, bytes]]] = {}
    for marker, start, stop in segments_of_jpeg(data):
        body = data[start:stop]
        if marker == APP11 and body[12:16] == b"jumb":
            if body[:2] != b"JP":
                raise BrokenFileError
            parts.setdefault(body[2:4], []).append((struct.unpack_from(">I", body, 4)[0], body[8:]))
    for found in parts.values():
        first = found[0][1]
        head = 16 if first[:4] == b"\0\0\0\1" else 8
        store = bytearray(first[:head])
        for number, (count, body) in enumerate(found, 1):
            if count != number or body[:head] != first[:head]:
                raise BrokenFileError
            store += body[head:]
        yield bytes(store)


def _of_png(data: bytes) -> bytes:
    out = b""
    for kind, start, stop in chunks_of_png(data):
        if kind == b"caBX":
            if struct.unpack_from(">I", data, stop)[0] != zlib.crc32(data[start - 4 : stop]):
                raise BrokenFileError
            out += data[start:stop]
    return out


def _of_mp4(data: bytes) -> Iterator[bytes]:
    for kind, start, stop in boxes(data, 0, len(data)):
        if kind != b"uuid" or data[start : start + 16] != UUID_BOX:
            continue
        flags, (purpose, _, rest) = data[start + 16 : start + 20], data[start + 20 : stop].partition(b"\0")
        if purpose == b"merkle":  # hashes of the parts of a fragmented file
            continue
        table = int.from_bytes(rest[:8], "big")  # where those stand, if anywhere
        if purpose not in _PURPOSES or flags != bytes(4) or (table and data[table + 4 : table + 8] != b"uuid"):
            raise BrokenFileError
        yield rest[8:]
