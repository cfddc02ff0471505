"""The pulse in the colour of skin, and whether all regions of a face share it.

Blood reflects less green than skin does; with every heartbeat the mean colour of a patch changes by a fraction of a
grey level. POS (W. Wang, A. den Brinker, S. Stuijk & G. de Haan, "Algorithmic principles of remote PPG", IEEE TBME
2017) and CHROM (G. de Haan & V. Jeanne, "Robust pulse rate from chrominance-based rPPG", IEEE TBME 2013) combine the
channels so that light and motion, which change all alike, drop out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats, Pixels

Reals = NDArray[np.float64]
BAND_HZ = (0.7, 3.0)  # 42 to 180 beats a minute
_WINDOW_S = 1.6  # of POS: a beat at least
_NEAR_HZ = 0.15  # of a peak
# FaceMesh points in the middle of patches of bare skin: forehead (three), cheeks (two each), chin
PATCHES = (151, 67, 297, 50, 205, 280, 425, 199)
_REACH = 0.07  # half a side of a patch, in widths of the face
_CHEEKBONES = (234, 454)


@dataclass(frozen=True, slots=True)
class Pulse:
    """``rate_hz`` of the strongest common rhythm; ``share`` in [0, 1] of the band's power that lies at it and at twice
    it; ``agreement`` in [0, 1]: how far the regions keep step there, 1 / (regions) on average by chance."""

    rate_hz: float
    share: float
    agreement: float


def patch_colours(pixels: Pixels, landmarks: Floats) -> Reals:
    """Mean RGB of every patch in every frame ``(n, patches, 3)``; NaN where it is not seen.

    ``pixels`` ``(n, h, w, 3)`` uint8, ``landmarks`` ``(n, 468, 3)`` in their pixels.
    """
    height, width = pixels.shape[1:3]
    out = np.full((len(pixels), len(PATCHES), 3), np.nan)
    across = np.linalg.norm(landmarks[:, _CHEEKBONES[0], :2] - landmarks[:, _CHEEKBONES[1], :2], axis=1)
    for t, frame in enumerate(pixels):
        if not np.isfinite(across[t]):
            continue
        reach = max(1.0, _REACH * float(across[t]))
        for number, point in enumerate(PATCHES):
            x, y = landmarks[t, point, :2]
            left, right, top, bottom = (round(float(v)) for v in (x - reach, x + reach, y - reach, y + reach))
            if 0 <= left < right <= width and 0 <= top < bottom <= height:
                out[t, number] = frame[top:bottom, left:right].reshape(-1, 3).mean(axis=0)
    return out


def pos(colours: Reals, rate_hz: float) -> Reals:
    """The pulse signal ``(n,)`` of mean colours ``(n, 3)`` RGB > 0, by POS; mean about 0, arbitrary unit."""
    n, long = len(colours), max(2, round(_WINDOW_S * rate_hz))
    out = np.zeros(n)
    for start in range(n - long + 1):
        part = colours[start : start + long]
        relative = part / part.mean(axis=0)
        one = relative[:, 1] - relative[:, 2]
        other = relative[:, 1] + relative[:, 2] - 2 * relative[:, 0]
        beat = one + one.std() / max(float(other.std()), 1e-12) * other
        out[start : start + long] += beat - beat.mean()
    return out


def chrom(colours: Reals, rate_hz: float) -> Reals:
    """The pulse signal ``(n,)`` of mean colours ``(n, 3)`` RGB > 0, by CHROM, over the whole passage."""
    relative = colours / colours.mean(axis=0)
    one = in_band(3 * relative[:, 0] - 2 * relative[:, 1], rate_hz)
    other = in_band(1.5 * relative[:, 0] + relative[:, 1] - 1.5 * relative[:, 2], rate_hz)
    return np.asarray(-(one - one.std() / max(float(other.std()), 1e-12) * other), np.float64)


def in_band(signal: Reals, rate_hz: float) -> Reals:
    """What of ``signal`` ``(n,)`` lies within 0.7 to 3 Hz: a Butterworth filter of third order, forwards and back."""
    from scipy.signal import butter, sosfiltfilt  # half a second to import

    high = min(BAND_HZ[1], 0.45 * rate_hz)
    sections = butter(3, (BAND_HZ[0], high), "bandpass", fs=rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sections, signal - signal.mean()), np.float64)


def common_pulse(signals: Reals, rate_hz: float) -> Pulse:
    """The rhythm that ``signals`` ``(patches, n)`` have in common, each filtered and scaled to deviation 1."""
    beats = np.stack([in_band(s, rate_hz) for s in signals])
    beats /= np.maximum(beats.std(axis=1, keepdims=True), 1e-12)
    n = beats.shape[1]
    size = 8 * 2 ** int(np.ceil(np.log2(n)))  # interpolates between the bins
    spectra = np.fft.rfft(beats * np.hanning(n), size, axis=1)
    frequencies = np.fft.rfftfreq(size, 1 / rate_hz)
    inside = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    together = np.abs(spectra.sum(axis=0)) ** 2 * inside
    peak = float(frequencies[int(np.argmax(together))])
    close = inside & ((np.abs(frequencies - peak) <= _NEAR_HZ) | (np.abs(frequencies - 2 * peak) <= _NEAR_HZ))
    near = np.abs(frequencies - peak) <= _NEAR_HZ
    each = (np.abs(spectra[:, near]) ** 2).sum()
    agreement = together[near].sum() / max(len(signals) * float(each), 1e-12)
    return Pulse(peak, float(together[close].sum() / max(float(together.sum()), 1e-12)), float(min(1.0, agreement)))


def spectrum(signals: Reals, rate_hz: float) -> tuple[Reals, Reals]:
    """Frequencies in Hz and power of the mean of ``signals`` ``(patches, n)`` within the band, largest 1."""
    beats = np.stack([in_band(s, rate_hz) for s in signals])
    beats /= np.maximum(beats.std(axis=1, keepdims=True), 1e-12)
    mean = beats.mean(axis=0)
    size = 4 * 2 ** int(np.ceil(np.log2(len(mean))))
    power = np.abs(np.fft.rfft(mean * np.hanning(len(mean)), size)) ** 2
    frequencies = np.fft.rfftfreq(size, 1 / rate_hz)
    inside = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    return np.asarray(frequencies[inside], np.float64), power[inside] / max(float(power[inside].max()), 1e-12)
