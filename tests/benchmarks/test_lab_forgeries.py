"""The table of the lab's forgeries: rows that were not asked for stay, and clips are whole files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.lab_clips import CLIPS, file_of
from benchmarks.lab_forgeries import METHODS, measure, with_kept

from zhenwei import media
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable

KEPT = Path(__file__).parents[2] / "docs" / "held_out" / "lab_forgeries.json"


def table(*methods: str) -> HeldOutTable:
    rows = [held_out.row(f"{name}: all together", [False, True], [0.0, 1.0], ["a", "b"]) for name in methods]
    return HeldOutTable(detector=held_out.LAB, noun="", text="now", seed=0, weights="", rows=tuple(rows))


def test_rows_that_were_not_asked_for_stay_and_all_stand_in_order(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    held_out.save(table("splice", "clip warp", "self_blend"), path)
    found = with_kept(table("decoded", "splice"), path)
    assert [row.what.split(":")[0] for row in found.rows] == ["self_blend", "splice", "decoded", "clip warp"]
    assert found.text == "now"
    assert with_kept(table("decoded"), tmp_path / "none.json").rows == table("decoded").rows


def test_the_shipped_table_has_every_method() -> None:
    told = {row.what.split(":")[0].split(",")[0] for row in held_out.load(KEPT).rows}
    assert told == {*METHODS, *CLIPS}


def test_a_clip_in_memory_is_a_file_with_sound(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (12, 64, 64, 3)).astype(np.uint8)
    path = tmp_path / "clip.mp4"
    path.write_bytes(file_of(frames, 25.0, np.zeros(8000, np.float32)))
    opened = media.open_media(path)
    assert opened.kind == "video"
    assert opened.audio_codec
    assert opened.height is not None
    assert opened.height >= 160


def test_nothing_asked_is_nothing_measured(tmp_path: Path) -> None:
    assert measure(tmp_path, 4, (), 2, tmp_path).rows == ()
