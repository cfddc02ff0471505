"""Two clips in time: which moments belong together follows from what their frames show, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from zhenwei.signals.moments import Line, Sampled, likest, line, overlap, print_of, sampled
from zhenwei.types import Floats

RNG = np.random.default_rng(3)
_STEPS = np.cumsum(RNG.normal(size=(120, 1024)).astype(np.float32), axis=0)[20:] * 0.1  # each is like its neighbours
FRAMES = np.asarray(_STEPS / _STEPS.std(axis=1, keepdims=True), np.float32)


def clip(frames: Floats, rate_hz: float = 25.0, noise: float = 0.002) -> Sampled:
    coded = frames + RNG.normal(scale=noise, size=frames.shape)
    return sampled([float(at) for at in np.arange(len(frames)) / rate_hz], list(np.asarray(coded, np.float32)))


@pytest.mark.parametrize(
    ("second", "speed", "offset_s"),
    [
        (clip(FRAMES), 1.0, 0.0),
        (clip(FRAMES[40:90]), 1.0, -1.6),
        (clip(FRAMES[30:], 40.0), 0.625, -0.75),
        (clip(FRAMES[::2], 12.5), 1.0, 0.0),
    ],
)
def test_what_was_trimmed_or_runs_faster_is_found(second: Sampled, speed: float, offset_s: float) -> None:
    first = clip(FRAMES)
    found = line(first, second)
    assert found is not None
    for time in overlap(found, first, second, 5):
        assert found.speed * time + found.offset_s == pytest.approx(speed * time + offset_s, abs=0.05)


def test_other_frames_have_no_line_and_still_ones_have_any() -> None:
    assert line(clip(FRAMES[:50]), clip(FRAMES[70:])) is None
    still = np.repeat(FRAMES[:1], 30, axis=0)
    assert line(clip(still), clip(still[:12])) is not None


def test_the_sound_is_tried_first() -> None:
    still = np.repeat(FRAMES[:1], 30, axis=0)
    assert line(clip(still), clip(still), sound_s=-0.4) == Line(1.0, -0.4)


def test_the_likest_of_the_neighbours_is_taken_and_nothing_of_nothing() -> None:
    first, second = clip(FRAMES), clip(FRAMES[10:])
    one, two = likest(first, second, 2.0, 1.52) or (0.0, 0.0)
    assert one - two == pytest.approx(0.4)
    assert likest(first, sampled([], []), 2.0, 1.6) is None
    assert line(clip(FRAMES[:1]), clip(FRAMES[:1])) == Line(1.0, 0.0)


def test_a_print_leaves_size_brightness_and_contrast_out() -> None:
    pixels = np.repeat(RNG.integers(0, 200, (8, 8, 1)), 3, axis=2).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    bigger = pixels.repeat(2, 0).repeat(2, 1) // 2 + 60
    assert np.abs(print_of(pixels) - print_of(bigger)).max() < 0.05
