"""What detectors of this family share: which pixels are of a box, and how a share by place is shown."""

from __future__ import annotations

import numpy as np

from zhenwei.types import Box, Floats, Pixels

_YELLOW, _RED = (255, 220, 30), (255, 0, 0)


def inside(pixels: Pixels, box: Box) -> tuple[slice, slice]:
    """Rows and columns of the part of ``box`` that lies in the picture; may be empty."""
    height, width = pixels.shape[:2]
    top, bottom = max(0, round(box.top)), min(height, round(box.bottom))
    left, right = max(0, round(box.left)), min(width, round(box.right))
    return slice(top, max(top, bottom)), slice(left, max(left, right))


def heated(pixels: Pixels, share: Floats) -> Pixels:
    """The picture in grey with ``share`` ``(height, width)`` in [0, 1] laid over it: clear at 0, then yellow to red."""
    weight = np.clip(share, 0, 1)[..., None]
    colour = np.asarray(_YELLOW, np.float32) * (1 - weight) + np.asarray(_RED, np.float32) * weight
    grey = pixels.mean(axis=2, keepdims=True, dtype=np.float32)
    return np.asarray(np.rint(grey * (1 - 0.7 * weight) + colour * 0.7 * weight), np.uint8)
