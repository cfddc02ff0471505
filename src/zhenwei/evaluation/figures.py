"""From what was said of every file to figures with intervals, at the level of files, people or frames.

A case without an LLR is missing: it lowers coverage and enters no figure but the rates of decisions, whose
denominators count every file that was examined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zhenwei.errors import DataError
from zhenwei.evaluation.ablation import by_detector
from zhenwei.evaluation.by_source import pairs_of
from zhenwei.evaluation.items import Columns, Domain, Level, Outcome, class_sizes
from zhenwei.evaluation.results import Figures, FileResult, Step
from zhenwei.evaluation.shortcuts import metadata_probe
from zhenwei.stats import Estimate, metrics
from zhenwei.stats.bootstrap import Rows, bootstrap_interval, bootstrap_statistic, resampled_rows
from zhenwei.stats.calibration_error import calibration_error_interval
from zhenwei.stats.intervals import auc_interval_delong, rate_interval
from zhenwei.stats.metrics import Labels, Metric, Reals

_RESAMPLES = 1000
_MOST_KEPT = 20_000  # cases; their samples take 160 MB
_FEWEST_FOR_ECE = 100
_FEWEST_TO_PROBE = (10, 20)  # groups and files of each class


def cases(outcomes: Sequence[Outcome], level: Level) -> list[tuple[bool, str, float | None]]:
    """Label, group and LLR of each file, person or frame. A file of which nothing was said counts once at every
    level, without an answer."""
    found: list[tuple[bool, str, float | None]] = []
    for o in outcomes:
        llrs = [o.llr] if level == "video" else [p.llr for p in o.parts if p.level == level]
        for llr in llrs or [None]:
            found.append((o.item.forged, o.item.group, llr))
    return found


def figures_of(
    name: str, outcomes: Sequence[Outcome], *, level: Level = "video", part: str = "", domain: Domain, seed: int
) -> Figures:
    """Every figure that these outcomes support; ``part`` says which slice of the set they are. 95 % intervals:
    bootstrap over groups for figures of scores, Wilson's for rates, DeLong's for the second AUC."""
    every = cases(outcomes, level)
    labels, groups, _ = zip(*every, strict=True)
    said = Columns.of(every)
    scored = _of_scores(said, seed) if said.fewest_groups >= 2 else {}
    files = outcomes if level == "video" else ()
    return Figures(
        name=name,
        slice=part,
        level=level,
        domain=domain,
        genuine=labels.count(False),
        forged=labels.count(True),
        groups=len(set(groups)),
        coverage=rate_interval(len(said.groups), len(every)),
        false_alarms=_share(files, False, "forged"),
        called_genuine=_share(files, False, "genuine"),
        found=_share(files, True, "forged"),
        missed=_share(files, True, "genuine"),
        metadata_auc=_probe(files, seed) if not part else None,
        pair_accuracy=pairs_of(map(_paired, files), seed),
        **scored,
    )


def _of_scores(said: Columns, seed: int) -> dict[str, Estimate | None]:
    labels, (llr,) = said.forged, said.llr
    samples = resampled_rows(said.groups, forged=labels, seed=seed, resamples=_RESAMPLES)
    drawn = list(samples) if len(labels) <= _MOST_KEPT else None  # one draw for all figures

    def over_groups(metric: Metric) -> Estimate:
        return bootstrap_interval(metric, labels, llr, groups=said.groups, seed=seed, resamples=_RESAMPLES, drawn=drawn)

    enough = len(labels) >= _FEWEST_FOR_ECE
    # The control: the same scores against labels dealt out anew, case by case. 0.5 must lie in its interval.
    shuffled = np.random.default_rng((seed, 5)).permutation(labels)
    return {
        "auc": over_groups(metrics.auc),
        "auc_delong": auc_interval_delong(labels, llr),
        "eer": over_groups(metrics.equal_error_rate),
        "average_precision": over_groups(metrics.average_precision),
        "tpr_at_1": over_groups(lambda y, s: metrics.tpr_at_fpr(y, s, 0.01)) if enough else None,
        "tpr_at_5": over_groups(lambda y, s: metrics.tpr_at_fpr(y, s, 0.05)) if enough else None,
        "log_loss": over_groups(lambda y, s: metrics.log_loss(y, _probability(s))),
        "brier": over_groups(lambda y, s: metrics.brier(y, _probability(s))),
        "ece": _calibration_error(said, drawn, seed) if enough else None,
        "c_llr": over_groups(metrics.c_llr),
        "min_c_llr": over_groups(metrics.min_c_llr),
        "aurc": over_groups(metrics.aurc),
        "random_label_auc": _shuffled(shuffled, llr, said.groups, seed),
    }


def _shuffled(labels: Labels, llr: Reals, groups: Sequence[str], seed: int) -> Estimate | None:
    try:
        return bootstrap_interval(metrics.auc, labels, llr, groups=groups, seed=seed, resamples=_RESAMPLES)
    except DataError:  # one class may be left with too few groups
        return None


def _calibration_error(said: Columns, drawn: Sequence[Rows] | None, seed: int) -> Estimate:
    p = _probability(said.llr[0])
    return calibration_error_interval(
        said.forged, p, groups=said.groups, bins=10, equal="mass", seed=seed, resamples=_RESAMPLES, drawn=drawn
    )


def _probability(llr: Reals) -> Reals:
    with np.errstate(over="ignore"):  # of scores that are no LLRs; 1 / inf is 0, as it should be
        return np.asarray(1 / (1 + np.exp(-llr)), np.float64)


def _paired(o: Outcome) -> tuple[bool, str, str, float | None]:
    return o.item.forged, o.item.group, o.item.video, o.llr


def _share(outcomes: Sequence[Outcome], forged: bool, decision: str) -> Estimate | None:
    decisions: list[str] = [o.decision for o in outcomes if o.item.forged == forged]
    return rate_interval(decisions.count(decision), len(decisions)) if decisions else None


def _probe(outcomes: Sequence[Outcome], seed: int) -> Estimate | None:
    usable, rows, names = [], [], set[str]()
    for o in outcomes:
        if o.facts:
            usable.append(o)
            rows.append((o.item.forged, o.item.group, 0.0))
            names.update(o.facts)
    files = Columns.of(rows)
    if files.fewest_groups < _FEWEST_TO_PROBE[0] or min(class_sizes(usable)) < _FEWEST_TO_PROBE[1]:
        return None
    table = np.full((len(usable), len(names)), np.nan)  # (files, facts)
    for column, name in enumerate(sorted(names)):
        for row, o in enumerate(usable):
            table[row, column] = o.facts.get(name, np.nan)
    return metadata_probe(table, files.forged, files.groups, seed=seed)


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
    rows = []
    flips = answered = 0
    for c, d in zip(clean, delivered, strict=True):
        rows.append((c.item.forged, c.item.group, c.llr, d.llr))
        answered += d.llr is not None
        flips += None not in (c.llr, d.llr) and {c.decision, d.decision} == {"forged", "genuine"}
    both = Columns.of(rows, sides=2)
    before, after = both.llr

    def lost(rows: Rows) -> float:
        return metrics.auc(both.forged[rows], before[rows]) - metrics.auc(both.forged[rows], after[rows])

    area = auc_lost = None
    if both.fewest_groups >= 2:
        area = bootstrap_interval(metrics.auc, both.forged, after, groups=both.groups, seed=seed)
        auc_lost = bootstrap_statistic(lost, both.forged, groups=both.groups, seed=seed)
    n_genuine, n_forged = class_sizes(delivered)
    return Step(
        set=set_name,
        family=family,
        step=name,
        amount=amount,
        genuine=n_genuine,
        forged=n_forged,
        coverage=answered / max(1, len(delivered)),
        auc=area,
        auc_lost=auc_lost,
        false_alarms=_share(delivered, False, "forged"),
        flipped=rate_interval(flips, len(both.groups)) if both.groups else None,
    )


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
            video=o.item.video,
            kind=o.kind,
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
