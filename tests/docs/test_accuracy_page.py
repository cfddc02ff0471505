"""The page ``docs/accuracy.md``: written from the results that lie beside it, and a section for everything measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docs import accuracy_page
from zhenwei.errors import DataError
from zhenwei.evaluation import held_out, leave_out, results
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.evaluation.results import Ablation, FileResult, Localised, Results, Step
from zhenwei.stats import Estimate

DOCS = Path(__file__).parents[2] / "docs"


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.05, 40)


def made(**changes: object) -> Results:
    values: dict[str, object] = {
        "subject": "x",
        "protocol": "p",
        "protocol_text": "T.",
        "created": "2026-01-01T00:00:00+00:00",
        "seed": 1,
        "frames": 1,
        "data": {},
        "weights": {},
        "versions": {},
        "figures": (),
        "files": (),
    }
    return Results.model_validate(values | changes)


def test_the_page_that_is_published_is_what_the_results_beside_it_say(tmp_path: Path) -> None:
    assert accuracy_page.main(["--output", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == (DOCS / "accuracy.md").read_text(encoding="utf-8")


def test_what_was_not_measured_has_no_section() -> None:
    page = accuracy_page.to_markdown(made())
    for title in ("Every detector by itself", "Where it was altered", "Robustness", "Leave one forgery out"):
        assert title not in page
    assert "left out of training" not in page


def test_figures_stand_in_their_rows() -> None:
    said: dict[str, Any] = {"set": "faces", "genuine": 3, "forged": 2}
    half, cost = estimate(0.5), -estimate(0.2)
    alone = Ablation(subject="a.b", without=False, coverage=half, auc=estimate(0.75), auc_lost=estimate(0.2), **said)
    alone = alone.model_copy(update={"pair_accuracy": estimate(0.9)})
    lost = Ablation(subject="a", without=True, coverage=half, auc=estimate(0.6), c_llr_lost=cost, **said)
    step = Step(family="jpeg", step="jpeg 50", amount=50, coverage=0.4, flipped=estimate(0.25), **said)
    where = Localised(set="faces", truth="self-blend", faces=3, marked=estimate(0.3), iinc=estimate(0.4))
    file = FileResult(set="faces", file="a|b.jpg", forged=True, method="swap", group="g", llr=2.0, decision="forged")
    page = accuracy_page.to_markdown(made(asked=(alone, lost), ladder=(step,), localised=(where,), files=(file,)))
    lines = page.splitlines()
    assert (
        "| faces | `a.b` | 0.750 [0.650, 0.800] | 0.900 [0.800, 0.950] | — | 50.0% [40.0%, 55.0%] "
        "| +0.200 [+0.100, +0.250] | — | — |" in lines
    )
    assert "| faces | a | 0.600 [0.500, 0.650] | — | — | -0.200 [-0.250, -0.100] |" in lines
    assert "| faces | jpeg 50 | 3 + 2 | — | — | — | 25.0% [15.0%, 30.0%] | 40.0% |" in lines
    assert "| faces | self-blend | 3 | 0.400 [0.300, 0.450] | — | — | 30.0% [20.0%, 35.0%] |" in lines
    assert "| faces | swap | 1 | 1 | 0 | 0 | 0 | +2.00 |" in lines
    assert "| faces | — | forged | 1 | 1 | 0 | 0 | 0 | +2.00 |" in lines


def test_sources_left_out_come_first_with_mean_and_worst_of_every_kind() -> None:
    page = (DOCS / "accuracy.md").read_text(encoding="utf-8")
    titles = [line for line in page.splitlines() if line.startswith("## ")]
    assert titles[:2] == ["## Sources left out", "## In-domain"]
    section = page.split("\n## ")[1]
    record = json.loads((DOCS / "left_out.json").read_text(encoding="utf-8"))
    assert set(record["kinds"]) == {"image", "video", "audio"}
    for one in record["over_sources"]:
        if one["figure"] == "pair_accuracy":
            assert f"{one['mean']['value']:.3f} [" in section
        assert one["worst_name"] in section
    for row in record["by_source"]:
        assert (f"| {row['name']} | {row['genuine_answered']} + " in section) or row["of"] == "method"
    for figures in record["kinds"].values():
        assert f"metadata alone {figures['metadata_probe']['value']:.3f} [" in section
    left_out = (DOCS / "left_out.md").read_text(encoding="utf-8")
    tables = [line for line in section.splitlines() if line.startswith("| ")]
    assert set(tables) <= set(left_out.splitlines())  # one measurement, two pages


def test_tables_of_trainings_stand_apart_from_the_labs() -> None:
    row = held_out.row("all", [False, True, True], [0.1, 0.9, None], ["a", "b", "c"])
    tables = [
        HeldOutTable(detector=name, noun="n", text="How.", seed=1, weights="", rows=(row,))
        for name in ("speech.x", held_out.LAB)
    ]
    page = accuracy_page.to_markdown(made(), of_training=tables)
    speech, lab = page.split("\n## The lab's own forgeries\n")
    assert "### speech.x" in speech
    for part in (speech, lab):
        assert "| all | 1 + 1 | 67% | 1.000" in part
    found = leave_out.load(DOCS / "leave_one_out.json")
    assert leave_out.to_markdown(found) in accuracy_page.to_markdown(made(), found)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(DataError, match=r"other\.json"):
        accuracy_page.main(["--leave-out", str(tmp_path / "other.json"), "--output", str(tmp_path / "page.md")])
    assert not (tmp_path / "page.md").exists()
    assert results.load(DOCS / "accuracy.json").protocol == "accuracy"
