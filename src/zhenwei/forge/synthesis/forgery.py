"""What a synthesis function gives back: the forged picture, where it was forged, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zhenwei.types import Floats, Pixels

Value = float | int | str | list[float] | list[int] | list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Forgery:
    """A forged picture with its ground truth.

    ``pixels``: ``(height, width, 3)`` uint8 RGB. ``mask``: ``(height, width)`` float32 in [0, 1], the share of the
    forged source in each pixel; where it is 0 the picture is untouched. ``recipe``: plain JSON values; ``method`` and
    ``seed`` repeat the forgery exactly, the rest says what was drawn.
    """

    pixels: Pixels
    mask: Floats
    recipe: Mapping[str, Value]
