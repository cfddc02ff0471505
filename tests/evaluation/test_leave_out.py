"""What leaving a kind of forgery out cost, as the page of accuracy tells it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei.cli import main
from zhenwei.errors import DataError
from zhenwei.evaluation import accuracy_page, held_out, leave_out
from zhenwei.evaluation.held_out import HeldOut
from zhenwei.evaluation.leave_out import Kept, LeaveOneOut
from zhenwei.evaluation.results import Interval95, Results

FOUND = LeaveOneOut(
    detector="cnn.face_forgery",
    backbone="lite0",
    size_px=96,
    steps=70,
    faces=32,
    seed=9,
    pack_sha256="ab" * 32,
    weights={"": "cd" * 32, "swaps": "ef" * 32},
    rows=(
        Kept(
            kind="swaps",
            genuine=31,
            forged=29,
            groups=12,
            unseen=Interval95(value=0.61, low=0.5, high=0.7125, n=60),
            seen=Interval95(value=0.75, low=0.65, high=0.84, n=60),
            lost=Interval95(value=0.14, low=-0.02, high=0.3, n=60),
        ),
    ),
)
ROW = "| swaps | 31 + 29 | 0.610 [0.500, 0.713] | 0.750 [0.650, 0.840] | 0.140 [-0.020, 0.300] |"


def test_what_is_saved_is_read_back_and_says_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "l.json"
    leave_out.save(FOUND, path)
    assert leave_out.load(path) == FOUND
    assert json.loads(path.read_text())["schema"] == "zhenwei.leave-one-out/1"
    assert [p.name for p in tmp_path.iterdir()] == ["l.json"]


@pytest.mark.parametrize("change", [{"schema": "zhenwei.leave-one-out/2"}, {"seed": "x"}, {"more": 1}])
def test_another_schema_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "l.json"
    path.write_text(json.dumps(FOUND.model_dump(mode="json", by_alias=True) | change))
    with pytest.raises(DataError, match=r"l\.json"):
        leave_out.load(path)


def test_the_page_has_the_table_and_says_how_short_the_training_was() -> None:
    nothing = Results(
        subject="x",
        protocol="p",
        protocol_text="T.",
        created="2026-01-01T00:00:00+00:00",
        seed=1,
        frames=1,
        data={},
        weights={},
        versions={},
        figures=(),
        files=(),
    )
    assert "Leave one forgery out" not in accuracy_page.to_markdown(nothing)
    page = accuracy_page.to_markdown(nothing, FOUND)
    section = page.split("\n## Leave one forgery out\n")[1].split("\n## ")[0]
    assert ROW in section.splitlines()
    assert "70 steps of 32 faces" in section
    assert "the difference" in section


def test_the_command_writes_it_into_the_page_and_refuses_another_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("path,label\na.png,0\nb.png,1\n", encoding="utf-8")
    for seed, name in enumerate(("a.png", "b.png")):
        noise = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / name)
    leave_out.save(FOUND, tmp_path / "l.json")
    given = ["evaluate", "cnn.face_forgery", "--data", str(data), "--output", str(tmp_path / "o")]
    given += ["--page", str(tmp_path / "page.md"), "--leave-out"]
    (tmp_path / "held").mkdir()
    row = held_out.row("all", [False, True, True], [0.1, 0.9, None], ["a", "b", "c"])
    table = HeldOut(detector="speech.x", noun="n", text="How.", seed=1, weights="", rows=(row,))
    held_out.save(table, tmp_path / "held" / "x.json")
    assert main([*given, str(tmp_path / "l.json"), "--held-out", str(tmp_path / "held")]) == 0
    assert "| all | 1 + 1 | 67% | 1.000" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert ROW in (tmp_path / "page.md").read_text(encoding="utf-8").splitlines()
    (tmp_path / "other.json").write_text("{}")
    assert main([*given, str(tmp_path / "other.json")]) == 1
    assert "other.json" in capsys.readouterr().err
