"""How a picture is exposed: what lies in the dark and bright tails of its histogram, and how saturated its colours are.

A sensor clips: highlights burn out and shadows drown, so that photographs have full tails. A generator that normalises
its layers is kept from the extremes (S. McCloskey & M. Albright, "Detecting GAN-generated imagery using saturation
cues", ICIP 2019). Here their counts of under- and over-exposed pixels are taken at several thresholds, and the
saturation of the colours is summed up beside them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats, Pixels

DARK = (0, 4, 16, 32)  # a pixel is in the tail if it is at most this
BRIGHT = (255, 251, 239, 223)  # ... at least this
CHANNELS = ("red", "green", "blue", "luma")
_VIVID, _PALE = 0.9, 0.1
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as JPEG has it
MAX_PX = 1 << 20
_MIN_SHARE = 1e-3  # shares below are as good as none: a tenth of a per cent of a small face is a few pixels

FEATURES = (
    *(f"{channel} <= {level}" for channel in CHANNELS for level in DARK),
    *(f"{channel} >= {level}" for channel in CHANNELS for level in BRIGHT),
    *("saturation mean", "saturation deviation", "vivid share", "pale share"),
)
"""Names of the entries of :func:`features`, in order."""


def luma(pixels: Pixels) -> NDArray[np.uint8]:
    """Rounded BT.601 luma ``(height, width)`` uint8 of ``(height, width, 3)`` uint8 RGB."""
    return np.asarray(np.rint(pixels.astype(np.float32) @ _LUMA), np.uint8)


def histograms(pixels: Pixels) -> NDArray[np.float64]:
    """Share of the pixels at each level: ``(4, 256)``, rows as in ``CHANNELS``, each with sum 1. Not for an empty
    picture."""
    planes = [*np.moveaxis(pixels, 2, 0), luma(pixels)]
    counts = np.stack([np.bincount(plane.ravel(), minlength=256) for plane in planes])
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), np.float64)


def tails(pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares in [0, 1] of pixels at or below ``DARK``, ``(4, 4)``, and at or above ``BRIGHT``, ``(4, 4)``; rows as in
    ``CHANNELS``."""
    up_to = np.cumsum(histograms(pixels), axis=1)
    dark = up_to[:, DARK]
    bright = 1 - up_to[:, np.array(BRIGHT) - 1]
    return dark, np.clip(bright, 0, 1)


def saturation(pixels: Pixels) -> Floats:
    """Saturation of the HSV model, (max - min) / max, ``(height, width)`` float32 in [0, 1]; black has 0."""
    most, least = pixels.max(axis=2).astype(np.float32), pixels.min(axis=2).astype(np.float32)
    return np.asarray((most - least) / np.maximum(most, 1), np.float32)


def features(pixels: Pixels) -> Floats:
    """What a linear classifier is given of a picture or a part of one: ``(36,)`` float32, named by ``FEATURES``.

    Tails are given as log10(share + 0.001): what matters is how many times fuller one is than another. Of more than
    ``MAX_PX`` pixels an even sample is counted.
    """
    pixels = sampled(pixels)
    dark, bright = tails(pixels)
    spread = saturation(pixels)
    colours = [spread.mean(), spread.std(), (spread > _VIVID).mean(), (spread < _PALE).mean()]
    shares = np.concatenate([dark.ravel(), bright.ravel()])
    return np.concatenate([np.log10(shares + _MIN_SHARE), colours]).astype(np.float32)


def sampled(pixels: Pixels) -> Pixels:
    """Every second, third, ... row and column, so that at most about ``MAX_PX`` pixels are left; a view."""
    step = int(np.ceil(np.sqrt(pixels.shape[0] * pixels.shape[1] / MAX_PX)))
    if step <= 1:
        return pixels
    step += 1 - step % 2  # an odd step falls on every place of a JPEG's blocks
    return pixels[::step, ::step]


def clipped(pixels: Pixels) -> NDArray[np.bool_]:
    """Where any channel lies in a tail, ``(2, height, width)``: at most 4, and at least 251."""
    return np.stack([(pixels <= DARK[1]).any(axis=2), (pixels >= BRIGHT[1]).any(axis=2)])
