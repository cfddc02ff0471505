"""``traditional.exposure``: a planted difference of tones is learned, test rows are not, and the run repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.training.albums import album, astronaut, few
from tests.training.teaching import teach

from zhenwei import models
from zhenwei.errors import DataError
from zhenwei.models.calibration import Calibration
from zhenwei.training.data.photographs import read_photographs
from zhenwei.training.traditional.exposure import MODEL, lesson
from zhenwei.types import Pixels


def tinted(number: int, *, thin: bool) -> Pixels:
    """The face in another light; ``thin``: without its darkest and brightest tones."""
    tint = np.random.default_rng(number).integers(-15, 15, 3)
    pixels = astronaut().astype(float) + tint
    return np.clip(60 + pixels * 0.5 if thin else pixels, 0, 255).astype(np.uint8)


@pytest.mark.heavy
def test_thin_tails_are_learned_and_the_run_repeats(tmp_path: Path) -> None:
    names = [n for s in ("ffhq", "stylegan") for n in few(s, lesson.read().held_out, learn=3, held_out=3)]
    rows = [(name, tinted(i, thin=name[0] == "stylegan")) for i, name in enumerate(names)]
    data = album(tmp_path / "data", rows)
    told: list[tuple[str, float]] = []
    teach(lesson, data, tmp_path / "one", tmp_path / "store", lambda stage, share, *_: told.append((stage, share)))
    assert told[-1] == ("calibrating", 1.0)
    assert {stage for stage, _ in told} == {"fitting", "calibrating"}
    row = models.entry(MODEL, tmp_path / "store")
    assert models.verify(MODEL, tmp_path / "store") == row.sha256
    calibration = Calibration.load(models.calibration_path(MODEL, tmp_path / "store"))
    assert calibration.lowest >= np.log(0.5) - 1e-9
    assert calibration.c_llr is not None
    assert "| all | " in models.card(MODEL, tmp_path / "store")
    assert " 1.000 |" in models.card(MODEL, tmp_path / "store")  # the planted difference separates them
    teach(lesson, data, tmp_path / "two", tmp_path / "other")
    assert models.entry(MODEL, tmp_path / "other").sha256 == row.sha256
    assert Calibration.load(models.calibration_path(MODEL, tmp_path / "other")) == calibration


def test_rows_of_the_test_are_not_read(tmp_path: Path) -> None:
    data = album(tmp_path, [("ffhq", astronaut())], split="val")
    with pytest.raises(DataError, match="no photograph to learn from"):
        read_photographs(data, {"ffhq"})


def test_other_sources_and_missing_files(tmp_path: Path) -> None:
    data = album(tmp_path, [("ffhq", astronaut()), ("pixabay", astronaut()), ("stylegan", astronaut())])
    assert [p.forged for p in read_photographs(data, {"ffhq", "stylegan"})] == [False, True]
    (tmp_path / "photos.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match="damaged"):
        read_photographs(data, {"ffhq"})
    (tmp_path / "photos.zip").unlink()
    with pytest.raises(DataError, match=r"no photos\.zip"):
        read_photographs(data, {"ffhq"})
