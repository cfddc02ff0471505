"""Signals as pictures to look at: an image made small enough for a page, sound as its waveform."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.signals.channels import mix
from zhenwei.signals.reduced import Reduced
from zhenwei.types import Audio, Pixels

SHOWN_PX = 640
_SHEET, _MIDDLE, _WAVE = (255, 254, 251), (200, 196, 188), (36, 80, 127)
_WAVEFORM = (900, 240)  # width and height
_SHOWN_DB = 70.0
_shrunk = Reduced(2)


def shrunk(pixels: Pixels, max_px: int = SHOWN_PX) -> Pixels:
    """``(height, width, 3)`` at most ``max_px`` on the longer side; what is smaller stays as it is."""
    height, width = pixels.shape[:2]
    scale = min(1.0, max_px / max(height, width))
    if scale == 1.0:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return _shrunk.get(
        pixels, size, lambda: np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    )


def waveform(audio: Audio) -> Pixels:
    """``(240, 900, 3)``: time to the right, the lowest and highest sample of each moment; quiet sound is enlarged."""
    width, height = _WAVEFORM
    shown = np.full((height, width, 3), _SHEET, np.uint8)
    shown[height // 2] = _MIDDLE
    mono = mix(audio).mono
    loudest = float(np.abs(mono).max(initial=0.0)) or 1.0
    for column, part in enumerate(np.array_split(mono, width)):
        if part.size:
            top, bottom = (0.5 - 0.48 * np.array([part.max(), part.min()]) / loudest) * height
            shown[int(top) : int(bottom) + 1, column] = _WAVE
    return shown


def spectrogram(mono: NDArray[np.floating], size: tuple[int, int]) -> Pixels:
    """``mono`` at 16 kHz as a picture of ``size`` (width, height): time to the right, 0 to 8 kHz upwards."""
    from zhenwei.signals.speech import stft  # SciPy: not for whoever shows a picture

    width, height = size
    hop = max(160, len(mono) // (2 * width))
    padded = np.pad(mono, (0, max(0, 512 - len(mono))))
    level = 10 * np.log10(np.abs(stft(padded, 512, hop)) ** 2 + 1e-10)
    shade = np.clip((level - level.max()) / _SHOWN_DB + 1, 0, 1)
    small = cv2.resize(shade.T[::-1].astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.applyColorMap((small * 255).astype(np.uint8), cv2.COLORMAP_MAGMA)[..., ::-1], np.uint8)
