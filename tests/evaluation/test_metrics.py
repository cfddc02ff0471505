"""Each figure against scikit-learn, SciPy, a closed form or brute force."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import binomtest, norm
from sklearn import isotonic
from sklearn import metrics as sklearn_metrics

from zhenwei.errors import DataError
from zhenwei.evaluation import metrics

Reals = NDArray[np.float64]
SEEDS = pytest.mark.parametrize("seed", range(4))


def _sample(seed: int, n: int = 300, *, ties: bool = False) -> tuple[Reals, Reals]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(np.float64)
    scores = rng.normal(labels * 1.3)
    return labels, np.round(scores * 2) / 2 if ties else scores


def _probabilities(seed: int) -> tuple[Reals, Reals]:
    labels, scores = _sample(seed)
    return labels, 1 / (1 + np.exp(-2 * scores))


@SEEDS
@pytest.mark.parametrize("ties", [False, True])
def test_ranking_figures_agree_with_scikit_learn(seed: int, ties: bool) -> None:
    labels, scores = _sample(seed, ties=ties)
    assert metrics.auc(labels, scores) == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))
    assert metrics.average_precision(labels, scores) == pytest.approx(
        sklearn_metrics.average_precision_score(labels, scores)
    )
    fpr, tpr, _ = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)
    for wanted in (0.0, 0.01, 0.05, 0.3, 1.0):
        assert metrics.tpr_at_fpr(labels, scores, wanted) == pytest.approx(tpr[fpr <= wanted].max())


@SEEDS
@pytest.mark.parametrize("ties", [False, True])
def test_equal_error_rate_is_where_the_interpolated_curves_cross(seed: int, ties: bool) -> None:
    labels, scores = _sample(seed, ties=ties)
    fpr, tpr, _ = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)
    along = np.linspace(0, len(fpr) - 1, 400_001)  # a fine walk along the curve
    alarm, miss = np.interp(along, np.arange(len(fpr)), fpr), 1 - np.interp(along, np.arange(len(fpr)), tpr)
    k = np.argmin(np.abs(alarm - miss))
    assert metrics.equal_error_rate(labels, scores) == pytest.approx(alarm[k], abs=1e-4)


def test_equal_error_rate_of_order_reversed_and_kept() -> None:
    assert metrics.equal_error_rate([0, 0, 1, 1], [1, 2, 3, 4]) == 0
    assert metrics.equal_error_rate([1, 1, 0, 0], [1, 2, 3, 4]) == 1
    assert metrics.equal_error_rate([0, 1], [5, 5]) == 0.5


@SEEDS
def test_delong_variance_agrees_with_all_pairs(seed: int) -> None:
    labels, scores = _sample(seed, n=80, ties=True)
    forged, genuine = scores[labels == 1], scores[labels == 0]
    wins = np.array([[(f > g) + 0.5 * (f == g) for g in genuine] for f in forged])
    variance = wins.mean(1).var(ddof=1) / len(forged) + wins.mean(0).var(ddof=1) / len(genuine)
    area = wins.mean()
    half = norm.ppf(0.975) * math.sqrt(variance) / (area * (1 - area))
    found = metrics.auc_interval_delong(labels, scores)
    assert found.value == pytest.approx(area)
    assert math.log(found.low / (1 - found.low)) == pytest.approx(math.log(area / (1 - area)) - half)
    assert math.log(found.high / (1 - found.high)) == pytest.approx(math.log(area / (1 - area)) + half)


def test_delong_interval_covers_the_true_area_about_as_often_as_it_says() -> None:
    truth = norm.cdf(1.5 / math.sqrt(2))
    rng = np.random.default_rng(0)
    labels = np.repeat([0.0, 1.0], 60)
    found = [metrics.auc_interval_delong(labels, rng.normal(labels * 1.5)) for _ in range(600)]
    share = np.mean([e.low <= truth <= e.high for e in found])
    assert 0.925 <= share <= 0.98  # 95 % +- 3 standard errors, rounded


def test_a_perfect_area_still_has_an_interval() -> None:
    found = metrics.auc_interval_delong([0] * 10 + [1] * 10, list(range(20)))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 10))
    mirrored = metrics.auc_interval_delong([1] * 10 + [0] * 10, list(range(20)))
    assert mirrored.low == 0.0
    assert mirrored.high == pytest.approx(1 - found.low)


def test_bootstrap_agrees_with_delong_when_each_sample_is_a_group() -> None:
    labels, scores = _sample(1, n=600)
    boot = metrics.bootstrap_interval(metrics.auc, labels, scores, seed=3)
    delong = metrics.auc_interval_delong(labels, scores)
    assert boot.value == delong.value
    assert boot.low == pytest.approx(delong.low, abs=0.008)
    assert boot.high == pytest.approx(delong.high, abs=0.008)
    assert boot == metrics.bootstrap_interval(metrics.auc, labels, scores, seed=3)


def test_bootstrap_over_groups_is_not_fooled_by_copies() -> None:
    labels, scores = _sample(2, n=100)
    once = metrics.bootstrap_interval(metrics.auc, labels, scores, seed=0)
    copies = [np.repeat(v, 20) for v in (labels, scores, np.arange(100))]
    grouped = metrics.bootstrap_interval(metrics.auc, copies[0], copies[1], groups=copies[2].tolist(), seed=0)
    naive = metrics.bootstrap_interval(metrics.auc, copies[0], copies[1], seed=0, resamples=200)
    assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.15)
    assert naive.high - naive.low < 0.4 * (once.high - once.low)


def test_bootstrap_of_hopelessly_few_groups_is_refused() -> None:
    with pytest.raises(DataError, match="too few groups"):
        metrics.bootstrap_interval(
            metrics.auc, [0] * 30 + [1], list(range(31)), groups=["a"] * 30 + ["b"], resamples=200
        )


@SEEDS
def test_probability_figures_agree_with_scikit_learn(seed: int) -> None:
    labels, p = _probabilities(seed)
    assert metrics.log_loss(labels, p) == pytest.approx(sklearn_metrics.log_loss(labels, p))
    assert metrics.brier(labels, p) == pytest.approx(sklearn_metrics.brier_score_loss(labels, p))


def test_a_certain_error_costs_much_but_not_without_limit() -> None:
    assert metrics.log_loss([0], [1.0]) == pytest.approx(-math.log(np.finfo(float).eps))


@SEEDS
def test_calibration_error_agrees_with_a_loop_over_bins(seed: int) -> None:
    labels, p = _probabilities(seed)
    total = 0.0
    for k in range(10):
        inside = (p >= k / 10) & ((p < (k + 1) / 10) | (k == 9))
        if inside.any():
            total += inside.mean() * abs(p[inside].mean() - labels[inside].mean())
    assert metrics.expected_calibration_error(labels, p, bins=10) == pytest.approx(total)
    chunks = np.array_split(np.argsort(p), 10)
    by_mass = sum(len(c) / len(p) * abs(p[c].mean() - labels[c].mean()) for c in chunks)
    assert metrics.expected_calibration_error(labels, p, bins=10, equal="mass") == pytest.approx(by_mass)


@settings(deadline=None)
@given(st.permutations(range(20)))
def test_calibration_error_ignores_the_order_even_with_ties(order: list[int]) -> None:
    labels, p = np.arange(20) % 3 == 0, np.repeat([0.1, 0.4, 0.8, 1.0], 5)
    for equal in ("width", "mass"):
        expected = metrics.expected_calibration_error(labels, p, bins=3, equal=equal)
        shuffled = metrics.expected_calibration_error(labels[order], p[order], bins=3, equal=equal)
        assert shuffled == pytest.approx(expected)


def test_c_llr_of_gaussian_ratios_agrees_with_its_integral() -> None:
    rng = np.random.default_rng(5)
    mean, spread = 2.0, 2.0  # N(+-mean, 2 mean) is the one Gaussian family of calibrated ratios
    labels = np.repeat([0, 1], 40_000)
    llr = rng.normal(np.where(labels, mean, -mean), spread)
    expected = quad(lambda x: norm.pdf(x, mean, spread) * np.logaddexp(0, -x) / math.log(2), -20, 30)[0]
    assert metrics.c_llr(labels, llr) == pytest.approx(expected, rel=0.02)


def test_c_llr_at_its_ends() -> None:
    assert metrics.c_llr([0, 1], [0.0, 0.0]) == 1.0
    assert metrics.c_llr([0, 1], [-math.inf, math.inf]) == 0.0
    assert metrics.c_llr([0, 1], [math.inf, 0.0]) == math.inf


@SEEDS
@pytest.mark.parametrize("ties", [False, True])
def test_min_c_llr_agrees_with_isotonic_regression_of_scikit_learn(seed: int, ties: bool) -> None:
    labels, scores = _sample(seed, ties=ties)
    posterior = isotonic.IsotonicRegression(y_min=0, y_max=1).fit_transform(scores, labels)
    with np.errstate(divide="ignore"):
        llr = np.log(posterior / (1 - posterior)) - math.log(labels.sum() / (1 - labels).sum())
    assert metrics.min_c_llr(labels, scores) == pytest.approx(metrics.c_llr(labels, llr))


@SEEDS
def test_min_c_llr_is_a_matter_of_order_alone_and_bounds_c_llr(seed: int) -> None:
    labels, scores = _sample(seed)
    assert metrics.min_c_llr(labels, np.exp(scores)) == pytest.approx(metrics.min_c_llr(labels, scores))
    assert metrics.min_c_llr(labels, scores) <= metrics.c_llr(labels, scores)
    assert metrics.min_c_llr(labels, -labels) == pytest.approx(1.0)


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_rate_interval_agrees_with_scipy(of: tuple[int, int], confidence: float) -> None:
    found = metrics.rate_interval(*of, confidence=confidence)
    expected = binomtest(*of).proportion_ci(confidence, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_coverage_counts_abstentions() -> None:
    found = metrics.coverage([0.1, None, -2.0, None])
    assert (found.value, found.n) == (0.5, 4)
    with pytest.raises(DataError, match="NaN"):
        metrics.coverage([math.nan])
    with pytest.raises(DataError, match="no rate"):
        metrics.coverage([])


@pytest.mark.parametrize(
    "metric",
    [metrics.auc, metrics.average_precision, metrics.equal_error_rate, metrics.brier, metrics.log_loss,
     metrics.min_c_llr, metrics.expected_calibration_error, metrics.auc_interval_delong],
)  # fmt: skip
@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([0, 1], [0.5, math.nan]),
        ([0, 1], [0.5, None]),
        ([0, 2], [0.5, 0.6]),
        ([0, 1], [0.5]),
        ([], []),
        ([0, 1], ["a", "b"]),
    ],
)
def test_a_failure_never_enters_a_figure(metric: Callable[..., object], labels: list[int], scores: list[float]) -> None:
    with pytest.raises(DataError):
        metric(labels, scores)


@pytest.mark.parametrize("metric", [metrics.auc, metrics.min_c_llr, metrics.equal_error_rate, metrics.c_llr])
def test_one_class_alone_has_no_ranking(metric: Callable[..., float]) -> None:
    with pytest.raises(DataError):
        metric([1, 1, 1], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("metric", [metrics.brier, metrics.log_loss, metrics.expected_calibration_error])
def test_a_score_is_no_probability(metric: Callable[..., float]) -> None:
    with pytest.raises(DataError, match="out of range"):
        metric([0, 1], [-0.1, 0.5])
