"""What a picture file says of how it came about: its thumbnail, its XMP, and the settings that generators write."""

from __future__ import annotations

import io
import re
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from zhenwei.media.facts import clean
from zhenwei.media.formats import BROKEN

_MAX_XMP = 1 << 20
_MAX_THUMBNAIL = 1 << 20
_USER_COMMENT = 0x9286
_START, _LENGTH = 0x0201, 0x0202
_EXIF_HEAD = b"Exif\0\0"
_BAR_LEVEL, _MAX_BAR = 24, 0.2
_GRID = 8
# As an attribute (Name="value") or an element (<ns:Name>value</ns:Name>), whatever the prefix.
_XMP = {
    "Digital source type": re.compile(r"DigitalSourceType(?:=\"|[^>]*resource=\"|>)\s*([^\"<]{1,200})"),
    "Created with": re.compile(r"CreatorTool(?:=\"|>)\s*([^\"<]{1,200})"),
    "AIGC label": re.compile(r"[:<\s]AIGC(?:=[\"']|>)\s*([^<]{1,200})"),
}
Pairs = list[tuple[object, object]]


def label_facts(image: Image.Image) -> Pairs:
    """Facts of XMP, of the thumbnail in EXIF and of a generator's settings in the user comment, where there are any."""
    return [*_xmp_facts(image), *_comment_facts(image), *_thumbnail_facts(image)]


def _xmp_facts(image: Image.Image) -> Pairs:
    raw = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if not isinstance(raw, bytes | str):
        return []
    text = raw[:_MAX_XMP] if isinstance(raw, str) else raw[:_MAX_XMP].decode("utf-8", "replace")
    found = {name: match[1] for name, pattern in _XMP.items() if (match := pattern.search(text))}
    if kind := found.get("Digital source type"):  # an address of the IPTC's vocabulary; its last part is the word
        found["Digital source type"] = kind.rstrip("/ ").rsplit("/", 1)[-1]
    return list(found.items())


def _comment_facts(image: Image.Image) -> Pairs:
    """User comments are nobody's business but for one thing: whether a generator's settings stand there."""
    try:
        comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(_USER_COMMENT, b"")
    except BROKEN:
        return []
    raw = comment if isinstance(comment, bytes) else str(comment).encode("utf-8", "replace")
    plain = raw[:65536].replace(b"\0", b"")  # UTF-16 becomes readable, too
    if b"Steps: " in plain and (b"Sampler: " in plain or b"Model hash: " in plain):
        return [("Generation settings", "in the user comment")]
    if b'"AIGC"' in plain or plain.lstrip(b" UNICODEASCII").startswith(b"AIGC"):
        return [("AIGC label", "in the user comment")]
    return []


def _thumbnail_facts(image: Image.Image) -> Pairs:
    """Size of the JPEG thumbnail in EXIF, and what it shows: 8 x 8 grey levels without black bars, hexadecimal."""
    raw = image.info.get("exif")
    try:
        entries = image.getexif().get_ifd(ExifTags.IFD.IFD1)
        start, length = entries.get(_START), entries.get(_LENGTH)
        if not (isinstance(raw, bytes) and isinstance(start, int) and isinstance(length, int)):
            return []
        base = len(_EXIF_HEAD) if raw.startswith(_EXIF_HEAD) else 0
        data = raw[base + start : base + start + min(length, _MAX_THUMBNAIL)]
        if not data.startswith(b"\xff\xd8"):
            return []
        small = Image.open(io.BytesIO(data), formats=["JPEG"])
        if small.width * small.height > _MAX_THUMBNAIL:
            return []
        shown = _without_bars(np.asarray(small.convert("L"), np.uint8))
    except (*BROKEN, struct.error):
        return [("Thumbnail", "damaged")]
    grey = Image.fromarray(shown).resize((_GRID, _GRID), Image.Resampling.BOX)
    return [("Thumbnail", f"{small.width} x {small.height}"), ("Thumbnail in 8 x 8", clean(grey.tobytes().hex()))]


def _without_bars(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cameras put a picture of another shape between black bars; up to a fifth of each side is cut off."""
    for axis in (0, 1):
        bright = np.flatnonzero(grey.max(axis=1 - axis) > _BAR_LEVEL)
        if not len(bright):
            return grey
        most = int(_MAX_BAR * grey.shape[axis])
        first, last = min(int(bright[0]), most), max(int(bright[-1]) + 1, grey.shape[axis] - most)
        grey = grey[first:last] if axis == 0 else grey[:, first:last]
    return np.ascontiguousarray(grey)
