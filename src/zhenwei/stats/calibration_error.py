"""The calibration error with an interval that holds both the figure and, where it can, the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from zhenwei.errors import DataError
from zhenwei.stats.bootstrap import Rows, resampled_rows
from zhenwei.stats.estimate import Estimate
from zhenwei.stats.metrics import both_classes, expected_calibration_error

_TAILS = (0.025, 0.975)
_TRUE = 200  # draws of what perfectly calibrated answers would show


def calibration_error_interval(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: Sequence[object],
    bins: int = 15,
    equal: Literal["width", "mass"] = "width",
    seed: int = 0,
    resamples: int = 1000,
    drawn: Sequence[Rows] | None = None,
) -> Estimate:
    """:func:`zhenwei.stats.metrics.expected_calibration_error` with a 95 % interval over ``groups`` ``(n,)``.

    A mean of distances is too large in every sample, the more the smaller it is, and once more in each resample of it:
    quantiles of resamples often lie above the figure itself. They are moved back by what resampling adds, and the lower
    end also by what answers that are right would show on as many groups, so that the interval holds the figure always
    and the truth at least as often as it says (rather more often; simulated in the tests).
    """
    forged, p = both_classes(labels, probabilities)
    names = [str(group) for group in groups]
    if len(names) != len(p):
        raise DataError("the columns differ in length", got=f"{len(names)} groups", want=str(len(p)))

    def error(truth: ArrayLike, said: ArrayLike) -> float:
        return expected_calibration_error(truth, said, bins=bins, equal=equal)

    value = error(forged, p)
    samples = drawn or resampled_rows(names, forged=forged, seed=seed, resamples=resamples)
    found = np.array([error(forged[rows], p[rows]) for rows in samples])
    added = float(found.mean()) - value
    low, high = np.quantile(found, _TAILS) - added
    rng = np.random.default_rng((seed, 7))
    names_at, group = np.unique(names, return_inverse=True)
    by_chance = np.mean([error(rng.random(len(names_at))[group] < p, p) for _ in range(_TRUE)])
    return Estimate(value, max(0.0, min(value, float(low)) - float(by_chance)), max(value, float(high)), len(p))
