"""A face for tests whose lips follow a made voice, by what the detector's own map foretells of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tests.speaking import RATE_HZ, voice

from zhenwei.detectors.audiovisual.lip_sync import foretell
from zhenwei.signals.lips import GRID_HZ
from zhenwei.testing import strip_subject
from zhenwei.types import Audio, Subject

AUDIO = np.concatenate([voice(5.0, 0), voice(5.0, 3, hertz=140)])
FPS, SECONDS = 25.0, 9.0


def talking(opening: NDArray[np.float64]) -> Subject:
    """A face whose lips part by so many pixels in each frame."""
    pixels = np.full((len(opening), 96, 96, 3), 128, np.uint8)
    still = strip_subject(pixels, fps=FPS)
    assert still.strip is not None
    points = still.strip.landmarks.copy()
    for low, high in ((14, 13), (178, 81), (402, 311), (87, 82), (317, 312)):
        points[:, low, :2] = points[:, high, :2]
        points[:, low, 1] += opening[:, None][:, 0].astype(np.float32)
    subject = strip_subject(pixels, points, fps=FPS)
    return replace(subject, audio=Audio(AUDIO[None], RATE_HZ))


def following(lag_s: float = 0.0) -> NDArray[np.float64]:
    """Openings that the sound of ``lag_s`` later foretells."""
    at = np.arange(round(SECONDS * FPS)) / FPS + lag_s
    said = foretell(AUDIO)[:, 0]
    level = np.interp(at, np.arange(len(said)) / GRID_HZ, said)
    return np.asarray(4 + 1.5 * level / level.std())
