"""The faces of one person, square and aligned, as a network learns them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.puppet import PuppetPortrait
from zhenwei.forge.synthesis.masks import OVAL
from zhenwei.types import Floats, Pixels

MAX_PX = 128


@dataclass(frozen=True, slots=True, eq=False)
class SwapFaces:
    """``name``: a pseudonym. ``pixels`` ``(n, s, s, 3)`` uint8 RGB, ``s`` at most 128; ``landmarks`` ``(n, 468, 2)``
    float32 in pixels; ``masks`` ``(n, s, s)`` float32 in [0, 1], the inside of the face's oval."""

    name: str
    pixels: Pixels
    landmarks: Floats
    masks: Floats

    def __post_init__(self) -> None:
        n, side = self.pixels.shape[0], self.pixels.shape[1] if self.pixels.ndim == 4 else 0
        if self.pixels.shape != (n, side, side, 3) or self.pixels.dtype != np.uint8 or not 0 < side <= MAX_PX or not n:
            got = f"{self.pixels.dtype} {self.pixels.shape}"
            raise UsageError("these are no faces", got=got, want=f"uint8 (n, s, s, 3), s up to {MAX_PX}")
        if self.landmarks.shape != (n, 468, 2) or self.masks.shape != (n, side, side):
            got = f"landmarks {self.landmarks.shape}, masks {self.masks.shape}"
            raise UsageError("landmarks or masks do not belong to the faces", got=got)

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def side_px(self) -> int:
        return int(self.pixels.shape[1])

    def part(self, chosen: Sequence[int] | slice) -> SwapFaces:
        return SwapFaces(self.name, self.pixels[chosen], self.landmarks[chosen], self.masks[chosen])

    def halves(self, held_out: int) -> tuple[SwapFaces, SwapFaces]:
        """Those to learn from, and the last ``held_out``: neighbours of a clip are alike, so that a block is kept."""
        if not 0 < held_out < len(self):
            got = f"{held_out} of {len(self)} faces held out"
            raise DataError(f"too few faces of {self.name}", got=got, want="one and more on either side")
        return self.part(slice(0, len(self) - held_out)), self.part(slice(len(self) - held_out, len(self)))


def of_portraits(name: str, drawn: Sequence[PuppetPortrait], zoom: float = 1.45) -> SwapFaces:
    """Puppets' portraits as faces, cut close to the middle of each (``zoom`` 1 keeps all of the picture)."""
    cut = [_close(p.pixels, p.landmarks[:, :2], zoom) for p in drawn]
    pixels, points = np.stack([c[0] for c in cut]), np.stack([c[1] for c in cut])
    return SwapFaces(name, pixels, points, np.stack([oval_mask(p, pixels.shape[1]) for p in points]))


def oval_mask(landmarks: Floats, side: int) -> Floats:
    """``(side, side)`` float32 in [0, 1]: the inside of the oval of landmarks ``(468, 2)``, four samples a side."""
    drawn = np.zeros((4 * side, 4 * side), np.float32)
    cv2.fillPoly(drawn, [np.rint(landmarks[list(OVAL), :2] * 4).astype(np.int32)], 1.0)
    return np.asarray(cv2.resize(drawn, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _close(pixels: Pixels, points: Floats, zoom: float) -> tuple[Pixels, Floats]:
    side = pixels.shape[0]
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    matrix = np.array([[zoom, 0, side / 2 - zoom * middle[0]], [0, zoom, side / 2 - zoom * middle[1]]], np.float32)
    moved = cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8), (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
