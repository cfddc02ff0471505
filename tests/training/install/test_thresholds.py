"""What the fused verdict rests on, measured on sources left out: known answers in, known weights and rates out."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.data.test_pack import ASTRONAUT

from zhenwei.cli import main
from zhenwei.errors import DataError
from zhenwei.evaluation.items import Answer, Item
from zhenwei.fusion.dependence import Dependence
from zhenwei.fusion.operating import OperatingPoints
from zhenwei.training.install import kept_answers, left_out
from zhenwei.training.install.thresholds import FileAnswers, measure, operating_of, silent_of, spread, trust_of
from zhenwei.types import Kind

FORGED = Path(__file__).parents[3] / "examples" / "media" / "astronaut-forged.jpg"


def one(llr: float | None, forged: bool, source: str, number: int, kind: Kind = "image") -> FileAnswers:
    said = (Answer("cnn.face_forgery", 1, llr, "altered"),)
    return FileAnswers(
        kind,
        source,
        f"{source}/{number}",
        forged,
        said,
        {"face_px": 100.0 + number, "sharpness": 50.0, "brightness": 0.5},
        {"width": 10.0},
    )


def calibrated(count: int, sources: int, *, factor: float = 1.0, kind: Kind = "image") -> list[FileAnswers]:
    """Gaussian LLRs of mean 1 and variance 2, either way, told ``factor`` times too large."""
    rng = np.random.default_rng(1)
    every = []
    for number in range(count):
        forged = bool(number % 2)
        llr = float(rng.normal(1.0 if forged else -1.0, 2**0.5)) * factor
        every.append(one(llr, forged, f"source {number // 2 % sources}", number, kind))
    return every


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_answers_are_trusted_as_far_as_they_are_worth(factor: float) -> None:
    every = calibrated(6000, 6, factor=factor)
    llrs, forged = np.array([a.said[0].llr for a in every]), np.array([a.forged for a in every])
    sources = np.array([a.source for a in every])
    found, offset = trust_of(llrs, forged, sources)
    assert (found, offset) == pytest.approx((1 / factor, 0.0), rel=0.12)
    assert trust_of(-llrs, forged, sources)[0] < 0.01


def test_what_genuine_media_reach_is_taken_off_where_every_kind_was_looked_for() -> None:
    every = calibrated(6000, 6)
    llrs, forged = np.array([a.said[0].llr or 0.0 for a in every]), np.array([a.forged for a in every])
    whole = np.arange(len(every)) % 4 < 2  # half of each class
    sources = np.array([a.source for a in every])
    factor, offset = trust_of(llrs + 0.8 * whole, forged, sources, whole)
    assert factor == pytest.approx(1.0, rel=0.12)
    assert offset == pytest.approx(-0.8, abs=0.15)
    assert trust_of(llrs - 0.8 * whole, forged, sources, whole)[1] == 0.0  # never towards forged


def test_who_is_at_chance_on_other_sources_is_silent() -> None:
    rng = np.random.default_rng(3)
    every: list[FileAnswers] = []
    for a in calibrated(600, 4):
        noise = Answer("warp.affine", 1, float(rng.normal(-0.3 if a.forged else 0.3, 2)), "altered")
        seldom = Answer("warp.boundary", 1, 9.0, "altered") if len(every) < 10 else None
        every.append(replace(a, said=(*a.said, noise, *([seldom] if seldom else []))))
    assert silent_of(every) == ("warp.affine",)
    assert silent_of([a for a in every if a.source == "source 0"]) == ()  # one source may be all there is to it
    found = measure(every)
    assert found.dependence.silent == {"image": ("warp.affine",)}
    alone = [replace(a, said=a.said[:1]) for a in every]
    heard, spared = (np.array([max(a.llrs(found.dependence)) for a in group]) for group in (every[10:], alone[10:]))
    assert np.allclose(heard, spared)
    assert "not counted: `warp.affine`" in left_out.to_markdown(found)


def test_a_large_source_does_not_drown_the_others() -> None:
    honest, useless = calibrated(400, 4), calibrated(4000, 1)
    rng = np.random.default_rng(2)
    every = [*honest, *(one(float(rng.normal(0, 2)), a.forged, "vast", i) for i, a in enumerate(useless))]
    llrs, forged = np.array([a.said[0].llr for a in every]), np.array([a.forged for a in every])
    found, _ = trust_of(llrs, forged, np.array([a.source for a in every]))
    alone, _ = trust_of(llrs, forged, np.array(["all"] * len(every)))
    assert found > 1.5 * alone


def test_one_class_measures_nothing() -> None:
    with pytest.raises(DataError, match="one class"):
        trust_of(np.ones(5), np.ones(5, np.bool_), np.array(["a"] * 5))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_rates_bound_the_pool_and_every_source_that_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = {"a": 60, "b": 12, "c": 4}
    every = [
        one(float(rng.normal(shift, 1)), False, name, i)
        for shift, (name, n) in enumerate(sizes.items())
        for i in range(n)
    ]
    tail = operating_of(every, Dependence()).genuine["image"]
    for level in np.linspace(-2, 5, 29):
        for name, n in sizes.items():
            reached = sum((a.said[0].llr or 0.0) >= level for a in every if a.source == name)
            if n >= 10:
                assert tail.at(level) >= min(1.0, (reached + 0.5) / (n + 1)) - 1e-9 or level > tail.llr[-1]
        share = sum((a.said[0].llr or 0.0) >= level for a in every) / len(every)
        assert tail.at(level) >= share - 1e-9
    assert (tail.media, tail.groups) == (76, 76)


def test_a_source_unlike_the_others_sets_the_thresholds_of_all() -> None:
    usual = [a for a in calibrated(400, 4) if not a.forged]
    odd = [one(2.5, False, "odd", i) for i in range(40)]
    assert operating_of(usual, Dependence()).genuine["image"].at(2.4) < 0.05
    assert operating_of([*usual, *odd], Dependence()).genuine["image"].at(2.4) > 0.9


def test_the_proof_leaves_each_source_out() -> None:
    every = calibrated(1200, 5, factor=2.0) + [one(20.0, False, "odd", i) for i in range(30)]
    every.append(one(None, False, "silent", 0))
    found = measure(every)
    rows = {row.source: row for row in found.rows}
    assert set(rows) == {"odd", "silent", *(f"source {k}" for k in range(5))}
    trusts = [row.trust for row in found.rows]
    assert min(trusts) <= found.dependence.trust["image"] <= max(trusts)
    assert rows["odd"].false_alarms == 30  # nobody knew of it
    assert (rows["silent"].genuine, rows["silent"].genuine_answered) == (1, 0)
    assert all(rows[f"source {k}"].false_alarms == 0 for k in range(5))  # with it among the others
    assert found.operating.measured_on("image")[0] == ("odd", 30, 0)
    low, high = found.operating.domains["image"].ranges["face_px"]
    assert 100 <= low < high < 1300
    page = left_out.to_markdown(found)
    assert "| odd | 30, 30 | 30 | 0 | — | — | — |" in page
    assert "metadata alone" in page
    assert json.loads(json.dumps(left_out.record(found)))["trust"]["image"] == pytest.approx(
        found.dependence.trust["image"], abs=1e-4
    )


def test_the_proof_tells_mean_and_worst_over_sources_with_pairs() -> None:
    every = calibrated(400, 4) + [one(20.0, False, "odd", i) for i in range(12)]
    for i in range(12):
        for forged in (False, True):
            told = one(i / 4, forged, "paired", 2 * i + forged)
            every.append(replace(told, group=f"paired/{i}", video=f"set/{i}", method="swap"))
    found = measure(every)
    assert len(found.decisions) == len(every)
    odd = [said for a, said in zip(every, found.decisions, strict=True) if a.source == "odd"]
    assert odd == ["forged"] * 12
    record = left_out.record(found)
    assert json.loads(json.dumps(record)) == record
    over = {(o["of"], o["figure"]): o for o in record["over_sources"]}
    assert over["source", "false_alarms"]["worst_name"] == "odd"
    assert over["source", "false_alarms"]["worst"]["value"] == 1
    assert over["source", "pair_accuracy"]["mean"]["value"] == 0.5  # original and forgery say the same: all are ties
    assert over["source", "pair_accuracy"]["worst"]["n"] == 12
    rows = {row["name"]: row for row in record["by_source"] if row["of"] == "source"}
    assert {a["source"] for a in rows["paired"]["against"]} == {"odd", "paired", *(f"source {k}" for k in range(4))}
    assert [row["name"] for row in record["by_source"] if row["of"] == "method"] == ["swap"]
    page = left_out.to_markdown(found)
    assert page.index("| false alarms | 6 sources of pictures |") < page.index("| odd | 12 + 0 | — |")
    assert "| pair accuracy | 1 source of pictures | 0.500 [0.500, 0.500] |" in page
    assert "Sources of fewer than 10 cases are shown" in page


def test_a_level_that_many_share_is_reached_again_after_writing(tmp_path: Path) -> None:
    """Scores end at a cap: what is measured there must hold for whoever reaches it with the weights as written."""
    every = [one(min(a.said[0].llr or 0.0, 1.3), a.forged, a.source, i) for i, a in enumerate(calibrated(800, 4))]
    found = measure(every)
    found.dependence.save(tmp_path / "d.json")
    found.operating.save(tmp_path / "o.json")
    known, points = Dependence.load(tmp_path / "d.json"), OperatingPoints.load(tmp_path / "o.json")
    top = max(max(a.llrs(known)) for a in every if not a.forged)
    assert points.genuine["image"].llr[-1] == top
    assert points.genuine["image"].at(top) < 1


def test_in_a_crowd_the_worst_person_counts_once() -> None:
    said = tuple(Answer("cnn.face_forgery", person, llr, "altered") for person, llr in ((1, -2.0), (2, 1.5)))
    crowd = FileAnswers("image", "a", "a/0", False, said, {})
    assert crowd.llrs(Dependence()) == [-2.0, 1.5]
    heard = FileAnswers("video", "a", "a/0", False, (*said, Answer("speech.variability", None, 3.0, "voice")), {})
    assert heard.llrs(Dependence()) == [-2.0, 1.5]  # a voice is measured on sound


def test_a_limit_takes_some_of_every_source_and_class() -> None:
    items = [Item(f"{s}{i}", Path("x"), "set", bool(i % 2), origin=s) for s in "abc" for i in range(40)]
    taken = spread(items, 3)
    assert len(taken) == 18
    assert {(i.origin, i.forged) for i in taken} == {(s, f) for s in "abc" for f in (True, False)}
    assert spread(items, 0) == items


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two sources of either class, a picture each."""
    folder = tmp_path / "data"
    folder.mkdir()
    tables = {
        "dfdc-faces": [("path", "label", "original", "identity", "split"), ("r.jpg", "real", "r", "1", "val"),
                       ("f.jpg", "fake", "r", "1", "val")],
        "photos": [("path", "label", "generator", "source", "split"), ("r.jpg", "real", "", "ffhq-val", "val"),
                   ("f.jpg", "fake", "stylegan", "stylegan-val", "val")],
    }  # fmt: skip
    for name, rows in tables.items():
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.write(ASTRONAUT, "r.jpg")
            archive.write(FORGED, "f.jpg")
        with (folder / f"{name}.csv").open("w", newline="") as text:
            csv.writer(text).writerows(rows)
    return folder


@pytest.mark.heavy
def test_thresholds_are_measured_and_written_where_they_are_wanted(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, store = tmp_path / "out", tmp_path / "store"
    asked = ["train", "fused", "--thresholds", "--output", str(out), "--store", str(store)]
    assert main([*asked, "--data", str(data)]) == 0
    said = capsys.readouterr()
    assert "DFDC" in said.out + said.err
    written = OperatingPoints.load(store / "operating_points.json")
    assert written.measured_on("image") == (("DFDC", 1, 1), ("FFHQ", 1, 0), ("StyleGAN", 0, 1))
    assert set(written.genuine) == {"audio", "image", "video"}  # sound and clips stay
    assert "image" in Dependence.load(store / "dependence.json").trust
    assert json.loads((out / "left_out.json").read_text())["schema"] == "zhenwei.left-out/1"
    assert (out / "left_out.md").read_text().startswith("# Sources left out")
    # The answers alone give the same, and a changed detector is asked alone.
    answers, again = out / kept_answers.NAME, tmp_path / "again"
    kept = kept_answers.load(answers)
    assert len(kept.media) == 4
    first = [(store / name).read_bytes() for name in ("operating_points.json", "dependence.json")]
    same = ["train", "fused", "--thresholds", "--output", str(again), "--store", str(store)]
    assert main([*same, "--data", str(answers)]) == 0
    assert [(store / name).read_bytes() for name in ("operating_points.json", "dependence.json")] == first
    assert (again / "left_out.json").read_text() == (out / "left_out.json").read_text()
    stale = tmp_path / "stale.json.gz"
    other = [replace(one, said=tuple(replace(a, llr=9.0) for a in one.said)) for one in kept.media]
    by = {name: made if name != "cnn.neuron_coverage" else "another" for name, made in kept.by.items()}
    kept_answers.save(replace(kept, media=tuple(other), by=by), stale)
    assert main([*same, "--data", str(data), "--from", str(stale)]) == 0
    mended = {one.digest: one for one in kept_answers.load(again / kept_answers.NAME).media}
    for one_before in kept.media:
        for said_now in mended[one_before.digest].said:
            known = {a.detector: a.llr for a in one_before.said}
            want = known[said_now.detector] if said_now.detector == "cnn.neuron_coverage" else 9.0
            assert said_now.llr == want
    capsys.readouterr()
    assert main([*asked, "--data", str(data / "photos.zip")]) == 1
    assert "cannot read the answers" in capsys.readouterr().err
    assert main([*same, "--data", str(answers), "--from", str(stale)]) == 2
    assert "a data folder" in capsys.readouterr().err
    assert main([*same, "--data", str(data), "--from", str(stale), "--from", str(stale)]) == 2
    assert "one file" in capsys.readouterr().err
