"""The interval of the calibration error: it holds the figure always, and the truth at least as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhenwei.errors import DataError
from zhenwei.stats.calibration_error import calibration_error_interval
from zhenwei.stats.metrics import Reals, expected_calibration_error


def _drawn(n: int, per: int, steeper: float, moved: float, seed: int) -> tuple[Reals, Reals, list[int]]:
    """What is said and what happens: ``p`` and the chance that is true, ``per`` cases of each group sharing both."""
    rng = np.random.default_rng(seed)
    said = rng.normal(0, 1.6, n // per).repeat(per)
    truth = rng.random(n // per).repeat(per) < 1 / (1 + np.exp(-(steeper * said + moved)))
    return truth.astype(np.float64), 1 / (1 + np.exp(-said)), np.arange(n // per).repeat(per).tolist()


@pytest.mark.parametrize("per", [1, 4])
@pytest.mark.parametrize(("steeper", "moved"), [(1.0, 0.0), (0.5, 0.0), (1.0, 0.5)])
def test_it_holds_the_truth_as_often_as_it_says(per: int, steeper: float, moved: float) -> None:
    rng = np.random.default_rng(0)
    said = rng.normal(0, 1.6, 200_000)
    happens, p = (1 / (1 + np.exp(-x)) for x in (steeper * said + moved, said))
    place = (np.sort(p).searchsorted(p) * 10 / len(p)).astype(int)
    true = np.abs(np.bincount(place, p - happens, 10)).sum() / len(p)
    held = 0
    for number in range(60):
        labels, p, groups = _drawn(200, per, steeper, moved, number)
        found = calibration_error_interval(labels, p, groups=groups, bins=10, equal="mass", resamples=100)
        held += found.low <= true <= found.high
    assert held >= 55  # of 60; at 95 % less than that happens once in a hundred


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 60), st.integers(0, 1000))
def test_it_holds_its_own_figure(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    labels = rng.random(n) < p
    labels[:2], labels[2:4] = True, False
    found = calibration_error_interval(labels, p, groups=range(n), resamples=50, seed=seed)
    assert 0 <= found.low <= found.value <= found.high
    assert found.value == expected_calibration_error(labels, p)


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="differ in length"):
        calibration_error_interval([0, 1], [0.1, 0.9], groups=["a"])
