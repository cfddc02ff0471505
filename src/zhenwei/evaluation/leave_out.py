"""What leaving one kind of forgery out of training costs: the schema of its results, and how they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zhenwei.errors import DataError
from zhenwei.evaluation.results import Interval95

SCHEMA: Literal["zhenwei.leave-one-out/1"] = "zhenwei.leave-one-out/1"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Kept(_Section):
    """One kind of forgery, asked of the network that never saw it (``unseen``) and of the one that saw all kinds."""

    kind: str
    genuine: int
    forged: int
    groups: int  # people, or pictures where the person is not known
    unseen: Interval95  # AUC
    seen: Interval95
    lost: Interval95  # seen minus unseen, paired


class LeaveOneOut(_Section):
    """``steps`` of ``faces`` pictures at ``size_px`` each; ``weights``: what was left out ("" = nothing) -> sha256."""

    schema_: Literal["zhenwei.leave-one-out/1"] = Field(default=SCHEMA, alias="schema")
    detector: str
    backbone: str
    size_px: int
    steps: int
    faces: int
    seed: int
    pack_sha256: str
    weights: dict[str, str]
    rows: tuple[Kept, ...]

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


def save(results: LeaveOneOut, path: Path) -> None:
    """UTF-8 JSON, ending in a newline; whole or not at all."""
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(results.model_dump_json(indent=1, by_alias=True) + "\n", encoding="utf-8")
    partial.replace(path)


def load(path: Path) -> LeaveOneOut:
    """Raises :class:`DataError` for a file that is missing or is no such results file."""
    try:
        return LeaveOneOut.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError("the results cannot be read", got=f"{path}: {error.strerror}") from error
    except ValidationError as error:
        got, want = f"{path}: {error.errors()[0]['msg']}", f"JSON of schema {SCHEMA}, by `zhenwei train --leave-out`"
        raise DataError("this is no results file of leaving one out", got=got, want=want) from error


def to_markdown(results: LeaveOneOut) -> str:
    """A table of AUCs with their 95 % intervals, and the words without which it would mislead."""
    lines = [
        f"Each row is asked of two networks trained alike ({results.backbone}, {results.size_px} px, {results.steps} "
        f"steps of {results.faces} faces, seed {results.seed}): one never saw this kind of forgery, one saw every "
        "kind. Both are far short of the shipped training: what counts is the difference. Faces of people who were not "
        "trained on; self-made forgeries are made of them, and delivered as their genuine faces are.",
        "",
        "| kind of forgery | genuine + forged | never seen | seen | lost by not seeing it |",
        "|---|---|---|---|---|",
    ]
    for row in results.rows:
        cells = [_cell(v) for v in (row.unseen, row.seen, row.lost)]
        lines.append(f"| {row.kind} | {row.genuine} + {row.forged} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(v: Interval95) -> str:
    return f"{v.value:.3f} [{v.low:.3f}, {v.high:.3f}]"
