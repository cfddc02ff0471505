"""Pictures whose last bytes are missing: whether they are, and how many rows of one could still be decoded.

Decoders fill what they did not get with one colour, libjpeg with mid-grey; those rows are cut off.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from zhenwei.media import gif
from zhenwei.media.formats import BROKEN, Format

_MIN_ROWS = 16
_TAIL = 1 << 16
_FILL = {"JPEG": (128,), "MPO": (128,)}
_INVERTED_FILL = (127, 128)  # Pillow turns over what Adobe's programs store of four colours
_MOSTLY = 0.5
_JUST_BARE = frozenset({0x01, *range(0xD0, 0xD8), 0xFF})


def lacks_its_end(file: BinaryIO, form: Format) -> bool:
    """Whether the end mark of a JPEG, PNG or GIF is nowhere to be found; False for formats without one."""
    checks = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif}
    check = checks.get(form.decoder)
    if check is None:
        return False
    try:
        return check(file)
    finally:
        file.seek(0)


def _jpeg(file: BinaryIO) -> bool:
    """No end mark after the first scan began; one before it is the thumbnail's."""
    file.seek(2)
    while True:
        mark = file.read(2)
        if len(mark) < 2:
            return True
        if mark[0] != 0xFF:
            return False  # damaged rather than cut: the decoder says how
        if mark[1] in _JUST_BARE:
            file.seek(-1 if mark[1] == 0xFF else 0, os.SEEK_CUR)
            continue
        length = int.from_bytes(file.read(2), "big")
        if length < 2:
            return False
        file.seek(length - 2, os.SEEK_CUR)
        if mark[1] == 0xDA:
            return not _found(file, b"\xff\xd9")


def _found(file: BinaryIO, mark: bytes) -> bool:
    """Whether ``mark`` stands anywhere from here on. The end is looked at first: there it usually is."""
    begin = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(max(begin, size - _TAIL))
    if mark in file.read():
        return True
    file.seek(begin)
    before = b""
    while piece := file.read(1 << 20):
        if mark in before + piece:
            return True
        before = piece[-len(mark) + 1 :]
    return False


def _png(file: BinaryIO) -> bool:
    file.seek(8)
    size = os.fstat(file.fileno()).st_size
    while len(header := file.read(8)) == 8:
        if header[4:] == b"IEND":
            return False
        if file.seek(int.from_bytes(header[:4], "big") + 4, os.SEEK_CUR) > size:
            return True
    return True


def _gif(file: BinaryIO) -> bool:
    """Whatever stands behind the end mark is no part of the picture."""
    try:
        return all(kind != gif.TRAILER for kind, _ in gif.blocks(file))
    except (IndexError, struct.error):
        return True


def load_what_is_there(image: Image.Image) -> int:
    """Decode as far as the bytes go. How many rows from the top were decoded; 0 where fewer than 16 were, or where rows
    do not come in order (interlaced) and not all of them did. A setting of Pillow's whole process allows it: call it
    within ``guarded``."""
    if _interlaced(image):
        try:
            image.load()
        except BROKEN:
            return 0
        return image.height
    allowed, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        image.load()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = allowed
    rows = _decoded_rows(image)
    return rows if rows >= min(_MIN_ROWS, image.height) else 0


def _interlaced(image: Image.Image) -> bool:
    if image.format == "GIF":
        return any(tile[3][1] for tile in getattr(image, "tile", []) if isinstance(tile[3], tuple))
    return image.format == "PNG" and bool(image.info.get("interlace"))


def _decoded_rows(image: Image.Image) -> int:
    """Rows come in units. Of an unfinished picture the last unit is left out: it may hold a block of nonsense."""
    pixels = np.asarray(image)
    unit = _unit_rows(image)
    fill = _INVERTED_FILL if image.mode == "CMYK" else _FILL.get(image.format or "", (0,))
    filled = _is_one_of(pixels, fill).reshape(image.height, -1).all(axis=1)
    starts = np.arange(0, image.height, unit)
    share = np.add.reduceat(filled.astype(np.float64), starts) / np.diff(np.append(starts, image.height))
    known = np.flatnonzero(share < _MOSTLY)
    if not len(known):
        return 0
    last = int(known[-1])
    if unit == 1:
        return last + (last == image.height - 1 or image.format != "GIF")  # of a GIF the last row may be half
    if last == len(starts) - 1 and _is_one_of(pixels[starts[last] :, -unit:], fill).mean() < _MOSTLY:
        return image.height
    return max(0, int(starts[last]) - (unit > 8))


def _is_one_of(pixels: NDArray[np.uint8], values: tuple[int, ...]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pixels == values[0]
    for value in values[1:]:
        found |= pixels == value
    return found


def _unit_rows(image: Image.Image) -> int:
    """How many rows a decoder gives at once: of a JPEG as many as its blocks are high, else one."""
    layers = getattr(image, "layer", None)
    if image.format not in ("JPEG", "MPO") or not isinstance(layers, list) or not layers:
        return 1
    return 8 * max(1, *(int(layer[2]) for layer in layers))
