"""Regenerated pictures: a genuine picture taken apart and drawn anew the way a generator draws.

Generators differ, but nearly all of them draw at a low resolution first and enlarge in steps of two, with transposed
convolutions, pixel shuffles or interpolation followed by convolutions; what a step leaves behind is periodic, and fine
texture is invented rather than recorded. X. Zhang, S. Karaman and S.-F. Chang, "Detecting and Simulating Artifacts in
GAN Fake Images" (WIFS 2019) train a network for it. Here it is a pyramid with random kernels: every level is enlarged
phase by phase, and its detail is coarsened and partly replaced by noise of the same strength. The content stays, so
that a picture and its regenerated twin differ in these traces alone.
"""

from __future__ import annotations

import cv2
import numpy as np

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.types import Floats, Pixels

METHOD = "regenerate"
ENLARGERS = ("transposed", "shuffle", "nearest", "linear")
_MIN_PX = 16
_AT_LEVEL = (1.0, 0.7, 0.4)  # the finest first
_SMOOTH = np.array([0.25, 0.5, 0.25], np.float32)
_ODDS = (0.3, 0.25, 0.25, 0.2)


def regenerate(pixels: Pixels, rng: np.random.Generator) -> Forgery:
    """The whole of ``pixels`` drawn anew; the mask is 1 everywhere.

    ``pixels``: ``(height, width, 3)`` uint8 RGB, at least 16 px a side. Raises DataError for smaller ones. Draws
    once from ``rng``.
    """
    return regenerate_seeded(pixels, int(rng.integers(2**53)))


def regenerate_seeded(pixels: Pixels, seed: int) -> Forgery:
    """As ``regenerate``, with every choice following from ``seed``."""
    if min(pixels.shape[:2]) < _MIN_PX:
        got = f"{pixels.shape[1]} x {pixels.shape[0]} px"
        raise DataError("the picture is too small to be drawn anew", got=got, want=f"at least {_MIN_PX} px a side")
    rng = np.random.default_rng(seed)
    levels = int(rng.integers(1, 4))
    strength = float(rng.uniform(0.15, 1.0))
    drawn: dict[str, Value] = {"levels": levels, "strength": round(strength, 4), "decoder": 0}
    out = _redrawn(pixels.astype(np.float32), levels, strength, rng, drawn)
    forged = np.clip(np.rint(out), 0, 255).astype(np.uint8)
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed}
    return Forgery(forged, np.ones(pixels.shape[:2], np.float32), recipe | drawn)


def _redrawn(x: Floats, levels: int, strength: float, rng: np.random.Generator, drawn: dict[str, Value]) -> Floats:
    """Down the pyramid and up again; ``drawn`` learns what was chosen on the way."""
    height, width = x.shape[:2]
    unit = 2**levels
    bottom, right = -height % unit, -width % unit
    steps = [np.asarray(cv2.copyMakeBorder(x, 0, bottom, 0, right, cv2.BORDER_REFLECT_101), np.float32)]
    for _ in range(levels):
        steps.append(_halved(steps[-1]))
    names: list[str] = []
    out = np.asarray(steps.pop(), np.float32)
    for level in range(levels, 0, -1):
        name = ENLARGERS[int(rng.choice(len(ENLARGERS), p=_ODDS))]
        names.append(name)
        enlarged = enlarge(out, name, float(rng.uniform(0.02, 0.12)) * strength, rng)
        # The finest texture is what generators invent, the coarse one they get right.
        # Measured against a plain enlargement: against ``enlarged``, it would take the traces away again.
        finer = steps.pop()
        plain = cv2.resize(_halved(finer), finer.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        out = enlarged + _invented(finer - plain, strength * _AT_LEVEL[level - 1], rng)
    drawn["enlargers"] = list(names)
    return np.ascontiguousarray(out[:height, :width])


def _halved(x: Floats) -> Floats:
    return np.asarray(cv2.resize(x, (x.shape[1] // 2, x.shape[0] // 2), interpolation=cv2.INTER_AREA), np.float32)


def enlarge(x: Floats, name: str, spread: float, rng: np.random.Generator) -> Floats:
    """``x`` ``(h, w, 3)`` float32 to twice its size, by one of ``ENLARGERS``; ``spread``: deviation of the kernels.

    "transposed": one kernel a phase, the same for all colours. "shuffle": one kernel a phase and colour. "nearest" and
    "linear": interpolation, then one convolution. Without ``spread`` each of them is bilinear enlargement.
    """
    height, width, colours = x.shape
    if name in ("nearest", "linear"):
        method, smooth = (cv2.INTER_NEAREST, _SMOOTH) if name == "nearest" else (cv2.INTER_LINEAR, _shift(0.0))
        large = np.asarray(cv2.resize(x, (2 * width, 2 * height), interpolation=method), np.float32)
        return _filtered(large, _kernel(smooth, smooth, spread, rng))
    out = np.empty((2 * height, 2 * width, colours), np.float32)
    for row in (0, 1):
        for column in (0, 1):
            down, across = _shift((row - 0.5) / 2), _shift((column - 0.5) / 2)
            if name == "transposed":
                out[row::2, column::2] = _filtered(x, _kernel(down, across, spread, rng))
                continue
            for colour in range(colours):
                out[row::2, column::2, colour] = _filtered(x[..., colour], _kernel(down, across, spread, rng))
    return out


def _kernel(down: Floats, across: Floats, spread: float, rng: np.random.Generator) -> Floats:
    """The 3 x 3 product of two kernels ``(3,)``, disturbed, with sum near 1."""
    kernel = np.outer(down, across) + rng.normal(0, spread, (3, 3)) / 3
    return np.asarray(kernel / kernel.sum() * (1 + rng.normal(0, spread / 6)), np.float32)


def _shift(by: float) -> Floats:
    return np.array([max(-by, 0.0), 1 - abs(by), max(by, 0.0)], np.float32)


def _filtered(x: Floats, kernel: Floats) -> Floats:
    return np.asarray(cv2.filter2D(x, -1, kernel, borderType=cv2.BORDER_REFLECT_101), np.float32)


def _invented(detail: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """``detail`` without its faintest part, partly replaced by noise as strong as it was there."""
    power = cv2.blur(detail * detail, (7, 7), borderType=cv2.BORDER_REFLECT_101)
    level = np.sqrt(np.maximum(power, 1e-6))
    least = level * float(rng.uniform(0.5, 2.5)) + 1e-3
    kept = detail + strength * detail * (np.clip(np.abs(detail) / least, 0, 1) - 1)
    kept *= 1 - strength * float(rng.uniform(0.0, 0.5))
    noise = cv2.GaussianBlur(rng.standard_normal(detail.shape[:2], np.float32), (3, 3), float(rng.uniform(0.3, 0.9)))
    share = strength * float(rng.uniform(0.0, 0.7))
    return np.asarray(kept + share * np.asarray(noise, np.float32)[..., None] * level, np.float32)
