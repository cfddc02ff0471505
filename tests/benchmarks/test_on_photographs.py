"""The figures on photographs that the pages of detectors show: the command that makes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import on_photographs
from zhenwei.detectors import catalogue
from zhenwei.errors import DataError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("detector", on_photographs.DETECTORS)
def test_every_detector_has_its_measure_and_its_page_says_the_command(detector: str, tmp_path: Path) -> None:
    assert detector in catalogue()
    page = (ROOT / "docs" / "detectors" / f"{detector}.md").read_text(encoding="utf-8")
    assert f"python -m benchmarks.on_photographs {detector} DATA" in page
    with pytest.raises(DataError):
        on_photographs.main([detector, str(tmp_path)])


@pytest.mark.data
@pytest.mark.heavy
def test_the_figure_of_exposure_is_the_published_one(capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(os.environ.get("ZHENWEI_DATA") or ROOT.parent / "shared" / "data")
    if not (data / "photos.zip").is_file():
        pytest.skip("the shared data are not here (ZHENWEI_DATA, or shared/data beside the checkout)")
    on_photographs.main(["traditional.exposure", str(data)])
    assert "AUC 0.767 [0.683, 0.843]" in capsys.readouterr().out


def test_no_page_asks_for_a_line_of_python() -> None:
    for path in (ROOT / "docs").rglob("*.*"):
        if path.suffix in (".md", ".toml"):
            assert "python -c" not in path.read_text(encoding="utf-8"), path
