"""Figures that a training measures itself, on sources or clips left out of it in turn: their schema, and as tables.

Where the shipped weights learn from all there is, no file is left for ``zhenwei evaluate``; what such a detector is
worth is then measured by weights that never met the source in question.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from zhenwei.errors import DataError
from zhenwei.evaluation import documents
from zhenwei.evaluation.documents import DocumentSection, save
from zhenwei.evaluation.items import Columns
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import bootstrap_interval
from zhenwei.stats.estimate import cell
from zhenwei.stats.metrics import auc, equal_error_rate

__all__ = ["LAB", "HeldOutRow", "HeldOutTable", "load", "load_all", "row", "save", "to_markdown"]

SCHEMA: Literal["zhenwei.held-out/1"] = "zhenwei.held-out/1"
LAB = "the lab's forgeries"  # the table of `python -m benchmarks.lab_forgeries`


class HeldOutRow(DocumentSection):
    """``asked`` cases, of which ``genuine`` and ``forged`` were answered; figures are None where one of them is 0."""

    what: str
    genuine: int
    forged: int
    asked: int
    auc: Estimate | None
    eer: Estimate | None


class HeldOutTable(DocumentSection):
    """One table. ``noun``: what is counted; ``text``: how it was measured; ``weights``: sha256 of those shipped."""

    schema_: Literal["zhenwei.held-out/1"] = Field(default=SCHEMA, alias="schema")
    detector: str
    noun: str
    text: str
    seed: int
    weights: str
    rows: tuple[HeldOutRow, ...]


def row(what: str, labels: Sequence[bool], scores: Sequence[float | None], groups: Sequence[str]) -> HeldOutRow:
    """AUC and equal error rate of what was answered, with 95 % intervals by bootstrap over ``groups``."""
    said = Columns.of(zip(labels, groups, scores, strict=True))
    n_forged = int(said.forged.sum())
    area = error = None
    if 0 < n_forged < len(said.groups):
        area = bootstrap_interval(auc, said.forged, said.llr[0], groups=said.groups)
        error = bootstrap_interval(equal_error_rate, said.forged, said.llr[0], groups=said.groups)
    n_genuine = len(said.groups) - n_forged
    return HeldOutRow(what=what, genuine=n_genuine, forged=n_forged, asked=len(labels), auc=area, eer=error)


def load_all(folder: Path) -> list[HeldOutTable]:
    """Every ``*.json`` of ``folder``, by name. Raises :class:`DataError` where one is no such table, or there is
    none."""
    found = [load(path) for path in sorted(folder.glob("*.json"))]
    if not found:
        raise DataError(
            "no figures of what was held out", got=str(folder), want="held_out.json files of `zhenwei train`"
        )
    return found


def load(path: Path) -> HeldOutTable:
    return documents.load(path, HeldOutTable, fix="`zhenwei train` writes held_out.json.")


def to_markdown(table: HeldOutTable) -> str:
    """A heading, how it was measured, a line for each row."""
    lines = [f"### {table.detector}", "", table.text, ""]
    lines += [f"| {table.noun} | genuine + forged | answered | AUC | equal error rate |", "|---|---|---|---|---|"]
    for one in table.rows:
        answered = (one.genuine + one.forged) / max(1, one.asked)
        cells = f"{one.genuine} + {one.forged} | {answered:.0%} | {cell(one.auc)} | {cell(one.eer)}"
        lines.append(f"| {one.what} | {cells} |")
    lines += ["", f"Seed {table.seed}; weights {table.weights}." if table.weights else f"Seed {table.seed}.", ""]
    return "\n".join(lines)
