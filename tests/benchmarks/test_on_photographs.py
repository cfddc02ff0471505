"""The figures on photographs that the pages of detectors show: the command that makes them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from benchmarks.on_photographs import measured

from benchmarks import on_photographs
from zhenwei.detectors import catalogue
from zhenwei.errors import DataError
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.install.calibrate import Sample

ROOT = Path(__file__).parents[2]
PIXELS = np.zeros((1, 1, 3), np.uint8)


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


def shown(count: int) -> list[HeldOutImage]:
    return [HeldOutImage(PIXELS, forged, i, str(i), "made", False) for i in range(count) for forged in (False, True)]


def answer(score: float, each: HeldOutImage) -> Sample:
    return Sample.of(each, score, None)


def test_separated_scores_have_all_and_chance_has_half_inside_its_interval() -> None:
    sure = measured(shown(20), lambda s: answer(float(s.forged), s))
    assert (sure.genuine, sure.forged, sure.area.value, sure.area.low, sure.area.high, sure.answered) == (
        20,
        20,
        1,
        1,
        1,
        1,
    )
    rng = np.random.default_rng(1)
    lost = measured(shown(60), lambda s: answer(rng.random(), s))
    assert lost.area.low < 0.5 < lost.area.high
    assert lost.area.low < lost.area.value < lost.area.high


def test_silence_is_left_out_and_counted() -> None:
    found = measured(shown(20), lambda s: answer(float(s.forged), s) if s.face < 5 else None)
    assert (found.genuine, found.forged) == (5, 5)
    assert found.answered == pytest.approx(0.25)
