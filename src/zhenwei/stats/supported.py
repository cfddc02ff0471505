"""How far a likelihood ratio may go, by the number of independent groups that it was measured on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zhenwei.stats.metrics import Labels, Reals


def supported_range(llr: Reals, labels: Labels, groups: Sequence[object]) -> tuple[float, float]:
    """The LLRs ``(lowest, highest)`` that this much data supports: empirical bounds after Vergeer et al. 2016.

    An LLR of t is of use if somebody who needs t to be convinced loses less by heeding the system than by ignoring it,
    even had one more misleading case turned up on each side. Cases are counted in groups, so ``highest`` is below
    log(genuine groups + 1) and ``lowest`` above -log(forged groups + 1); both are 0 for a system of no use.
    """
    names = np.asarray([str(g) for g in groups])
    n_genuine, n_forged = len(set(names[~labels])), len(set(names[labels]))
    highest = _most_supported(llr[~labels], llr[labels], n_genuine, n_forged)
    return -_most_supported(-llr[labels], -llr[~labels], n_forged, n_genuine), highest


def _most_supported(against: Reals, towards: Reals, n_against: int, n_towards: int) -> float:
    supported = 0.0
    for t in np.linspace(0, np.log(n_against + 1), 200):
        false_alarm = ((against >= t).mean() * n_against + 1) / (n_against + 1)
        miss = ((towards < t).mean() * n_towards + 1) / (n_towards + 1)
        if false_alarm * np.exp(t) + miss >= 1:
            break
        supported = float(t)
    return supported
