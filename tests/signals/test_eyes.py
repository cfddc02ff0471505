"""Blinks that were put in are counted; what is no blink is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from zhenwei.signals.eyes import eye_widths, find_blinks, openness
from zhenwei.testing import face_mesh
from zhenwei.types import Box, Floats

RIGHT, LEFT = (33, 133, 160, 144, 158, 153), (362, 263, 385, 380, 387, 373)


def eye(points: Floats, which: tuple[int, ...], width: float, height: float) -> None:
    """Sets six points of an eye to a known shape."""
    a, b, *lids = which
    points[a, :2], points[b, :2] = (50, 50), (50 + width, 50)
    for n, (up, low) in enumerate(zip(lids[::2], lids[1::2], strict=True)):
        x = 50 + width * (n + 1) / 3
        points[up, :2], points[low, :2] = (x, 50 - height / 2), (x, 50 + height / 2)


def test_openness_is_height_over_width() -> None:
    points = face_mesh(Box(0, 0, 100, 100)).copy()
    eye(points, RIGHT, 20.0, 6.0)
    eye(points, LEFT, 20.0, 2.0)
    lost = np.full_like(points, np.nan)
    found = openness(np.stack([points, points * 3, lost]))
    assert found[0] == pytest.approx([0.3, 0.1])
    assert found[1] == pytest.approx([0.3, 0.1])  # whatever the size
    assert np.isnan(found[2]).all()
    assert eye_widths(points[None])[0] == pytest.approx([20, 20])


def course(
    seconds: float, rate: float, blinks: list[float], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Openness with noise, and a blink of 0.2 s at each of these times."""
    times = np.arange(0, seconds, 1 / rate)
    opened = 0.3 + np.random.default_rng(seed).normal(0, 0.008, len(times))
    for at in blinks:
        opened *= 1 - 0.9 * np.exp(-(((times - at) / 0.07) ** 2))
    return times, opened


@given(
    st.lists(st.integers(1, 18), unique=True, max_size=8),
    st.sampled_from([15.0, 24.0, 25.0, 29.97, 30.0]),
    st.integers(0, 50),
)
@settings(max_examples=60, deadline=None)
def test_planted_blinks_are_counted_where_they_are(at: list[int], rate: float, seed: int) -> None:
    times, opened = course(10, rate, [n / 2 for n in at], seed)
    found = find_blinks(times, opened).found
    near = [b for b in found if min(abs((b.start_s + b.end_s) / 2 - n / 2) for n in at or [99]) < 0.1]
    assert len(found) == len(near)
    apart = [n for n in at if n - 1 not in at and n + 1 not in at]
    assert sum(any(abs((b.start_s + b.end_s) / 2 - n / 2) < 0.1 for b in found) for n in apart) == len(apart)
    assert all(0.25 < b.completeness <= 1 for b in found)


def test_eyes_that_stay_shut_or_narrow_a_little_do_not_blink() -> None:
    times, opened = course(10, 25, [], 1)
    asleep, smiling = opened.copy(), opened.copy()
    asleep[50:100] = 0.03
    smiling[50:100] *= 0.85
    smiling[120:124] *= 0.85
    assert find_blinks(times, asleep).found == ()
    assert find_blinks(times, smiling).found == ()


def test_gaps_are_no_blinks() -> None:
    times, opened = course(10, 25, [5.0], 2)
    opened[60:64] = np.nan
    assert len(find_blinks(times, opened).found) == 1
    nothing = find_blinks(times, np.full(len(times), np.nan))
    assert nothing.found == ()
    assert np.isnan(nothing.usual)
