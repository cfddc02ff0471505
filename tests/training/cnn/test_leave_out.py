"""Leaving a kind of forgery out: it is gone from every batch, and nobody who is asked about was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.making import Row, jpeg, pack_of, person, save, tampered, tiny_recipe, tiny_rows, write_recipe

from zhenwei.cli import main
from zhenwei.errors import DataError
from zhenwei.evaluation import leave_out as results
from zhenwei.forge.synthesis import Forgery
from zhenwei.trainer.supervised import Tell
from zhenwei.training.cnn._leave_out import KINDS, kinds_of, run, shown_of, without
from zhenwei.training.data import batches
from zhenwei.training.data.batches import BatchMaker, split_pack
from zhenwei.training.data.pack import Pack
from zhenwei.training.recipe import Pairs, Recipe, read_recipe
from zhenwei.types import Pixels

COUNTS = st.builds(Pairs, **{name: st.integers(0, 12) for name in Pairs.model_fields})


def _pack() -> Pack:
    """Two more people for the test, and a second portrait and a second generated one."""
    rows = list(tiny_rows())
    for number in (50, 51):
        rows.append(Row(jpeg(person(number)), "dfdc", str(number), split="val"))
        rows.append(Row(jpeg(tampered(person(number))), "dfdc", str(number), True, len(rows) - 1, "val"))
    rows.append(Row(jpeg(person(150)), "ffhq", "ffhq/50", split="val"))
    rows.append(Row(jpeg(person(250)), "stylegan", "stylegan/50", True, split="val"))
    return pack_of(rows)


@given(COUNTS, st.sampled_from(list(KINDS.values())))
def test_the_places_of_a_kind_go_to_the_others_in_proportion(pairs: Pairs, names: tuple[str, ...]) -> None:
    left = {name: count for name, count in pairs.model_dump().items() if name not in names}
    if not sum(left.values()):
        with pytest.raises(DataError, match="nothing is left"):
            without(pairs, names)
        return
    found = without(pairs, names)
    assert found.total == pairs.total
    for name, count in found.model_dump().items():
        if name in names:
            assert count == 0
        else:
            assert abs(count - left[name] * pairs.total / sum(left.values())) < 1


def test_the_packaged_recipe_holds_every_kind_of_face_forgery() -> None:
    recipe = read_recipe(Recipe, "leave_out")
    assert kinds_of(recipe) == list(KINDS)[:4]
    assert {name for names in KINDS.values() for name in names} == set(Pairs.model_fields)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_is_in_no_batch(kind: str, monkeypatch: pytest.MonkeyPatch, latents: str) -> None:
    """Told by what is drawn and called, not by the counts of the recipe; and the batch with every kind has them all."""
    pack, met = _pack(), set[str]()
    _listen(pack, met, monkeypatch)
    recipe = tiny_recipe(pairs=dict.fromkeys(Pairs.model_fields, 1), latents=latents)
    kept = recipe.model_copy(update={"pairs": without(recipe.pairs, KINDS[kind])})
    whole, blind = (BatchMaker(pack, split_pack(pack, r), r) for r in (recipe, kept))
    sizes = {len(whole[step].forged) for step in range(3)}
    assert met == set(Pairs.model_fields)
    met.clear()
    assert {len(blind[step].forged) for step in range(3)} == sizes == {2 * len(Pairs.model_fields)}
    assert met == set(Pairs.model_fields) - set(KINDS[kind])


def _listen(pack: Pack, met: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Makers of forgeries tell their name; a picture that is read tells what it was published as."""
    called = {"_regenerated": "regenerated", "made_by_decoder": "decoded", "made_by_motion": "rendered"}

    def heard(name: str) -> Callable[..., Forgery]:
        make = getattr(batches, name)

        def told(*args: Any) -> Forgery:
            met.add(called.get(name, name))
            forgery: Forgery = make(*args)
            return forgery

        return told

    read = Pack.pixels

    def looked_at(self: Pack, index: int) -> Pixels:
        if pack.forged[index]:
            met.add("generated" if pack.original[index] < 0 else "collected")
        return read(self, index)

    for name in (
        "self_blend",
        "affine_warp",
        "mesh_swap",
        "cross_blend",
        "splice",
        "_regenerated",
        "animated",
        "made_by_decoder",
        "made_by_motion",
    ):
        monkeypatch.setattr(batches, name, heard(name))
    monkeypatch.setattr(Pack, "pixels", looked_at)


def _refused(rows: list[Row], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    recipe = write_recipe(folder / "r.toml", tiny_recipe())
    pack = save(pack_of(rows), folder / "p.npz")
    given_ = ["train", "cnn.face_forgery", "--data", str(pack), "--recipe", str(recipe), "--leave-out"]
    assert main([*given_, "--output", str(folder / "out"), "--threads", "1", "--device", "cpu"]) == 1
    assert not list(folder.rglob("*.pt"))
    return capsys.readouterr().err


def test_a_person_both_trained_on_and_tested_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack, recipe = pack_of(tiny_rows()), tiny_recipe()
    person_ = str(pack.identity[split_pack(pack, recipe).pairs[0]])
    rows = [*tiny_rows(), Row(jpeg(person(7)), "dfdc", person_, split="val")]
    said = _refused(rows, tmp_path, capsys)
    assert "people of the test are trained on" in said
    assert f"dfdc/{person_}" in said


def test_a_source_of_one_person_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A swap without a donor becomes a self-blend, which may be what is left out."""
    pack = pack_of(tiny_rows())
    one = str(pack.identity[split_pack(pack, tiny_recipe()).genuine["ffhq"][0]])
    rows = [replace(r, identity=one) if r.source == "ffhq" and r.split == "train" else r for r in tiny_rows()]
    assert "too few people to swap faces among" in _refused(rows, tmp_path, capsys)


def _unheard(_kind: str, _steps: int) -> Tell:
    return lambda _step, _figures: None


def _unasked(_kind: str) -> None:
    pass


@pytest.mark.heavy
def test_nothing_is_chosen_by_what_is_left_out(tmp_path: Path) -> None:
    """Held-out figures are of every kind, so there is one check only, at the end, whatever the recipe says."""
    recipe = tiny_recipe(
        pairs={"collected": 1, "self_blend": 1, "affine_warp": 0, "generated": 0},
        optimiser={"steps": 2, "check_every": 1, "swa_from": 1},
    )
    device = torch.device("cpu")
    run(recipe, _pack(), tmp_path, device=device, workers=1, began=_unheard, asking=_unasked, pack_sha256="0")
    logs = list(tmp_path.rglob("log.csv"))
    assert len(logs) == 3
    assert all(len(log.read_text().splitlines()) == 2 for log in logs)


@pytest.mark.parametrize("kind", KINDS)
def test_those_asked_about_are_of_the_test_alone(kind: str, latents: str) -> None:
    pack, recipe = _pack(), tiny_recipe(latents=latents)
    shown = shown_of(kind, pack, recipe)
    learned = np.setdiff1d(np.arange(len(pack)), split_pack(pack, recipe).test)
    trained = {f"{pack.source[i]}/{pack.identity[i]}" for i in learned}
    assert not trained & set(shown.groups)
    assert len(set(shown.groups)) >= 2
    assert set(shown.forged) == {False, True}
    assert {x.shape for x in shown.pixels} == {(64, 64, 3)}
    again = shown_of(kind, pack, recipe)
    assert all(np.array_equal(a, b) for a, b in zip(shown.pixels, again.pixels, strict=True))


def test_too_few_to_ask_is_said() -> None:
    with pytest.raises(DataError, match="too few faces to ask"):
        shown_of("generated portraits (StyleGAN)", pack_of([r for r in tiny_rows() if r.split != "val"]), tiny_recipe())


@pytest.mark.heavy
def test_the_command_trains_asks_and_does_not_train_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = {"collected": 1, "self_blend": 1, "affine_warp": 0, "generated": 0}
    recipe = write_recipe(tmp_path / "r.toml", tiny_recipe(pairs=pairs, optimiser={"steps": 1, "check_every": 1}))
    pack, out = save(_pack(), tmp_path / "p.npz"), tmp_path / "out"
    given_ = ["train", "cnn.face_forgery", "--data", str(pack), "--recipe", str(recipe), "--leave-out"]
    given_ += ["--output", str(out), "--threads", "1", "--device", "cpu"]
    assert main(given_) == 0
    first = (out / "leave_one_out.json").read_bytes()
    weights = {p: p.stat().st_mtime_ns for p in out.rglob("last.pt")}
    assert len(weights) == 3
    assert main(given_) == 0
    assert {p: p.stat().st_mtime_ns for p in out.rglob("last.pt")} == weights
    assert (out / "leave_one_out.json").read_bytes() == first
    found = results.load(out / "leave_one_out.json")
    assert [row.kind for row in found.rows] == ["published face swaps (DFDC)", "a face blended with itself"]
    assert found.rows[0].genuine == found.rows[0].forged == 3
    for row in found.rows:
        assert row.lost.value == pytest.approx(row.seen.value - row.unseen.value)
        assert row.lost.low <= row.lost.value <= row.lost.high
    text = results.to_markdown(found)
    assert text.count("| published face swaps (DFDC) | 3 + 3 |") == 1
    capsys.readouterr()
    other = write_recipe(tmp_path / "o.toml", tiny_recipe(pairs=pairs, optimiser={"steps": 2, "check_every": 2}))
    assert main([str(other) if a == str(recipe) else a for a in given_]) == 1
    assert "another recipe" in capsys.readouterr().err


def test_results_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    for path in (tmp_path / "x.json", tmp_path / "missing.json"):
        with pytest.raises(DataError):
            results.load(path)
