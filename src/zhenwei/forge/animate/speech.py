"""A mouth moved by speech, and a head that is never quite still: motion for a portrait from sound alone.

The shape of the mouth is foretold from the sound by the linear map of ``audiovisual.lip_sync``, or by an LSTM trained
with :mod:`zhenwei.forge.animate.mouth_net` (after S. Suwajanakorn et al., "Synthesizing Obama: learning lip sync from
audio", SIGGRAPH 2017). Head and lids move by chance, as slowly and as often as people's do, or as in a driving clip.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, sosfiltfilt

from zhenwei import models
from zhenwei.errors import DataError
from zhenwei.forge.animate.motion import RIGID, WITHIN_LOWER_LIP, Motion, Points, unit_of
from zhenwei.forge.puppet import EYES, LOWER_LIP_POINTS, mean_mesh
from zhenwei.signals.lips import GRID_HZ, audio_windows
from zhenwei.signals.speech import levelled
from zhenwei.signals.voice import RATE_HZ
from zhenwei.types import Floats

MODEL = "lip_sync"
Foretell = Callable[[Points], Points]
"""Windows of sound ``(k, 220)`` (:func:`zhenwei.signals.lips.audio_windows`) -> opening and width ``(k, 2)``, in
deviations of either."""
_OPENING, _WIDTH = 0.075, 0.02  # of a deviation, in distances between the outer corners of the eyes
_MOST_OPEN = 0.32
_OF_MOUTH = 0.15  # a landmark that moves by more of an opening belongs to the mouth
_LOUD_DB = 25.0  # below the loudest tenth, nothing is said
_SWAY_DEG, _SWAY_HZ = (1.6, 2.6, 1.2), 0.6  # nod, turn, tilt
_BLINKS_HZ, _BLINK_S = 0.28, 0.24
_LEAST_S, LONGEST_S = 0.5, 30.0


def linear_map(windows: Points) -> Points:
    """As the detector of lip synchrony foretells it."""
    return np.asarray(models.load(MODEL).run(np.asarray(windows, np.float32))[0], np.float64)


def mouth_of(audio: Floats, rate_hz: float, foretell: Foretell = linear_map) -> Points:
    """Opening and change of width ``(n, 2)`` of a mouth that says ``audio`` ``(samples,)`` (16 kHz), ``rate_hz`` times
    a second, in distances between the outer corners of the eyes. A silence closes the mouth.

    Raises :class:`DataError` for less than half a second.
    """
    seconds = len(audio) / RATE_HZ
    if seconds < _LEAST_S:
        raise DataError("there is too little sound to speak", got=f"{seconds:.2f} s", want=f"{_LEAST_S:g} s and more")
    foretold = foretell(audio_windows(levelled(audio)))
    shape = (foretold - np.median(foretold, 0)) / np.maximum(foretold.std(0), 1e-6)
    grid, at = np.arange(len(shape)) / GRID_HZ, np.arange(int(seconds * rate_hz)) / rate_hz
    said = _loudness(audio, len(shape))
    opened = np.clip(_OPENING * (shape[:, 0] + 1) * said, 0, _MOST_OPEN)
    width = _WIDTH * np.clip(shape[:, 1], -2, 2) * said
    return np.stack([np.interp(at, grid, opened), np.interp(at, grid, width)], axis=1)


def speaking(landmarks: Floats, mouth: Points, rate_hz: float, rng: np.random.Generator) -> Motion:
    """The motion of a head with ``landmarks`` ``(468, 3)`` whose mouth opens and widens by ``mouth`` ``(n, 2)``: it
    sways and blinks by chance, drawn from ``rng``."""
    rest = np.asarray(landmarks, np.float64)
    neutral = (rest - rest[list(RIGID)].mean(0)) / unit_of(rest)
    count = len(mouth)
    expression = mouth_moves(mouth) + blinks(count, rate_hz, rng)[:, None, None] * lid_drop(neutral)
    turn = np.radians(_SWAY_DEG) * np.stack([_slow(count, rate_hz, rng) for _ in range(3)], axis=1)
    shift = 0.02 * np.stack([_slow(count, rate_hz, rng) for _ in range(2)], axis=1)
    return Motion(turn, np.ones(count), shift, expression, neutral, rate_hz)


def with_mouth(motion: Motion, mouth: Points) -> Motion:
    """``motion`` with another's speech in its mouth, as long as ``mouth`` ``(n, 2)`` is: to and fro through the clip,
    so that no frame follows one far from it."""
    there = np.abs((np.arange(len(mouth)) + len(motion) - 1) % max(1, 2 * len(motion) - 2) - len(motion) + 1)
    still = np.abs(mouth_moves(np.ones((1, 2)))[0]).max(1) > _OF_MOUTH
    expression = motion.expression[there] * ~still[:, None] + mouth_moves(mouth)
    return Motion(
        motion.turn[there], motion.size[there], motion.shift[there], expression, motion.neutral, motion.rate_hz
    )


def mouth_moves(mouth: Points) -> Points:
    """``(n, 468, 3)``: what moves when lips open and widen by ``mouth`` ``(n, 2)``. The jaw drops with the lower lip,
    the corners move apart; shapes of a mean face."""
    mesh = mean_mesh()
    eyes = float(np.linalg.norm(mesh[33] - mesh[263]))
    lower, lip = [*LOWER_LIP_POINTS, *WITHIN_LOWER_LIP], mesh[17, 1]
    drop = np.clip((mesh[:, 1] - lip + 0.06) / 0.05, 0, 1) * np.sqrt(np.clip(1 - np.abs(mesh[:, 0]) / 0.33, 0, 1))
    half = abs(mesh[291, 0] - mesh[61, 0]) / 2
    drop[lower] = np.clip(1 - (mesh[lower, 0] / half) ** 2, 0, 1) ** 0.7
    basis = np.zeros((2, len(mesh), 3))
    basis[0, :, 1] = drop
    for corner, sign in ((61, -1.0), (291, 1.0)):
        gap = ((mesh[:, :2] - mesh[corner, :2]) ** 2).sum(1)
        basis[1, :, 0] += sign * 0.5 * np.exp(-gap / (2 * (0.12 * eyes) ** 2))
    return np.tensordot(mouth, basis, 1)


def lid_drop(neutral: Points) -> Points:
    """``(468, 3)``: from the points of a head's upper lids to the lower ones: what a blink closes."""
    drop = np.zeros_like(neutral)
    for lower, upper in EYES:
        under = neutral[list(lower[-2:0:-1])][::-1]
        drop[list(upper)] = 0.94 * (under - neutral[list(upper)])
    return drop


def blinks(count: int, rate_hz: float, rng: np.random.Generator) -> Points:
    """``(count,)`` in [0, 1]: lids shut for a quarter of a second, seventeen times a minute by chance."""
    shut = np.zeros(count)
    at = float(rng.exponential(1 / _BLINKS_HZ))
    while at < count / rate_hz:
        away = np.abs(np.arange(count) / rate_hz - at)
        shut = np.maximum(shut, np.clip(1.4 * (1 - away / _BLINK_S * 1.6), 0, 1))
        at += 0.5 + float(rng.exponential(1 / _BLINKS_HZ))
    return shut


def _slow(count: int, rate_hz: float, rng: np.random.Generator) -> Points:
    """``(count,)``: noise below 0.6 Hz, of unit deviation, that begins at 0."""
    around = round(4 * rate_hz)
    noise = rng.standard_normal(count + 2 * around)
    slow = sosfiltfilt(butter(2, min(_SWAY_HZ, 0.4 * rate_hz), fs=rate_hz, output="sos"), noise)
    slow /= max(float(slow.std()), 1e-9)
    ease = np.clip(np.arange(count) / rate_hz, 0, 1)
    return np.asarray(slow[around : around + count] * ease)


def _loudness(audio: Floats, count: int) -> Points:
    """``(count,)`` in [0, 1]: whether anything is said around every moment of the grid, eased over 60 ms."""
    hop = round(RATE_HZ / GRID_HZ)
    power = np.pad(np.asarray(audio, np.float64) ** 2, (hop, 3 * hop))
    level = 10 * np.log10(np.convolve(power, np.ones(2 * hop) / (2 * hop), "same")[hop::hop][:count] + 1e-12)
    level = np.pad(level, (0, count - len(level)), constant_values=-120.0)
    said = np.clip((level - np.quantile(level, 0.9) + _LOUD_DB) / 10, 0, 1)
    return np.convolve(said, np.ones(3) / 3, "same")
