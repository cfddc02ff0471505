"""A held-out image as a detector is shown it, and how it may arrive after being passed on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.video_codec import through_h264
from zhenwei.types import Pixels

_SMALLEST_PX = 56
_OFTEN_SOFT, _OFTEN_NOISY = 0.25, 0.15
_BLUR = (0.003, 0.015)  # of the side
_NOISE = (2.0, 12.0)  # grey levels


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutImage:
    """A held-out picture as it is shown to the detector. ``face``: its row in the pack. ``degraded``: made small and
    re-encoded. ``group``: whose face; ``source``: of which data set."""

    pixels: Pixels
    forged: bool
    face: int
    group: str
    source: str
    degraded: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a picture may arrive after being passed on: its side in px, softened and noisy by as many px and grey levels,
    and JPEG at ``quality`` or H.264 at ``crf``."""

    side: int
    quality: int
    crf: int | None
    blur_px: float = 0.0
    noise: tuple[float, int] = (0.0, 0)  # deviation, seed

    def apply(self, pixels: Pixels) -> Pixels:
        small = cv2.resize(pixels, (self.side, self.side), interpolation=cv2.INTER_AREA)
        if self.blur_px:
            small = cv2.GaussianBlur(small, (0, 0), self.blur_px)
        if self.noise[0]:
            grain = np.random.default_rng(self.noise[1]).standard_normal(small.shape, np.float32) * self.noise[0]
            small = np.clip(np.rint(small + grain), 0, 255).astype(np.uint8)
        if self.crf is not None:
            return np.asarray(through_h264(np.asarray(small, np.uint8)[None], self.crf)[0])
        return decode(encode(np.asarray(small, np.uint8), ".jpg", self.quality))


def degradation(rng: np.random.Generator) -> Delivery:
    """A draw of how a picture arrives, 56 to 224 px on a side."""
    side = 2 * round(float(np.exp(rng.uniform(np.log(_SMALLEST_PX), np.log(224)))) / 2)
    quality, crf, is_video = int(rng.integers(40, 96)), int(rng.integers(22, 41)), rng.random() < 0.5
    # Out of focus, or from a dark room: not often, but a network may take either for a forgery.
    blur_px = float(rng.uniform(*_BLUR)) * side if rng.random() < _OFTEN_SOFT else 0.0
    noise = (float(rng.uniform(*_NOISE)), int(rng.integers(2**31))) if rng.random() < _OFTEN_NOISY else (0.0, 0)
    return Delivery(side, quality, crf if is_video else None, blur_px, noise)
