"""Intervals by formula against all pairs, simulation and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from zhenwei.stats.intervals import auc_interval_delong, rate_interval

Reals = NDArray[np.float64]
SEEDS = pytest.mark.parametrize("seed", range(4))


def _sample(seed: int, n: int = 300, *, ties: bool = False) -> tuple[Reals, Reals]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(np.float64)
    scores = rng.normal(labels * 1.3)
    return labels, np.round(scores * 2) / 2 if ties else scores


@SEEDS
def test_delong_variance_agrees_with_all_pairs(seed: int) -> None:
    labels, scores = _sample(seed, n=80, ties=True)
    forged, genuine = scores[labels == 1], scores[labels == 0]
    wins = np.array([[(f > g) + 0.5 * (f == g) for g in genuine] for f in forged])
    variance = wins.mean(1).var(ddof=1) / len(forged) + wins.mean(0).var(ddof=1) / len(genuine)
    area = wins.mean()
    half = norm.ppf(0.975) * math.sqrt(variance) / (area * (1 - area))
    found = auc_interval_delong(labels, scores)
    assert found.value == pytest.approx(area)
    assert math.log(found.low / (1 - found.low)) == pytest.approx(math.log(area / (1 - area)) - half)
    assert math.log(found.high / (1 - found.high)) == pytest.approx(math.log(area / (1 - area)) + half)


def test_delong_interval_covers_the_true_area_about_as_often_as_it_says() -> None:
    truth = norm.cdf(1.5 / math.sqrt(2))
    rng = np.random.default_rng(0)
    labels = np.repeat([0.0, 1.0], 60)
    found = [auc_interval_delong(labels, rng.normal(labels * 1.5)) for _ in range(600)]
    share = np.mean([e.low <= truth <= e.high for e in found])
    assert 0.925 <= share <= 0.98  # 95 % +- 3 standard errors, rounded


def test_a_perfect_area_still_has_an_interval() -> None:
    found = auc_interval_delong([0] * 10 + [1] * 10, list(range(20)))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 10))
    mirrored = auc_interval_delong([1] * 10 + [0] * 10, list(range(20)))
    assert mirrored.low == 0.0
    assert mirrored.high == pytest.approx(1 - found.low)


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_rate_interval_agrees_with_scipy(of: tuple[int, int], confidence: float) -> None:
    found = rate_interval(*of, confidence=confidence)
    expected = binomtest(*of).proportion_ci(confidence, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1
