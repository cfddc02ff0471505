"""The pictures of a report as they are kept: beside its rows (``packed``) and in its JSON (``scan --pictures``).

Both keep the same: JPEG of at most 900 px, a little better than a page shows them, since a page is made from it anew.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from zhenwei.report.exhibits import distinct
from zhenwei.report.thumbnails import DATA_URI, FULL_PX, data_uri, jpeg
from zhenwei.types import Curve, Exhibit, ImageExhibit, Language, Pixels, Report, in_language

_PORTRAIT_PX = 160
_QUALITY = 92
MAX_PIXELS = 1 << 25  # of a kept picture; larger ones did not come from here


def with_pictures(document: dict[str, Any], report: Report, language: Language) -> dict[str, Any]:
    """``document``, which is the report as JSON values, with what its page shows: JPEGs as data addresses of at most
    900 px, and the points of curves. Pictures that a page would not show are left out."""
    chosen = distinct(report.evidence)
    for row, each in zip(document["evidence"], report.evidence, strict=True):
        for entry, exhibit in zip(row["exhibits"], each.exhibits, strict=True):
            entry.update(_kept(exhibit, chosen, language))
    for row, person in zip(document["people"], report.people, strict=True):
        row["portrait"] = data_uri(person.portrait, _PORTRAIT_PX, _QUALITY)
    if report.poster is not None:
        document["poster"] = _shown(report.poster, language)
    if report.frames:
        document["frames"] = [_shown(frame, language) for frame in report.frames]
    return document


def _kept(exhibit: Exhibit, chosen: Collection[int], language: Language) -> dict[str, Any]:
    if id(exhibit) not in chosen:
        return {}
    if isinstance(exhibit, Curve):
        return {
            "x_label": in_language(exhibit.x_label, language),
            "y_label": in_language(exhibit.y_label, language),
            "x": [float(x) for x in exhibit.x],
            "y": [None if y is None else float(y) for y in exhibit.y],
            "threshold": exhibit.threshold,
        }
    kept = {"picture": data_uri(exhibit.pixels, FULL_PX, _QUALITY), "time_s": exhibit.time_s}
    if exhibit.original is not None:
        kept["original"] = data_uri(exhibit.original, FULL_PX, _QUALITY)
    return kept


def _shown(exhibit: ImageExhibit, language: Language) -> dict[str, Any]:
    return {
        "caption": in_language(exhibit.caption, language),
        "picture": data_uri(exhibit.pixels, FULL_PX, _QUALITY),
        "time_s": exhibit.time_s,
        "boxes": [list(box) for box in exhibit.boxes],
    }


def shown_from(entry: Mapping[str, Any]) -> ImageExhibit:
    """The inverse of what is written of a poster or a frame."""
    boxes = [(int(number), *map(float, edges)) for number, *edges in entry.get("boxes", ())]
    return ImageExhibit(str(entry["caption"]), pixels_from(entry["picture"]), entry["time_s"], boxes=tuple(boxes))  # type: ignore[arg-type]


def exhibit_from(entry: Mapping[str, Any]) -> Exhibit | None:
    """An exhibit of a kept report; None where only its caption was kept."""
    caption = str(entry["caption"])
    if "picture" in entry:
        original = pixels_from(entry["original"]) if "original" in entry else None
        return ImageExhibit(caption, pixels_from(entry["picture"]), entry["time_s"], original)
    if "x" in entry:
        x, y = tuple(map(float, entry["x"])), tuple(entry["y"])
        return Curve(caption, str(entry["x_label"]), str(entry["y_label"]), x, y, entry["threshold"])
    return None


def kept_jpeg(pixels: Pixels) -> bytes:
    """As it is kept. An empty picture becomes one grey pixel."""
    return jpeg(pixels, FULL_PX, _QUALITY)


def pixels_from(uri: str) -> Pixels:
    """Of a JPEG in a data address, as :func:`pixels_of`. ValueError for anything else."""
    if not uri.startswith(DATA_URI):
        raise ValueError("no JPEG in a data address")
    return pixels_of(base64.b64decode(uri[len(DATA_URI) :], validate=True))


def pixels_of(data: bytes) -> Pixels:
    """``(height, width, 3)`` uint8 RGB of a kept JPEG. ValueError or OSError for anything else, and for one that is
    larger than any that came from here."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"a picture of {image.width} x {image.height} px")
        pixels = np.asarray(image.convert("RGB"), np.uint8)
    pixels.flags.writeable = False
    return pixels
