"""Traces of enlargement: what is left of a picture when its content is taken out, and the peaks of its spectrum.

Generators draw small and enlarge in steps of two; each step leaves something periodic, a peak in the spectrum of the
residual at a half, a quarter or an eighth of the sampling rate (F. Marra et al., "Do GANs leave artificial
fingerprints?", MIPR 2019; X. Zhang, S. Karaman, S.-F. Chang, WIFS 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats, Pixels

_MIN_RADIUS = 0.06  # cycles a pixel: content lives below
_ABOVE = 6.0  # robust deviations from frequencies of the same radius, in log power
_RINGS = 24
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Peak:
    """``across``, ``down``: cycles a pixel, in [-0.5, 0.5); of each pair of opposite peaks one is told. ``strength``:
    robust deviations above frequencies of the same radius."""

    across: float
    down: float
    strength: float


def noise_residual(pixels: Pixels) -> Floats:
    """``(height, width)`` float32: luma of ``(height, width, 3)`` uint8 less its median over 3 x 3, mean 0, deviation
    1; all 0 for a flat picture."""
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    residual = grey.astype(np.float32) - cv2.medianBlur(grey, 3)
    deviation = float(residual.std())
    return np.asarray((residual - residual.mean()) / deviation if deviation > 0 else 0 * residual, np.float32)


def log_spectrum(residuals: NDArray[np.floating]) -> Floats:
    """Log of the mean power of ``(n, side, side)`` residuals, ``(side, side)`` float32, frequency 0 in the middle. A
    window takes off what the border adds."""
    side = residuals.shape[-1]
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.abs(np.fft.fft2(residuals * window)) ** 2
    return np.asarray(np.log(np.fft.fftshift(power.mean(0)) + _EPSILON), np.float32)


def peaks(spectrum: Floats, most: int = 8) -> list[Peak]:
    """The frequencies that stand out of others of the same radius in ``spectrum`` (:func:`log_spectrum`), strongest
    first, at most ``most``. A single picture gives a spectrum with chance peaks; average dozens."""
    side = spectrum.shape[0]
    deviation = _standing_out(spectrum)
    around = cv2.dilate(np.pad(deviation, 2, "wrap"), np.ones((5, 5), np.uint8))[2:-2, 2:-2]  # frequencies wrap
    local = deviation >= around
    at = np.argwhere(local & (deviation >= _ABOVE))
    found = [Peak((int(c) - side // 2) / side, (int(r) - side // 2) / side, float(deviation[r, c])) for r, c in at]
    half = [p for p in found if p.down > 0 or (p.down == 0 and p.across > 0) or -0.5 in (p.down, p.across)]
    return sorted(half, key=lambda p: -p.strength)[:most]


def _standing_out(spectrum: Floats) -> Floats:
    """Robust deviations of each frequency from the median of its ring; 0 near the middle."""
    side = spectrum.shape[0]
    axis = (np.arange(side) - side // 2) / side
    radius = np.hypot(axis[:, None], axis[None])
    ring = np.minimum((radius / 0.5 * _RINGS).astype(int), 2 * _RINGS)
    out = np.zeros_like(spectrum)
    for number in np.unique(ring):
        mine = ring == number
        middle = np.median(spectrum[mine])
        scale = 1.4826 * np.median(np.abs(spectrum[mine] - middle))
        out[mine] = (spectrum[mine] - middle) / max(float(scale), 0.05)
    out[radius < _MIN_RADIUS] = 0
    return np.asarray(out, np.float32)


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson's correlation of two maps of one shape, in [-1, 1]; 0 where either is flat."""
    x, y = (np.asarray(v, np.float64).ravel() - float(np.mean(v)) for v in (a, b))
    size = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / size if size > 0 else 0.0
