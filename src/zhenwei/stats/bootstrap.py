"""The cluster bootstrap: samples of one person, source video or photograph are drawn whole, with replacement.

Every interval by resampling in the package comes from here; all are percentile intervals, but where no
sample changes the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zhenwei.errors import DataError
from zhenwei.stats.estimate import Estimate
from zhenwei.stats.metrics import Labels, Metric, Reals, auc, both_classes, pairs_won

Rows = NDArray[np.int64]
Statistic = Callable[[Rows], float]  # of the samples with these row numbers
_TAILS = (0.025, 0.975)


def resampled_rows(
    groups: ArrayLike, *, forged: Labels | None = None, seed: int = 0, resamples: int = 1000
) -> Iterator[Rows]:
    """Row numbers of each bootstrap sample: as many groups as there are, drawn with replacement, all rows of each.

    ``groups`` ``(n,)``: what belongs together. With ``forged`` ``(n,)`` a sample without one of the classes is drawn
    again; raises :class:`DataError` if that happens more often than not.
    """
    _, inverse, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1])
    rng = np.random.default_rng(seed)
    kept = 0
    for _ in range(2 * resamples):
        rows = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        if forged is not None and not 0 < forged[rows].sum() < len(rows):
            continue
        yield rows
        kept += 1
        if kept == resamples:
            return
    raise DataError("too few groups to resample", got=f"{len(members)}", want="several of both classes")


def percentile_interval(
    value: float, drawn: Sequence[float] | Reals, n: int, *, tails: tuple[float, float] = _TAILS
) -> Estimate:
    """``value`` with the quantiles ``tails`` of what was ``drawn`` around it."""
    low, high = np.quantile(drawn, tails)
    return Estimate(value, float(low), float(high), n)


def bootstrap_interval(
    metric: Metric,
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
    drawn: Sequence[Rows] | None = None,
) -> Estimate:
    """``metric(labels, scores)`` with an interval over ``groups`` ``(n,)`` (videos, people); each sample by default.

    ``drawn``: the samples of :func:`resampled_rows`, where several figures of the same scores are wanted. An AUC of 0
    or 1 comes out of every sample: its interval is that of as many single pairs as the smaller class has groups
    (Clopper-Pearson).
    """
    forged, values = both_classes(labels, scores)
    truth = forged.astype(np.float64)
    found = bootstrap_statistic(
        lambda rows: metric(truth[rows], values[rows]),
        forged,
        groups=groups,
        seed=seed,
        resamples=resamples,
        confidence=confidence,
        drawn=drawn,
    )
    if metric is not auc or found.value not in (0.0, 1.0):
        return found
    names = np.array([str(group) for group in (range(len(forged)) if groups is None else groups)])
    reach = float(((1 - confidence) / 2) ** (1 / min(len(set(names[forged])), len(set(names[~forged])))))
    return Estimate(found.value, *((reach, 1.0) if found.value else (0.0, 1 - reach)), found.n)


def bootstrap_statistic(
    statistic: Statistic,
    forged: Labels,
    *,
    groups: Sequence[object] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
    drawn: Sequence[Rows] | None = None,
) -> Estimate:
    """As :func:`bootstrap_interval`, of whatever can be told from row numbers, such as a difference in pairs."""
    n = len(forged)
    names = [str(group) for group in (range(n) if groups is None else groups)]
    if len(names) != n:
        raise DataError("the columns differ in length", got=f"{len(names)} groups", want=str(n))
    samples = drawn or resampled_rows(names, forged=forged, seed=seed, resamples=resamples)
    values = [statistic(rows) for rows in samples]
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    return percentile_interval(statistic(np.arange(n)), values, n, tails=tails)


def pair_interval(
    labels: ArrayLike, scores: ArrayLike, originals: Sequence[str], *, groups: Sequence[object], seed: int = 0
) -> Estimate | None:
    """``metrics.pair_accuracy`` with its interval over the ``groups`` ``(n,)`` of the originals; ``n`` counts pairs.

    None where there is no pair, or pairs of one group alone, which cannot tell how far the figure varies. At 0 and 1,
    which do not vary at all, the interval is that of as many single pairs as there are groups (Clopper-Pearson).
    """
    won, pairs = pairs_won(labels, scores, originals)
    rows = np.flatnonzero(pairs)
    names = [str(groups[row]) for row in rows.tolist()]
    if len(set(names)) < 2:
        return None
    won, pairs = won[rows], pairs[rows]
    value, n = float(won.sum() / pairs.sum()), int(pairs.sum())
    if value in (0.0, 1.0):
        reach = _TAILS[0] ** (1 / len(set(names)))
        return Estimate(value, reach, 1.0, n) if value else Estimate(value, 0.0, 1 - reach, n)
    drawn = [won[some].sum() / pairs[some].sum() for some in resampled_rows(names, seed=seed)]
    return percentile_interval(value, drawn, n)


def mean_interval(
    values: ArrayLike, groups: Sequence[object] | None = None, *, seed: int = 0, resamples: int = 2000
) -> Estimate:
    """The mean of ``values`` ``(n,)`` with its interval over ``groups`` ``(n,)``; each value by default.

    Raises :class:`DataError` for numbers missing or fewer than two groups.
    """
    each = np.asarray(values)
    n = len(each)
    rng = np.random.default_rng(seed)
    if groups is None:
        return percentile_interval(float(each.mean()), each[rng.integers(0, n, (resamples, n))].mean(axis=1), n)
    each = each.astype(np.float64)
    if each.ndim != 1 or n != len(groups) or not np.isfinite(each).all():
        raise DataError("these are no measures", got=str(each.shape), want="finite numbers, a group each")
    _, inverse = np.unique([str(group) for group in groups], return_inverse=True)
    count = int(inverse.max()) + 1 if n else 0
    if count < 2:
        raise DataError("too few groups to resample", got=str(count), want="at least 2")
    sums, sizes = np.bincount(inverse, each), np.bincount(inverse)
    drawn = rng.integers(0, count, (resamples, count))  # (resamples, groups)
    return percentile_interval(float(each.mean()), sums[drawn].sum(1) / sizes[drawn].sum(1), n)
