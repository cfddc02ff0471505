"""Labels in RIFF files, byte for byte: WebP (chunk ``XMP ``) and WAV (``_PMX``, Adobe's name for the same)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from zhenwei.defence.labels_carriers import BrokenFileError, Carried
from zhenwei.defence.labels_id3 import frames_in

_XMP = {b"WEBP": b"XMP ", b"WAVE": b"_PMX", b"AVI ": b"_PMX"}
_HAS_XMP, _HAS_ALPHA = 0x04, 0x10
_MOST = 0xFFFFFFFF


def read_riff(data: bytes) -> Carried:
    """XMP chunks; AIGC blocks of LIST/INFO and of ID3 tags, which WAV files may have, too."""
    packets, texts, damaged = [], [], False
    wanted = _XMP[data[8:12]]
    try:
        for kind, start, stop in chunks(data):
            if kind == wanted:
                packets.append(data[start:stop].rstrip(b"\0"))
            elif kind == b"LIST" and data[start : start + 4] == b"INFO":
                texts += _info(data[start + 4 : stop])
            elif kind in (b"id3 ", b"ID3 "):
                held = frames_in(data[start:stop])
                packets += held.packets
                texts += held.texts
                damaged |= held.damaged
    except BrokenFileError:
        damaged = True
    return Carried(tuple(packets), tuple(texts), damaged)


def write_riff(data: bytes, packets: Sequence[bytes], *, keep_texts: bool) -> bytes:
    """``data`` with its XMP chunks replaced in order, or one put at the end; AIGC entries of LIST/INFO go unless
    ``keep_texts``. Raises BrokenFileError, also where the file would grow beyond what RIFF can count."""
    form, rest, out = data[8:12], list(packets), []
    for kind, start, stop in chunks(data):
        body = data[start:stop]
        if kind == _XMP[form]:
            body = rest.pop(0) if rest else body
        elif kind == b"LIST" and body[:4] == b"INFO" and not keep_texts and _info(body[4:]):
            body = b"INFO" + b"".join(chunk(k, body[4 + a : 4 + b]) for k, a, b in _list(body[4:]) if k != b"AIGC")
        out.append((kind, body))
    out += [(_XMP[form], packet) for packet in rest]
    if form == b"WEBP":
        out = _extended(out)
    body = form + b"".join(chunk(kind, each) for kind, each in out)
    if len(body) > _MOST:
        raise BrokenFileError
    after = 8 + struct.unpack_from("<I", data, 4)[0]
    return b"RIFF" + struct.pack("<I", len(body)) + body + data[after + after % 2 :]


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first and last byte (excluded) of each chunk's body, within the length that the file's head states."""
    end = 8 + struct.unpack_from("<I", data, 4)[0] if len(data) >= 12 else _MOST
    if end > len(data) + 1:  # some leave out the last byte of padding
        raise BrokenFileError
    yield from ((kind, 12 + start, 12 + stop) for kind, start, stop in _list(data[12:end]))


def _list(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        stop = at + 8 + length
        if stop > len(data):
            raise BrokenFileError
        yield kind, at + 8, stop
        at = stop + length % 2


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk as it stands in the file, filled up to an even length."""
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _info(body: bytes) -> list[str]:
    return [body[a:b].rstrip(b"\0").decode("utf-8", "replace") for kind, a, b in _list(body) if kind == b"AIGC"]


def _extended(found: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """A simple WebP file has no place for XMP: it gets the head of an extended one (RFC 9649, section 2.7)."""
    kind, body = found[0] if found else (b"", b"")
    if kind == b"VP8X" and len(body) >= 10:
        return [(kind, bytes([body[0] | _HAS_XMP]) + body[1:]), *found[1:]]
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = struct.unpack_from("<I", body, 1)[0]
        width, height, flags = bits & 0x3FFF, bits >> 14 & 0x3FFF, _HAS_ALPHA if bits >> 28 & 1 else 0
    elif kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", body, 6))
        width, height, flags = width - 1, height - 1, 0
    else:
        raise BrokenFileError
    head = struct.pack("<I", flags | _HAS_XMP) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
    return [(b"VP8X", head), *found]
