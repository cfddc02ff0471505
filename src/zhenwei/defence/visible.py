"""Labels that people see and hear: a band with "AI 生成 · AI-GENERATED", and "AI" in Morse code.

After GB 45438-2025: the text is at least 5 % of the shorter side high, and the rhythm stands at the beginning and at
the end of sound. The band is put below the picture. Its text is an outline drawn once (``label.png``, from Noto Sans
CJK), so that no font is needed.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.types import Floats, Pixels

TEXT = "AI 生成 · AI-GENERATED"
MIN_SIDE = 192  # below this the text could not be read at its size
SHARE = 0.05  # of the shorter side, for the height of capitals
_CAPITALS = 70 / 94  # height of capitals, of the whole drawing
_DARK, _LIGHT = 20, 250
_ALIKE = 0.85  # correlation of a band with what was drawn; JPEG at quality 30 leaves 0.97

TONE_HZ, TONE_LEVEL = 880.0, 0.25
UNIT_S = 0.1
MORSE = (1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1)  # .-  .. in units of a short tone
PAUSE_S = 0.3
_EDGE_S = 0.005  # of each tone, so that it does not click
_CLEAR = 0.7  # correlation of what is heard with the rhythm


def add_label(pixels: Pixels) -> Pixels:
    """``pixels`` ``(height, width, 3)`` uint8 RGB with the band below: the same width, the picture itself untouched.

    Raises DataError for a picture whose shorter side is below ``MIN_SIDE``.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        want = f"at least {MIN_SIDE} px on the shorter side"
        raise DataError("this picture is too small for a label that can be read", got=f"{width} x {height}", want=want)
    return np.ascontiguousarray(np.concatenate([pixels, _band(height, width)], axis=0))


def has_label(pixels: Pixels) -> bool:
    """Whether the lowest rows are the band that :func:`add_label` puts there, after mild compression at most."""
    height = unlabelled_height(*pixels.shape[:2])
    if height is None:
        return False
    band = _band(height, pixels.shape[1])
    return _correlation(pixels[height:].mean(axis=2), band.mean(axis=2)) >= _ALIKE


def unlabelled_height(height: int, width: int) -> int | None:
    """Rows above the band of a labelled picture of that size; None for a size that no labelled picture has."""
    for inside in range(height - 1, max(MIN_SIDE, height // 2) - 1, -1):
        if width >= MIN_SIDE and inside + _band_height(inside, width) == height:
            return inside
    return None


def _text_height(height: int, width: int) -> int:
    return int(np.ceil(SHARE * min(height, width) / _CAPITALS))


def _band_height(height: int, width: int) -> int:
    """Even, so that video codecs take it where the picture is even."""
    text = _text_height(height, width)
    band = text + 2 * max(3, text // 3)
    return band + band % 2


def _band(height: int, width: int) -> Pixels:
    drawing, tall = _drawing(), _text_height(height, width)
    long = round(drawing.shape[1] * tall / drawing.shape[0])
    text = cv2.resize(drawing, (long, tall), interpolation=cv2.INTER_AREA)
    band = np.zeros((_band_height(height, width), width), np.float32)
    top, left = (band.shape[0] - tall) // 2, (width - long) // 2
    band[top : top + tall, left : left + long] = text
    grey = np.rint(_DARK + (_LIGHT - _DARK) * band).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))


@cache
def _drawing() -> Floats:
    """The text, ``(94, 1137)`` float32: the share of ink in [0, 1]."""
    data = files("zhenwei.defence").joinpath("label.png").read_bytes()
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(np.asarray(read, np.float32) / 255, np.float32)


def add_tones(samples: Floats, rate_hz: int) -> Floats:
    """``samples`` ``(channels, n)`` float32 in [-1, 1] with "AI" in Morse code before and after it, behind a pause."""
    tones = np.tile(_tones(rate_hz), (samples.shape[0], 1))
    pause = np.zeros((samples.shape[0], round(PAUSE_S * rate_hz)), np.float32)
    return np.ascontiguousarray(np.concatenate([tones, pause, samples, pause, tones], axis=1), np.float32)


def has_tones(samples: Floats, rate_hz: int) -> bool:
    """Whether the rhythm stands both at the beginning and at the end of ``samples``."""
    length = len(_tones(rate_hz))
    if samples.shape[1] < 2 * length:
        return False
    slack = round(0.15 * rate_hz)  # what encoders put before and after
    audio = samples.mean(axis=0)
    return all(_is_rhythm(part, rate_hz) for part in (audio[: length + slack], audio[-length - slack :][::-1]))


def _is_rhythm(audio: Floats, rate_hz: int) -> bool:
    """Heard from its outside inwards; the rhythm read backwards is asked for at the end by turning both."""
    window = round(UNIT_S * rate_hz / 4)
    time = np.arange(len(audio)) / rate_hz
    turning = audio * np.exp(-2j * np.pi * TONE_HZ * time)
    heard = np.abs(np.add.reduceat(turning, np.arange(0, len(audio), window)))[: len(audio) // window]
    rhythm = np.repeat(np.asarray(MORSE, np.float64), 4)
    found = [
        _correlation(heard[shift : shift + len(rhythm)], turned)
        for turned in (rhythm, rhythm[::-1])
        for shift in range(max(1, len(heard) - len(rhythm) + 1))
        if len(heard) - shift >= len(rhythm)
    ]
    return max(found, default=0.0) >= _CLEAR


def _tones(rate_hz: int) -> Floats:
    unit = round(UNIT_S * rate_hz)
    gate = np.repeat(np.asarray(MORSE, np.float64), unit)
    edge = max(1, round(_EDGE_S * rate_hz))
    gate = np.convolve(gate, np.hanning(edge + 2)[1:-1] / np.hanning(edge + 2)[1:-1].sum(), "same")
    wave = TONE_LEVEL * gate * np.sin(2 * np.pi * TONE_HZ * np.arange(len(gate)) / rate_hz)
    return np.asarray(wave, np.float32)


def _correlation(found: NDArray[np.floating], wanted: NDArray[np.floating]) -> float:
    a, b = found - found.mean(), wanted - wanted.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0
