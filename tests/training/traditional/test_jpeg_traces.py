"""``traditional.jpeg_traces``: the three pictures of a photograph differ in nothing but what they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.training.albums import album, astronaut
from tests.training.teaching import teach

from zhenwei import models
from zhenwei.cli import main
from zhenwei.errors import DataError
from zhenwei.models.calibration import Calibration
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.data.photographs import Photograph
from zhenwei.training.install.linear import LinearRecipe, linear_lesson, rows_of
from zhenwei.training.traditional.jpeg_traces import (
    _PRODUCT,
    ASK,
    MODEL,
    History,
    Splices,
    draw_history,
    fresh,
    image_features,
    lesson,
    splice,
)
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


def test_nothing_is_installed_unless_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = album(tmp_path / "data", [("ffhq", lit(i)) for i in range(16)]), tmp_path / "out"
    before = (models.STORE / "manifest.json").read_bytes(), models.entry(MODEL).sha256
    assert main(["train", "traditional.jpeg_traces", "--data", str(data), "--output", str(out)]) == 0
    assert ((models.STORE / "manifest.json").read_bytes(), models.entry(MODEL).sha256) == before
    said = " ".join(capsys.readouterr().err.split())
    assert "Nothing was installed; the same command with --install puts it into the model store" in said
    assert "in the model store: " not in said
    assert models.entry(MODEL, out / "store").sha256
    assert models.calibration_path(MODEL, out / "store").is_file()
    assert (out / "store" / "cards" / f"{MODEL}.md").is_file()


def test_one_class_alone_is_said_to_lack_the_other(tmp_path: Path) -> None:
    def only_genuine(*_: object) -> tuple[list[HeldOutImage], list[HeldOutImage]]:
        return [HeldOutImage(lit(i), False, i, str(i), "ffhq", False) for i in range(3)], []

    one_sided = linear_lesson(
        LinearRecipe, _PRODUCT, needs="", split=only_genuine, rows=rows_of(image_features), ask=ASK
    )
    with pytest.raises(DataError, match=r"one class alone teaches nothing; got 3 genuine images, none forged"):
        teach(one_sided, tmp_path, tmp_path / "out", tmp_path / "store")
