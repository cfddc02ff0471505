"""Blinks that were put in are counted; what is no blink is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.blinking import drawn

from zhenwei.signals.eyes import eye_widths, find_blinks, likeness


@pytest.mark.parametrize("turn_deg", [0.0, 17.0, -30.0])
def test_shut_eyes_do_not_look_as_usual(turn_deg: float) -> None:
    shut = [10 <= i < 14 for i in range(40)]
    alike = likeness(*drawn(shut, turn_deg=turn_deg))
    assert alike[~np.array(shut)].min() > 0.9
    assert alike[np.array(shut)].max() < 0.6


def test_frames_without_landmarks_are_gaps() -> None:
    pixels, points = drawn([False] * 12)
    points[3:6] = np.nan
    alike = likeness(pixels, points)
    assert np.isnan(alike[3:6]).all()
    assert np.isfinite(np.delete(alike, [3, 4, 5])).all()
    assert np.isnan(likeness(pixels, np.full_like(points, np.nan))).all()
    assert likeness(np.zeros_like(pixels), points)[0] == 0  # black has no look


def test_widths_are_those_between_the_corners() -> None:
    assert eye_widths(drawn([False], turn_deg=20)[1])[0] == pytest.approx([24, 24], abs=1e-3)


def course(
    seconds: float, rate: float, blinks: list[float], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A likeness with noise, and a blink of 0.2 s at each of these times."""
    times = np.arange(0, seconds, 1 / rate)
    alike = 0.95 + np.random.default_rng(seed).normal(0, 0.01, len(times))
    for at in blinks:
        alike -= 0.8 * np.exp(-(((times - at) / 0.07) ** 2))
    return times, alike


@given(
    st.lists(st.integers(1, 18), unique=True, max_size=8),
    st.sampled_from([15.0, 24.0, 25.0, 29.97, 30.0]),
    st.integers(0, 50),
)
@settings(max_examples=60, deadline=None)
def test_planted_blinks_are_counted_where_they_are(at: list[int], rate: float, seed: int) -> None:
    times, alike = course(10, rate, [n / 2 for n in at], seed)
    found = find_blinks(times, alike).found
    middles = [(b.start_s + b.end_s) / 2 for b in found]
    assert all(any(abs(m - n / 2) < 0.1 for n in at) for m in middles)
    assert all(any(abs(m - n / 2) < 0.1 for m in middles) for n in at)
    assert all(0.2 < b.depth <= 1 for b in found)


def test_eyes_that_stay_shut_or_look_about_do_not_blink() -> None:
    times, alike = course(10, 25, [], 1)
    asleep, glancing = alike.copy(), alike.copy()
    asleep[50:100] = 0.1
    glancing[50:58] -= 0.12
    assert find_blinks(times, asleep).found == ()
    assert find_blinks(times, glancing).found == ()


def test_gaps_are_no_blinks() -> None:
    times, alike = course(10, 25, [5.0], 2)
    alike[60:64] = np.nan
    assert len(find_blinks(times, alike).found) == 1
    nothing = find_blinks(times, np.full(len(times), np.nan))
    assert nothing.found == ()
    assert np.isnan(nothing.usual)
