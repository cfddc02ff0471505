"""The bytes of a credential that no signature covers: are they as C2PA writes them?

The hash over the file leaves out the credential itself; of that, the signature covers the claim, and hashes in the
claim cover the statements. What remains is covered by nothing: lengths, names and switches of the boxes around them,
the credential's frame in the file, and about ten kilobytes of zeros, kept free beside the signature ("pad" in C2PA
2.x, "COSE signatures"). C2PA's reader takes any change there as valid. In WAV and WebP the credential stands last, so
that most of the file's last ten kilobytes are of that kind. Nothing that is shown to a person stands in them, but they
could hide something; so they are held against the form that they should have (ISO 19566-5, RFC 9052).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from zhenwei.defence.labels_carriers import BrokenFileError
from zhenwei.defence.labels_id3 import objects_in
from zhenwei.defence.labels_mp4 import boxes
from zhenwei.defence.labels_pictures import chunks_of_png, segments_of_jpeg
from zhenwei.defence.labels_riff import chunks

_MP4 = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_UUID_TAIL = bytes.fromhex("00110010800000aa00389b71")
_APP11 = 0xEB
_PARTS = re.compile(rb"c2pa\.(assertions|claim(\.v\d+)?|signature|databoxes|credentials)")
_HEADERS = {"pad", "pad2", "sigTst", "sigTst2", "rVals", "x5chain", "33"}
_DEEPEST, _NULL = 16, 22
_MOST_ITEMS = 10_000


class _OddError(ValueError):
    """Not as C2PA writes it."""


def is_regular(data: bytes, mime: str) -> bool:
    """Whether the credential in ``data`` is in all its unsigned bytes as C2PA writes it. True where none is found, and
    of formats in which it is not looked for."""
    try:
        store = _store(data, mime)
        if store:
            _boxes(store, 0, 0)
    except (_OddError, BrokenFileError, IndexError, struct.error, UnicodeDecodeError):
        return False
    return True


def _store(data: bytes, mime: str) -> bytes:
    """The credential's bytes, out of its frame in the file. Raises _OddError for a frame that is not as it should be"""
    if mime == "image/jpeg":
        return _from_jpeg(data)
    if mime == "image/png":
        return _from_png(data)
    if mime in ("image/webp", "audio/wav"):
        return b"".join(data[a:b] for kind, a, b in chunks(data) if kind == b"C2PA")
    if mime == "audio/mpeg":
        found = [body for kind, body in objects_in(data) if kind == "application/c2pa" or b"jumdc2pa" in body[:24]]
        return b"".join(found)
    if mime in ("video/mp4", "audio/mp4", "video/quicktime"):
        return _from_mp4(data)
    return b""


def _from_jpeg(data: bytes) -> bytes:
    """Segments of one box: "JP", the box's number, a count from one, then the box's head again, then a part of it."""
    out, number, seen = b"", b"", 0
    for marker, start, stop in segments_of_jpeg(data):
        if marker != _APP11 or b"jumb" not in data[start : start + 16]:
            continue
        head, instance, count = data[start : start + 2], data[start + 2 : start + 4], data[start + 4 : start + 8]
        number, seen = number or instance, seen + 1
        if head != b"JP" or instance != number or struct.unpack(">I", count)[0] != seen:
            raise _OddError
        body = data[start + 8 : stop]
        if out and body[:8] != out[:8]:
            raise _OddError
        out += body if not out else body[8:]
    return out


def _from_png(data: bytes) -> bytes:
    out = b""
    for kind, start, stop in chunks_of_png(data):
        if kind == b"caBX":
            if struct.unpack_from(">I", data, stop)[0] != zlib.crc32(data[start - 4 : stop]):
                raise _OddError
            out += data[start:stop]
    return out


def _from_mp4(data: bytes) -> bytes:
    for kind, start, stop in boxes(data, 0, len(data)):
        if kind == b"uuid" and data[start : start + 16] == _MP4:
            flags, (purpose, _, rest) = data[start + 16 : start + 20], data[start + 20 : stop].partition(b"\0")
            if purpose == b"manifest":
                table = int.from_bytes(rest[:8], "big")  # where hashes of fragments stand, if anywhere
                if flags != bytes(4) or (table and data[table + 4 : table + 8] != b"uuid"):
                    raise _OddError
                return rest[8:]
    return b""


def _boxes(store: bytes, at: int, depth: int) -> None:
    """Walk the superboxes at ``at``: the store, its manifests, and their parts. What is deeper is hashed."""
    end = len(store)
    while at < end:
        stop = _superbox(store, at, end, depth)
        if depth == 0 and stop != end:
            raise _OddError
        at = stop


def _head(store: bytes, at: int) -> tuple[int, bytes]:
    """Length and kind of the box at ``at``."""
    length: int = struct.unpack_from(">I", store, at)[0]
    return length, store[at + 4 : at + 8]


def _superbox(store: bytes, at: int, end: int, depth: int) -> int:
    length, kind = _head(store, at)
    stop = at + length
    if kind != b"jumb" or length < 16 or stop > end:
        raise _OddError
    label, inside = _described(store, at + 8, stop)
    if depth == 0 and label != b"c2pa":
        raise _OddError
    if depth == 2 and not _PARTS.fullmatch(label):
        raise _OddError
    if label == b"c2pa.signature":
        _signature(store, inside, stop)
        return stop
    while inside < stop and (depth < 2 or label == b"c2pa.assertions"):
        if depth == 1 and store[inside + 4 : inside + 8] == b"brob":
            return stop  # a manifest that is packed whole
        inside = _superbox(store, inside, stop, depth + 1)
    return stop


def _described(store: bytes, at: int, end: int) -> tuple[bytes, int]:
    """The label of the description box at ``at``, and where the box ends. Private content may only be a salt."""
    length, kind = _head(store, at)
    stop = at + length
    if kind != b"jumd" or length < 25 or stop > end or store[at + 12 : at + 24] != _UUID_TAIL:
        raise _OddError
    switches = store[at + 24]
    label, found, rest = store[at + 25 : stop].partition(b"\0")
    if not found or switches not in (0x03, 0x13) or (switches == 0x03) != (not rest):
        raise _OddError
    if rest and (rest[4:8] != b"c2sh" or struct.unpack(">I", rest[:4])[0] != len(rest)):
        raise _OddError
    return label, stop


def _signature(store: bytes, at: int, end: int) -> None:
    """COSE_Sign1 in one box: of what the signature does not cover only known entries, and padding of zeros."""
    length, kind = _head(store, at)
    if kind != b"cbor" or at + length != end:
        raise _OddError
    parts = _Cbor(store[at + 8 : end])
    message = parts.item(0)
    if parts.at != len(parts.data) or not isinstance(message, list) or len(message) != 4:
        raise _OddError
    headers = message[1]
    if message[2] is not None or not isinstance(headers, dict) or not set(headers) <= _HEADERS:
        raise _OddError
    for name in ("pad", "pad2"):
        if name in headers and (not isinstance(headers[name], bytes) or any(headers[name])):
            raise _OddError


class _Cbor:
    """As much of RFC 8949 as a signature is written in. Lengths are bounded by the data, depth and number by ours."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self._items = data, 0, 0

    def item(self, depth: int) -> object:
        self._items += 1
        if depth > _DEEPEST or self._items > _MOST_ITEMS:
            raise _OddError
        major, value = self._head()
        if major in (2, 3):
            self.at += value
            if self.at > len(self.data):
                raise _OddError
            taken = self.data[self.at - value : self.at]
            return taken if major == 2 else taken.decode("utf-8")
        if major == 4:
            return [self.item(depth + 1) for _ in range(value)]
        if major == 5:
            return dict(self._pairs(value, depth + 1))
        if major == 6:
            return self.item(depth + 1)
        return None if (major, value) == (7, _NULL) else value

    def _pairs(self, count: int, depth: int) -> Iterator[tuple[str, object]]:
        for _ in range(count):
            yield str(self.item(depth)), self.item(depth)

    def _head(self) -> tuple[int, int]:
        first = self.data[self.at]
        major, low = first >> 5, first & 0x1F
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
        if low > 27 or self.at + 1 + size > len(self.data):
            raise _OddError
        value = int.from_bytes(self.data[self.at + 1 : self.at + 1 + size], "big") if size else low
        self.at += 1 + size
        return major, value
