"""Each detector by itself, and the verdict without each family: from one pass in which all were asked.

What a detector says of the people of a file is put together as the fusion does it. Nothing is asked again, so the files
are the very same ones, and differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from zhenwei import fusion
from zhenwei.errors import DataError
from zhenwei.evaluation import metrics
from zhenwei.evaluation.items import Outcome, Said
from zhenwei.evaluation.metrics import Estimate
from zhenwei.evaluation.results import Asked, Interval95
from zhenwei.types import Evidence, Kind

Metric = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


def llr_of(said: Sequence[Said], kind: Kind = "image") -> float | None:
    """The LLR of a file of that kind of which these detectors said this."""
    evidence = [Evidence(s.detector, s.llr, "", person=s.person, finds=s.finds) for s in said]
    return fusion.decide(evidence, kind=kind).llr


def by_detector(outcome: Outcome) -> dict[str, float | None]:
    """Each detector's LLR of the whole file."""
    names = dict.fromkeys(s.detector for s in outcome.said)
    return {name: llr_of([s for s in outcome.said if s.detector == name], outcome.kind) for name in names}


def asked_apart(name: str, outcomes: Sequence[Outcome], *, seed: int) -> list[Asked]:
    """Rows of one set: every detector alone, then the verdict without each family of several."""
    detectors = sorted({s.detector for o in outcomes for s in o.said})
    if len(detectors) < 2:
        return []
    whole = [o.llr for o in outcomes]
    found = []
    for detector in detectors:
        mine = [[s for s in o.said if s.detector == detector] for o in outcomes]
        seconds = [sum(s.seconds for s in some) for some in mine if some]
        row = _row(
            name,
            outcomes,
            [llr_of(some, o.kind) if some else None for o, some in zip(outcomes, mine, strict=True)],
            whole,
            seed,
        )
        found.append(row.model_copy(update={"subject": detector, "seconds": round(median(seconds), 4)}))
    families = sorted({detector.split(".", 1)[0] for detector in detectors})
    for family in families if len(families) > 1 else ():
        rest = [llr_of([s for s in o.said if s.detector.split(".", 1)[0] != family], o.kind) for o in outcomes]
        found.append(_row(name, outcomes, rest, whole, seed).model_copy(update={"subject": family, "without": True}))
    return found


def _row(
    name: str, outcomes: Sequence[Outcome], llrs: Sequence[float | None], whole: Sequence[float | None], seed: int
) -> Asked:
    rows = [(o, a, b) for o, a, b in zip(outcomes, llrs, whole, strict=True) if a is not None and b is not None]
    forged = np.array([o.item.forged for o, _, _ in rows], np.float64)
    groups = [o.item.group for o, _, _ in rows]
    alone, fused = (np.array([row[i] for row in rows], np.float64) for i in (1, 2))
    answered = sum(value is not None for value in llrs)

    def compared(metric: Metric) -> tuple[Interval95 | None, Interval95 | None]:
        if min(len({g for g, f in zip(groups, forged, strict=True) if f == label}) for label in (0, 1)) < 2:
            return None, None
        index = np.arange(len(forged), dtype=np.float64)

        def lost(truth: NDArray[np.float64], chosen: NDArray[np.float64]) -> float:
            at = chosen.astype(int)
            return metric(truth, fused[at]) - metric(truth, alone[at])

        try:
            value = metrics.bootstrap_interval(metric, forged, alone, groups=groups, seed=seed)
            gained = metrics.bootstrap_interval(lost, forged, index, groups=groups, seed=seed)
        except DataError:  # too few of a class in most resamples
            return None, None
        return _plain(value), _plain(gained)

    auc, auc_lost = compared(metrics.auc)
    cost, cost_lost = compared(metrics.c_llr)
    return Asked(
        set=name,
        subject="",
        without=False,
        genuine=sum(not o.item.forged for o in outcomes),
        forged=sum(o.item.forged for o in outcomes),
        coverage=_plain(metrics.rate_interval(answered, len(outcomes))),
        auc=auc,
        auc_lost=auc_lost,
        c_llr=cost,
        c_llr_lost=None if cost_lost is None else _turned(cost_lost),
    )


def _turned(e: Interval95) -> Interval95:
    """The other sign: of a cost, less is more."""
    return Interval95(value=-e.value, low=-e.high, high=-e.low, n=e.n)


def _plain(estimate: Estimate) -> Interval95:
    return Interval95(value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n)
