"""From the scores to ``docs/lab_leave_one_out.json``, of which `scripts/docs accuracy` makes a section of its page."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.lab_leave_one_out import results
from benchmarks.lab_leave_one_out.results import AskedImage, Training


def tell(output: Path, json: Path) -> None:
    training = Training.model_validate_json((output / "run.json").read_bytes())
    found = results.measured(read(output), training)
    results.save(found, json)
    print(results.to_markdown(found), end="")


def read(output: Path) -> list[AskedImage]:
    """Every test picture, with its scores of all the files there."""
    found: dict[tuple[str, str], AskedImage] = {}
    scores: dict[tuple[str, str], dict[tuple[str, int], float]] = {}
    for path in sorted(output.glob("scores-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = row["picture"], row["method"]
                said = scores.setdefault(key, {})
                said[row["condition"], int(row["seed"])] = float(row["score"])
                where = row["person"], row["source"], row["method"]
                found[key] = AskedImage(row["picture"], *where, int(row["quality"]), int(row["bytes"]), said)
    return list(found.values())
