"""Marks in sound: narrow bands a little louder and softer, in a pattern of the key that repeats every second.

The level of each cell (62 Hz wide, 32 ms long, 0.3 to 6.8 kHz) is raised or lowered by about a decibel beside its
neighbours: a patchwork (after W. Bender et al., "Techniques for data hiding", 1996) that follows the sound as an
equaliser does. What the sound's own levels add to a hidden bit is taken off first. A quarter of the cells are a known
pattern by which the beginning is found again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import soxr
from numpy.typing import NDArray

from zhenwei.defence.watermark.carrier import Reals, drawn
from zhenwei.defence.watermark.code import Soft, coded_length, decode, encode
from zhenwei.errors import UnmarkedError, UsageError
from zhenwei.signals.speech import stft
from zhenwei.types import Floats

AUDIO_ID_BYTES, CHECK_BITS = 2, 16
RATE_HZ = 16_000
MIN_S = 2.0
_SIZE, _HOP = 512, 128
_FIRST, _WIDE, _BANDS = 10, 2, 104  # bins of 31 Hz: from 312 to 6812 Hz
_FRAMES, _CELLS = 4, 32  # frames of a cell, cells of a period
PERIOD = _FRAMES * _CELLS  # frames
_BITS = coded_length(AUDIO_ID_BYTES, CHECK_BITS)
_PILOT_SHARE = 0.25
_FIRM_DB, _MAX_DB, _PILOT_DB = 0.4, 2.5, 1.0
_STRENGTHS = (1.0, 1.4, 2.0)  # tried in turn until the mark is read back: short or noisy sound needs more
_CLIP_DB = 4.0
_AROUND = (21, 7)  # frames and bands that a level is compared with
_FLOOR = 2e-3  # of the root mean square: what is fainter carries nothing
_SURE = 0.97  # of the hidden bits right at once: what comes later takes some
_ROUNDS, _GAIN = 4, 2.5  # neighbours blur a cell: of a decibel put in about a third is seen
_CHUNK = 16 * PERIOD  # frames that are marked at a time
_PART = 1 << 20  # samples that are squared at a time
_SHIFTS = 2  # of less than a frame
_TRIALS = 4  # beginnings that are tried: each could find a mark by a chance of 2^-16


@dataclass(frozen=True, slots=True)
class AudioMark:
    """``ident``: 2 bytes. ``agreement``: share of the hidden bits that were read as they were written."""

    ident: bytes
    agreement: float


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Of the flattened ``(104, 32)`` cells: those of each bit ``(80, n)`` with their signs, and of the pattern."""

    places: NDArray[np.int64]
    signs: Reals
    known: NDArray[np.int64]
    known_signs: Reals


def mark_audio(samples: Floats, rate_hz: int, ident: bytes, key: bytes) -> Floats:
    """``samples`` ``(channels, n)`` float32 with ``ident`` (2 bytes) hidden in all channels alike. They stay within
    [-1, 1], or within the range of what was louder.

    Raises UsageError if ``ident`` is not 2 bytes or the rate is below 8000 Hz, DataError for less than 2 s or silence.
    """
    if len(ident) != AUDIO_ID_BYTES or samples.ndim != 2 or rate_hz < 8000:
        got = f"{len(ident)} bytes, sound of shape {samples.shape} at {rate_hz} Hz"
        raise UsageError(
            "this cannot be marked", got=got, want=f"{AUDIO_ID_BYTES} bytes, (channels, n), 8000 Hz and up"
        )
    mono = _canonical(samples, rate_hz)
    if samples.shape[1] < MIN_S * rate_hz or float(np.abs(mono).max(initial=0.0)) < 1e-4:
        got = f"{samples.shape[1] / rate_hz:.2f} s, peak {float(np.abs(mono).max(initial=0.0)):.1g}"
        raise UnmarkedError("this sound cannot carry a mark", got=got, want=f"{MIN_S:g} s that are not silent")
    code, marked, loudest = encode(ident, CHECK_BITS), samples, max(1.0, float(np.abs(samples).max()))
    for strength in _STRENGTHS:
        change = _changed(mono, code, key, strength) - mono
        back = soxr.resample(change, RATE_HZ, rate_hz, quality="HQ")
        fitted = np.pad(back, (0, max(0, samples.shape[1] - len(back))))[: samples.shape[1]]
        marked = np.asarray(np.clip(samples + fitted[None], -loudest, loudest), np.float32)
        found = read_audio(marked, rate_hz, key)
        if found is not None and found.agreement >= _SURE:
            break
    return marked


def read_audio(samples: Floats, rate_hz: int, key: bytes) -> AudioMark | None:
    """The mark of ``key`` in ``samples`` ``(channels, n)``, or None. A part of a marked sound is enough."""
    if samples.ndim != 2 or rate_hz < 1000 or samples.shape[1] < MIN_S * rate_hz / 2:
        return None
    mono = _canonical(samples, rate_hz)
    plan = _plan(key)
    for cells in _likeliest(_beginnings(mono, plan)):
        soft = (cells.ravel()[plan.places] * plan.signs).sum(axis=1)
        size = float(np.sqrt((soft**2).mean()))
        if size <= 0:
            return None
        ident, right = decode(soft / size, AUDIO_ID_BYTES, CHECK_BITS)
        if right:
            code = encode(ident, CHECK_BITS)
            return AudioMark(ident, float((soft * code > 0).mean()))
    return None


def _likeliest(beginnings: list[tuple[float, Reals]]) -> Iterator[Reals]:
    """The cells of the best few beginnings, no two of which are the same one a little earlier or later."""
    scores = np.array([score for score, _ in beginnings]).reshape(_SHIFTS, PERIOD)
    for _ in range(_TRIALS):
        shift, begin = np.unravel_index(int(np.argmax(scores)), scores.shape)
        yield beginnings[int(shift) * PERIOD + int(begin)][1]
        near = (int(begin) + np.arange(-2, 3)) % PERIOD
        scores[:, near] = -np.inf


def _beginnings(mono: Floats, plan: _Plan) -> list[tuple[float, Reals]]:
    """For every beginning that is possible: how well the pattern fits, and the cells of the period from there."""
    found = []
    for shift in range(0, _HOP, _HOP // _SHIFTS):
        period = _mean_period(mono[shift:], _loudness(mono))
        for begin in range(PERIOD):
            cells = _cells(np.roll(period, -begin, axis=1))
            found.append((float((cells.ravel()[plan.known] * plan.known_signs).sum()), cells))
    return found


def _canonical(samples: Floats, rate_hz: int) -> Floats:
    mono = np.ascontiguousarray(samples[0] if len(samples) == 1 else samples.mean(axis=0), np.float32)
    return np.asarray(mono if rate_hz == RATE_HZ else soxr.resample(mono, rate_hz, RATE_HZ, quality="HQ"), np.float32)


def _changed(mono: Floats, code: Soft, key: bytes, strength: float) -> Floats:
    """Chunk by chunk, a whole number of periods each, so that memory does not grow."""
    plan, size, out = _plan(key), _CHUNK * _HOP, np.array(mono)
    loudness = _loudness(mono)
    for start in range(0, len(mono), size):
        part = mono[start : start + size]
        if len(part) >= _SIZE:
            out[start : start + size] = _marked(part, code, plan, loudness, strength)
    return out


def _marked(part: Floats, code: Soft, plan: _Plan, loudness: float, strength: float) -> Floats:
    """Gains in decibels for every cell: the pattern, and for each bit what its cells lack."""
    own = _spectrum(part)
    frames = own.shape[1]
    from scipy.signal import istft  # half a second to import

    gains = np.zeros(_BANDS * _CELLS)
    gains[plan.known] = strength * _PILOT_DB * plan.known_signs
    made = part
    for _ in range(_ROUNDS):
        cells = _cells(_period(_levels(_spectrum(made), loudness)))
        mean = (cells.ravel()[plan.places] * plan.signs).mean(axis=1)
        lacking = np.maximum(0.0, strength * _FIRM_DB - code * mean)
        gains[plan.places] += _GAIN * (lacking * code)[:, None] * plan.signs
        gains = np.clip(gains, -strength * _MAX_DB, strength * _MAX_DB)
        by_frame = np.tile(gains.reshape(_BANDS, _CELLS).repeat(_FRAMES, axis=1), (1, frames // PERIOD + 1))[:, :frames]
        factor = np.ones(own.shape)
        factor[_FIRST : _FIRST + _WIDE * _BANDS] = 10 ** (by_frame.repeat(_WIDE, axis=0) / 20)
        back = istft(own * factor, nperseg=_SIZE, noverlap=_SIZE - _HOP)[1]
        made = np.asarray(np.pad(back, (0, max(0, len(part) - len(back))))[: len(part)], np.float32)
    return made


def _period(levels: Reals) -> Reals:
    """``(104, 128)``: the mean of all periods, frame by frame."""
    phase = np.arange(levels.shape[1]) % PERIOD
    count = np.maximum(np.bincount(phase, minlength=PERIOD), 1)
    return _by_phase(levels, phase) / count


def _mean_period(mono: Floats, loudness: float) -> Reals:
    """``_period(_levels(_spectrum(mono), loudness))``, piece by piece, so that memory does not grow with the length."""
    frames = 1 + -(-len(mono) // _HOP)
    total = np.zeros((_BANDS, PERIOD))
    for start in range(0, frames, _CHUNK):
        end = min(frames, start + _CHUNK)
        first, last = max(0, start - _AROUND[0] // 2), min(frames, end + _AROUND[0] // 2)
        begin = first * _HOP - _SIZE // 2
        inside = mono[max(0, begin) : begin + (last - 1 - first) * _HOP + _SIZE]
        lacking = (last - 1 - first) * _HOP + _SIZE - len(inside) - max(0, -begin)
        part = np.pad(inside, (max(0, -begin), lacking))
        levels = _levels(stft(part, _SIZE, _HOP).T / (_SIZE / 2), loudness)[:, start - first : end - first]
        total += _by_phase(levels, np.arange(start, end) % PERIOD)
    return total / np.maximum(np.bincount(np.arange(frames) % PERIOD, minlength=PERIOD), 1)


def _by_phase(levels: Reals, phase: NDArray[np.int64]) -> Reals:
    """``(104, 128)``: sums of ``levels`` ``(104, frames)`` by the frames' places in the period."""
    return np.stack([np.bincount(phase, row, minlength=PERIOD) for row in levels])


def _cells(period: Reals) -> Reals:
    """``(104, 32)`` of a period ``(104, 128)``."""
    return np.asarray(period.reshape(_BANDS, _CELLS, _FRAMES).mean(axis=2))


def _loudness(mono: Floats) -> float:
    power = sum(float(np.square(part, dtype=np.float64).sum()) for part in np.array_split(mono, 1 + len(mono) // _PART))
    return float(np.sqrt(power / max(1, len(mono)))) + 1e-9


def _spectrum(mono: Floats) -> NDArray[np.complex128]:
    """``(257, frames)``, as ``scipy.signal.stft`` gives it."""
    padded = np.pad(mono, (_SIZE // 2, _SIZE // 2 + -len(mono) % _HOP))
    return stft(padded, _SIZE, _HOP).T / (_SIZE / 2)


def _levels(spectrum: NDArray[np.complex128], loudness: float) -> Reals:
    """``(104, frames)`` decibels of each band beside its neighbours in frequency and time."""
    power = np.abs(spectrum[_FIRST : _FIRST + _WIDE * _BANDS]) ** 2
    bands = power.reshape(_BANDS, _WIDE, -1).mean(axis=1)
    level = 10 * np.log10(bands + (_FLOOR * loudness) ** 2)
    around = cv2.blur(level, _AROUND, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(np.clip(level - around, -_CLIP_DB, _CLIP_DB))


@lru_cache(maxsize=8)
def _plan(key: bytes) -> _Plan:
    rng = drawn(key, "sound")
    cells = rng.permutation(_BANDS * _CELLS)
    known = cells[: round(_PILOT_SHARE * len(cells))]
    rest = cells[len(known) :]
    each = len(rest) // _BITS
    places = rest[: each * _BITS].reshape(_BITS, each)
    signs, known_signs = rng.choice([-1.0, 1.0], places.shape), rng.choice([-1.0, 1.0], len(known))
    return _Plan(places.astype(np.int64), signs, known.astype(np.int64), known_signs)
