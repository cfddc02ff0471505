"""Breathing in the motion of head and shoulders.

With every breath the shoulders rise, and the head with them, by a fraction of a millimetre to some millimetres; the
rhythm lies between 8 and 36 a minute (motion of the upper body as in K. Tan et al., "Real-time vision based respiration
monitoring system", CSNDSP 2010). A rhythm that head and both shoulders share in step is taken for breathing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats, Pixels

Reals = NDArray[np.float64]
BAND_HZ = (0.13, 0.6)
_NEAR_HZ = 0.08  # of the strongest rhythm
_STEADY = (1, 4, 5, 6, 168, 197, 195, 10, 151, 9, 8)  # FaceMesh points of nose, its bridge and forehead
_SHOULDERS = ((0.0, 0.3), (0.7, 1.0))  # share of the width
_FROM_BELOW = 0.22  # share of the height
_TEXTURE = 2.0  # grey levels: deviation that a patch must have for its motion to be seen
_MAX_POINTS, _MIN_POINTS = 40, 5
_SEEN = 0.9  # of the frames
_MIN_SIDE = 16  # pixels of a corner: the window of the flow


@dataclass(frozen=True, slots=True)
class Breath:
    """``rate_hz`` of the strongest common rhythm; ``share`` in [0, 1] of the band's power that lies at it;
    ``agreement`` in [0, 1]: how far the signals keep step there, 1 / (signals) on average by chance."""

    rate_hz: float
    share: float
    agreement: float


def head_height(landmarks: Floats, origins: Floats, scale: float) -> Reals:
    """``(n,)`` downward place of the head in pixels of the strip, on the clip's axes; NaN where the mesh found none.

    ``landmarks`` ``(n, 468, 3)``, ``origins`` ``(n, 2)`` and ``scale`` as in ``types.Strip``.
    """
    return np.asarray(landmarks[:, _STEADY, 1].mean(axis=1) + origins[:, 1] * scale, np.float64)


def shoulder_heights(pixels: Pixels, origins: Floats, scale: float, every: int = 1) -> list[Reals]:
    """Downward place ``(n,)`` of what the lower left and right corners of ``pixels`` ``(n, side, side, 3)`` show, from
    the first frame on: median flow of good features (Lucas & Kanade) from frame to frame, summed. Corners without
    texture, or smaller than 16 px, are left out. ``every``: of how many frames one is looked at, straight lines
    between.
    """
    side = pixels.shape[1]
    top = round(side * (1 - _FROM_BELOW))
    looked = np.arange(0, len(pixels), every)
    moved = np.diff(origins[looked, 1].astype(np.float64)) * scale
    found = []
    for left, right in _SHOULDERS:
        patch = pixels[looked, top:, round(left * side) : round(right * side)]
        if min(patch.shape[1:3]) < _MIN_SIDE:
            continue
        grey = [np.asarray(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), np.uint8) for p in patch]
        steps = [_sunk(one, other) for one, other in pairwise(grey)]
        if np.isfinite(steps).mean() >= _SEEN:
            sunk = np.concatenate([[0.0], np.cumsum(np.nan_to_num(steps) + moved)])
            found.append(np.interp(np.arange(len(pixels)), looked, sunk))
    return found


def _sunk(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Pixels that the picture sinks from one frame to the other; NaN where there is nothing to follow."""
    points = cv2.goodFeaturesToTrack(one, _MAX_POINTS, 0.02, 3)
    if points is None or len(points) < _MIN_POINTS or one.std() < _TEXTURE:
        return math.nan
    after, kept, _ = cv2.calcOpticalFlowPyrLK(one, other, points, None, winSize=(15, 15), maxLevel=1)  # type: ignore[call-overload]
    good = kept[:, 0] > 0
    if good.sum() < _MIN_POINTS:
        return math.nan
    return float(np.median((after - points)[good, 0, 1]))


def common_breath(signals: Reals, rate_hz: float) -> Breath:
    """The rhythm that ``signals`` ``(k, n)`` have in common, trends taken off and each scaled to deviation 1."""
    n = signals.shape[1]
    rest = _without_trend(signals)
    rest /= np.maximum(rest.std(axis=1, keepdims=True), 1e-12)
    size = 8 * 2 ** int(np.ceil(np.log2(n)))
    spectra = np.fft.rfft(rest * np.hanning(n), size, axis=1)
    frequencies = np.fft.rfftfreq(size, 1 / rate_hz)
    inside = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    together = np.abs(spectra.sum(axis=0)) ** 2
    peak = float(frequencies[inside][int(np.argmax(together[inside]))])
    near = np.abs(frequencies - peak) <= _NEAR_HZ
    faster = frequencies <= 3.0  # motion of speech and nodding lies there
    each = (np.abs(spectra[:, near]) ** 2).sum()
    share = together[near].sum() / max(float(together[faster].sum()), 1e-12)
    agreement = together[near].sum() / max(len(signals) * float(each), 1e-12)
    return Breath(peak, float(min(1.0, share)), float(min(1.0, agreement)))


def filtered(signal: Reals, rate_hz: float) -> Reals:
    """What of ``signal`` ``(n,)`` lies in the band of breathing: Butterworth of second order, forwards and back."""
    from scipy.signal import butter, sosfiltfilt  # half a second to import

    sections = butter(2, BAND_HZ, "bandpass", fs=rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sections, _without_trend(signal[None])[0]), np.float64)


def _without_trend(signals: Reals) -> Reals:
    """A parabola off each: posture that shifts is slower than breath."""
    time = np.linspace(-1, 1, signals.shape[1])
    fitted = np.polynomial.polynomial.polyfit(time, signals.T, 2)
    return np.asarray(signals - np.polynomial.polynomial.polyval(time, fitted), np.float64)
