"""Settings that a generator hides in the pixels ("stealth PNG info"), as NovelAI and extensions of web interfaces do.

The lowest bit of alpha, or of red, green and blue, column after column: a name, the length of what follows in bits, and
the settings as text, packed with gzip or plain. Any change of the pixels loses it.
"""

from __future__ import annotations

import io
import zlib

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import MediaError
from zhenwei.media.formats import Format
from zhenwei.media.images import guarded, open_image
from zhenwei.media.limits import DEFAULT_LIMITS

_NAMES = {
    b"stealth_pnginfo": ("alpha", False),
    b"stealth_pngcomp": ("alpha", True),
    b"stealth_rgbinfo": ("rgb", False),
    b"stealth_rgbcomp": ("rgb", True),
}
_NAME_BITS, _LENGTH_BITS = 120, 32
_MAX_BITS, _MAX_TEXT = 32 << 20, 8 << 20


def hidden_text(data: bytes, form: Format) -> str:
    """The text hidden in ``data``, a PNG or WebP file; "" where there is none, which is nearly always."""
    if form.name not in ("png", "webp") or form.reader != "picture":
        return ""
    try:
        with guarded(form, "the picture", DEFAULT_LIMITS):
            image = open_image(io.BytesIO(data), form, "the picture", DEFAULT_LIMITS)
            if image.mode not in ("RGB", "RGBA"):
                return ""
            pixels = np.asarray(image)
    except MediaError:
        return ""
    return _text_in(pixels)


def _text_in(pixels: NDArray[np.uint8]) -> str:
    planes = {"rgb": pixels[..., :3]} | ({"alpha": pixels[..., 3:]} if pixels.shape[2] == 4 else {})
    for plane, values in planes.items():
        turned = np.swapaxes(values, 0, 1)  # by columns, without a copy of all of it
        columns = -(-(_NAME_BITS + _LENGTH_BITS) // (values.shape[0] * values.shape[2]))
        head = _bits(turned, columns)
        where, packed = _NAMES.get(np.packbits(head[:_NAME_BITS]).tobytes(), ("", False))
        if where == plane and len(head) >= _NAME_BITS + _LENGTH_BITS:
            length = int.from_bytes(np.packbits(head[_NAME_BITS : _NAME_BITS + _LENGTH_BITS]).tobytes(), "big")
            start = _NAME_BITS + _LENGTH_BITS
            wanted = min(start + length, _MAX_BITS)
            body = _bits(turned, -(-wanted // (values.shape[0] * values.shape[2])))[start:wanted]
            return _unpacked(np.packbits(body).tobytes(), packed=packed)
    return ""


def _bits(turned: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    return np.asarray(turned[:columns].reshape(-1) & 1)


def _unpacked(body: bytes, *, packed: bool) -> str:
    """The name was there, so something was hidden: what cannot be unpacked is a text all the same, without words."""
    if not packed:
        return body.decode("utf-8", "replace") or "?"
    try:
        return zlib.decompressobj(31).decompress(body, _MAX_TEXT).decode("utf-8", "replace") or "?"
    except zlib.error:
        return "?"
