"""JPEG XL through imagecodecs, an extra of the package; the header is read here, so that sizes are checked first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image

from zhenwei.errors import MediaError, install_extra
from zhenwei.media.formats import boxes
from zhenwei.media.sources import too_large

_BARE = b"\xff\x0a"
MAX_BYTES = 1 << 30  # held in memory as a whole by the decoder
_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDES = ((9, 1), (13, 1), (18, 1), (30, 1))
_DEPTHS = ((0, 8), (0, 10), (0, 12), (6, 1))
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, slots=True)
class Header:
    """``width`` and ``height``: as shown. ``bits``: of a sample. ``animated``: more than one picture may come."""

    width: int
    height: int
    bits: int
    animated: bool


class _Bits:
    """Bits of a code stream, lowest first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise EOFError("the header is cut short")
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return found

    def choice(self, ways: tuple[tuple[int, int], ...]) -> int:
        """One of four (bits, offset) ways to write a number."""
        bits, offset = ways[self.take(2)]
        return offset + self.take(bits)


def header(stream: bytes) -> Header:
    """By the first bytes of a code stream (ISO/IEC 18181-1, annex A). Raises EOFError or SyntaxError for none."""
    if not stream.startswith(_BARE):
        raise SyntaxError("no JPEG XL code stream")
    bits = _Bits(stream[2:64])
    width, height = _size(bits)
    depth, animated, orientation = 8, False, 1
    if not bits.take(1):  # not all as usual
        preview = 0
        if bits.take(1):
            orientation = 1 + bits.take(3)
            if bits.take(1):
                _size(bits)  # the size it was made for
            preview = bits.take(1)
            animated = not preview and bool(bits.take(1))
        if not preview and not animated:  # else another header follows: far enough
            depth = 32 if bits.take(1) else bits.choice(_DEPTHS)
    shown = (height, width) if orientation > 4 else (width, height)
    return Header(*shown, depth, animated)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)
    height = 8 * (1 + bits.take(5)) if small else bits.choice(_SIDES)
    ratio = bits.take(3)
    if ratio:
        over, under = _RATIOS[ratio]
        return height * over // under, height
    return (8 * (1 + bits.take(5)) if small else bits.choice(_SIDES)), height


def read(file: BinaryIO, name: str) -> tuple[Header, bytes, dict[str, bytes]]:
    """Header, the whole file, and its EXIF and XMP as Pillow would name them."""
    size_bytes = file.seek(0, os.SEEK_END)
    if size_bytes > MAX_BYTES:
        raise too_large(name, size_bytes, MAX_BYTES)
    file.seek(0)
    data = file.read()
    if data.startswith(_BARE):
        return header(data), data, {}
    stream, info = b"", {}
    for kind, start, end in boxes(data):
        if kind in (b"jxlc", b"jxlp") and not stream:
            stream = data[start + (4 if kind == b"jxlp" else 0) : end][:64]
        elif kind == b"Exif" and end - start > 8:
            info["exif"] = b"Exif\0\0" + data[start + 4 + int.from_bytes(data[start : start + 4], "big") : end]
        elif kind == b"xml ":
            info["xmp"] = data[start:end]
    return header(stream), data, info


def decoded(data: bytes, bits: int, name: str) -> Image.Image:
    """The first picture, upright, 8 bits a sample. MediaError without the extra; RuntimeError for broken bytes."""
    try:
        import imagecodecs
    except ImportError as error:
        raise MediaError(
            f"{name} is a JPEG XL picture, which needs one more library",
            got="imagecodecs is not installed",
            want="the extra 'jxl'",
            fix=f"Run: {install_extra('jxl')} (or save it as JPEG or PNG).",
        ) from error
    pixels = np.asarray(imagecodecs.jpegxl_decode(data, index=0))
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if pixels.dtype.kind == "f":
        pixels = np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        most = (1 << bits) - 1 if 8 < bits <= 16 else 65535
        pixels = ((pixels.astype(np.uint32) * 255 + most // 2) // most).clip(max=255).astype(np.uint8)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in _MODES):
        raise ValueError(f"pixels of shape {pixels.shape}")
    return Image.fromarray(np.ascontiguousarray(pixels), _MODES[1 if pixels.ndim == 2 else pixels.shape[2]])
