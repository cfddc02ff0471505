"""Degradations that real pictures go through, drawn once and applied alike to both faces of a pair.

What a detector must not learn is how a file was saved. So the draw knows nothing of the label, and the genuine face
and its forgery go through the very same resampling, colours, noise and re-encoding.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.video_codec import through_h264
from zhenwei.training.recipe import Augmentation
from zhenwei.types import Floats, Pixels

_KERNELS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST, cv2.INTER_LANCZOS4)


@dataclass(frozen=True, slots=True)
class AugmentationDraw:
    """One draw. ``apply`` is a pure function of it, but for the noise, which its own seed fixes."""

    matrix: NDArray[np.float64]
    size_px: int
    shrink: tuple[float, int, int] | None
    gain: tuple[float, float, float]
    offset: float
    gamma: float
    saturation: float
    blur_sigma: float
    sharpen: float
    noise: tuple[float, int]
    encoding: tuple[str, int] | None
    crf: int | None  # of an H.264 picture

    def apply(self, pixels: Pixels) -> Pixels:
        """``(h, w, 3)`` uint8 RGB -> ``(size, size, 3)`` uint8 RGB."""
        x = self._warp(pixels, cv2.INTER_LINEAR)
        x = self._resample(x)
        x = self._colours(x)
        x = self._sharpness(x)
        x = self._add_noise(x)
        if self.crf is not None:
            x = through_h264(x[None], self.crf)[0]
        return self._encode(x)

    def apply_mask(self, mask: Floats) -> Floats:
        """The same geometry for a blend weight: ``(h, w)`` -> ``(size, size)`` float32 in [0, 1]."""
        size = (self.size_px, self.size_px)
        warped = cv2.warpAffine(mask, self.matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return np.clip(warped, 0, 1).astype(np.float32)

    def _warp(self, pixels: Pixels, flags: int) -> Pixels:
        size = (self.size_px, self.size_px)
        out = cv2.warpAffine(pixels, self.matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(out, np.uint8)

    def _resample(self, x: Pixels) -> Pixels:
        if self.shrink is None:
            return x
        factor, down, up = self.shrink
        side = max(24, round(self.size_px * factor))
        small = cv2.resize(x, (side, side), interpolation=_KERNELS[down])
        return np.asarray(cv2.resize(small, (self.size_px, self.size_px), interpolation=_KERNELS[up]), np.uint8)

    def _colours(self, x: Pixels) -> Pixels:
        if self.gain == (1.0, 1.0, 1.0) and self.offset == 0 and self.gamma == 1 and self.saturation == 1:
            return x
        levels = np.arange(256, dtype=np.float32) / 255
        tables = np.stack([np.clip(levels**self.gamma * g + self.offset, 0, 1) for g in self.gain], axis=-1)
        out = cv2.LUT(x, np.round(tables * 255).astype(np.uint8).reshape(1, 256, 3))
        if self.saturation != 1:
            grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            out = cv2.addWeighted(out, self.saturation, grey, 1 - self.saturation, 0)
        return np.asarray(out, np.uint8)

    def _sharpness(self, x: Pixels) -> Pixels:
        if self.blur_sigma > 0:
            x = np.asarray(cv2.GaussianBlur(x, (0, 0), self.blur_sigma), np.uint8)
        if self.sharpen > 0:
            soft = cv2.GaussianBlur(x, (0, 0), 1.5)
            x = np.asarray(cv2.addWeighted(x, 1 + self.sharpen, soft, -self.sharpen, 0), np.uint8)
        return x

    def _add_noise(self, x: Pixels) -> Pixels:
        sigma, seed = self.noise
        if sigma <= 0:
            return x
        noise = np.random.default_rng(seed).standard_normal(x.shape, np.float32) * sigma
        return np.clip(np.rint(x + noise), 0, 255).astype(np.uint8)

    def _encode(self, x: Pixels) -> Pixels:
        if self.encoding is None:
            return x
        extension, quality = self.encoding
        return decode(encode(x, extension, quality))


def draw(
    options: Augmentation, source_px: int, size_px: int, rng: np.random.Generator, *, step: int | None = None
) -> AugmentationDraw:
    """One degradation for pictures of ``source_px``; equal ``rng`` states give equal draws.

    ``step``: of training, for what is in force from a step on only; None takes everything.
    """
    h264 = options.h264 if step is None or step >= options.h264_from_step else 0.0
    colour = rng.random() < options.colour
    noisy, blurred, sharp = rng.random() < options.noise, rng.random() < options.blur, rng.random() < options.sharpen
    grey = rng.random() < options.grey
    return AugmentationDraw(
        matrix=_geometry(options, source_px, size_px, rng),
        size_px=size_px,
        shrink=_shrink(options, rng),
        gain=_gains(rng) if colour else (1.0, 1.0, 1.0),
        offset=float(rng.uniform(-0.08, 0.08)) if colour else 0.0,
        gamma=float(np.exp(rng.uniform(-0.3, 0.3))) if colour else 1.0,
        saturation=0.0 if grey else float(rng.uniform(0.7, 1.3)) if colour else 1.0,
        blur_sigma=float(rng.uniform(*options.blur_sigma)) if blurred else 0.0,
        sharpen=float(rng.uniform(0.2, 1.0)) if sharp else 0.0,
        noise=(float(rng.uniform(*options.noise_sigma)) if noisy else 0.0, int(rng.integers(2**31))),
        encoding=_encoding(options, rng),
        crf=int(rng.integers(options.h264_crf[0], options.h264_crf[1] + 1)) if rng.random() < h264 else None,
    )


def _gains(rng: np.random.Generator) -> tuple[float, float, float]:
    overall = rng.uniform(0.85, 1.15)
    red, green, blue = (overall * rng.uniform(0.95, 1.05, 3)).tolist()
    return red, green, blue


def _shrink(options: Augmentation, rng: np.random.Generator) -> tuple[float, int, int] | None:
    if rng.random() >= options.downscale:
        return None
    down = int(rng.choice(len(_KERNELS), p=(0.4, 0.25, 0.2, 0.05, 0.1)))
    up = int(rng.choice(len(_KERNELS), p=(0.0, 0.5, 0.4, 0.0, 0.1)))
    return float(rng.uniform(options.downscale_to, 1.0)), down, up


def _encoding(options: Augmentation, rng: np.random.Generator) -> tuple[str, int] | None:
    kind, quality = rng.random(), int(rng.integers(options.jpeg_quality[0], options.jpeg_quality[1] + 1))
    if kind < options.jpeg:
        return ".jpg", quality
    return (".webp", quality) if kind < options.jpeg + options.webp else None


def _geometry(options: Augmentation, source_px: int, size_px: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """An affine map from the source picture to the network's: flip, zoom in, slight stretch, turn and shift."""
    zoom = rng.uniform(options.zoom, 1.0)
    stretch = np.exp(rng.uniform(-0.03, 0.03))
    angle = np.deg2rad(rng.uniform(-options.rotate_deg, options.rotate_deg)) if rng.random() < 0.5 else 0.0
    flip = -1.0 if rng.random() < 0.5 else 1.0
    scale = size_px / source_px / zoom
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = linear @ np.diag([flip * scale * stretch, scale / stretch])
    slack = (1 - zoom) / 2 * source_px
    centre = (source_px - 1) / 2 + rng.uniform(-slack, slack, 2)  # of pixel centres, as OpenCV counts
    shift = (size_px - 1) / 2 - linear @ centre
    return np.column_stack([linear, shift])
