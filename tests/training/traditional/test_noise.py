"""``traditional.noise``: genuine and forged are delivered alike, people are not in two parts, and the run repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.training.albums import album, astronaut, few
from tests.training.teaching import teach

from zhenwei import models
from zhenwei.models.calibration import Calibration
from zhenwei.training.data.encoding import encode
from zhenwei.training.data.photographs import Photograph, largest_face
from zhenwei.training.traditional.noise import MODEL, NoiseExamples, PhotographedFace, draw_arrival, lesson
from zhenwei.types import Pixels


def lit(number: int) -> Pixels:
    tint = np.random.default_rng(number).integers(-25, 25, 3)
    return np.clip(astronaut().astype(int) + tint, 0, 255).astype(np.uint8)


def sitters(count: int) -> list[PhotographedFace]:
    found = []
    for number in range(count):
        face = largest_face(lit(number))
        assert face is not None
        found.append(
            PhotographedFace(Photograph(encode(lit(number), ".jpg", 95), f"{number}.jpg", "ffhq", False), face)
        )
    return found


def test_genuine_and_forged_arrive_alike() -> None:
    for shown in _by_image(NoiseExamples(sitters(3), 1)):
        for degraded in (False, True):
            mine = [s for s in shown if s.degraded == degraded]
            assert sum(not s.forged for s in mine) == 1
            assert len({s.pixels.shape for s in mine}) == 1
            assert len({s.group for s in mine}) == 1
            genuine = next(s.pixels for s in mine if not s.forged)
            corner = np.s_[:16, :16]  # far from the face: what was not forged is the same to the bit, or nearly
            assert all(np.abs(s.pixels[corner].astype(int) - genuine[corner]).mean() < 3 for s in mine)


def _by_image(examples: NoiseExamples) -> list[list]:  # type: ignore[type-arg]
    every = list(examples)
    return [[s for s in every if s.face == face] for face in sorted({s.face for s in every})]


def test_every_arrival_encodes_and_takes_odd_sides() -> None:
    drawn = [draw_arrival(np.random.default_rng(i)) for i in range(60)]
    assert any(a.crf is not None for a in drawn)
    for arrival in drawn:
        assert (arrival.crf is None) != (arrival.degradation.encoding is None)
    filmed = next(a for a in drawn if a.crf is not None)
    assert filmed.apply(astronaut(257)).shape[0] % 2 == 0


def test_the_run_publishes_and_repeats(tmp_path: Path) -> None:
    names = few("ffhq", lesson.read().held_out, learn=2, held_out=2)
    data = album(tmp_path / "data", [(name, lit(i)) for i, name in enumerate(names)])
    teach(lesson, data, tmp_path / "one", tmp_path / "store")
    row = models.entry(MODEL, tmp_path / "store")
    first = Calibration.load(models.calibration_path(MODEL, tmp_path / "store"))
    assert first.lowest <= 0 <= first.highest
    assert first.groups >= 2
    teach(lesson, data, tmp_path / "two", tmp_path / "other")
    assert models.entry(MODEL, tmp_path / "other").sha256 == row.sha256
    assert Calibration.load(models.calibration_path(MODEL, tmp_path / "other")) == first
