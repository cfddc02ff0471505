"""Figures of merit. ``labels``: 1 forged, 0 genuine; a higher score is more forged.

A failure or an abstention is no score: NaN and None are refused with ``DataError``. Callers drop them and report
the share that was answered beside the figure. Infinite scores are allowed where only their order counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import rankdata

from zhenwei.errors import DataError

Reals = NDArray[np.float64]
Labels = NDArray[np.bool_]
Metric = Callable[[Labels | Reals, Reals], float]


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve, in [0, 1]: how often a forged sample scores above a genuine one, ties half."""
    forged, values = both_classes(labels, scores)
    genuine, theirs = np.sort(values[~forged]), values[forged]
    # By hand: bootstraps ask this by the thousand, and SciPy's ranks take ten times as long over their checks.
    won = genuine.searchsorted(theirs, "left").sum() + genuine.searchsorted(theirs, "right").sum()  # twice
    return float(won / 2 / (len(theirs) * len(genuine)))


def equal_error_rate(labels: ArrayLike, scores: ArrayLike) -> float:
    """Where misses and false alarms are equally frequent, in [0, 1], between the steps of the ROC curve by a line."""
    false_alarms, hits = _roc(*both_classes(labels, scores))
    gap = false_alarms - (1 - hits)  # from -1 to 1, never falling
    k = int(np.argmax(gap >= 0))
    share = -gap[k - 1] / (gap[k] - gap[k - 1])
    return float(false_alarms[k - 1] + share * (false_alarms[k] - false_alarms[k - 1]))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Precision at every recall that is reached, weighted by the gain in recall; no interpolation."""
    forged, values = both_classes(labels, scores)
    found, flagged = _counts(forged, values)
    return float(np.sum(np.diff(found, prepend=0) / forged.sum() * found / flagged))


def tpr_at_fpr(labels: ArrayLike, scores: ArrayLike, fpr: float) -> float:
    """The largest share of forged samples found by a threshold that flags at most ``fpr`` of the genuine ones."""
    if not 0 <= fpr <= 1:
        raise DataError("the false-alarm rate is out of range", got=str(fpr), want="0 to 1")
    false_alarms, hits = _roc(*both_classes(labels, scores))
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
        place = (np.sort(p).searchsorted(p) * bins / len(p)).astype(int)
    gaps = np.bincount(place, p - forged, bins)
    return float(np.abs(gaps).sum() / len(p))


def c_llr(labels: ArrayLike, llr: ArrayLike) -> float:
    """The cost of log-likelihood ratios in bits (Brümmer & du Preez 2006): 0 perfect, 1 as good as saying nothing.

    ``labels`` ``(n,)``: 1 forged, 0 genuine; ``llr`` ``(n,)``, may be infinite. Raises :class:`DataError` for NaN or a
    class that is missing.
    """
    forged, values = np.asarray(labels, np.float64) == 1, np.asarray(llr, np.float64)
    if values.shape != forged.shape or np.isnan(values).any() or forged.all() or not forged.any():
        raise DataError("the cost of these LLRs is not defined", want="LLRs without NaN, of both classes")
    costs = np.logaddexp(0, np.where(forged, -values, values)) / np.log(2)
    return float((costs[forged].mean() + costs[~forged].mean()) / 2)


def min_c_llr(labels: ArrayLike, scores: ArrayLike) -> float:
    """The C_llr in bits after the best monotone calibration, by pooling adjacent violators (Brümmer & du Preez 2006).

    The share of ``c_llr`` above it is what calibration loses.
    """
    forged, values = both_classes(labels, scores)
    _, step, counts = np.unique(values, return_inverse=True, return_counts=True)
    share = np.bincount(step, forged) / counts
    posterior = np.clip(isotonic_regression(share, weights=counts).x, 0, 1)[step]
    with np.errstate(divide="ignore"):
        logit = np.log(posterior) - np.log1p(-posterior)
    return c_llr(forged, logit - math.log(forged.sum() / (~forged).sum()))


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


def rank_shares(forged: Labels, values: Reals) -> tuple[Reals, Reals]:
    """For each forged sample the share of genuine ones below it, for each genuine one the share of forged above it."""
    ranks = rankdata(values)
    above = (ranks[forged] - rankdata(values[forged])) / (~forged).sum()
    return above, 1 - (ranks[~forged] - rankdata(values[~forged])) / forged.sum()


def pair_accuracy(labels: ArrayLike, scores: ArrayLike, originals: Sequence[str]) -> float:
    """The share of pairs of a forgery and an original of its own in which the forgery scores higher, ties half.

    ``originals`` ``(n,)``: which recording a sample is, or was made from; "" is not known and pairs with nothing.
    Raises :class:`DataError` where there is no pair.
    """
    won, pairs = pairs_won(labels, scores, originals)
    if not pairs.any():
        raise DataError("there is no forgery beside its original", want="both, of one recording")
    return float(won.sum() / pairs.sum())


def pairs_won(labels: ArrayLike, scores: ArrayLike, originals: Sequence[str]) -> tuple[Reals, Reals]:
    """For each sample ``(n,)``, as an original: how many of its forgeries score higher, of how many; 0 of 0 for those
    without a forgery, and for the forgeries themselves."""
    forged, values = _checked(labels, scores)
    won, pairs = np.zeros(len(values)), np.zeros(len(values))
    names, place = np.unique(np.asarray(originals, str), return_inverse=True)
    members = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    for name, rows in zip(names, members, strict=True):
        genuine, theirs = rows[~forged[rows]], np.sort(values[rows[forged[rows]]])
        if name and len(theirs):
            below, upto = (np.searchsorted(theirs, values[genuine], side) for side in ("left", "right"))
            won[genuine] = len(theirs) - (below + upto) / 2
            pairs[genuine] = len(theirs)
    return won, pairs


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


def both_classes(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Reals]:
    """As booleans (True = forged) and numbers. Raises :class:`DataError` unless both classes are there."""
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


def intraclass_correlation(values: ArrayLike, groups: Sequence[object]) -> float:
    """How alike values of one group are, in [0, 1]: the share of the variance that lies between groups.

    The estimate by analysis of variance for groups of unequal size (Donner, Int. Stat. Rev. 1986); 0 where groups
    differ less than chance would have them. Raises :class:`DataError` where no group has two values, or all have one.
    """
    numbers = np.asarray(values, np.float64)
    _, place, count = np.unique(np.asarray([str(g) for g in groups]), return_inverse=True, return_counts=True)
    total, kinds = len(numbers), len(count)
    if kinds < 2 or total <= kinds or not np.isfinite(numbers).all():
        got = f"{total} values in {kinds} groups"
        raise DataError("values cannot be compared within groups", got=got, want="two groups or more, finite values")
    means = np.bincount(place, numbers) / count
    between = float((count * (means - numbers.mean()) ** 2).sum()) / (kinds - 1)
    within = float(((numbers - means[place]) ** 2).sum()) / (total - kinds)
    size = (total - float((count**2).sum()) / total) / (kinds - 1)
    spread = between + (size - 1) * within
    return float(np.clip((between - within) / spread, 0.0, 1.0)) if spread > 0 else 1.0
