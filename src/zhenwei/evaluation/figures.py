"""From what was said of every file to figures with intervals, at the level of files, people or frames.

A case without an LLR is missing: it lowers coverage and enters no figure but the rates of decisions, whose
denominators count every file that was examined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.evaluation import metrics
from zhenwei.evaluation.apart import by_detector
from zhenwei.evaluation.items import Domain, Level, Outcome
from zhenwei.evaluation.metrics import Estimate
from zhenwei.evaluation.results import Figures, FileResult, Interval95, Step
from zhenwei.evaluation.shortcuts import metadata_probe

_RESAMPLES = 1000
_FEWEST_FOR_ECE = 100
_FEWEST_TO_PROBE = (10, 20)  # groups and files of each class

Metric = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


@dataclass(frozen=True, slots=True)
class Case:
    """One file, person or frame. ``decision`` "" below the level of files, where none is made."""

    forged: bool
    llr: float | None
    decision: str
    group: str


def cases(outcomes: Sequence[Outcome], level: Level) -> list[Case]:
    """What is counted at a level. A file of which nothing was said counts once at every level, without an answer."""
    found: list[Case] = []
    for o in outcomes:
        parts = [p for p in o.parts if p.level == level]
        if level == "video" or not parts:
            decision = o.decision if level == "video" else ""
            found.append(Case(o.item.forged, o.llr if level == "video" else None, decision, o.item.group))
        else:
            found += [Case(o.item.forged, p.llr, "", o.item.group) for p in parts]
    return found


def figures_of(
    name: str, outcomes: Sequence[Outcome], *, level: Level = "video", part: str = "", domain: Domain, seed: int
) -> Figures:
    """Every figure that these outcomes support; ``part`` says which slice of the set they are. 95 % intervals:
    bootstrap over groups for figures of scores, Wilson's for rates, DeLong's for the second AUC."""
    every = cases(outcomes, level)
    said = [c for c in every if c.llr is not None]
    scored = _of_scores(said, seed) if _fewest_groups(said) >= 2 else {}
    files = outcomes if level == "video" else ()
    return Figures(
        name=name,
        slice=part,
        level=level,
        domain=domain,
        genuine=sum(not c.forged for c in every),
        forged=sum(c.forged for c in every),
        groups=len({c.group for c in every}),
        coverage=_plain(metrics.rate_interval(len(said), len(every))),
        false_alarms=_share(files, False, "forged"),
        called_genuine=_share(files, False, "genuine"),
        found=_share(files, True, "forged"),
        missed=_share(files, True, "genuine"),
        metadata_auc=_probe(files, seed) if not part else None,
        **scored,
    )


def _of_scores(said: Sequence[Case], seed: int) -> dict[str, Interval95 | None]:
    labels = np.array([c.forged for c in said], np.float64)
    llr = np.array([c.llr for c in said], np.float64)
    groups = [c.group for c in said]

    def over_groups(metric: Metric) -> Interval95:
        estimate = metrics.bootstrap_interval(metric, labels, llr, groups=groups, seed=seed, resamples=_RESAMPLES)
        return _plain(estimate)

    enough = len(said) >= _FEWEST_FOR_ECE
    return {
        "auc": over_groups(metrics.auc),
        "auc_delong": _plain(metrics.auc_interval_delong(labels, llr)),
        "eer": over_groups(metrics.equal_error_rate),
        "average_precision": over_groups(metrics.average_precision),
        "tpr_at_1": over_groups(lambda y, s: metrics.tpr_at_fpr(y, s, 0.01)) if enough else None,
        "tpr_at_5": over_groups(lambda y, s: metrics.tpr_at_fpr(y, s, 0.05)) if enough else None,
        "log_loss": over_groups(lambda y, s: metrics.log_loss(y, _probability(s))),
        "brier": over_groups(lambda y, s: metrics.brier(y, _probability(s))),
        "ece": over_groups(expected_calibration_error) if enough else None,
        "c_llr": over_groups(metrics.c_llr),
        "min_c_llr": over_groups(metrics.min_c_llr),
        "aurc": over_groups(metrics.aurc),
        "random_label_auc": _shuffled(labels, llr, groups, seed),
    }


def expected_calibration_error(labels: NDArray[np.float64], llr: NDArray[np.float64]) -> float:
    """Of the probability at even prior odds, in ten bins of equal mass."""
    return metrics.expected_calibration_error(labels, _probability(llr), bins=10, equal="mass")


def _probability(llr: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-llr)), np.float64)


def _shuffled(
    labels: NDArray[np.float64], llr: NDArray[np.float64], groups: Sequence[str], seed: int
) -> Interval95 | None:
    """The control: the same scores against labels dealt out anew, case by case. 0.5 must lie in its interval."""
    dealt = np.random.default_rng((seed, 5)).permutation(labels)
    estimate = metrics.bootstrap_interval(metrics.auc, dealt, llr, groups=groups, seed=seed, resamples=_RESAMPLES)
    return _plain(estimate)


def _fewest_groups(said: Sequence[Case]) -> int:
    """Of the class that has fewer: with one group, a bootstrap cannot tell how far a figure varies."""
    return min(len({c.group for c in said if c.forged == forged}) for forged in (False, True))


def _share(outcomes: Sequence[Outcome], forged: bool, decision: str) -> Interval95 | None:
    mine = [o for o in outcomes if o.item.forged == forged]
    return _plain(metrics.rate_interval(sum(o.decision == decision for o in mine), len(mine))) if mine else None


def _probe(outcomes: Sequence[Outcome], seed: int) -> Interval95 | None:
    usable = [o for o in outcomes if o.facts]
    labels = np.array([o.item.forged for o in usable])
    groups = [o.item.group for o in usable]
    counts = [
        (len({g for g, y in zip(groups, labels, strict=True) if y == c}), int((labels == c).sum())) for c in (0, 1)
    ]
    if any(g < _FEWEST_TO_PROBE[0] or n < _FEWEST_TO_PROBE[1] for g, n in counts):
        return None
    names = sorted({name for o in usable for name in o.facts})
    table = np.array([[o.facts.get(name, np.nan) for name in names] for o in usable])
    return _plain(metadata_probe(table, labels, groups, seed=seed))


def step_of(
    set_name: str,
    family: str,
    name: str,
    amount: float,
    clean: Sequence[Outcome],
    delivered: Sequence[Outcome],
    *,
    seed: int,
) -> Step:
    """One step of the robustness ladder: the same files as they are and as they arrived, in the same order.

    What is lost is measured on the files that were answered both times; a verdict has flipped if it went from one
    side to the other.
    """
    both = [(c, d) for c, d in zip(clean, delivered, strict=True) if c.llr is not None and d.llr is not None]
    labels = np.array([c.item.forged for c, _ in both], np.float64)
    groups = [c.item.group for c, _ in both]
    before, after = (np.array([pair[k].llr for pair in both], np.float64) for k in (0, 1))
    sides = {c.item.group for c, _ in both if c.item.forged}, {c.item.group for c, _ in both if not c.item.forged}
    area = lost = None
    if min(len(s) for s in sides) >= 2:
        area = _plain(metrics.bootstrap_interval(metrics.auc, labels, after, groups=groups, seed=seed))
        lost = _auc_lost(labels, before, after, groups, seed)
    flips = sum({c.decision, d.decision} == {"forged", "genuine"} for c, d in both)
    return Step(
        set=set_name,
        family=family,
        step=name,
        amount=amount,
        genuine=sum(not o.item.forged for o in delivered),
        forged=sum(o.item.forged for o in delivered),
        coverage=sum(o.llr is not None for o in delivered) / max(1, len(delivered)),
        auc=area,
        auc_lost=lost,
        false_alarms=_share(delivered, False, "forged"),
        flipped=_plain(metrics.rate_interval(flips, len(both))) if both else None,
    )


def _auc_lost(
    labels: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    groups: Sequence[str],
    seed: int,
) -> Interval95:
    """Paired: rows are drawn with both their scores, so that what both share cancels."""
    rows = np.arange(len(labels), dtype=np.float64)

    def difference(truth: NDArray[np.float64], chosen: NDArray[np.float64]) -> float:
        index = chosen.astype(int)
        return metrics.auc(truth, before[index]) - metrics.auc(truth, after[index])

    return _plain(metrics.bootstrap_interval(difference, labels, rows, groups=groups, seed=seed))


def files_of(outcomes: Sequence[Outcome], delivery: str = "") -> list[FileResult]:
    """As they stand in the results file, finer levels behind each file."""
    found: list[FileResult] = []
    for o in outcomes:
        whole = FileResult(
            set=o.item.set_name,
            file=o.item.name,
            forged=o.item.forged,
            method=o.item.method,
            origin=o.item.origin,
            group=o.item.group,
            delivery=delivery,
            llr=o.llr,
            score=o.score,
            decision=o.decision,
            reason=o.reason,
        )
        found.append(whole if delivery else whole.model_copy(update={"by_detector": by_detector(o)}))
        for p in o.parts:
            part = {"part": p.key, "level": p.level, "llr": p.llr, "score": p.score, "decision": "", "reason": ""}
            found.append(whole.model_copy(update=part))
    return found


def _plain(estimate: Estimate) -> Interval95:
    return Interval95(value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n)
