"""Tests on pairs: the same cases seen by two systems, and many tests adjusted together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr
from scipy.stats import binomtest

from zhenwei.stats.intervals import delong_variance
from zhenwei.stats.metrics import Reals, rank_shares


def delong(labels: ArrayLike, one: ArrayLike, other: ArrayLike) -> tuple[float, float | None]:
    """AUC of ``other`` minus that of ``one``, both ``(n,)`` on the same cases, and the two-sided p of no difference,
    from their paired covariance (DeLong, DeLong & Clarke-Pearson 1988); None where the difference has no variance."""
    forged = np.asarray(labels, np.float64) == 1
    above_one, below_one = rank_shares(forged, np.asarray(one, np.float64))
    above_other, below_other = rank_shares(forged, np.asarray(other, np.float64))
    above, below = above_other - above_one, below_other - below_one
    variance = delong_variance(forged, above, below)
    difference = float(above.mean())
    if variance <= 0:
        return difference, None
    return difference, float(2 * ndtr(-abs(difference) / math.sqrt(variance)))


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p of no difference, from the cases on which the two disagree (Q. McNemar 1947)."""
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: the k-th smallest of m times m - k + 1, never falling, at most 1."""
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda i: (p[i], i))):
        largest = max(largest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = largest
    return adjusted


def bootstrap_p(drawn: Reals) -> float:
    """Two-sided, by how often a draw lies on the other side of 0; never below 1 / (draws + 1)."""
    below, above = (1 + (drawn <= 0).sum()) / (len(drawn) + 1), (1 + (drawn >= 0).sum()) / (len(drawn) + 1)
    return float(min(1.0, 2 * min(below, above)))
