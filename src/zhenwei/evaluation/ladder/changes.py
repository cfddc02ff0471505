"""What happens to the pixels of a picture on its way: resampling, cropping, blur, noise, colours.

Each is a frozen dataclass whose ``apply`` takes and gives ``(height, width, 3)`` uint8 RGB; only that of noise draws at
random. Every frame of a clip goes through the same one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Pixels

Kernel = Literal["area", "bicubic", "nearest", "lanczos"]
# Luma of BT.601, and the two axes of hue and saturation beside it (the YIQ of NTSC).
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
_GREY = 128.0


@dataclass(frozen=True, slots=True)
class Resize:
    """Both sides times ``factor``, to the nearest pixel. All kernels but ``nearest`` average over what they shrink."""

    factor: float
    kernel: Kernel

    def apply(self, pixels: Pixels) -> Pixels:
        return _resized(pixels, self.factor, self.kernel)


@dataclass(frozen=True, slots=True)
class AtMost:
    """Shrunk so that the longer (or the ``shorter``) side is at most ``side_px``; a smaller picture stays as it is."""

    side_px: int
    shorter: bool = False

    def apply(self, pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        factor = self.side_px / (min(width, height) if self.shorter else max(width, height))
        return pixels if factor >= 1 else _resized(pixels, factor, "bicubic")


@dataclass(frozen=True, slots=True)
class Crop:
    """The middle ``share`` of each side."""

    share: float

    def apply(self, pixels: Pixels) -> Pixels:
        height, width = (max(1, round(side * self.share)) for side in pixels.shape[:2])
        top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
        return np.ascontiguousarray(pixels[top : top + height, left : left + width])


@dataclass(frozen=True, slots=True)
class Blur:
    """A Gaussian of ``sigma`` pixels."""

    sigma: float

    def apply(self, pixels: Pixels) -> Pixels:
        import cv2

        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), self.sigma), np.uint8)


@dataclass(frozen=True, slots=True)
class Noise:
    """Gaussian noise of ``sigma`` levels, another for every sample of every channel; clipped to 0 and 255."""

    sigma: float

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(self.sigma)
        return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Colours:
    """Gain, contrast about mid-grey, saturation and hue (a turn of ``hue_deg`` degrees in the IQ plane), in this order;
    luma (BT.601) is kept by the last two."""

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue_deg: float = 0.0

    def matrix(self) -> NDArray[np.float64]:
        """``(3, 4)``: what RGB and 1 are multiplied by."""
        turn = math.radians(self.hue_deg)
        cos, sin = self.saturation * math.cos(turn), self.saturation * math.sin(turn)
        chroma = np.linalg.inv(_TO_YIQ) @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ _TO_YIQ
        offset = chroma @ np.full((3, 1), _GREY * (1 - self.contrast))
        return np.hstack([chroma * self.brightness * self.contrast, offset])

    def apply(self, pixels: Pixels) -> Pixels:
        import cv2

        return np.asarray(cv2.transform(pixels, self.matrix()), np.uint8)


@dataclass(frozen=True, slots=True)
class Gamma:
    """``255 (value / 255) ** gamma``: above 1 darkens."""

    gamma: float

    def apply(self, pixels: Pixels) -> Pixels:
        table = np.rint(255 * (np.arange(256) / 255) ** self.gamma).astype(np.uint8)
        return table[pixels]


@dataclass(frozen=True, slots=True)
class ScreenScaling:
    """As a screen shows a picture that does not fit it: scaled bilinearly by ``factor`` and off by ``shift_px`` of a
    pixel to the right and down, without an average over what is shrunk."""

    factor: float
    shift_px: float

    def apply(self, pixels: Pixels) -> Pixels:
        import cv2

        height, width = (max(1, round(side * self.factor)) for side in pixels.shape[:2])
        centre = (self.factor - 1) / 2 + self.shift_px  # of pixel centres, as OpenCV counts
        matrix = np.array([[self.factor, 0, centre], [0, self.factor, centre]])
        size, border = (width, height), cv2.BORDER_REPLICATE
        return np.asarray(cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border), np.uint8)


Change = Resize | AtMost | Crop | Blur | Noise | Colours | Gamma | ScreenScaling


def _resized(pixels: Pixels, factor: float, kernel: Kernel) -> Pixels:
    from PIL import Image

    height, width = pixels.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    kernels = {
        "area": Image.Resampling.BOX,
        "bicubic": Image.Resampling.BICUBIC,
        "nearest": Image.Resampling.NEAREST,
        "lanczos": Image.Resampling.LANCZOS,
    }
    return np.asarray(Image.fromarray(pixels).resize(size, kernels[kernel]), np.uint8)
