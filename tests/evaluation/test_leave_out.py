"""What leaving a kind of forgery out cost: as a file and as a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zhenwei.errors import DataError
from zhenwei.evaluation import leave_out
from zhenwei.evaluation.leave_out import LeaveOneOut, MethodLeftOut
from zhenwei.stats import Estimate

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
        MethodLeftOut(
            kind="swaps",
            genuine=31,
            forged=29,
            groups=12,
            unseen=Estimate(value=0.61, low=0.5, high=0.7125, n=60),
            seen=Estimate(value=0.75, low=0.65, high=0.84, n=60),
            lost=Estimate(value=0.14, low=-0.02, high=0.3, n=60),
        ),
    ),
)


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


def test_the_table_has_every_figure_and_says_how_short_the_training_was() -> None:
    text = leave_out.to_markdown(FOUND)
    lines = text.splitlines()
    assert "| swaps | 31 + 29 | 0.610 [0.500, 0.713] | 0.750 [0.650, 0.840] | 0.140 [-0.020, 0.300] |" in lines
    assert "70 steps of 32 faces" in text
    assert "the difference" in text
