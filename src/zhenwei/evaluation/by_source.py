"""Sources apart: what answers are worth on each source of media and each method of forgery, their mean and their worst.

A detector is chosen by the mean and the worst over sources that were left out, never by a figure of all files together:
that is one of the largest sources, and of how sources differ from each other. Kinds of media are never mixed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from zhenwei.evaluation.items import Columns, Item
from zhenwei.evaluation.results import Against, FileResult, OverSources, SourceFigure, SourceFigures
from zhenwei.stats import Estimate, metrics
from zhenwei.stats.bootstrap import (
    bootstrap_interval,
    mean_interval,
    pair_interval,
    percentile_interval,
    resampled_rows,
)
from zhenwei.stats.estimate import cell
from zhenwei.stats.intervals import rate_interval
from zhenwei.stats.metrics import Reals

MIN_CASES = 10  # of what a figure counts, for a source to take part in mean and worst
RULE = f"Sources of fewer than {MIN_CASES} cases are shown, and count neither in a mean nor as the worst."
MEANING = f"""**AUC**: the forgeries of one source against the genuine media of every source of {MIN_CASES} or more,
the mean of these; beside it the lowest of them, and that against genuine media of its own. **Pair accuracy**: the share
of pairs in which a forgery scores above the recording that it was made from; 0.5 is chance, and what sources differ in
is no help. **False alarms** are of genuine media that were answered, **firm answers** of all. Kinds of media are never
mixed. {RULE}"""
FIGURES: dict[SourceFigure, str] = {
    "auc": "AUC against each genuine source",
    "pair_accuracy": "pair accuracy",
    "false_alarms": "false alarms",
    "firm": "firm answers",
}
KINDS = {"image": "pictures", "video": "clips", "audio": "recordings"}
_RESAMPLES = 500
_Drawn = list[Reals]  # sorted LLRs of all files of a pool, then of each bootstrap sample over its groups


def sources_known(items: Iterable[Item]) -> bool:
    """Whether the data say where they come from: by an origin, or by being several sets."""
    found = {(item.set_name, item.origin) for item in items}
    return len(found) > 1 or any(origin for _, origin in found)


def by_source(files: Iterable[FileResult], *, seed: int) -> tuple[SourceFigures, ...]:
    """A row for each source of each kind of media, then one for each method of forgery.

    Of whole files as they are; those that could not be read are left out.
    """
    kinds: dict[str, list[FileResult]] = {}
    for f in files:
        if f.level == "video" and not f.delivery and f.decision != "unreadable":
            kinds.setdefault(f.kind, []).append(f)
    rows = []
    for _, mine in sorted(kinds.items()):
        originals = [f for f in mine if not f.forged]
        against = {}
        for name, some in _split(originals, "source"):
            pool = _drawn(some, seed)
            if pool is not None and len(pool[0]) >= MIN_CASES:
                against[name] = pool
        for name, some in _split(mine, "source"):
            rows.append(_row("source", name, some, originals, against, seed))
        for name, some in _split([f for f in mine if f.forged and f.method], "method"):
            rows.append(_row("method", name, some, originals, against, seed))
    return tuple(rows)


def _split(files: Iterable[FileResult], of: str) -> list[tuple[str, list[FileResult]]]:
    found: dict[str, list[FileResult]] = {}
    for f in files:
        found.setdefault(getattr(f, of), []).append(f)
    return sorted(found.items())


def _row(
    of: Literal["source", "method"],
    name: str,
    own: Sequence[FileResult],
    originals: Sequence[FileResult],  # of the kind: that of a forgery may be listed under another source
    against: Mapping[str, _Drawn],
    seed: int,
) -> SourceFigures:
    forged = [f for f in own if f.forged]
    alarms = [f.decision == "forged" for f in own if not f.forged and f.llr is not None]
    firm = [f.decision in ("forged", "genuine") for f in own]
    area, cells = _areas(_drawn(forged, seed), against)
    said = Columns.of((f.forged, _group(f), f.llr) for f in own)
    enough = said.fewest_groups >= 2
    rows = [(f.forged, _group(f), f"{f.set}/{f.video}" if f.video else "", f.llr) for f in (*originals, *forged)]
    return SourceFigures(
        of=of,
        name=name,
        kind=own[0].kind,
        genuine=len(own) - len(forged),
        forged=len(forged),
        genuine_answered=len(alarms),
        forged_answered=int(said.forged.sum()),
        auc=area,
        against=cells,
        auc_own=bootstrap_interval(metrics.auc, said.forged, said.llr[0], groups=said.groups) if enough else None,
        pair_accuracy=pairs_of(rows, seed),
        false_alarms=rate_interval(sum(alarms), len(alarms)) if alarms else None,
        firm=rate_interval(sum(firm), len(firm)),
    )


def pairs_of(rows: Iterable[tuple[bool, str, str, float | None]], seed: int) -> Estimate | None:
    """Pair accuracy: forgeries beside their own originals. ``rows``: label, group, the recording that the file is or
    was made from ("" = not known), LLR; one that lacks it is left out."""
    answered = [row for row in rows if row[-1] is not None]
    if not answered:
        return None
    labels, groups, originals, llrs = zip(*answered, strict=True)
    return pair_interval(labels, llrs, originals, groups=groups, seed=seed)


def _group(f: FileResult) -> str:
    return f"{f.set}/{f.group}"


def _drawn(files: Iterable[FileResult], seed: int) -> _Drawn | None:
    """None where fewer than two groups were answered: nothing would tell how far figures vary."""
    answered = [f for f in files if f.llr is not None]
    groups = [_group(f) for f in answered]
    if len(set(groups)) < 2:
        return None
    llrs = np.array([f.llr for f in answered], np.float64)
    # One seed for all, and pools of as many groups would move together.
    own_seed = seed ^ zlib.crc32(f"{groups[0]} {answered[0].forged}".encode())
    drawn = resampled_rows(groups, seed=own_seed, resamples=_RESAMPLES)
    return [np.sort(llrs), *(np.sort(llrs[rows]) for rows in drawn)]


def _areas(forged: _Drawn | None, against: Mapping[str, _Drawn]) -> tuple[Estimate | None, tuple[Against, ...]]:
    """AUC of a pool of forgeries against each genuine source, and the mean of these: every source counts alike."""
    if forged is None or not against:
        return None, ()
    cells, drawn, n = [], [], len(forged[0])
    for name, genuine in against.items():
        areas = np.array(list(map(_area, forged, genuine)))  # (1 + resamples,)
        auc = percentile_interval(float(areas[0]), areas[1:], len(forged[0]) + len(genuine[0]))
        cells.append(Against(source=name, auc=auc))
        drawn.append(areas)
        n += len(genuine[0])
    mean = np.mean(drawn, axis=0)
    return percentile_interval(float(mean[0]), mean[1:], n), tuple(cells)


def _area(forged: Reals, genuine: Reals) -> float:
    """The AUC of sorted scores: ``metrics.auc`` without its checks, as it is asked for 500 times a cell."""
    places = np.searchsorted(genuine, forged, "left") + np.searchsorted(genuine, forged, "right")
    return float(places.mean() / (2 * len(genuine)))


def over_sources(rows: Sequence[SourceFigures]) -> tuple[OverSources, ...]:
    """Mean and worst of every figure over the sources, and over the methods, that have ten cases of it or more.

    The interval of a mean is the wider of a bootstrap over sources and the mean of their own limits; of the worst it
    is that source's own.
    """
    found: list[OverSources] = []
    for kind, of in dict.fromkeys((row.kind, row.of) for row in rows):
        mine = [row for row in rows if (row.kind, row.of) == (kind, of)]
        for figure in FIGURES:
            counted = [row for row in mine if _cases(row, figure) >= MIN_CASES]
            if not counted:
                continue
            values: list[Estimate] = [getattr(row, figure) for row in counted]
            sign = -1 if figure == "false_alarms" else 1
            place = int(np.argmin([sign * one.value for one in values]))
            one = OverSources(
                of=of,
                kind=kind,
                figure=figure,
                counted=len(values),
                mean=_mean(values),
                worst=values[place],
                worst_name=counted[place].name,
            )
            found.append(one)
    return tuple(found)


def _mean(values: Sequence[Estimate]) -> Estimate:
    low, high = np.mean([(one.low, one.high) for one in values], axis=0).tolist()
    over = mean_interval([one.value for one in values])
    return Estimate(over.value, min(low, over.low), max(high, over.high), over.n)


def _cases(row: SourceFigures, figure: SourceFigure) -> int:
    estimate: Estimate | None = getattr(row, figure)
    if estimate is None:
        return 0
    return row.forged_answered if figure == "auc" else estimate.n


def to_markdown(rows: Sequence[SourceFigures], *, tables: Sequence[str] = ("source", "method")) -> list[str]:
    """Lines of tables, of one kind of media: mean and worst, then every source and every method, as ``tables`` say."""
    lines = ["| figure | over | mean | worst | of |", "|---|---|---|---|---|"]
    for one in over_sources(rows):
        lines.append(f"| {' | '.join(map(_plain, summary_cells(one)))} |")
    for of in tables:
        mine = [row for row in rows if row.of == of]
        if mine:
            lines += ["", *_row_lines(of, mine)]
    return lines


def summary_cells(one: OverSources) -> tuple[str, ...]:
    """Figure, over how many of what, mean, worst, and whose it is."""
    spec = ".3f" if one.figure in ("auc", "pair_accuracy") else ".1%"
    over = f"{one.counted} {one.of}{'s' if one.counted > 1 else ''} of {KINDS[one.kind]}"
    return FIGURES[one.figure], over, cell(one.mean, spec), cell(one.worst, spec), one.worst_name


def _row_lines(of: str, rows: Iterable[SourceFigures]) -> list[str]:
    figures = "AUC | lowest, against | against its own | pair accuracy | pairs | false alarms | firm answers"
    lines = [f"| {of} | genuine + forged, answered | {figures} |", "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        lowest = f"{row.lowest.auc.value:.3f}, {_plain(row.lowest.source)}" if row.lowest else "—"
        areas = f"{cell(row.auc)} | {lowest} | {cell(row.auc_own)}"
        pairs = f"{cell(row.pair_accuracy)} | {row.pair_accuracy.n if row.pair_accuracy else '—'}"
        rates = f"{cell(row.false_alarms, '.1%')} | {cell(row.firm, '.1%')}"
        answered = f"{row.genuine_answered} + {row.forged_answered}"
        lines.append(f"| {_plain(row.name)} | {answered} | {areas} | {pairs} | {rates} |")
    return lines


def _plain(name: str) -> str:
    """In one line, and without what would end the cell of a table."""
    return " ".join(name.split()).replace("|", "\\|")
