"""From the scores to ``docs/lab_leave_one_out.json`` and the page of accuracy, which is written anew around it."""

from __future__ import annotations

import csv
from pathlib import Path

from zhenwei.evaluation import accuracy_page, held_out, lab_leave_out, leave_out, results
from zhenwei.evaluation.lab_leave_out import Asked, Training


def tell(output: Path, json: Path, page: Path) -> None:
    """``page`` lies beside the other figures that it is made of."""
    training = Training.model_validate_json((output / "run.json").read_bytes())
    found = lab_leave_out.measured(read(output), training)
    lab_leave_out.save(found, json)
    print(lab_leave_out.to_markdown(found), end="")
    folder = page.parent
    text = accuracy_page.to_markdown(
        results.load(folder / "accuracy.json"),
        leave_out.load(folder / "leave_one_out.json"),
        held_out.load_all(folder / "held_out"),
        found,
    )
    page.write_text(text, encoding="utf-8")


def read(output: Path) -> list[Asked]:
    """Every test picture, with its scores of all the files there."""
    found: dict[tuple[str, str], Asked] = {}
    scores: dict[tuple[str, str], dict[tuple[str, int], float]] = {}
    for path in sorted(output.glob("scores-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = row["picture"], row["method"]
                said = scores.setdefault(key, {})
                said[row["condition"], int(row["seed"])] = float(row["score"])
                where = row["person"], row["source"], row["method"]
                found[key] = Asked(row["picture"], *where, int(row["quality"]), int(row["bytes"]), said)
    return list(found.values())
