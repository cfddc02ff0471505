"""Each detector by itself, and the verdict without each family: from one pass in which all were asked.

What a detector says of the people of a file is put together as the fusion does it. Nothing is asked again, so the files
are the very same ones, and differences are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from zhenwei import fusion
from zhenwei.errors import DataError
from zhenwei.evaluation.by_source import pairs_of
from zhenwei.evaluation.items import Answer, Columns, Outcome, class_sizes
from zhenwei.evaluation.results import Ablation
from zhenwei.stats import Estimate, metrics
from zhenwei.stats.bootstrap import Rows, bootstrap_interval, bootstrap_statistic
from zhenwei.stats.intervals import rate_interval
from zhenwei.stats.metrics import Metric
from zhenwei.types import Evidence, Kind


def llr_of(said: Sequence[Answer], kind: Kind = "image") -> float | None:
    """The LLR of a file of that kind of which these detectors said this."""
    evidence = [Evidence(s.detector, s.llr, "", person=s.person, finds=s.finds) for s in said]
    return fusion.decide(evidence, kind=kind).llr


def by_detector(outcome: Outcome) -> dict[str, float | None]:
    """Each detector's LLR of the whole file."""
    return {name: llr_of(said, outcome.kind) for name, said in _grouped(outcome).items()}


def _grouped(outcome: Outcome) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for said in outcome.said:
        found.setdefault(said.detector, []).append(said)
    return found


def ablations(name: str, outcomes: Sequence[Outcome], *, seed: int) -> list[Ablation]:
    """Rows of one set: every detector alone, then the verdict without each family of several."""
    said_of = [_grouped(o) for o in outcomes]
    detectors = sorted(set().union(*said_of))
    if len(detectors) < 2:
        return []
    rows, families = [], sorted(set(map(_family, detectors)))
    for detector in detectors:
        alone: list[float | None] = []
        seconds = []
        for o, said in zip(outcomes, said_of, strict=True):
            mine = said.get(detector)
            alone.append(llr_of(mine, o.kind) if mine else None)
            if mine:
                seconds.append(sum(s.seconds for s in mine))
        row = _row(name, outcomes, alone, seed)
        rows.append(row.model_copy(update={"subject": detector, "seconds": round(median(seconds), 4)}))
    for family in families if len(families) > 1 else ():
        rest = []
        for o in outcomes:
            others = [s for s in o.said if _family(s.detector) != family]
            rest.append(llr_of(others, o.kind))
        row = _row(name, outcomes, rest, seed)
        rows.append(row.model_copy(update={"subject": family, "without": True}))
    return rows


def _family(detector: str) -> str:
    return detector.split(".", 1)[0]


def _row(name: str, outcomes: Sequence[Outcome], llrs: Sequence[float | None], seed: int) -> Ablation:
    """Of ``llrs``, one a file, beside the verdict of all detectors on the very same files, in pairs."""
    rows = [(o.item.forged, o.item.group, llr, o.llr) for o, llr in zip(outcomes, llrs, strict=True)]
    both = Columns.of(rows, sides=2)
    alone, fused = both.llr

    def compared(metric: Metric) -> tuple[Estimate | None, Estimate | None]:
        def gained(rows: Rows) -> float:
            return metric(both.forged[rows], fused[rows]) - metric(both.forged[rows], alone[rows])

        if both.fewest_groups < 2:
            return None, None
        try:
            value = bootstrap_interval(metric, both.forged, alone, groups=both.groups, seed=seed)
            return value, bootstrap_statistic(gained, both.forged, groups=both.groups, seed=seed)
        except DataError:  # too few of a class in most resamples
            return None, None

    auc, auc_lost = compared(metrics.auc)
    cost, cost_gained = compared(metrics.c_llr)
    pairs = [(o.item.forged, o.item.group, o.item.video, llr) for o, llr in zip(outcomes, llrs, strict=True)]
    n_genuine, n_forged = class_sizes(outcomes)
    return Ablation(
        set=name,
        subject="",
        without=False,
        genuine=n_genuine,
        forged=n_forged,
        coverage=rate_interval(len(llrs) - list(llrs).count(None), len(outcomes)),
        auc=auc,
        auc_lost=auc_lost,
        pair_accuracy=pairs_of(pairs, seed),
        c_llr=cost,
        c_llr_lost=None if cost_gained is None else -cost_gained,
    )
