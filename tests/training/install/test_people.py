"""Error rates by apparent skin tone: groups by angle, each with its own figures, and nothing said of few."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from zhenwei.evaluation.items import Answer, Item
from zhenwei.fusion.dependence import Dependence
from zhenwei.fusion.operating import OperatingPoints
from zhenwei.training.install import people
from zhenwei.training.install.thresholds import FileAnswers, MeasuredThresholds

EXAMPLES = Path(__file__).parents[3] / "examples" / "media"


def answered(number: int, llr: float, *, forged: bool) -> FileAnswers:
    said = (Answer("cnn.face_forgery", 1, llr, "altered"),)
    return FileAnswers("image", "a", f"a/{number}", forged, said, {}, digest=str(number))


def measured(*rows: tuple[float, bool, str]) -> MeasuredThresholds:
    every = tuple([answered(number, llr, forged=forged) for number, (llr, forged, _) in enumerate(rows)])
    return MeasuredThresholds(OperatingPoints(), Dependence(), (), every, tuple([decision for *_, decision in rows]))


def test_each_group_has_its_own_figures() -> None:
    light = [(-1.0, False, "inconclusive")] * 18 + [(3.0, False, "forged")] * 2 + [(2.0, True, "forged")] * 3
    dark = [(-2.0, False, "genuine")] * 20 + [(-2.0, True, "genuine")]
    found = measured(*light, *dark)
    tones = {str(number): 55.0 if number < len(light) else -5.0 for number in range(len(light) + len(dark))}
    page = people.to_markdown(found, tones)
    row = next(line for line in page.splitlines() if line.startswith("| light"))
    assert row.startswith("| light | 20 | 2 (10.0% [")
    assert row.endswith("| -1.00 | 3 | 3 | 0 |")
    dark_row = next(line for line in page.splitlines() if line.startswith("| brown and dark"))
    assert dark_row.startswith("| brown and dark | 20 | 0 (0.0% [")
    assert dark_row.endswith("| -2.00 | 1 | 0 | 1 |")
    assert "| tan | 0 | — |" in page


def test_nothing_is_said_of_few_nor_of_media_without_a_face_or_an_answer() -> None:
    found = measured(*[(-1.0, False, "inconclusive")] * 9, (5.0, False, "forged"), (5.0, False, ""))
    tones = {str(number): 50.0 for number in range(11)} | {"9": math.nan}
    page = people.to_markdown(found, tones)
    assert "| light | 9 | — | — | — | 0 | — | — |" in page
    assert people.to_markdown(found, {}) == ""


def test_tones_are_seen_in_pictures_and_clips_and_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(EXAMPLES / "astronaut.jpg", data / "face.jpg")
    shutil.copy(EXAMPLES / "astronaut-clip.mp4", data / "clip.mp4")
    darker = cv2.imread(str(data / "face.jpg")).astype(np.float32) * 0.45
    cv2.imwrite(str(data / "darker.png"), darker)
    cv2.imwrite(str(data / "wall.png"), np.full((64, 64, 3), 90, np.uint8))
    (data / "broken.jpg").write_bytes(b"no picture")
    names = ("face.jpg", "clip.mp4", "darker.png", "wall.png", "broken.jpg")
    items = [Item(name, data / name, "set", forged=False) for name in names]
    shares: list[float] = []
    tones = people.tones_of(items, tmp_path, shares.append)
    face, clip, darker_face, wall, broken = [tones[item.digest] for item in items]
    assert 20 < face < 70
    assert clip == pytest.approx(face, abs=12)
    assert darker_face < face - 15
    assert math.isnan(wall)
    assert math.isnan(broken)
    assert shares[-1] == 1.0
    for item in items:
        item.path.unlink()
    again = people.tones_of(items, tmp_path)  # from what was kept: the files are gone
    assert again[items[0].digest] == face
    assert math.isnan(again[items[3].digest])
