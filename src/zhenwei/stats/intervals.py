"""Confidence intervals by formula: Wilson's for rates, DeLong's for the area under the ROC curve."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from scipy.special import ndtri

from zhenwei.errors import DataError
from zhenwei.stats.estimate import Estimate
from zhenwei.stats.metrics import Labels, Reals, auc, both_classes, rank_shares


def rate_interval(count: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """``count`` of ``n`` with Wilson's score interval (1927)."""
    if not 0 <= count <= n or n < 1:
        raise DataError("this is no rate", got=f"{count} of {n}", want="0 <= count <= n, n > 0")
    z, share = _deviations(confidence), count / n
    centre, half = share + z**2 / (2 * n), z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((centre + sign * half) / (1 + z**2 / n) for sign in (-1, 1))
    return Estimate(share, low if count else 0.0, high if count < n else 1.0, n)


def auc_interval_delong(labels: ArrayLike, scores: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The AUC with DeLong's variance (DeLong, DeLong & Clarke-Pearson 1988), on the logit scale.

    For independent samples; with several of one video or identity use ``bootstrap_interval`` over those. An AUC of 0 or
    1 has no variance: its interval is then that of as many untied pairs as the smaller class holds, all in order.
    """
    forged, values = both_classes(labels, scores)
    value, variance = auc(labels, scores), delong_variance(forged, *rank_shares(forged, values))
    if value in (0.0, 1.0):
        n_smaller = min(int(forged.sum()), int((~forged).sum()))
        reach = float(((1 - confidence) / 2) ** (1 / n_smaller))
        return Estimate(value, *((reach, 1.0) if value == 1 else (0.0, 1 - reach)), len(values))
    logit = math.log(value / (1 - value))
    half = _deviations(confidence) * math.sqrt(variance) / (value * (1 - value))
    return Estimate(value, _expit(logit - half), _expit(logit + half), len(values))


def delong_variance(forged: Labels, above: Reals, below: Reals) -> float:
    """Of the AUC, or of a difference of two, from the shares ``above`` ``(n_forged,)`` and ``below`` ``(n_genuine,)``
    of :func:`rank_shares`. Raises :class:`DataError` for one sample of a class."""
    n_forged, n_genuine = int(forged.sum()), int((~forged).sum())
    if min(n_forged, n_genuine) < 2:
        got, want = "one sample of a class", "two or more of each"
        raise DataError("the variance of the AUC is not defined", got=got, want=want)
    return float(above.var(ddof=1) / n_forged + below.var(ddof=1) / n_genuine)


def _deviations(confidence: float) -> float:
    return float(ndtri((1 + confidence) / 2))


def _expit(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
