"""Figures that a training measures itself, on sources or clips left out of it in turn: their schema, and as tables.

Where the shipped weights learn from all there is, no file is left for ``zhenwei evaluate``; what such a detector is
worth is then measured by weights that never met the source in question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zhenwei.errors import DataError
from zhenwei.evaluation.metrics import auc, bootstrap_interval, equal_error_rate
from zhenwei.evaluation.results import Interval95

SCHEMA: Literal["zhenwei.held-out/1"] = "zhenwei.held-out/1"


class Row(BaseModel):
    """``asked`` cases, of which ``genuine`` and ``forged`` were answered; figures are None where one of them is 0."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    what: str
    genuine: int
    forged: int
    asked: int
    auc: Interval95 | None
    eer: Interval95 | None


class HeldOut(BaseModel):
    """One table. ``noun``: what is counted; ``text``: how it was measured; ``weights``: sha256 of those shipped."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["zhenwei.held-out/1"] = Field(default=SCHEMA, alias="schema")
    detector: str
    noun: str
    text: str
    seed: int
    weights: str
    rows: tuple[Row, ...]


def row(what: str, labels: Sequence[bool], scores: Sequence[float | None], groups: Sequence[str]) -> Row:
    """AUC and equal error rate of what was answered, with 95 % intervals by bootstrap over ``groups``."""
    known = [i for i, score in enumerate(scores) if score is not None]
    truth, values, whose = (
        [labels[i] for i in known],
        [float(scores[i] or 0.0) for i in known],
        [groups[i] for i in known],
    )
    forged = sum(truth)
    area = error = None
    if 0 < forged < len(truth):
        area, error = (_interval(figure, truth, values, whose) for figure in (auc, equal_error_rate))
    return Row(what=what, genuine=len(truth) - forged, forged=forged, asked=len(labels), auc=area, eer=error)


def _interval(
    figure: Callable[[ArrayLike, ArrayLike], float], truth: list[bool], values: list[float], whose: list[str]
) -> Interval95:
    found = bootstrap_interval(figure, truth, values, groups=whose)
    return Interval95(value=found.value, low=found.low, high=found.high, n=found.n)


def save(table: HeldOut, path: Path) -> None:
    """UTF-8 JSON, ending in a newline; whole or not at all."""
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(table.model_dump_json(indent=1, by_alias=True) + "\n", encoding="utf-8")
    partial.replace(path)


def load_all(folder: Path) -> list[HeldOut]:
    """Every ``*.json`` of ``folder``, by name. Raises :class:`DataError` where one is no such table, or there is
    none."""
    found = [load(path) for path in sorted(folder.glob("*.json"))]
    if not found:
        raise DataError(
            "no figures of what was held out", got=str(folder), want="held_out.json files of `zhenwei train`"
        )
    return found


def load(path: Path) -> HeldOut:
    try:
        return HeldOut.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError("the figures cannot be read", got=f"{path}: {error.strerror}") from error
    except ValidationError as error:
        got = f"{path}: {error.errors()[0]['msg']}"
        raise DataError("these are no held-out figures", got=got, want=f"JSON of schema {SCHEMA}") from error


def to_markdown(table: HeldOut) -> str:
    """A heading, how it was measured, a line for each row."""
    lines = [f"### {table.detector}", "", table.text, ""]
    lines += [f"| {table.noun} | genuine + forged | answered | AUC | equal error rate |", "|---|---|---|---|---|"]
    for one in table.rows:
        answered = (one.genuine + one.forged) / max(1, one.asked)
        cells = f"{one.genuine} + {one.forged} | {answered:.0%} | {_cell(one.auc)} | {_cell(one.eer)}"
        lines.append(f"| {one.what} | {cells} |")
    lines += ["", f"Seed {table.seed}; weights {table.weights}." if table.weights else f"Seed {table.seed}.", ""]
    return "\n".join(lines)


def _cell(value: Interval95 | None) -> str:
    return "—" if value is None else f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"
