"""The benchmark of whole commands: its files are what they are called, its figures are formed within a round."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cases, commands
from zhenwei.media import open_media


def test_files_are_made_once_and_are_what_they_are_called(tmp_path: Path) -> None:
    paths = cases.make(tmp_path, ["photo 0.9 MP", "voice 30 s"])
    assert open_media(paths["photo 0.9 MP"]).width == 1280
    assert open_media(paths["voice 30 s"]).duration_s == pytest.approx(30)
    before = [path.stat().st_mtime_ns for path in paths.values()]
    assert [path.stat().st_mtime_ns for path in cases.make(tmp_path, list(paths)).values()] == before


def test_every_aim_is_of_something_that_is_measured() -> None:
    for name, key in commands.AIMS:
        assert name in cases.CASES
        assert key in commands.MEASURES
    assert set(commands.QUICK) <= set(cases.CASES)


def test_ratios_are_formed_within_rounds() -> None:
    case = commands.Case(cold_s=[4.0, 9.0], warm_s=[2.0, 3.0], decode_s=[0.5, 1.0], peak_mib=[700.0, 710.0])
    assert commands.row(case)["cold_over_decode"] == [8.0, 9.0]
    assert set(commands.row(case)) <= set(commands.MEASURES)
    assert "| clip | 6.50 | 2.50 |" in commands.table({"clip": case})


def test_a_command_is_measured_from_its_start_to_its_end() -> None:
    used = commands.launched("-c", "print('here', flush=True); sum(range(2_000_000)); print('there')")
    assert used["status"] == 0
    assert 0 <= used["first_s"] <= used["cpu_s"] < 20
    assert 1 < used["peak_mib"] < 200
