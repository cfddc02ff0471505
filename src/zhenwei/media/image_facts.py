"""What a picture file says of itself: EXIF, PNG text, colours, JPEG compression. Places are only said to be present."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping

from PIL import Image

from zhenwei.media.facts import EXIF_NAMES, Facts, clean, jpeg_quality, safe_facts
from zhenwei.media.formats import BROKEN, Format

_ORIENTATION, _GPS = 0x0112, 0x8825
_LATITUDE, _LONGITUDE = 2, 4
_XMP_PLACE = re.compile(r"GPSLatitude(?:=[\"']|>)\s*[\d-]*[1-9]")


def image_facts(image: Image.Image, form: Format) -> Facts:
    """EXIF, PNG text, colour mode, JPEG compression. Places are only said to be present."""
    pairs: list[tuple[object, object]] = [("Pixel format", image.mode)]
    pairs += _exif_facts(image)
    if form.decoder == "JPEG" or image.format == "JPEG":
        pairs += _jpeg_facts(image)
    if "icc_profile" in image.info:
        pairs.append(("Colour profile", _profile_name(image.info["icc_profile"])))
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if xmp:
        pairs.append(("XMP", "present"))
        if _XMP_PLACE.search(xmp if isinstance(xmp, str) else bytes(xmp).decode("utf-8", "replace")):
            pairs.append(("GPS", "present"))
    texts = ((k, v) for k, v in image.info.items() if isinstance(k, str) and k not in _NOT_TEXT)
    pairs += [(f"Text: {key}", value) for key, value in texts if isinstance(value, str) and "xmp" not in key.lower()]
    return safe_facts(pairs)


_NOT_TEXT = ("exif", "icc_profile", "compression")


def _exif_facts(image: Image.Image) -> list[tuple[object, object]]:
    try:
        exif = image.getexif()
        tags = {**exif, **exif.get_ifd(0x8769)}
        facts: list[tuple[object, object]] = [(name, tags[tag]) for tag, name in EXIF_NAMES.items() if tag in tags]
        orientation = image.info.get("original_orientation")  # the decoder may have turned it and dropped the tag
        if _ORIENTATION in exif or (orientation or 1) != 1:
            facts.append(("Orientation", orientation or exif[_ORIENTATION]))
        if _has_position(exif.get_ifd(_GPS)):
            facts.append(("GPS", "present"))
    except BROKEN:
        return [("EXIF", "damaged")]
    return facts


def _has_position(gps: Mapping[int, object]) -> bool:
    """Whether there is a latitude and a longitude other than the zeros that many cameras write without reception."""
    latitude, longitude = _degrees(gps.get(_LATITUDE)), _degrees(gps.get(_LONGITUDE))
    if latitude is None or longitude is None:
        return False
    return (latitude, longitude) != (0.0, 0.0)


def _degrees(value: object) -> float | None:
    parts = value if isinstance(value, tuple | list) else (value,)
    try:
        found = sum(float(part) / 60**place for place, part in enumerate(parts[:3]))
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return found if math.isfinite(found) else None


def _jpeg_facts(image: Image.Image) -> list[tuple[object, object]]:
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    facts: list[tuple[object, object]] = []
    if 0 in tables and len(tables[0]) == 64:
        quality, exact = jpeg_quality(tables[0])
        facts.append(
            ("JPEG quality", f"{quality} (standard tables)" if exact else f"about {quality} (tables of its own)")
        )
    if image.info.get("progressive"):
        facts.append(("JPEG scan", "progressive"))
    if "comment" in image.info:
        facts.append(("Comment", image.info["comment"]))
    return facts


def _profile_name(profile: object) -> str:
    """The description inside an ICC profile, found by its tag; the profile is not interpreted."""
    if not isinstance(profile, bytes) or len(profile) < 132:
        return "present"
    for entry in range(min(struct.unpack(">I", profile[128:132])[0], 64)):
        tag = profile[132 + 12 * entry : 144 + 12 * entry]
        if len(tag) == 12 and tag[:4] == b"desc":
            start, size = struct.unpack(">II", tag[4:])
            text = profile[start : start + min(size, 512)]
            skip, coding = (28, "utf-16-be") if text[:4] == b"mluc" else (12, "latin-1")
            return clean(text[skip:].decode(coding, "ignore").split("\0")[0]) or "present"
    return "present"
