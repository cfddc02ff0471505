"""Paired tests against independent implementations, by simulation, and where nothing differs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import kstest, norm
from tests.stats.scores import paired_scores

from zhenwei.errors import DataError
from zhenwei.stats.metrics import auc
from zhenwei.stats.paired import delong, holm, mcnemar

Reals = NDArray[np.float64]


def _by_kernels(truth: NDArray[np.bool_], one: Reals, other: Reals) -> float:
    """p of DeLong's test with the covariance written out over all pairs."""
    kernels = []
    for s in (one, other):
        above = s[truth][:, None] - s[~truth][None, :]
        kernels.append((above > 0) + 0.5 * (above == 0))
    rows = np.stack([k.mean(1) for k in kernels])
    columns = np.stack([k.mean(0) for k in kernels])
    covariance = np.cov(rows) / truth.sum() + np.cov(columns) / (~truth).sum()
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    difference = kernels[1].mean() - kernels[0].mean()
    return float(2 * norm.sf(abs(difference) / np.sqrt(variance)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_delong_is_the_covariance_over_all_pairs(seed: int, tied: bool) -> None:
    made = paired_scores(60, seed)
    one, other = (np.round(s) if tied else s for s in (made.poor, made.good))
    difference, p = delong(made.truth, one, other)
    assert difference == pytest.approx(auc(made.truth, other) - auc(made.truth, one))
    assert p == pytest.approx(_by_kernels(made.truth, one, other), rel=1e-6)


def test_where_nothing_differs_p_is_uniform() -> None:
    rng = np.random.default_rng(3)
    found: list[float] = []
    for _ in range(400):
        truth = np.arange(120) % 2 == 1
        shared = np.where(truth, 0.7, -0.7) + rng.normal(0, 1, 120)
        p = delong(truth, shared + rng.normal(0, 1, 120), shared + rng.normal(0, 1, 120))[1]
        assert p is not None
        found.append(p)
    assert kstest(found, "uniform").pvalue > 0.01


def test_two_equal_columns_have_no_variance_and_one_case_has_no_test() -> None:
    made = paired_scores(20)
    assert delong(made.truth, made.good, 2 * made.good) == (0.0, None)
    with pytest.raises(DataError):
        delong([1, 0, 0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0])


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_sums_the_binomial(only_a: int, only_b: int) -> None:
    n = only_a + only_b
    row = [1.0]
    for k in range(n):
        row = [x + y for x, y in zip([0.0, *row], [*row, 0.0], strict=True)] if k < n else row
    weights = np.array(row) / 2**n
    expected = weights[weights <= weights[only_a] * (1 + 1e-9)].sum()
    assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, expected))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=8), st.randoms())
def test_holm_rejects_what_stepping_down_rejects(p: list[float], shuffle: object) -> None:
    del shuffle
    adjusted = holm(p)
    rejected = set()
    for rank, place in enumerate(sorted(range(len(p)), key=lambda i: (p[i], i))):
        if p[place] * (len(p) - rank) >= 0.05:
            break
        rejected.add(place)
    assert rejected == {i for i, v in enumerate(adjusted) if v < 0.05}
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))
