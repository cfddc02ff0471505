"""A HEIF file as phones write it: tiles put together by a grid, turned by a box, written by hand (ISO/IEC 23008-12)."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import pillow_heif
from PIL import Image


def box(kind: bytes, *parts: bytes, version: int | None = None, flags: int = 0) -> bytes:
    head = b"" if version is None else struct.pack(">I", version << 24 | flags)
    body = head + b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def tile(image: Image.Image) -> tuple[bytes, bytes]:
    """The decoder's configuration (hvcC) and the coded picture of one tile."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=95, chroma=420)
    data = buffer.getvalue()
    at = data.index(b"hvcC") - 4
    config = data[at : at + int.from_bytes(data[at : at + 4], "big")]
    start = data.index(b"mdat") + 4
    return config, data[start:]


def grid(tiles: Sequence[Image.Image], across: int, size: tuple[int, int], quarter_turns: int) -> bytes:
    """``tiles`` row by row; ``size``: width and height that are shown of them; turned anticlockwise."""
    coded = [tile(image) for image in tiles]
    down = len(tiles) // across
    width, height = tiles[0].size
    shape = struct.pack(">BBBBHH", 0, 0, down - 1, across - 1, *size)
    ids = range(1, len(tiles) + 1)
    main = len(tiles) + 1
    items = [box(b"infe", struct.pack(">HH4s", n, 0, b"hvc1"), b"\0", version=2, flags=1) for n in ids]
    items.append(box(b"infe", struct.pack(">HH4s", main, 0, b"grid"), b"\0", version=2))
    properties = [
        coded[0][0],
        box(b"ispe", struct.pack(">II", width, height), version=0),
        box(b"ispe", struct.pack(">II", *size), version=0),
        box(b"irot", bytes([quarter_turns])),
    ]
    of_tiles = b"".join(struct.pack(">HBBB", n, 2, 0x81, 2) for n in ids)
    of_main = struct.pack(">HBBB", main, 2, 3, 0x84)
    links = box(b"dimg", struct.pack(f">HH{len(tiles)}H", main, len(tiles), *ids))
    parts = [*(data for _, data in coded), shape]
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta(start: int) -> bytes:
        places, at = b"", start
        for number, part in enumerate(parts, start=1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(part))
            at += len(part)
        return box(
            b"meta",
            box(b"hdlr", struct.pack(">I4s12x", 0, b"pict"), b"\0", version=0),
            box(b"pitm", struct.pack(">H", main), version=0),
            box(b"iloc", struct.pack(">BBH", 0x44, 0, len(parts)), places, version=0),
            box(b"iinf", struct.pack(">H", len(items)), *items, version=0),
            box(b"iref", links, version=0),
            box(
                b"iprp", box(b"ipco", *properties), box(b"ipma", struct.pack(">I", main), of_tiles, of_main, version=0)
            ),
            version=0,
        )

    begin = len(head) + len(meta(0)) + 8
    return head + meta(begin) + box(b"mdat", *parts)
