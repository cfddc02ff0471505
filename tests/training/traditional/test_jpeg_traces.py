"""``traditional.jpeg_traces``: the three pictures of a photograph differ in nothing but what they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.training.albums import album, astronaut
from tests.training.teaching import teach

from zhenwei import models
from zhenwei.models.calibration import Calibration
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.photographs import Photograph
from zhenwei.training.traditional.jpeg_traces import MODEL, History, Splices, draw_history, fresh, lesson, splice
from zhenwei.types import Pixels


def lit(number: int) -> Pixels:
    tint = np.random.default_rng(number).integers(-25, 25, 3)
    return np.clip(astronaut().astype(int) + tint, 0, 255).astype(np.uint8)


def photographs(count: int) -> list[Photograph]:
    return [Photograph(encode(lit(i), ".jpg", 95), f"{i}.jpg", "ffhq", False) for i in range(count)]


def test_each_photograph_comes_once_spliced_and_twice_genuine_at_one_size() -> None:
    shown = list(Splices(photographs(4), 1))
    assert len(shown) == 12
    for number in range(4):
        mine = [s for s in shown if s.face == number]
        assert [s.forged for s in mine] == [False, False, True]
        assert len({s.pixels.shape for s in mine}) == 1
        assert len({(s.group, s.degraded) for s in mine}) == 1


def test_outside_the_splice_nothing_but_the_last_saving_differs() -> None:
    rng = np.random.default_rng(1)
    pixels = fresh(astronaut(), rng)
    history = History(70, None, (3, 5))
    forged, inside = splice(pixels, fresh(lit(3)[:, ::-1], rng), history, rng)
    genuine = history.apply(pixels)
    assert (forged[~inside] == genuine[~inside]).all()
    assert (forged[inside] != genuine[inside]).mean() > 0.5
    assert 0.03 < inside.mean() < 0.4
    last = History(70, 88, (3, 5))
    assert (last.apply(pixels) == decode(encode(genuine, ".jpg", 88))).all()
    assert genuine.shape == last.apply(pixels, twice=False).shape


def test_histories_are_of_every_kind() -> None:
    drawn = [draw_history(np.random.default_rng(i)) for i in range(200)]
    assert 20 < sum(h.before is None for h in drawn) < 90
    assert 10 < sum(h.last is None for h in drawn) < 60
    assert 70 < sum(h.shift == (0, 0) for h in drawn) < 140


def test_the_run_publishes_and_repeats(tmp_path: Path) -> None:
    data = album(tmp_path / "data", [("ffhq", lit(i)) for i in range(16)])
    teach(lesson, data, tmp_path / "one", tmp_path / "store")
    row = models.entry(MODEL, tmp_path / "store")
    first = Calibration.load(models.calibration_path(MODEL, tmp_path / "store"))
    assert first.lowest >= np.log(0.5) - 1e-9
    teach(lesson, data, tmp_path / "two", tmp_path / "other")
    assert models.entry(MODEL, tmp_path / "other").sha256 == row.sha256
    assert Calibration.load(models.calibration_path(MODEL, tmp_path / "other")) == first
