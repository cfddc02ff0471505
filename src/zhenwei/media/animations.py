"""Animated GIF, WebP and PNG as short clips: when each picture is shown, by the bytes (Pillow would decode for it)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import accumulate
from typing import BinaryIO

from zhenwei.errors import MediaError
from zhenwei.media import gif
from zhenwei.media.formats import Format, boxes
from zhenwei.media.images import guarded, open_as_far, upright_rgb
from zhenwei.media.limits import Limits
from zhenwei.media.timeline import nearest
from zhenwei.types import Frame

_DEFAULT_US = 100_000  # what browsers show where a file says "as fast as possible"
_SHORTEST_US = 11_000
_MAX_HEADER = 1 << 28  # an AVIF file is held in memory as a whole by its decoder, too


def durations_us(file: BinaryIO, form: Format, limits: Limits) -> list[int]:
    """How long each picture is shown, in microseconds; as far as the chunks can be followed. Never decodes."""
    file.seek(0)
    chunks = {"gif": _gif, "png": _png, "webp": _webp, "avif": _avif}[form.name]
    found: list[int] = []
    try:
        for shown in chunks(file):
            found.append(shown if shown >= _SHORTEST_US or form.name == "avif" else _DEFAULT_US)
            if len(found) > limits.max_frames:
                break
    except (struct.error, IndexError):
        pass  # cut short: what came before stands
    file.seek(0)
    return found


def _gif(file: BinaryIO) -> Iterator[int]:
    return (shown_us for kind, shown_us in gif.blocks(file) if kind == gif.PICTURE)


def _png(file: BinaryIO) -> Iterator[int]:
    file.seek(8)
    while header := file.read(8):
        size, kind = struct.unpack(">I4s", header)
        if kind == b"fcTL":
            top, bottom = struct.unpack(">HH", file.read(26)[20:24])
            yield top * 1_000_000 // (bottom or 100)
            size -= 26
        file.seek(size + 4, 1)


def _webp(file: BinaryIO) -> Iterator[int]:
    file.seek(12)
    while header := file.read(8):
        kind, size = struct.unpack("<4sI", header)
        if kind == b"ANMF":
            body = file.read(16)
            yield int.from_bytes(body[12:15], "little") * 1000
            size -= 16
        file.seek(size + (size & 1), 1)


def _avif(file: BinaryIO) -> Iterator[int]:
    """By the track's table of durations; only pictures, not the tracks of their transparency and depth."""
    movie = _box(file.read(_MAX_HEADER), b"moov")
    for track in _boxes(movie, b"trak"):
        media = _box(track, b"mdia")
        if _box(media, b"hdlr")[8:12] != b"pict":
            continue
        header = _box(media, b"mdhd")
        (unit,) = struct.unpack(">I", header[20:24] if header[0] else header[12:16])
        table = _box(_box(_box(media, b"minf"), b"stbl"), b"stts")
        (entries,) = struct.unpack(">I", table[4:8])
        for entry in range(entries):
            count, shown = struct.unpack(">II", table[8 + 8 * entry : 16 + 8 * entry])
            for _ in range(count):
                yield shown * 1_000_000 // max(1, unit)
        return


def _box(data: bytes, kind: bytes) -> bytes:
    return next(_boxes(data, kind), b"")


def _boxes(data: bytes, kind: bytes) -> Iterator[bytes]:
    for found, start, end in boxes(data):
        if found == kind:
            yield data[start:end]


def require_short(size: tuple[int, int], frames: int, name: str, limits: Limits) -> None:
    """MediaError for an animation that would take too long: each picture of it is built on the one before."""
    if size[0] * size[1] * frames > limits.max_animated_pixels:
        raise MediaError(
            f"{name} is too large an animation",
            got=f"{frames} pictures of {size[0]} x {size[1]}",
            want=f"at most {limits.max_animated_pixels:,} pixels in all",
            fix="Save it as a video.",
        )


def animation_frames(file: BinaryIO, form: Format, name: str, count: int, limits: Limits) -> Iterator[Frame]:
    """Frames nearest to evenly spread times; ends where decoding breaks, with MediaError if that is at once."""
    starts = list(accumulate(durations_us(file, form, limits)[:-1], initial=0))
    with guarded(form, name, limits):
        opened = open_as_far(file, form, name, limits)
        image = opened.image
    for index, number in enumerate(nearest(starts, count)):
        try:
            with guarded(form, name, limits):
                image.seek(number)
                require_short(image.size, len(starts), name, limits)  # a picture beyond the canvas enlarges it
                pixels = upright_rgb(opened, name)
        except MediaError:
            if index == 0:
                raise
            return
        yield Frame(index, starts[number] / 1_000_000, pixels)
