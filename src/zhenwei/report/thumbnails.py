"""Pictures for the page: arrays as data URIs, at full size as long as the page stays small."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from zhenwei.types import Pixels

MAX_PX = 320
FULL_PX = 900
DATA_URI = "data:image/jpeg;base64,"
ALBUM_CHARACTERS = 1_200_000  # of data URIs at full size; what comes after is small
SMALL_CHARACTERS = 300_000  # of small ones; what comes after is left out
_QUALITY = 86


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """The source of an ``<img>`` and its size in pixels."""

    src: str
    width: int
    height: int


@dataclass(slots=True)
class Album:
    """The pictures of one page: at full size as long as there is room, then small, until it is ``full``."""

    room: int = ALBUM_CHARACTERS
    small_room: int = SMALL_CHARACTERS

    @property
    def full(self) -> bool:
        return self.small_room <= 0

    def add(self, pixels: Pixels) -> Thumbnail:
        whole = thumbnail(pixels, FULL_PX) if self.room > 0 else None
        if whole is not None and len(whole.src) <= self.room:
            self.room -= len(whole.src)
            return whole
        small = thumbnail(pixels, MAX_PX)
        self.small_room -= len(small.src)
        return small

    def portrait(self, pixels: Pixels) -> Thumbnail:
        """A small picture, whether there is room or not."""
        return thumbnail(pixels)


def thumbnail(pixels: Pixels, max_px: int = MAX_PX) -> Thumbnail:
    """``(height, width, 3)`` uint8 RGB pixels, shrunk to ``max_px`` on the longer side."""
    width, height = _fitted(pixels.shape[1], pixels.shape[0], max_px)
    return Thumbnail(data_uri(pixels, max_px), width, height)


def data_uri(pixels: Pixels, max_px: int = MAX_PX, quality: int = _QUALITY) -> str:
    """The pixels as a JPEG in a ``data:`` address."""
    return DATA_URI + base64.b64encode(jpeg(pixels, max_px, quality)).decode("ascii")


def jpeg(pixels: Pixels, max_px: int, quality: int) -> bytes:
    """The pixels, shrunk to ``max_px`` on the longer side. An empty picture becomes one grey pixel."""
    import numpy as np
    from PIL import Image

    whole = pixels if pixels.size else np.full((1, 1, 3), 128, np.uint8)
    image = Image.fromarray(np.ascontiguousarray(whole))
    size = _fitted(image.width, image.height, max_px)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality, optimize=True)
    return written.getvalue()


def _fitted(width: int, height: int, max_px: int) -> tuple[int, int]:
    share = min(1.0, max_px / max(width, height, 1))
    return max(1, round(width * share)), max(1, round(height * share))
