"""Labels in MP3, in the ID3v2 tag before the sound: ``TXXX`` frame "AIGC", XMP in a ``PRIV`` frame.

Versions 2.3 and 2.4 are written (id3.org, "ID3 tag version 2.4.0 - Main Structure"); frames not ours stay as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zhenwei.defence.labels_carriers import BrokenFileError, Carried

_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_PACKED = {3: 0xC0, 4: 0x0F}  # flags of a frame that is compressed, encrypted or otherwise not plain
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_XMP_OWNER = b"XMP\0"


@dataclass(frozen=True, slots=True)
class _Tag:
    version: int
    frames: tuple[tuple[bytes, int, bytes], ...]  # name, flags, body
    length: int  # of the whole tag, in the file


def read_id3(data: bytes) -> Carried:
    """XMP and AIGC blocks of the tag at the beginning of the file, if there is one."""
    return frames_in(data) if data.startswith(b"ID3") else Carried()


def frames_in(data: bytes) -> Carried:
    """XMP and AIGC blocks of an ID3v2 tag. One of version 2.2 is older than either."""
    if data[3:4] == b"\2":
        return Carried()
    try:
        tag = _tag(data)
    except BrokenFileError:
        return Carried(damaged=True)
    packets, texts = [], []
    for name, flags, body in tag.frames:
        if flags & _PACKED[tag.version]:
            continue
        if name == b"PRIV" and body.startswith(_XMP_OWNER):
            packets.append(body[len(_XMP_OWNER) :])
        elif name == b"TXXX" and (found := _described(body)) and found[0] == "AIGC":
            texts.append(found[1])
    return Carried(tuple(packets), tuple(texts))


def objects_in(data: bytes) -> list[tuple[str, bytes]]:
    """MIME type and content of the objects (``GEOB`` frames) in the tag. Raises BrokenFileError."""
    found = []
    for name, flags, body in _tag(data).frames if data.startswith(b"ID3") else ():
        if name == b"GEOB" and body and not flags & _PACKED[_tag(data).version]:
            kind, _, rest = body[1:].partition(b"\0")
            step = 2 if body[0] in (1, 2) else 1
            for _ in range(2):  # the file's name, and what it is
                at = next((i for i in range(0, len(rest), step) if rest[i : i + step] == b"\0" * step), len(rest))
                rest = rest[at + step :]
            found.append((kind.decode("latin-1"), rest))
    return found


def write_id3(data: bytes, packets: Sequence[bytes], text: str | None) -> bytes:
    """``data`` with its XMP replaced in order, and ``text`` as its only AIGC frame; None leaves those there are.

    Raises BrokenFileError, also for tags of version 2.2.
    """
    tag = _tag(data) if data.startswith(b"ID3") else _Tag(4, (), 0)
    rest, frames = list(packets), []
    for name, flags, body in tag.frames:
        plain = not flags & _PACKED[tag.version]
        kept = body
        if plain and name == b"PRIV" and body.startswith(_XMP_OWNER) and rest:
            kept = _XMP_OWNER + rest.pop(0)
        if plain and name == b"TXXX" and text is not None and (_described(body) or ("", ""))[0] == "AIGC":
            continue
        frames.append((name, flags, kept))
    frames += [(b"PRIV", 0, _XMP_OWNER + packet) for packet in rest]
    if text is not None:
        frames.append((b"TXXX", 0, _text_frame(text, tag.version)))
    body = b"".join(_frame(tag.version, *each) for each in frames)
    if len(body) >= 1 << 28:
        raise BrokenFileError
    return b"ID3" + bytes([tag.version, 0, 0]) + _syncsafe(len(body)) + body + data[tag.length :]


def _text_frame(text: str, version: int) -> bytes:
    if version == 4:
        return b"\3AIGC\0" + text.encode("utf-8")
    return b"\1" + "AIGC".encode("utf-16") + b"\0\0" + text.encode("utf-16")


def _described(body: bytes) -> tuple[str, str] | None:
    """Description and value of a TXXX frame."""
    if not body or body[0] >= len(_ENCODINGS):
        return None
    encoding, wide = _ENCODINGS[body[0]], body[0] in (1, 2)
    rest, step = body[1:], 2 if wide else 1
    ends = (at for at in range(0, len(rest) - step + 1, step) if rest[at : at + step] == b"\0" * step)
    at = next(ends, None)
    if at is None:
        return None
    parts = [each.decode(encoding, "replace").rstrip("\0") for each in (rest[:at], rest[at + step :])]
    return parts[0], parts[1]


def _tag(data: bytes) -> _Tag:
    if len(data) < 10 or data[:3] != b"ID3" or data[3] not in (3, 4):
        raise BrokenFileError
    version, flags, size = data[3], data[5], _number(data[6:10], 7)
    length = 10 + size + (10 if flags & _FOOTER and version == 4 else 0)
    if length > len(data):
        raise BrokenFileError
    body = data[10 : 10 + size]
    if flags & _UNSYNCHRONISED and version == 3:
        body = body.replace(b"\xff\0", b"\xff")
    if flags & _EXTENDED:
        extended = _number(body[:4], 8) + 4 if version == 3 else _number(body[:4], 7)
        body = body[max(extended, 4) :]
    return _Tag(version, tuple(_frames(body, version)), length)


def _frames(body: bytes, version: int) -> Iterator[tuple[bytes, int, bytes]]:
    at = 0
    while at + 10 <= len(body) and body[at] != 0:
        name = body[at : at + 4]
        size = _number(body[at + 4 : at + 8], 7 if version == 4 else 8)
        if at + 10 + size > len(body) or not name.isalnum():
            raise BrokenFileError
        yield name, struct.unpack_from(">H", body, at + 8)[0], body[at + 10 : at + 10 + size]
        at += 10 + size


def _frame(version: int, name: bytes, flags: int, body: bytes) -> bytes:
    size = _syncsafe(len(body)) if version == 4 else struct.pack(">I", len(body))
    return name + size + struct.pack(">H", flags) + body


def _number(data: bytes, bits: int) -> int:
    value = 0
    for byte in data:
        value = value << bits | byte & (1 << bits) - 1
    return value


def _syncsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))
