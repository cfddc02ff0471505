"""Labels in JPEG and PNG, byte for byte: segments and chunks other than XMP and AIGC are passed on as they are."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence

from zhenwei.defence.labels_carriers import BrokenFileError, Carried

_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF_HEAD = b"Exif\0"
MAX_JPEG = 65533 - len(_XMP_HEAD)
_APP0, _APP1, _SOS, _EOI = 0xE0, 0xE1, 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}
_IN_EXIF = re.compile(rb'"?AIGC"?\s*[:=]?\s*(\{[^{}]{0,4000}\})')

_PNG_XMP = b"XML:com.adobe.xmp"
_PNG_AIGC = b"AIGC"
_MAX_TEXT = 16 << 20


def read_jpeg(data: bytes) -> Carried:
    """XMP of APP1 segments; AIGC blocks that some write into EXIF's comment."""
    packets, texts, damaged = [], [], False
    try:
        for marker, start, stop in segments_of_jpeg(data):
            body = data[start:stop]
            if marker == _APP1 and body.startswith(_XMP_HEAD):
                packets.append(body[len(_XMP_HEAD) :])
            elif marker == _APP1 and body.startswith(_EXIF_HEAD):
                plain = body.replace(b"\0", b"")  # UTF-16 becomes readable, too
                texts += [found.decode("utf-8", "replace") for found in _IN_EXIF.findall(plain)]
    except BrokenFileError:
        damaged = True
    return Carried(tuple(packets), tuple(texts), damaged)


def write_jpeg(data: bytes, packets: Sequence[bytes]) -> bytes:
    """``data`` with its XMP packets replaced in order, or put in. Raises BrokenFileError."""
    out, rest, copied, after = [], list(packets), 0, 2
    for marker, start, stop in segments_of_jpeg(data):
        if marker == _APP0 or (marker == _APP1 and data[start:stop].startswith(_EXIF_HEAD)):
            after = stop
        if marker == _APP1 and data[start:stop].startswith(_XMP_HEAD) and rest:
            out += [data[copied : start - 4], _app1(rest.pop(0))]
            copied = stop
    if not out:
        return data[:after] + _app1(rest.pop(0)) + data[after:]
    return b"".join([*out, data[copied:]])


def _app1(packet: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, _APP1, 2 + len(_XMP_HEAD) + len(packet)) + _XMP_HEAD + packet


def segments_of_jpeg(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, first and last byte (excluded) of each segment's body, up to the picture data."""
    at = 2
    while True:
        if data[at : at + 1] != b"\xff" or at + 2 > len(data):
            raise BrokenFileError
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in (_SOS, _EOI):
            return
        if marker in _ALONE:
            at += 2
            continue
        if at + 4 > len(data):
            raise BrokenFileError
        length = struct.unpack_from(">H", data, at + 2)[0]
        stop = at + 2 + length
        if length < 2 or stop > len(data):
            raise BrokenFileError
        yield marker, at + 4, stop
        at = stop


def read_png(data: bytes) -> Carried:
    """XMP of iTXt chunks; AIGC blocks of tEXt, zTXt and iTXt chunks with that keyword."""
    packets, texts, damaged = [], [], False
    try:
        for kind, start, stop in chunks_of_png(data):
            if kind not in (b"iTXt", b"tEXt", b"zTXt"):
                continue
            keyword, _, _ = data[start : min(stop, start + 80)].partition(b"\0")
            if keyword not in (_PNG_XMP, _PNG_AIGC):
                continue
            text = text_of_png(kind, data[start:stop])
            if text is None:
                damaged = True
            elif keyword == _PNG_XMP:
                packets.append(text)
            else:
                texts.append(text.decode("utf-8", "replace"))
    except BrokenFileError:
        damaged = True
    return Carried(tuple(packets), tuple(texts), damaged)


def write_png(data: bytes, packets: Sequence[bytes], *, keep_texts: bool) -> bytes:
    """``data`` with its XMP replaced in order, or put before the picture data; AIGC text chunks go unless
    ``keep_texts``. Raises BrokenFileError."""
    out, rest, first = [data[:8]], list(packets), True
    had = bool(read_png(data).packets)
    for kind, start, stop in chunks_of_png(data):
        keyword = data[start : min(stop, start + 80)].partition(b"\0")[0] if kind[1:] in (b"TXt", b"EXt") else b""
        if kind == b"iTXt" and keyword == _PNG_XMP and rest and had:
            out.append(_itxt(rest.pop(0)))
            continue
        if keyword == _PNG_AIGC and not keep_texts:
            continue
        if kind == b"IDAT" and first:
            first = False
            if not had:
                out.append(_itxt(rest.pop(0)))
        out.append(data[start - 8 : stop + 4])
        end = stop + 4
    return b"".join([*out, data[end:]])


def _itxt(packet: bytes) -> bytes:
    body = _PNG_XMP + b"\0\0\0\0\0" + packet
    return struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))


def text_of_png(kind: bytes, body: bytes) -> bytes | None:
    """The text of a chunk, UTF-8 or Latin-1 as the chunk has it; None if it cannot be unpacked."""
    _, _, rest = body.partition(b"\0")
    packed = kind == b"zTXt"
    if kind == b"zTXt":
        rest = rest[1:]
    elif kind == b"iTXt":
        packed = rest[:1] == b"\1"
        parts = rest[2:].split(b"\0", 2)  # language, translated keyword, text
        if len(parts) < 3:
            return None
        rest = parts[2]
    if not packed:
        return rest
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(rest, _MAX_TEXT)
    except zlib.error:
        return None
    return text if not unpacking.unconsumed_tail else None


def chunks_of_png(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first and last byte (excluded) of each chunk's body, up to and with IEND."""
    at = 8
    while True:
        if at + 12 > len(data):
            raise BrokenFileError
        length = struct.unpack_from(">I", data, at)[0]
        stop = at + 8 + length
        if stop + 4 > len(data):
            raise BrokenFileError
        kind = data[at + 4 : at + 8]
        yield kind, at + 8, stop
        if kind == b"IEND":
            return
        at = stop + 4
