"""Encoded pictures to arrays and back, in RGB."""

from __future__ import annotations

import cv2
import numpy as np

from zhenwei.errors import DataError
from zhenwei.types import Pixels

_QUALITY = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}


def decode(data: bytes) -> Pixels:
    """``(height, width, 3)`` uint8 RGB. Raises :class:`DataError` for bytes that are no picture."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise DataError("a picture of the data set cannot be decoded", fix="Fetch the data set again.")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def encode(pixels: Pixels, extension: str, quality: int) -> bytes:
    """``extension``: ".jpg" or ".webp"; ``quality`` 1 to 100."""
    _, data = cv2.imencode(extension, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [_QUALITY[extension], quality])
    return data.tobytes()


def shrink(pixels: Pixels, side: int) -> Pixels:
    """A square image at ``side`` px the way ``faces.cut`` does it: area averaging."""
    if pixels.shape[0] == side:
        return pixels
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
