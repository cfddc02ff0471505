"""What leaving one kind of forgery out of training costs: the schema of its results, and how they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from zhenwei.evaluation import documents
from zhenwei.evaluation.documents import DocumentSection, save
from zhenwei.stats import Estimate

__all__ = ["LeaveOneOut", "MethodLeftOut", "load", "save", "to_markdown"]

SCHEMA: Literal["zhenwei.leave-one-out/1"] = "zhenwei.leave-one-out/1"


class MethodLeftOut(DocumentSection):
    """One kind of forgery, asked of the network that never saw it (``unseen``) and of the one that saw all kinds."""

    kind: str
    genuine: int
    forged: int
    groups: int  # people, or pictures where the person is not known
    unseen: Estimate  # AUC
    seen: Estimate
    lost: Estimate  # seen minus unseen, paired


class LeaveOneOut(DocumentSection):
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
    rows: tuple[MethodLeftOut, ...]


def load(path: Path) -> LeaveOneOut:
    """Raises :class:`DataError` for a file that is missing or is no such results file."""
    return documents.load(path, LeaveOneOut, fix="`zhenwei train --leave-out` writes leave_one_out.json.")


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
        cells = f"{row.unseen:.3f} | {row.seen:.3f} | {row.lost:.3f}"
        lines.append(f"| {row.kind} | {row.genuine} + {row.forged} | {cells} |")
    return "\n".join(lines) + "\n"
