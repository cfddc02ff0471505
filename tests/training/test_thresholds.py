"""Thresholds of the fused verdict: measured on what nobody learned from, with every detector asked."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from zhenwei.cli import main
from zhenwei.fusion.operating import OperatingPoints, measure_operating_points
from zhenwei.training.thresholds import _points

from .making import save, tiny_pack, tiny_recipe, write_recipe
from .test_pack import ASTRONAUT


def test_thresholds_hold_in_the_worse_of_frames_and_photographs() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (float(rng.normal(2 * forged + of_video, 1)), forged, f"{of_video}/{number}", of_video)
        for of_video in (True, False)
        for forged in (True, False)
        for number in range(80)
    ]
    points = _points(rows)
    for of_video in (True, False):
        mine = [row for row in rows if row[3] == of_video]
        alone = measure_operating_points([r[0] for r in mine], [r[1] for r in mine], ["image"] * len(mine))
        for level in np.linspace(-3, 5, 33):
            for kind in ("image", "video"):
                assert points.genuine[kind].at(level) >= alone.genuine["image"].at(level) - 1e-12
                assert points.forged[kind].at(level) >= alone.forged["image"].at(level) - 1e-12


def test_a_face_shown_twice_counts_once() -> None:
    once = [(float(level), bool(level % 2), str(level), True) for level in range(40)]
    assert _points([*once, *once]).genuine["image"].groups == _points(once).genuine["image"].groups == 20


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of one photograph of a source that is never trained on; the pack is made already."""
    folder = tmp_path / "data"
    folder.mkdir()
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        archive.write(ASTRONAUT, "train/a.jpg")
    with (folder / "photos.csv").open("w", newline="") as text:
        rows = [("path", "label", "source", "split"), ("train/a.jpg", "real", "pixabay", "train")]
        rows += [("train/never.jpg", "real", "ffhq", "train"), ("val/never.jpg", "real", "pixabay", "val")]
        csv.writer(text).writerows(rows)
    (tmp_path / "out").mkdir()
    save(tiny_pack(), tmp_path / "out" / "pack.npz")
    return folder


@pytest.mark.heavy
def test_thresholds_are_measured_and_written_where_they_are_wanted(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path / "r.toml", tiny_recipe(size_px=192))
    asked = ["train", "cnn.face_forgery", "--output", str(tmp_path / "out"), "--recipe", str(recipe), "--thresholds"]
    (tmp_path / "store").mkdir()
    assert main([*asked, "--data", str(data), "--store", str(tmp_path / "store")]) == 0
    assert "faces got an answer" in capsys.readouterr().err
    written = tmp_path / "store" / "operating_points.json"
    assert set(json.loads(written.read_text())["genuine"]) == {
        "audio",
        "image",
        "video",
    }  # sound stays
    assert OperatingPoints.load(written).genuine["image"].media > 0
    assert main([*asked, "--data", str(tmp_path / "out" / "pack.npz")]) == 2
    assert "a data folder" in capsys.readouterr().err
