"""What networks that look at faces learn from: pictures, which are forged, and where."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.types import Floats, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """``pixels`` ``(n, size, size, 3)`` uint8; ``forged`` ``(n,)`` float32; ``mask`` ``(n, size/32, size/32)`` float32:
    share of each region that was altered; ``masked`` ``(n,)`` float32: 1 where that share is known."""

    pixels: Pixels
    forged: Floats
    mask: Floats
    masked: Floats
