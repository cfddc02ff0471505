"""The command line with either database: what one run keeps, the next finds."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from tests.hazard import draw

from zhenwei.cli import main


@pytest.mark.heavy
def test_a_scan_into_either_database_goes_on(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = tmp_path / "media"
    media.mkdir()
    for number in range(2):
        draw(media, "calm", number)
    scan = ["scan", str(media), "--store", where, "--workers", "1", "--detector", "provenance.labels"]
    assert main(scan) == 0
    draw(media, "calm", 2)
    assert main(scan) == 0
    told = capsys.readouterr().err
    assert "3 of 3 files: 3 inconclusive." in told
    assert "2 were in the store already" in told
    shown = told.rpartition("See them: zhenwei ")[2].split()
    assert main([*shown, "--format", "csv", "--where", "examined_at>=2020-01-01"]) == 0
    found = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [Path(row["file"]).name for row in found] == ["calm_0.png", "calm_1.png", "calm_2.png"]
    assert {row["decision"] for row in found} == {"inconclusive"}


def test_a_bundle_without_a_folder_says_so(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = str(tmp_path / "a.zip")
    assert main(["case", "new", "A title", "--store", where]) == 0
    assert main(["case", "export", "1", "--output", bundle, "--store", where]) == 0
    assert ("no folder is named" in capsys.readouterr().err) == where.startswith("postgresql")
    assert main(["case", "verify", bundle]) == 0
