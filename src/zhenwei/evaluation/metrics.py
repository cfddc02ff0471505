"""Figures of merit with intervals. ``labels``: 1 forged, 0 genuine; a higher score is more forged.

A failure or an abstention is no score: NaN and None are refused with ``DataError``. Callers drop them and report
``coverage`` beside the figure. Infinite scores are allowed where only their order counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.special import ndtri
from scipy.stats import rankdata

from zhenwei.errors import DataError
from zhenwei.fusion.calibration import c_llr

__all__ = [
    "Estimate",
    "auc",
    "auc_interval_delong",
    "aurc",
    "average_precision",
    "bootstrap_interval",
    "brier",
    "c_llr",
    "coverage",
    "equal_error_rate",
    "expected_calibration_error",
    "log_loss",
    "min_c_llr",
    "rate_interval",
    "risk_coverage",
    "tpr_at_fpr",
]

Reals = NDArray[np.float64]
Labels = NDArray[np.bool_]
Metric = Callable[[Reals, Reals], float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its confidence interval [``low``, ``high``], from ``n`` samples."""

    value: float
    low: float
    high: float
    n: int


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve, in [0, 1]: how often a forged sample scores above a genuine one, ties half."""
    forged, values = _both_classes(labels, scores)
    n_forged, n_genuine = int(forged.sum()), int((~forged).sum())
    return float((rankdata(values)[forged].sum() - n_forged * (n_forged + 1) / 2) / (n_forged * n_genuine))


def auc_interval_delong(labels: ArrayLike, scores: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The AUC with DeLong's variance (DeLong, DeLong & Clarke-Pearson 1988), on the logit scale.

    For independent samples; with several of one video or identity use ``bootstrap_interval`` over those. An AUC of 0 or
    1 has no variance: its interval is then that of as many untied pairs as the smaller class holds, all in order.
    """
    forged, values = _both_classes(labels, scores)
    n_forged, n_genuine = int(forged.sum()), int((~forged).sum())
    if min(n_forged, n_genuine) < 2:
        raise DataError(
            "the variance of the AUC is not defined", got="one sample of a class", want="two or more of each"
        )
    value = auc(labels, scores)
    ranks = rankdata(values)
    above = (ranks[forged] - rankdata(values[forged])) / n_genuine
    below = 1 - (ranks[~forged] - rankdata(values[~forged])) / n_forged
    variance = above.var(ddof=1) / n_forged + below.var(ddof=1) / n_genuine
    if value in (0.0, 1.0):
        reach = float(((1 - confidence) / 2) ** (1 / min(n_forged, n_genuine)))
        return Estimate(value, *((reach, 1.0) if value == 1 else (0.0, 1 - reach)), len(values))
    logit = math.log(value / (1 - value))
    half = _deviations(confidence) * math.sqrt(variance) / (value * (1 - value))
    return Estimate(value, _expit(logit - half), _expit(logit + half), len(values))


def bootstrap_interval(
    metric: Metric,
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """``metric(labels, scores)`` with a percentile bootstrap over ``groups`` ``(n,)`` (videos, people), drawn whole.

    A draw without one of the classes is drawn again. Raises :class:`DataError` if that happens more often than not.
    """
    forged, values = _both_classes(labels, scores)
    truth = forged.astype(np.float64)
    keys = np.arange(len(values)).astype(str) if groups is None else np.asarray([str(g) for g in groups])
    if len(keys) != len(values):
        raise DataError("the columns differ in length", got=f"{len(keys)} groups", want=str(len(values)))
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1])
    rng = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(2 * resamples):
        rows = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        if 0 < forged[rows].sum() < len(rows):
            found.append(metric(truth[rows], values[rows]))
        if len(found) == resamples:
            break
    else:
        raise DataError("too few groups to resample", got=f"{len(members)}", want="several of both classes")
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(metric(truth, values), float(low), float(high), len(values))


def equal_error_rate(labels: ArrayLike, scores: ArrayLike) -> float:
    """Where misses and false alarms are equally frequent, in [0, 1], between the steps of the ROC curve by a line."""
    false_alarms, hits = _roc(*_both_classes(labels, scores))
    gap = false_alarms - (1 - hits)  # from -1 to 1, never falling
    k = int(np.argmax(gap >= 0))
    share = -gap[k - 1] / (gap[k] - gap[k - 1])
    return float(false_alarms[k - 1] + share * (false_alarms[k] - false_alarms[k - 1]))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Precision at every recall that is reached, weighted by the gain in recall; no interpolation."""
    forged, values = _both_classes(labels, scores)
    found, flagged = _counts(forged, values)
    return float(np.sum(np.diff(found, prepend=0) / forged.sum() * found / flagged))


def tpr_at_fpr(labels: ArrayLike, scores: ArrayLike, fpr: float) -> float:
    """The largest share of forged samples found by a threshold that flags at most ``fpr`` of the genuine ones."""
    if not 0 <= fpr <= 1:
        raise DataError("the false-alarm rate is out of range", got=str(fpr), want="0 to 1")
    false_alarms, hits = _roc(*_both_classes(labels, scores))
    return float(hits[false_alarms <= fpr].max())


def log_loss(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean negative log likelihood in nats; a probability counts as at least 2^-52 from 0 and 1."""
    forged, p = _probabilities(labels, probabilities)
    tiny = np.finfo(np.float64).eps
    return float(-np.log(np.clip(np.where(forged, p, 1 - p), tiny, 1 - tiny)).mean())


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared error of the probabilities, in [0, 1] (Brier 1950)."""
    forged, p = _probabilities(labels, probabilities)
    return float(((p - forged) ** 2).mean())


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 15, equal: Literal["width", "mass"] = "width"
) -> float:
    """Mean distance between what is said and what happens, over bins, in [0, 1] (Naeini et al. 2015).

    ``equal``: bins of equal width, or holding equally many samples each in order of probability (equal probabilities
    stay together, so that the order of the samples does not matter).
    """
    forged, p = _probabilities(labels, probabilities)
    if bins < 1:
        raise DataError("the number of bins is out of range", got=str(bins), want="1 or more")
    if equal == "width":
        place = np.minimum((p * bins).astype(int), bins - 1)
    else:
        place = ((rankdata(p, method="min") - 1) * bins / len(p)).astype(int)
    gaps = np.bincount(place, p - forged, bins)
    return float(np.abs(gaps).sum() / len(p))


def min_c_llr(labels: ArrayLike, scores: ArrayLike) -> float:
    """The C_llr in bits after the best monotone calibration, by pooling adjacent violators (Brümmer & du Preez 2006).

    The share of ``c_llr`` above it is what calibration loses.
    """
    forged, values = _both_classes(labels, scores)
    _, step, counts = np.unique(values, return_inverse=True, return_counts=True)
    share = np.bincount(step, forged) / counts
    posterior = np.clip(isotonic_regression(share, weights=counts).x, 0, 1)[step]
    with np.errstate(divide="ignore"):
        logit = np.log(posterior) - np.log1p(-posterior)
    return c_llr(forged, logit - math.log(forged.sum() / (~forged).sum()))


def rate_interval(count: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """``count`` of ``n`` with Wilson's score interval (1927)."""
    if not 0 <= count <= n or n < 1:
        raise DataError("this is no rate", got=f"{count} of {n}", want="0 <= count <= n, n > 0")
    z, share = _deviations(confidence), count / n
    centre, half = share + z**2 / (2 * n), z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((centre + sign * half) / (1 + z**2 / n) for sign in (-1, 1))
    return Estimate(share, low if count else 0.0, high if count < n else 1.0, n)


def coverage(answers: Iterable[float | None]) -> Estimate:
    """The share of answers that are none of None, with Wilson's interval."""
    given = list(answers)
    if any(a is not None and math.isnan(a) for a in given):
        raise DataError("an answer is not a number", got="NaN", want="a number, or None for an abstention")
    return rate_interval(sum(a is not None for a in given), len(given))


def risk_coverage(labels: ArrayLike, llr: ArrayLike) -> tuple[Reals, Reals]:
    """Coverage in (0, 1] and risk ``(k,)`` as less and less sure answers are kept: an answer is as sure as its LLR is
    far from 0, and wrong where its sign is (0 is half wrong). Equally sure answers are kept together."""
    truth, values = _checked(labels, llr)
    order = np.argsort(-np.abs(values), kind="stable")
    wrong = np.where(values == 0, 0.5, (values > 0) != truth)[order]
    last = np.flatnonzero(np.append(np.diff(np.abs(values[order])) != 0, True))
    return (last + 1) / len(values), np.cumsum(wrong)[last] / (last + 1)


def aurc(labels: ArrayLike, llr: ArrayLike) -> float:
    """Area under the risk-coverage curve, in [0, 1]: the mean share of wrong answers over all coverages, least where
    those that are wrong are the least sure (Geifman, Uziel & El-Yaniv, ICLR 2019)."""
    coverage, risk = risk_coverage(labels, llr)
    return float((np.diff(coverage, prepend=0.0) * risk).sum())


def _counts(forged: Labels, values: Reals) -> tuple[Reals, Reals]:
    """How many forged, and how many at all, score at least each distinct score, from the highest down."""
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    return np.cumsum(forged[order])[last].astype(np.float64), (last + 1).astype(np.float64)


def _roc(forged: Labels, values: Reals) -> tuple[Reals, Reals]:
    """False-alarm and hit rates, from (0, 0) to (1, 1)."""
    found, flagged = _counts(forged, values)
    false_alarms = np.concatenate([[0.0], (flagged - found) / (~forged).sum()])
    return false_alarms, np.concatenate([[0.0], found / forged.sum()])


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Reals]:
    try:
        truth, values = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("labels and scores are no lists of numbers", got=str(error)) from error
    if truth.ndim != 1 or truth.shape != values.shape or not len(truth):
        raise DataError(
            "labels and scores do not match", got=f"{truth.shape} and {values.shape}", want="one score each"
        )
    if not np.isin(truth, (0, 1)).all():
        raise DataError("a label is neither 0 nor 1", want="1 forged, 0 genuine")
    if np.isnan(values).any():
        fix = "Drop failures and abstentions and report the coverage."
        raise DataError(
            "a score is missing", got=f"{int(np.isnan(values).sum())} of {len(values)}", want="none", fix=fix
        )
    return truth == 1, values


def _both_classes(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Reals]:
    forged, values = _checked(labels, scores)
    if forged.all() or not forged.any():
        raise DataError(
            "one of the classes is missing", got=f"{int(forged.sum())} forged of {len(forged)}", want="both"
        )
    return forged, values


def _probabilities(labels: ArrayLike, probabilities: ArrayLike) -> tuple[Labels, Reals]:
    forged, p = _checked(labels, probabilities)
    if p.min() < 0 or p.max() > 1:
        raise DataError("a probability is out of range", got=f"{p.min()} to {p.max()}", want="0 to 1")
    return forged, p


def _deviations(confidence: float) -> float:
    return float(ndtri((1 + confidence) / 2))


def _expit(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
