"""Genuine faces as apps and devices alter them, which forges nobody: what a detector of forgeries has to leave alone.

Each way is a plain function of a picture ``(h, w, 3)`` uint8 RGB and a generator, and gives a picture of the same size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from zhenwei.training.data.video_codec import through_h264
from zhenwei.types import Floats, Pixels

Altered = Callable[[Pixels, np.random.Generator], Pixels]
_FRAMES, _MOVED_PX, _CODED_PX = 4, 2.0, 16  # of a stream: the last is predicted; px a frame; the smallest side
_ENLARGED_BY = (cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_LINEAR)


def retouched(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The beauty mode of a camera or a stream: skin smoothed with its edges kept, often brightened and crisped."""
    smooth, share = pixels, float(rng.uniform(0.5, 1.0))
    for _ in range(int(rng.integers(1, 3))):
        tones, reach = float(rng.uniform(15, 45)), float(rng.uniform(3, 7))
        smooth = np.asarray(cv2.bilateralFilter(smooth, 0, tones, reach), np.uint8)
    y = pixels * np.float32(1 - share) + smooth * np.float32(share)
    if rng.random() < 0.6:
        y = 255 * (y / 255) ** np.float32(rng.uniform(0.75, 1.0))
    if rng.random() < 0.4:
        y = _crisped(y, 1.5, float(rng.uniform(0.3, 0.9)))
    return _pixels(y)


def enlarged(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A small picture made large, then crisped."""
    (height, width), times = pixels.shape[:2], float(rng.uniform(1.8, 4.0))
    small = cv2.resize(pixels, (max(1, int(width / times)), max(1, int(height / times))), interpolation=cv2.INTER_AREA)
    kernel = _ENLARGED_BY[int(rng.integers(len(_ENLARGED_BY)))]
    large = cv2.resize(small, (width, height), interpolation=kernel).astype(np.float32)
    return _pixels(_crisped(large, 1.2, float(rng.uniform(0.0, 1.5))))


def denoised(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """As phones denoise what they take in the dark: patches averaged with patches like them (Buades et al. 2005)."""
    grey, colour = float(rng.uniform(3, 9)), float(rng.uniform(3, 9))
    return np.asarray(cv2.fastNlMeansDenoisingColored(pixels, None, grey, colour, 5, 15), np.uint8)


def graded(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The look of a film: a curve of tones, shadows and lights tinted apart, corners darker, grain."""
    y = pixels.astype(np.float32) / 255
    bend = float(rng.uniform(-0.25, 0.45))
    y = y + bend * np.sin(2 * np.pi * (y - 0.5)) / (2 * np.pi)  # steeper in the middle, or flatter
    light = y.mean(-1, keepdims=True)
    shadows, lights = rng.uniform(-0.07, 0.07, 3), rng.uniform(-0.07, 0.07, 3)
    y = y + ((1 - light) * shadows + light * lights).astype(np.float32)
    y = light + np.float32(rng.uniform(0.5, 1.3)) * (y - light)
    height, width = pixels.shape[:2]
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    y = y * (1 - np.float32(rng.uniform(0, 0.25)) * (down**2 + across**2) / 2)[..., None]
    if rng.random() < 0.5:
        grain = cv2.GaussianBlur(
            rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), float(rng.uniform(0.5, 1.2))
        )
        y = y + (np.float32(rng.uniform(0.01, 0.05)) * grain / max(1e-6, float(grain.std())))[..., None]
    return _pixels(255 * y)


def streamed(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A frame of a live stream: mostly retouched, sent small at few bits while the head moves, shown large again."""
    y = retouched(pixels, rng) if rng.random() < 0.7 else pixels
    (height, width), share = pixels.shape[:2], float(rng.uniform(0.45, 1.0))
    small = (max(_CODED_PX, 2 * int(width * share / 2)), max(_CODED_PX, 2 * int(height * share / 2)))
    step = rng.uniform(-_MOVED_PX, _MOVED_PX, 2)
    frames = []
    for before in reversed(range(_FRAMES)):
        shift = np.array([[1, 0, before * step[0]], [0, 1, before * step[1]]], np.float32)
        moved = cv2.warpAffine(y, shift, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        frames.append(cv2.resize(moved, small, interpolation=cv2.INTER_AREA))
    last = through_h264(np.stack(frames), int(rng.integers(20, 36)))[-1]
    large = cv2.resize(last, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return _pixels(_crisped(large, 1.3, float(rng.uniform(0.2, 0.9)) if rng.random() < 0.5 else 0.0))


WAYS: Mapping[str, Altered] = {
    "retouched": retouched,
    "enlarged": enlarged,
    "denoised": denoised,
    "graded": graded,
    "streamed": streamed,
}


def _crisped(x: Floats, sigma: float, amount: float) -> Floats:
    return np.asarray(x + np.float32(amount) * (x - cv2.GaussianBlur(x, (0, 0), sigma)), np.float32)


def _pixels(x: Floats) -> Pixels:
    return np.asarray(np.clip(x + 0.5, 0, 255), np.uint8)
