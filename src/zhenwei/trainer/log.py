"""Logs of runs as CSV: a row for each step or check, figures only."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path

from zhenwei.files import write_whole

Row = dict[str, float]


def write_log(path: Path, rows: Sequence[Row], spec: str = "") -> None:
    """All ``rows``, whole or not at all; columns in the order in which they first occur. ``spec``: as of `format`."""
    text = io.StringIO()
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([format(row[name], spec) if name in row else "" for name in names])
    write_whole(path, text.getvalue())


def append_row(path: Path, row: Row) -> None:
    """One more ``row`` and the time, below the names of the columns."""
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow([*row, "time"])
        writer.writerow([*(f"{value:.6g}" for value in row.values()), f"{time.time():.0f}"])


def read_log(path: Path, before: int | None = None) -> list[Row]:
    """The rows up to step ``before``. Raises OSError, ValueError, KeyError, TypeError or csv.Error for no log."""
    rows: list[Row] = []
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            row = {name: float(value) for name, value in line.items() if value}
            if before is None or row["step"] <= before:
                rows.append(row)
    return rows
