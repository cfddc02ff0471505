"""Intervals by the cluster bootstrap against DeLong, copies and the standard error."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.stats.bootstrap import bootstrap_interval, mean_interval
from zhenwei.stats.intervals import auc_interval_delong
from zhenwei.stats.metrics import auc

Reals = NDArray[np.float64]
SEEDS = pytest.mark.parametrize("seed", range(4))


def _sample(seed: int, n: int = 300, *, ties: bool = False) -> tuple[Reals, Reals]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(np.float64)
    scores = rng.normal(labels * 1.3)
    return labels, np.round(scores * 2) / 2 if ties else scores


def test_bootstrap_agrees_with_delong_when_each_sample_is_a_group() -> None:
    labels, scores = _sample(1, n=600)
    boot = bootstrap_interval(auc, labels, scores, seed=3)
    delong = auc_interval_delong(labels, scores)
    assert boot.value == delong.value
    assert boot.low == pytest.approx(delong.low, abs=0.008)
    assert boot.high == pytest.approx(delong.high, abs=0.008)
    assert boot == bootstrap_interval(auc, labels, scores, seed=3)


def test_bootstrap_over_groups_is_not_fooled_by_copies() -> None:
    labels, scores = _sample(2, n=100)
    once = bootstrap_interval(auc, labels, scores, seed=0)
    copies = [np.repeat(v, 20) for v in (labels, scores, np.arange(100))]
    grouped = bootstrap_interval(auc, copies[0], copies[1], groups=copies[2].tolist(), seed=0)
    naive = bootstrap_interval(auc, copies[0], copies[1], seed=0, resamples=200)
    assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.15)
    assert naive.high - naive.low < 0.4 * (once.high - once.low)


def test_an_area_of_one_is_no_surer_than_its_groups_allow() -> None:
    labels, scores = [0] * 8 + [1] * 8, [*range(8), *range(10, 18)]
    alone = bootstrap_interval(auc, labels, scores)
    assert (alone.value, alone.high, alone.n) == (1, 1, 16)
    assert alone.low == pytest.approx(auc_interval_delong(labels, scores).low)
    in_pairs = bootstrap_interval(auc, labels, scores, groups=[k // 2 for k in range(16)])
    assert in_pairs.low == pytest.approx(0.025 ** (1 / 4))
    turned = bootstrap_interval(auc, labels, [-score for score in scores])
    assert (turned.value, turned.low) == (0, 0)
    assert turned.high == pytest.approx(1 - alone.low)


def test_bootstrap_of_hopelessly_few_groups_is_refused() -> None:
    with pytest.raises(DataError, match="too few groups"):
        bootstrap_interval(auc, [0] * 30 + [1], list(range(31)), groups=["a"] * 30 + ["b"], resamples=200)


def test_the_mean_mean_interval_has_the_interval_of_its_groups() -> None:
    """Means of 200 groups of N(0.4, 0.1): the standard error is 0.1 / sqrt(200), however often each is repeated."""
    each = np.random.default_rng(1).normal(0.4, 0.1, 200)
    found = mean_interval(np.repeat(each, 5).tolist(), np.repeat(np.arange(200), 5).tolist(), seed=2)
    assert found.value == pytest.approx(each.mean())
    assert found.n == 1000
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(0.1 / np.sqrt(200), rel=0.15)
    with pytest.raises(DataError, match="too few groups"):
        mean_interval([0.1, 0.2], ["a", "a"], seed=0)
    with pytest.raises(DataError, match="no measures"):
        mean_interval([0.1, float("nan")], ["a", "b"], seed=0)
