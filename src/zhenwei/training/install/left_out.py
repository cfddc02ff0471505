"""The proof of the thresholds: what became of each source when it was left out, as a page and as JSON."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from zhenwei.errors import DataError
from zhenwei.evaluation import by_source
from zhenwei.evaluation.documents import DocumentSection
from zhenwei.evaluation.evaluate import FUSED, weights_of
from zhenwei.evaluation.results import FileResult, SourceFigures
from zhenwei.evaluation.shortcuts import metadata_probe
from zhenwei.fusion.dependence import Dependence
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import bootstrap_interval
from zhenwei.stats.estimate import cell
from zhenwei.stats.intervals import rate_interval
from zhenwei.stats.metrics import auc
from zhenwei.training.install.thresholds import FileAnswers, MeasuredThresholds, SourceRow, name_of

PAGE = "left_out.md"
RECORD = "left_out.json"
SEED = 0
_KINDS = {"image": "Pictures", "video": "Clips, by their pictures", "audio": "Recordings of speech"}
_HEAD = """# Sources left out

Error rates come from sources that were left out, one after another: the table says what the verdicts on each would have
been, had the weights of evidence and the thresholds been set on all the others, at a wanted 5 % of genuine media called
forged. The thresholds in the package are set on all of them, and hold in the worst. A detector that learned from some
of these media stands here by answers of heads that did not know the source, nor methods of the same family (for
generated pictures: not this half of the source; families that were never seen are not found). Written by `zhenwei
train fused --thresholds --data DATA --output FOLDER`, and again, without the media, with what every detector said of
each: `--data left_out_answers.json.gz`. Intervals are 95 %.
"""


def save(found: MeasuredThresholds, folder: Path, *, more: str = "") -> None:
    """``left_out.md``, with ``more`` below it, and ``left_out.json`` in ``folder``."""
    page = to_markdown(found)
    (folder / PAGE).write_text(f"{page}\n{more}" if more else page, encoding="utf-8")
    (folder / RECORD).write_text(json.dumps(record(found), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def record(found: MeasuredThresholds) -> dict[str, Any]:
    """Plain JSON values: a row a source, the figures of each kind, and the weights they are of."""
    kinds = {}
    for kind, mine in _by_kind(found.answered).items():
        figures = _figures(mine, found.dependence)
        kinds[kind] = {name: _plain(value) for name, value in figures.items()}
    apart = _by_source(found)
    return {
        "schema": "zhenwei.left-out/1",
        "seed": SEED,
        "weights": weights_of(FUSED),
        "trust": {kind: round(factor, 4) for kind, factor in sorted(found.dependence.trust.items())},
        "offset": {kind: round(offset, 4) for kind, offset in sorted(found.dependence.offset.items())},
        "silent": {kind: list(names) for kind, names in sorted(found.dependence.silent.items())},
        "kinds": kinds,
        "sources": [asdict(row) | {"trust": round(row.trust, 4)} for row in found.rows],
        "over_sources": list(map(_rounded, by_source.over_sources(apart))),
        "by_source": list(map(_rounded, apart)),
    }


def _by_source(found: MeasuredThresholds) -> tuple[SourceFigures, ...]:
    """Of the answers as they are: LLRs of the file's most suspicious person, decisions with the source left out."""
    files = []
    for one, decision in zip(found.answered, found.decisions, strict=True):
        llr = max(one.llrs(found.dependence), default=None) if decision else None
        names = {"origin": name_of(one.source), "method": one.method, "group": one.group, "video": one.video}
        whose = {"set": "", "file": "", "forged": one.forged, "kind": one.kind} | names
        files.append(FileResult.model_validate(whose | {"llr": llr, "decision": decision}))
    return by_source.by_source(files, seed=SEED)


def _rounded(section: DocumentSection) -> Any:
    """Plain JSON values, numbers to six places: tables round again."""
    return json.loads(section.model_dump_json(), parse_float=lambda number: round(float(number), 6))


def to_markdown(found: MeasuredThresholds) -> str:
    digest = hashlib.sha256(json.dumps(weights_of(FUSED), sort_keys=True).encode()).hexdigest()
    parts, apart = [_HEAD, f"{by_source.MEANING}\n"], _by_source(found)
    for kind, mine in _by_kind(found.answered).items():
        rows = [row for row in found.rows if row.kind == kind]
        ours = [row for row in apart if row.kind == kind]
        parts += [f"## {_KINDS[kind]}", "", *by_source.to_markdown(ours), ""]
        parts += [*_summary(mine, rows, found.dependence), "", *_table(rows), ""]
    parts.append(f"Seed {SEED}; sha256 of the digests of all weights: {digest}.\n")
    return "\n".join(parts)


def _by_kind(every: Sequence[FileAnswers]) -> dict[str, list[FileAnswers]]:
    found: dict[str, list[FileAnswers]] = {}
    for one in every:
        found.setdefault(one.kind, []).append(one)
    return {kind: found[kind] for kind in _KINDS if kind in found}


def _figures(mine: Sequence[FileAnswers], dependence: Dependence) -> dict[str, Estimate | None]:
    """AUC of the fused LLR of those that got one, and of a classifier that sees nothing but how the file is made."""
    truth, values, groups = list[bool](), list[float](), list[str]()
    for one in mine:
        llrs = one.llrs(dependence)
        if llrs:
            truth.append(one.forged)
            values.append(max(llrs))
            groups.append(one.group)
    area = probe = None
    if any(truth) and not all(truth):
        area = bootstrap_interval(auc, truth, values, groups=groups, seed=SEED)
    names, forged, owners = sorted(mine[0].facts), [a.forged for a in mine], [a.group for a in mine]
    table = np.array([[a.facts[name] for name in names] for a in mine], np.float64)  # (media, names)
    try:
        probe = metadata_probe(table, forged, owners, seed=SEED) if names else None
    except DataError:  # too few groups to leave some out
        probe = None
    return {"auc": area, "metadata_probe": probe}


def _summary(mine: Sequence[FileAnswers], rows: Sequence[SourceRow], dependence: Dependence) -> list[str]:
    figures = _figures(mine, dependence)
    alarms, genuine = sum(r.false_alarms for r in rows), sum(r.genuine_answered for r in rows)
    found, forged = sum(r.found for r in rows), sum(r.forged_answered for r in rows)
    missed, cleared = sum(r.missed for r in rows), sum(r.cleared for r in rows)
    probe, trust = cell(figures["metadata_probe"]), dependence.trust[mine[0].kind]
    return [
        f"AUC {cell(figures['auc'])} (n {genuine} + {forged} answered); metadata alone {probe}. "
        f"LLRs count {trust:.2f} times{_less(dependence.offset.get(mine[0].kind, 0.0))}."
        + _not_heard(dependence.silent.get(mine[0].kind, ())),
        "",
        f"Genuine called forged: {_share(alarms, genuine)}; forged found: {_share(found, forged)}; "
        f"forged called genuine: {_share(missed, forged)}; genuine called genuine: {_share(cleared, genuine)}.",
    ]


def _less(offset: float) -> str:
    return f", less {-offset:.2f} where every kind of forgery was looked for" if round(offset, 2) else ""


def _not_heard(silent: Sequence[str]) -> str:
    if not silent:
        return ""
    return f" No better than chance, and not counted: {', '.join(f'`{name}`' for name in silent)}."


def _table(rows: Sequence[SourceRow]) -> list[str]:
    lines = [
        "| source | genuine, answered | called forged | called genuine | forged, answered | found | called genuine |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for r in rows:
        genuine = f"{r.genuine}, {r.genuine_answered} | {r.false_alarms} | {r.cleared}" if r.genuine else "— | — | —"
        forged = f"{r.forged}, {r.forged_answered} | {r.found} | {r.missed}" if r.forged else "— | — | —"
        lines.append(f"| {r.source} | {genuine} | {forged} |")
    return lines


def _share(count: int, n: int) -> str:
    if not n:
        return "none answered"
    return f"{count} of {n} ({rate_interval(count, n):.1%})"


def _plain(found: Estimate | None) -> dict[str, float] | None:
    if found is None or math.isnan(found.value):
        return None
    return {"value": round(found.value, 4), "low": round(found.low, 4), "high": round(found.high, 4), "n": found.n}
