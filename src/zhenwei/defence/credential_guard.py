"""Credentials that are made to exhaust the reader are not given to it.

C2PA's library (0.91) sets aside as much memory as a CBOR string or list says that it needs: a file of 16 kB makes it
take 8 GiB. So lengths in CBOR boxes are held against the boxes first (RFC 8949, section 3; ISO 19566-5). Packed
manifests, into which this cannot look, are not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeVar

from zhenwei.defence.credential_frame import APP11, BOXED, CHUNKED, UUID_BOX
from zhenwei.defence.labels_carriers import BrokenFileError
from zhenwei.defence.labels_images import chunks_of_png, segments_of_jpeg
from zhenwei.defence.labels_mp4 import boxes
from zhenwei.defence.labels_riff import chunks

_T = TypeVar("_T")
_GIF = b"\x21\xff\x0bC2PA_GIF"
_WHOLE, _SMALL = ("image/tiff", "audio/mpeg", "image/jxl"), 8 << 20


def is_safe(data: bytes, mime: str) -> bool:
    """Whether no credential in ``data`` says that it holds more than it does, and none is packed."""
    return all(_is_safe(store) for store in _stores(data, mime))


def _is_safe(store: bytes) -> bool:
    at = store.find(b"brob")
    while at >= 0:
        if store[at - 4 : at] != b"jumd" and b"jumb" in store[max(0, at - 400) : at]:
            return False
        at = store.find(b"brob", at + 1)
    return all(_fits(body) for body in _cbor_boxes(store))


def _cbor_boxes(store: bytes) -> Iterator[bytes]:
    """The content of whatever may be taken for a CBOR box; one whose length is beyond the rest ends with the rest."""
    at = store.find(b"cbor")
    while at >= 0:
        if at >= 4 and store[at - 4 : at] != b"jumd":  # there it is the name of a kind
            length = struct.unpack_from(">I", store, at - 4)[0]
            yield store[at + 4 : at - 4 + length if length >= 8 else len(store)]
        at = store.find(b"cbor", at + 1)


def _fits(body: bytes) -> bool:
    """Item after item, however they are nested: no length may be beyond what follows."""
    at, end = 0, len(body)
    while at < end:
        major, low = body[at] >> 5, body[at] & 0x1F
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
        value = int.from_bytes(body[at + 1 : at + 1 + size], "big") if size else low
        at += 1 + size
        if low == 31 or major in (0, 1, 6, 7):  # without a length in advance, or none at all
            continue
        if value * (2 if major == 5 else 1) > end - at:
            return False
        at += value if major in (2, 3) else 0
    return True


def _stores(data: bytes, mime: str) -> Iterator[bytes]:
    """Every way in which C2PA's reader may piece together a credential out of the file."""
    if mime == "image/jpeg":
        yield from _of_jpeg(data)
    elif mime == "image/gif":
        yield from _of_gif(data)
    elif mime == "image/png":
        yield from _parts(data[a:b] for kind, a, b in chunks_of_png(data) if kind == b"caBX")
    elif mime in BOXED:
        found = boxes(data, 0, len(data))
        yield from _parts(data[a + 16 : b] for kind, a, b in found if kind == b"uuid" and data[a : a + 16] == UUID_BOX)
    elif mime in CHUNKED:
        yield from _parts(data[a:b] for kind, a, b in chunks(data) if kind == b"C2PA")
    whole = mime in _WHOLE or len(data) <= _SMALL  # in a large file chance would find boxes that are none
    if mime not in ("image/jpeg", "image/gif") and whole and b"jumdc2pa" in data:
        yield data  # the reader may see another structure in it than is seen here


def _parts(found: Iterator[_T]) -> Iterator[_T]:
    """As many as come before the file breaks off."""
    try:
        yield from found
    except BrokenFileError:
        return


def _of_jpeg(data: bytes) -> Iterator[bytes]:
    """Boxes are spread over segments, each of which repeats the head of eight bytes after eight of its own."""
    spread: dict[bytes, bytes] = {}
    for marker, start, stop in _parts(segments_of_jpeg(data)):
        if marker == APP11:
            for name in (b"", data[start + 2 : start + 4]):  # all of them, and those of one number
                skip = 16 if name in spread else 8
                spread[name] = spread.get(name, b"") + data[start + skip : stop]
    yield from spread.values()


def _of_gif(data: bytes) -> Iterator[bytes]:
    at = data.find(_GIF)
    while at >= 0:
        place, parts = at + len(_GIF) + 3, []
        while place < len(data) and data[place]:
            parts.append(data[place + 1 : place + 1 + data[place]])
            place += 1 + data[place]
        yield b"".join(parts)
        at = data.find(_GIF, at + 1)
