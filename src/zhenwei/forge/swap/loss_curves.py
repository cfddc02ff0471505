"""The log of a run: a row for every check, and a picture of it. Figures only, no faces."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from zhenwei.errors import DataError, MissingExtraError, install_extra
from zhenwei.trainer import log

COLUMNS = ("step", "loss_a", "loss_b", "held_l1", "held_ssim", "to_target", "to_source", "floor", "ceiling", "fooling",
           "critic")  # fmt: skip
_PANELS = (
    ("loss (mean since the last check)", ("loss_a", "loss_b")),
    ("held-out reconstruction, L1", ("held_l1",)),
    ("held-out reconstruction, SSIM", ("held_ssim",)),
    ("likeness of the swap (cosine)", ("to_target", "to_source", "floor", "ceiling")),
)


def read_log(path: Path, before: int | None = None) -> list[dict[str, float]]:
    """The rows of a log, those up to step ``before``; none where there is no log. DataError if it is damaged."""
    if not path.exists():
        return []
    try:
        rows = log.read_log(path, before)
        for row in rows:
            if row.keys() != set(COLUMNS):
                raise ValueError("other columns")
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(f"{path} is no log of a swap", got=str(error)[:200], fix="Move the file away.") from None
    return rows


def trend(rows: list[dict[str, float]], column: str = "held_l1", patience: int = 5) -> str:
    """In words, whether going on helps: the answer to "when do I stop?"."""
    values = [row[column] for row in rows if math.isfinite(row[column])]
    if len(values) < 2:
        return "too early to say"
    since = len(values) - 1 - values.index(min(values))
    return "still improving" if since < patience else f"no better for {since} checks"


def draw_curves(rows: list[dict[str, float]], path: Path) -> None:
    """``path``: .png. Raises MissingExtraError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("curves need matplotlib", fix=f"Run: {install_extra('report')}") from error
    figure = Figure(figsize=(9, 6), layout="constrained")
    steps = [row["step"] for row in rows]
    for panel, (title, columns) in zip(figure.subplots(2, 2).ravel(), _PANELS, strict=True):
        for column in columns:
            line = ":" if column in ("floor", "ceiling") else "-"
            panel.plot(steps, [row[column] for row in rows], line, label=column)
        panel.set_title(title, fontsize=9)
        panel.set_xlabel("step", fontsize=8)
        panel.legend(fontsize=7)
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
