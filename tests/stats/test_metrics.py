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
from zhenwei.stats import metrics
from zhenwei.stats.bootstrap import pair_interval
from zhenwei.stats.intervals import auc_interval_delong

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


@pytest.mark.parametrize(
    "metric",
    [metrics.auc, metrics.average_precision, metrics.equal_error_rate, metrics.brier, metrics.log_loss,
     metrics.min_c_llr, metrics.expected_calibration_error, auc_interval_delong],
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


def _pairs(seed: int, n: int = 120) -> tuple[Reals, Reals, list[str]]:
    """Several forgeries and originals of each recording, some alone, some of no known recording; with ties."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.6).astype(np.float64)
    names = ["" if name == "0" else name for name in rng.integers(0, 40, n).astype(str).tolist()]
    return labels, np.round(rng.normal(labels)), names


@SEEDS
def test_pair_accuracy_counts_every_forgery_beside_every_original_of_its_own(seed: int) -> None:
    labels, scores, names = _pairs(seed)
    won = []
    for f in np.flatnonzero(labels == 1):
        for g in np.flatnonzero(labels == 0):
            if names[f] and names[f] == names[g]:
                won.append((scores[f] > scores[g]) + (scores[f] == scores[g]) / 2)
    assert metrics.pair_accuracy(labels, scores, names) == pytest.approx(np.mean(won))
    found = pair_interval(labels, scores, names, groups=names)
    assert found is not None
    assert (found.value, found.n) == pytest.approx((np.mean(won), len(won)))
    assert found.low < found.value < found.high


def test_pair_accuracy_of_one_recording_is_its_auc() -> None:
    labels, scores = _sample(1, ties=True)
    assert metrics.pair_accuracy(labels, scores, ["a"] * len(labels)) == pytest.approx(metrics.auc(labels, scores))


@given(st.integers(0, 10_000))
def test_pair_accuracy_knows_the_order_within_a_pair_and_nothing_else(seed: int) -> None:
    labels, scores, names = _pairs(seed)
    plain = metrics.pair_accuracy(labels, scores, names)
    shifts = {name: 100.0 * k for k, name in enumerate(dict.fromkeys(names))}
    moved = np.exp(scores / 3) + np.array([shifts[name] for name in names])  # another source, another level
    assert metrics.pair_accuracy(labels, moved, names) == pytest.approx(plain)
    assert metrics.pair_accuracy(labels, labels * 2 - 1, names) == 1
    assert metrics.pair_accuracy(labels, np.zeros(len(labels)), names) == 0.5
    assert metrics.pair_accuracy(labels, -scores, names) == pytest.approx(1 - plain)
    order = np.random.default_rng(seed).permutation(len(labels))
    assert metrics.pair_accuracy(labels[order], scores[order], [names[i] for i in order]) == pytest.approx(plain)
    infinite = np.where(labels == 1, np.inf, -np.inf)
    assert metrics.pair_accuracy(labels, infinite, names) == 1


def test_without_a_pair_there_is_no_pair_accuracy_and_never_a_half() -> None:
    for labels, names in (([1, 0], ["a", "b"]), ([1, 0], ["", ""]), ([1, 1], ["a", "a"]), ([0, 0], ["a", "a"])):
        with pytest.raises(DataError, match="beside its original"):
            metrics.pair_accuracy(labels, [0.1, 0.2], names)
        assert pair_interval(labels, [0.1, 0.2], names, groups=names) is None
    assert (
        pair_interval([1, 0], [1, 0], ["a", "a"], groups=["g", "g"]) is None
    )  # one group: no telling how far it varies
    few = pair_interval([1, 0, 1, 0], [1, 0, 1, 0], ["a", "a", "b", "b"], groups=["a", "a", "b", "b"])
    assert few is not None
    assert (few.value, few.high, few.n) == (1.0, 1.0, 2)
    assert few.low == pytest.approx(binomtest(2, 2).proportion_ci().low)  # two of two are no certainty
    with pytest.raises(DataError, match="a score is missing"):
        metrics.pair_accuracy([1, 0], [np.nan, 0.2], ["a", "a"])


def test_the_interval_of_pairs_is_over_the_groups_of_the_originals() -> None:
    """Forty pairs of two people tell little more than two would."""
    labels, names = [1, 0] * 40, [str(i // 2) for i in range(80)]
    scores = [float(i % 2 == 0) if i < 40 else float(i % 2) for i in range(80)]  # one person right, one wrong
    found = pair_interval(labels, scores, names, groups=["a"] * 40 + ["b"] * 40)
    apart = pair_interval(labels, scores, names, groups=names)
    assert found is not None
    assert apart is not None
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.0, 1.0, 40)
    assert apart.high - apart.low < 0.4


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_the_intraclass_correlation_is_the_planted_one(share: float) -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(1500), rng.integers(2, 6, 1500))
    values = np.sqrt(share) * rng.standard_normal(1500)[groups] + np.sqrt(1 - share) * rng.standard_normal(len(groups))
    assert metrics.intraclass_correlation(5 + 3 * values, groups.tolist()) == pytest.approx(share, abs=0.04)


def test_values_alone_in_their_groups_tell_nothing_of_likeness() -> None:
    with pytest.raises(DataError, match="within groups"):
        metrics.intraclass_correlation([1.0, 2.0], ["a", "b"])
    assert metrics.intraclass_correlation([1.0, 1.0, 2.0, 2.0], ["a", "a", "b", "b"]) == 1.0
