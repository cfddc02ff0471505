"""Each detector by itself, and the verdict without each family: from one pass in which all were asked.

What a detector says of the people of a file is put together as the fusion does it. Nothing is asked again, so the files
are the very same ones, and differences are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from zhenwei import fusion
from zhenwei.errors import DataError
from zhenwei.evaluation.items import Outcome, Said
from zhenwei.evaluation.results import Ablation
from zhenwei.stats import Estimate, metrics
from zhenwei.stats.bootstrap import Rows, bootstrap_interval, bootstrap_statistic
from zhenwei.stats.intervals import rate_interval
from zhenwei.stats.metrics import Metric
from zhenwei.types import Evidence, Kind


def llr_of(said: Sequence[Said], kind: Kind = "image") -> float | None:
    """The LLR of a file of that kind of which these detectors said this."""
    evidence = [Evidence(s.detector, s.llr, "", person=s.person, finds=s.finds) for s in said]
    return fusion.decide(evidence, kind=kind).llr


def by_detector(outcome: Outcome) -> dict[str, float | None]:
    """Each detector's LLR of the whole file."""
    names = dict.fromkeys(s.detector for s in outcome.said)
    return {name: llr_of([s for s in outcome.said if s.detector == name], outcome.kind) for name in names}


def ablations(name: str, outcomes: Sequence[Outcome], *, seed: int) -> list[Ablation]:
    """Rows of one set: every detector alone, then the verdict without each family of several."""
    detectors = sorted({s.detector for o in outcomes for s in o.said})
    if len(detectors) < 2:
        return []
    rows = []
    for detector in detectors:
        mine = [[s for s in o.said if s.detector == detector] for o in outcomes]
        alone = [llr_of(said, o.kind) if said else None for o, said in zip(outcomes, mine, strict=True)]
        seconds = [sum(s.seconds for s in said) for said in mine if said]
        row = _row(name, outcomes, alone, seed)
        rows.append(row.model_copy(update={"subject": detector, "seconds": round(median(seconds), 4)}))
    families = sorted({_family(detector) for detector in detectors})
    for family in families if len(families) > 1 else ():
        others = [[s for s in o.said if _family(s.detector) != family] for o in outcomes]
        rest = [llr_of(said, o.kind) for o, said in zip(outcomes, others, strict=True)]
        row = _row(name, outcomes, rest, seed)
        rows.append(row.model_copy(update={"subject": family, "without": True}))
    return rows


def _family(detector: str) -> str:
    return detector.split(".", 1)[0]


def _row(name: str, outcomes: Sequence[Outcome], llrs: Sequence[float | None], seed: int) -> Ablation:
    """Of ``llrs``, one a file, beside the verdict of all detectors on the very same files, in pairs."""
    pairs = [(o, llr) for o, llr in zip(outcomes, llrs, strict=True) if llr is not None and o.llr is not None]
    forged = np.array([o.item.forged for o, _ in pairs], bool)
    groups = [o.item.group for o, _ in pairs]
    alone = np.array([llr for _, llr in pairs], np.float64)
    fused = np.array([o.llr for o, _ in pairs], np.float64)

    def compared(metric: Metric) -> tuple[Estimate | None, Estimate | None]:
        def gained(rows: Rows) -> float:
            return metric(forged[rows], fused[rows]) - metric(forged[rows], alone[rows])

        sides = [[g for g, y in zip(groups, forged, strict=True) if y == label] for label in (False, True)]
        if min(len(set(side)) for side in sides) < 2:
            return None, None
        try:
            value = bootstrap_interval(metric, forged, alone, groups=groups, seed=seed)
            return value, bootstrap_statistic(gained, forged, groups=groups, seed=seed)
        except DataError:  # too few of a class in most resamples
            return None, None

    auc, auc_lost = compared(metrics.auc)
    cost, cost_gained = compared(metrics.c_llr)
    n_forged = len([o for o in outcomes if o.item.forged])
    return Ablation(
        set=name,
        subject="",
        without=False,
        genuine=len(outcomes) - n_forged,
        forged=n_forged,
        coverage=rate_interval(len([llr for llr in llrs if llr is not None]), len(outcomes)),
        auc=auc,
        auc_lost=auc_lost,
        c_llr=cost,
        c_llr_lost=None if cost_gained is None else -cost_gained,
    )
