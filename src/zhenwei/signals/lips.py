"""Does a mouth follow a voice? The mouth's shape over time, and how alike it is to one predicted from the sound.

The shape is predicted by a linear map from a window of the sound's spectrum, then both are compared at every lag. A
voice that belongs to the mouth fits best near no lag; how much better than elsewhere is the measure, since every person
moves the lips more or less. After the idea of SyncNet (Chung & Zisserman, ACCV workshops 2016), with landmarks in place
of pictures and a map from speech to mouth shape as of Suwajanakorn, Seitz & Kemelmacher-Shlizerman (SIGGRAPH 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.signals.speech import mel_filters, stft
from zhenwei.signals.voice import RATE_HZ

Reals = NDArray[np.float64]
GRID_HZ = 50.0
BANDS, CONTEXT_S = 20, np.round(np.arange(-5, 6) * 0.06, 2)
SHAPES = ("opening", "width")
SHARES = (2 / 3, 1 / 3)  # of the shapes in the fit
MAX_S = 1.0  # lag
NEAR_S, _FAR_S = 0.12, 0.3  # lags that pass for none, and from where on they are something else
_SIZE, _HOP = 512, 160
_LIDS = ((13, 14), (81, 178), (311, 402), (82, 87), (312, 317))  # points of the inner lips, upper and lower
_CORNERS, _EYES = (61, 291), (33, 263)
_MOTION_HZ = (0.5, 8.0)
_MIN_S = 1.5  # that both must be known for a lag to be compared
_FILTERED = 16  # samples of the grid below which nothing can be filtered


def mouth_shape(landmarks: NDArray[np.floating]) -> Reals:
    """``(n, 468, 2 or 3)`` -> ``(n, 2)``: opening of the inner lips and width of the mouth, over the distance of the
    outer corners of the eyes; NaN without landmarks."""
    points = np.asarray(landmarks[..., :2], np.float64)
    gaps = [_distance(points, upper, lower) for upper, lower in _LIDS]
    width, eyes = _distance(points, *_CORNERS), _distance(points, *_EYES)
    shape = np.stack([np.mean(gaps, axis=0), width], axis=1) / np.maximum(eyes, 1e-6)[:, None]
    return np.asarray(shape, np.float64)


def _distance(points: Reals, one: int, other: int) -> Reals:
    """``(n,)``: of two landmarks, frame by frame."""
    return np.asarray(np.linalg.norm(points[:, one] - points[:, other], axis=1))


def motion(times_s: Reals, shape: Reals) -> tuple[Reals, Reals]:
    """Times ``(k,)`` on a grid of 50 Hz and the shape's motion there ``(k, d)``: between 0.5 and 8 Hz, unit deviation.

    What is NaN in ``shape`` ``(n, d)`` is bridged; one row must be known. Empty for less than a third of a second.
    """
    first, last = np.ceil(times_s[0] * GRID_HZ), np.floor(times_s[-1] * GRID_HZ)
    grid = np.arange(first, last + 1) / GRID_HZ
    if len(grid) < _FILTERED:
        return np.zeros(0), np.zeros((0, shape.shape[1]))
    known = np.isfinite(shape).all(axis=1)
    on_grid = np.stack([np.interp(grid, times_s[known], column[known]) for column in shape.T], axis=1)
    return grid, _moving(on_grid)


def _moving(values: Reals) -> Reals:
    from scipy.signal import butter, sosfiltfilt  # half a second to import

    band = butter(2, _MOTION_HZ, "bandpass", fs=GRID_HZ, output="sos")
    moved = np.asarray(sosfiltfilt(band, values, axis=0))
    return np.asarray(moved / np.maximum(moved.std(axis=0), 1e-9))


def audio_windows(mono: NDArray[np.floating]) -> Reals:
    """``(k, 220)``: log mel spectra around every moment of the grid from 0 s on, less their mean over the recording.

    ``mono`` ``(samples,)`` at 16 kHz. 20 bands from 80 to 7,600 Hz, 11 moments from 0.3 s before to 0.3 s after."""
    padded = np.pad(np.asarray(mono, np.float64), _SIZE // 2)
    power = np.abs(stft(padded, _SIZE, _HOP)) ** 2
    level = np.log(power @ mel_filters(BANDS, _SIZE, RATE_HZ, 80.0, 7600.0).T + 1e-8)
    level = (level - level.mean(axis=0)) / 3
    grid = np.arange(int(len(mono) / RATE_HZ * GRID_HZ)) / GRID_HZ
    index = np.rint((grid[:, None] + CONTEXT_S) * RATE_HZ / _HOP).astype(int)
    return np.asarray(level[np.clip(index, 0, len(level) - 1)].reshape(len(grid), BANDS * len(CONTEXT_S)), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """``lags_s`` ``(m,)`` by which the sound is taken later, ``likeness`` ``(m,)`` correlations there, NaN where too
    little of both is known. ``standing``: how far the best near no lag stands above those from 0.3 s on, in their
    deviations; ``best_s``: lag of the best of all, ``best_standing`` how far it stands out."""

    lags_s: Reals
    likeness: Reals
    standing: float
    best_s: float
    best_standing: float


def fit(grid_s: Reals, moved: Reals, predicted: Reals, *, shift_s: float = 0.0) -> Fit | None:
    """How alike the mouth's motion (:func:`motion`) is to the one ``predicted`` ``(k, 2)`` from the sound on its own
    grid from 0 s, at lags up to 1 s around ``shift_s``; None where they overlap too little."""
    if len(predicted) < _FILTERED or len(grid_s) < _FILTERED:
        return None
    audio = _moving(predicted)
    start, step = round(float(grid_s[0]) * GRID_HZ), 2
    most, shift = round(MAX_S * GRID_HZ), round(shift_s * GRID_HZ)
    lags = np.arange(-most, most + 1, step)
    likeness = np.array([_alike(moved, audio, start + shift + int(lag)) for lag in lags])
    lags_s = lags / GRID_HZ
    near, far = np.abs(lags_s) <= NEAR_S, np.abs(lags_s) >= _FAR_S
    others = likeness[far & np.isfinite(likeness)]
    if not np.isfinite(likeness[near]).any() or len(others) < far.sum() // 2:
        return None
    spread = max(float(others.std()), 1e-6)
    best = int(np.nanargmax(likeness))
    away = likeness[(np.abs(lags_s - lags_s[best]) >= _FAR_S) & np.isfinite(likeness)]
    return Fit(
        lags_s,
        likeness,
        float((np.nanmax(likeness[near]) - others.mean()) / spread),
        float(lags_s[best]),
        float((likeness[best] - away.mean()) / max(float(away.std()), 1e-6)),
    )


def _alike(moved: Reals, audio: Reals, start: int) -> float:
    """Weighted mean of the correlations of the shapes where both are known, with ``audio`` taken from ``start`` on."""
    first, last = max(0, -start), min(len(moved), len(audio) - start)
    if last - first < _MIN_S * GRID_HZ:
        return float("nan")
    ours, theirs = moved[first:last], audio[start + first : start + last]
    ours, theirs = ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)
    scale = np.sqrt((ours**2).sum(axis=0) * (theirs**2).sum(axis=0))
    return float(((ours * theirs).sum(axis=0) / np.maximum(scale, 1e-9)) @ np.array(SHARES))
