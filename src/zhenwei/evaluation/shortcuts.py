"""Shortcut probe: can the label be told from metadata alone? A detector may have learned just that."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zhenwei.errors import DataError
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import bootstrap_interval
from zhenwei.stats.logistic import apply_logistic, fit_logistic, group_folds
from zhenwei.stats.metrics import auc

_BINS = 6
_MAX_PAIRED = 12  # columns of which all products are taken


def metadata_probe(
    features: NDArray[np.floating], labels: ArrayLike, groups: Sequence[object], *, seed: int, folds: int = 5
) -> Estimate:
    """How well a small classifier tells forged from genuine by ``features`` ``(n, d)`` alone: AUC over samples that it
    did not see, with a 95 % interval over ``groups`` ``(n,)``. At chance if 0.5 lies in the interval.

    ``features``: size, sharpness, bytes a pixel, quantisation, and the like; NaN = unknown, which may itself tell.
    ``labels`` ``(n,)``: 1 forged, 0 genuine. ``groups``: identities or sources, never split between folds.
    The classifier is a logistic regression on ranks, their squares and products, and quantile bins, so it finds
    monotone, humped, single-valued and pairwise shortcuts. The interval is a bootstrap of the unseen scores, widened
    by sqrt(1 + folds x test / training) because the folds' classifiers were trained on much the same samples
    (Nadeau & Bengio 2003); without that it misses chance one time in five.
    Raises :class:`DataError` for too few groups.
    """
    table, truth = np.asarray(features, np.float64), np.asarray(labels, np.float64)
    if table.ndim != 2 or not len(table) == len(truth) == len(groups):
        raise DataError("the features do not match the labels", got=str(table.shape), want=f"({len(truth)}, columns)")
    if not np.isin(truth, (0, 1)).all():
        raise DataError("a label is neither 0 nor 1", want="1 forged, 0 genuine")
    forged = truth == 1
    fold = group_folds(groups, forged, folds=folds, seed=seed)
    scores = np.full(len(truth), np.nan)
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        if forged[train].all() or not forged[train].any():
            raise DataError("too few groups to probe", got="one class is gone without one fold", want="several of each")
        weights = np.where(forged[train], 0.5 / forged[train].sum(), 0.5 / (~forged[train]).sum()) * train.sum()
        coefficients = fit_logistic(_expand(table[train], table[train]), forged[train], weights, l2=5.0)
        scores[test] = apply_logistic(_expand(table[test], table[train]), coefficients)
    seen = bootstrap_interval(auc, truth, scores, groups=groups, seed=seed, resamples=500)
    wider = math.sqrt(1 + folds / (folds - 1))
    low, high = seen.value - wider * (seen.value - seen.low), seen.value + wider * (seen.high - seen.value)
    return Estimate(seen.value, max(0.0, low), min(1.0, high), seen.n)


def _expand(table: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the classifier is given of ``table`` ``(n, d)``; ranks and bins are those of ``reference``."""
    ranks = np.column_stack([_rank(c, r) for c, r in zip(table.T, reference.T, strict=True)])
    missing = np.isnan(table)
    inside = np.clip(((ranks + 1) / 2 * _BINS).astype(int), 0, _BINS - 1)
    bins = [((inside == b) & ~missing).astype(np.float64) for b in range(_BINS)]
    first = ranks[:, :_MAX_PAIRED]
    row, column = np.triu_indices(first.shape[1], k=1)
    return np.column_stack([ranks, ranks**2, missing, *bins, first[:, row] * first[:, column]])


def _rank(values: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mid-rank of ``values`` among ``reference``, in [-1, 1]; 0 where unknown."""
    known = np.sort(reference[~np.isnan(reference)])
    if not len(known):
        return np.zeros(len(values))
    below, upto = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
    return np.where(np.isnan(values), 0.0, (below + upto) / len(known) - 1)
