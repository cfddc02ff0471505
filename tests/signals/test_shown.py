"""What is made to be looked at: small enough, true to the signal, whatever the signal."""

from __future__ import annotations

import numpy as np
import pytest

from zhenwei.signals.shown import SHOWN_PX, shrunk, waveform
from zhenwei.types import Audio


@pytest.mark.parametrize(
    ("shape", "wanted"), [((480, 640), (480, 640)), ((3000, 1500), (640, 320)), ((1, 4000), (1, 640)), ((9, 9), (9, 9))]
)
def test_pictures_are_shrunk_and_never_enlarged(shape: tuple[int, int], wanted: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 77, np.uint8)
    small = shrunk(pixels)
    assert small.shape == (*wanted, 3)
    assert small.dtype == np.uint8
    assert (small == 77).all()
    assert max(small.shape) <= SHOWN_PX


def test_a_waveform_is_high_where_the_sound_is_loud() -> None:
    times = np.arange(16_000) / 16_000
    loud = np.where(times < 0.5, 0.02, 0.4) * np.sin(2 * np.pi * 2000 * times)
    shown = waveform(Audio(np.stack([loud, loud]).astype(np.float32), 16_000))
    heights = (shown != shown[0, 0]).any(axis=2).sum(axis=0)
    assert heights[:440].max() < 0.1 * len(shown)
    assert heights[460:].min() > 0.8 * len(shown)
    opposite = waveform(Audio(np.stack([loud, -loud]).astype(np.float32), 16_000))
    assert np.array_equal(opposite, shown)  # channels that cancel each other are no silence


@pytest.mark.parametrize("samples", [np.zeros((1, 0)), np.zeros((2, 5)), np.zeros((1, 48_000))])
def test_silence_and_next_to_nothing_have_a_waveform_too(samples: np.ndarray) -> None:
    shown = waveform(Audio(samples.astype(np.float32), 16_000))
    assert shown.shape == (240, 900, 3)
