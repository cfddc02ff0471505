"""Pictures for the page: arrays as data URIs, small enough that a report of many people still opens quickly."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from zhenwei.types import Pixels

MAX_PX = 320
_QUALITY = 86


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """The source of an ``<img>`` and its size in pixels."""

    src: str
    width: int
    height: int


def thumbnail(pixels: Pixels, max_px: int = MAX_PX) -> Thumbnail:
    """``(height, width, 3)`` uint8 RGB pixels, shrunk to ``max_px`` on the longer side."""
    width, height = _fitted(pixels.shape[1], pixels.shape[0], max_px)
    return Thumbnail(data_uri(pixels, max_px), width, height)


def data_uri(pixels: Pixels, max_px: int = MAX_PX) -> str:
    """The pixels as a JPEG in a ``data:`` address. An empty picture becomes one grey pixel."""
    import numpy as np
    from PIL import Image

    whole = pixels if pixels.size else np.full((1, 1, 3), 128, np.uint8)
    image = Image.fromarray(np.ascontiguousarray(whole))
    size = _fitted(image.width, image.height, max_px)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")


def _fitted(width: int, height: int, max_px: int) -> tuple[int, int]:
    share = min(1.0, max_px / max(width, height, 1))
    return max(1, round(width * share)), max(1, round(height * share))
