"""``zhenwei robust`` from end to end: real steps, real detectors, real exit status."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei.cli import main
from zhenwei.evaluation import robust as evaluation
from zhenwei.evaluation.chart_terms import FAMILIES
from zhenwei.evaluation.ladder.rungs import steps
from zhenwei.evaluation.robust import StepAnswer
from zhenwei.report import Hold

PORTRAIT = str(Path(__file__).parents[1] / "data" / "astronaut.jpg")


def drawing(path: Path) -> str:
    y, x = np.mgrid[0:60, 0:80]
    Image.fromarray(np.stack([x, y, x + y], axis=-1).astype(np.uint8)).save(path)
    return str(path)


def test_every_family_has_its_chinese() -> None:
    assert {step.family for step in steps()} == set(FAMILIES)


@pytest.mark.heavy
def test_json_has_every_step_and_the_conclusion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [drawing(tmp_path / "a.png"), PORTRAIT]
    status = main(["robust", *files, "--families", "webp", "--format", "json"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["file"]["path"] for entry in found] == files
    assert all(entry["schema"] == "zhenwei.robust/1" for entry in found)
    assert [s["name"] for s in found[1]["steps"]] == ["webp 80", "webp 50", "webp 20"]
    assert found[0]["conclusion"] == "No verdict, however it is saved."
    assert found[1]["as_it_is"]["llr"] is not None
    assert found[1]["llr_range"][0] <= found[1]["as_it_is"]["llr"] <= found[1]["llr_range"][1]
    assert status == (0 if all(entry["stable"] for entry in found) else 3)


def test_the_table_names_steps_verdicts_and_the_conclusion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = drawing(tmp_path / "a.png")
    assert main(["robust", path, "--families", "crop"]) == 0
    shown = capsys.readouterr().out
    for text in ("as it is", "crop 95 %", "crop 80 %", "Inconclusive", "No verdict, however it is saved."):
        assert text in shown
    assert main(["robust", path, "--families", "crop", "--lang", "zh"]) == 0
    assert "无论怎样保存都无法判定" in capsys.readouterr().out


def test_kept_files_and_results_are_in_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = drawing(tmp_path / "a.png")
    assert main(["robust", path, "--families", "webp", "--output", str(out), "--keep", "--quiet"]) == 0
    (entry,) = json.loads((out / "robust.json").read_text("utf-8"))["files"]
    assert all(Path(step["file"]).parent.parent == out and Path(step["file"]).is_file() for step in entry["steps"])
    assert len(list(out.iterdir())) == 2


def test_a_second_run_into_one_folder_keeps_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two, out = drawing(tmp_path / "a.png"), drawing(tmp_path / "b.png"), tmp_path / "out"
    ask = ["--families", "webp", "--quick", "--detector", "provenance.labels", "--output", str(out)]
    for path in (one, two, one):
        assert main(["robust", path, *ask]) == 0
    assert "1 earlier answers on the same files were replaced" in capsys.readouterr().err
    files = json.loads((out / "robust.json").read_text("utf-8"))["files"]
    assert [entry["file"]["path"] for entry in files] == [two, one]
    with Hold(out):
        assert main(["robust", one, *ask]) == 2
    (out / "robust.json").write_text('{"files": [{"speed": 7}]}')
    assert main(["robust", one, *ask]) == 2
    assert (out / "robust.json").read_text() == '{"files": [{"speed": 7}]}'
    assert [path.name for path in out.iterdir()] == ["robust.json"]


def test_what_cannot_be_read_is_named_and_the_rest_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fake.jpg").write_text("no picture " * 50)
    files = [str(tmp_path / "fake.jpg"), str(tmp_path / "gone.png"), drawing(tmp_path / "a.png")]
    assert main(["robust", *files, "--families", "webp", "--format", "json"]) == 1
    shown = capsys.readouterr()
    assert [json.loads(line)["file"]["path"] for line in shown.out.splitlines()] == files[2:]
    assert "fake.jpg" in shown.err
    assert "gone.png" in shown.err


def stub(sides: list[str], stop: bool = False) -> object:
    """Answers in the place of the network's: which decision a file gets is not this test's matter."""
    left = iter(sides)

    def walked(*_arguments: object, **_options: object) -> object:
        for number, side in enumerate(left):
            yield StepAnswer("jpeg", f"jpeg {number}", number, side, 1.0)  # type: ignore[arg-type]
        if stop:
            raise KeyboardInterrupt

    return walked


@pytest.mark.parametrize(
    ("sides", "status"),
    [(["forged", "genuine"], 3), (["forged", "inconclusive"], 0), (["inconclusive", "forged", "genuine"], 3)],
)
def test_exit_status_3_is_a_verdict_that_changes_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sides: list[str], status: int
) -> None:
    monkeypatch.setattr(evaluation, "walk", stub(sides))
    assert main(["robust", drawing(tmp_path / "a.png"), "--format", "json"]) == status


def test_an_interruption_keeps_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluation, "walk", stub(["forged", "forged"], stop=True))
    out = tmp_path / "out"
    assert main(["robust", drawing(tmp_path / "a.png"), "--format", "json", "--output", str(out)]) == 130
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert len(entry["steps"]) == 1
    assert entry["steps_planned"] > 10
    assert json.loads((out / "robust.json").read_text("utf-8"))["files"] == [entry]


def test_wrong_use_is_exit_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = drawing(tmp_path / "a.png")
    assert main(["robust", path, "--families", "jpg"]) == 2
    assert "jpeg" in capsys.readouterr().err
    assert main(["robust", path, "--keep"]) == 2
    assert main(["robust", path, "--detector", "no.such"]) == 2
    assert main(["robust", path, "--frames", "0"]) == 2
