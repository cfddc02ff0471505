"""The accuracy figures: what enters which, recomputed by hand; the whole chain on a folder of a few files."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei.cli import main
from zhenwei.errors import DataError
from zhenwei.evaluation import accuracy
from zhenwei.evaluation.accuracy import SCHEMA, Item, Outcome, figures, items, run, to_dict
from zhenwei.evaluation.accuracy_page import to_markdown
from zhenwei.pipeline import Options
from zhenwei.testing import portrait


def item(forged: bool, group: str, *, set_name: str = "some", method: str = "") -> Item:
    return Item(Path("some.zip"), f"{group}.jpg", set_name, "out", forged, group, method)


def outcome(
    forged: bool, llr: float | None, decision: str = "", *, group: str = "", facts: tuple[float, ...] = ()
) -> Outcome:
    said = decision or (
        "inconclusive" if llr is None else "forged" if llr > 1 else "genuine" if llr < -1 else "inconclusive"
    )
    reason = "no face to look at" if llr is None else ""
    return Outcome(item(forged, group or f"{forged}{llr}"), llr, said, reason, facts)


GENUINE = [-2.0, -1.5, -0.5, 0.2, 1.5, None]
FORGED = [-1.2, 0.4, 1.8, 2.5, None, None]


def hand_made() -> list[Outcome]:
    return [outcome(False, v, group=f"g{i}") for i, v in enumerate(GENUINE)] + [
        outcome(True, v, group=f"f{i}") for i, v in enumerate(FORGED)
    ]


def test_every_figure_is_what_its_definition_gives() -> None:
    got = figures("some", "out", hand_made())
    genuine, forged = ([v for v in values if v is not None] for values in (GENUINE, FORGED))
    assert (got.genuine, got.forged) == (6, 6)
    assert got.coverage.value == pytest.approx(9 / 12)
    assert got.coverage.n == 12
    pairs = [(f > g) + 0.5 * (f == g) for f in forged for g in genuine]
    assert got.auc is not None
    assert got.auc.value == pytest.approx(np.mean(pairs))
    assert got.auc.n == 9  # what gave no answer is not a score of 0.5
    cost = [
        np.mean([math.log2(1 + math.exp(-v)) for v in forged]),
        np.mean([math.log2(1 + math.exp(v)) for v in genuine]),
    ]
    assert got.c_llr is not None
    assert got.c_llr.value == pytest.approx(np.mean(cost))
    assert got.ece is None  # of so few
    assert got.metadata_auc is None


def test_files_without_an_answer_stay_in_the_denominators_of_the_rates() -> None:
    got = figures("some", "out", hand_made())
    rates = (got.false_alarms, got.called_genuine, got.detected, got.missed)
    assert all(r is not None and r.n == 6 for r in rates)
    assert [round(r.value * 6) for r in rates if r is not None] == [1, 2, 2, 1]
    for rate in rates:
        assert rate is not None
        assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_what_gave_no_answer_moves_coverage_and_no_score() -> None:
    answered = [o for o in hand_made() if o.llr is not None]
    one, other = figures("some", "out", answered), figures("some", "out", hand_made())
    assert one.coverage.value == 1
    assert (one.auc, one.c_llr) == (other.auc, other.c_llr)
    assert one.false_alarms != other.false_alarms


def test_one_class_alone_has_rates_and_no_curve() -> None:
    got = figures("camera", "out", [o for o in hand_made() if not o.item.forged])
    assert got.auc is got.c_llr is got.ece is got.detected is got.missed is None
    assert got.false_alarms is not None
    assert got.forged == 0


def test_one_person_of_a_class_is_too_few_for_an_interval() -> None:
    lone = [outcome(True, 2.0, group="f"), outcome(True, 1.0, group="f")]
    got = figures("some", "out", [*lone, *(outcome(False, -float(i), group=f"g{i}") for i in range(5))])
    assert got.auc is None
    assert got.detected is not None


def test_nobody_answering_is_coverage_zero() -> None:
    got = figures("some", "out", [outcome(bool(i % 2), None, group=str(i)) for i in range(8)])
    assert got.coverage.value == 0
    assert got.auc is None


def test_calibration_error_is_the_mean_gap_over_ten_equal_bins() -> None:
    rng = np.random.default_rng(0)
    llr, truth = rng.normal(0, 2, 120), rng.random(120) < 0.5
    got = figures(
        "some",
        "out",
        [outcome(bool(t), float(v), group=str(i)) for i, (v, t) in enumerate(zip(llr, truth, strict=True))],
    )
    order = np.argsort(llr)
    said = 1 / (1 + np.exp(-llr[order]))
    gaps = [abs(said[k : k + 12].mean() - truth[order][k : k + 12].mean()) for k in range(0, 120, 12)]
    assert got.ece is not None
    assert got.ece.value == pytest.approx(np.mean(gaps))


def test_pictures_of_one_person_count_as_one() -> None:
    rng = np.random.default_rng(1)
    rows = [
        (person, forged, float(rng.normal(1.0 if forged else 0.0, 0.3) + shift))
        for person, shift in enumerate(rng.normal(0, 2, 8))
        for forged in (False, True)
        for _ in range(10)
    ]
    alone = figures("some", "out", [outcome(f, v, group=str(i)) for i, (_, f, v) in enumerate(rows)]).auc
    together = figures("some", "out", [outcome(f, v, group=str(p)) for p, f, v in rows]).auc
    assert alone is not None
    assert together is not None
    assert together.value == alone.value
    assert together.high - together.low > 1.3 * (alone.high - alone.low)


@pytest.mark.parametrize("telling", [True, False])
def test_metadata_that_tell_the_label_are_found_out(telling: bool) -> None:
    rng = np.random.default_rng(2)
    rows = []
    for i in range(60):
        forged, size = bool(i % 2), float(rng.normal(0, 1))
        facts = (300.0 + (100 if telling and forged else 0) + size, 200.0, 1.5, float(rng.random()), math.nan, 0.0, 0.0)
        rows.append(outcome(forged, 0.0, group=str(i), facts=facts))
    probe = figures("some", "out", rows).metadata_auc
    assert probe is not None
    assert (probe.value > 0.95) if telling else (probe.low < 0.5 < probe.high)


def encoded(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


FACE, OTHER = encoded(portrait(260, 220)), encoded(portrait(260, 220, seed=4))
WALL = encoded(np.full((120, 120, 3), 90, np.uint8))


def write(folder: Path, name: str, head: str, rows: Iterable[str], files: dict[str, bytes]) -> None:
    (folder / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six files to test on, and two that were trained on and must not be among them."""
    folder = tmp_path / "data"
    folder.mkdir()
    faces = ["t.jpg,real,t,1,train,100", "a.jpg,real,a,7,val,100", "b.jpg,fake,a,7,val,100"]
    write(folder, "dfdc-faces", "path,label,original,identity,split,width_px", faces, {"a.jpg": FACE, "b.jpg": OTHER})
    photos = ["u.jpg,real,,ffhq,train", "c.jpg,real,,ffhq-val,val", "d.jpg,real,,pixabay-val,val"]
    write(folder, "photos", "path,label,generator,source,split", photos, {"c.jpg": WALL, "d.jpg": OTHER})
    clips = ["e.mp4,fake,some | method,1,1,1,1"]
    write(folder, "clips", "path,label,method,width,height,frames,fps", clips, {"e.mp4": b"no clip at all"})
    with zipfile.ZipFile(folder / "camera-originals.zip", "w") as archive:
        archive.mkdir("make")
        archive.writestr("make/f.jpg", FACE)
    return folder


def test_the_test_part_of_a_data_folder_and_no_more(data: Path) -> None:
    found = list(items(data))
    assert [(i.member, i.set_name, i.domain, i.forged) for i in found] == [
        ("a.jpg", "DFDC faces", "in", False),
        ("b.jpg", "DFDC faces", "in", True),
        ("c.jpg", "FFHQ and StyleGAN", "in", False),
        ("d.jpg", "stock portraits", "out", False),
        ("e.mp4", "clips", "out", True),
        ("make/f.jpg", "camera originals", "out", False),
    ]
    assert [i.group for i in found[:3]] == ["7", "7", "c.jpg"]
    assert (found[1].method, found[4].method) == ("face swap", "some | method")


def test_an_incomplete_or_damaged_data_folder_is_said_to_be(data: Path) -> None:
    (data / "photos.csv").write_text("path,label,generator,source,split\nc.jpg,real,,unheard-of,val\n")
    with pytest.raises(DataError, match=r"damaged.*unheard-of"):
        list(items(data))
    (data / "clips.zip").unlink()
    (data / "photos.csv").write_text("path,label,generator,source,split\n")
    with pytest.raises(DataError, match=r"incomplete; got no clips\.csv and clips\.zip"):
        list(items(data))


def test_an_archive_that_lacks_a_file_is_named(data: Path, tmp_path: Path) -> None:
    lost = Item(data / "photos.zip", "lost.jpg", "photos", "in", False, "x", "")
    with pytest.raises(DataError, match=r"lost\.jpg"):
        run([lost], tmp_path, Options(frames=1))
    (data / "photos.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"photos\.zip"):
        run([lost], tmp_path, Options(frames=1))


def test_the_whole_chain_from_archive_to_outcome(data: Path, tmp_path: Path) -> None:
    scratch, told = tmp_path / "scratch", list[float]()
    scratch.mkdir()
    outcomes = run(list(items(data)), scratch, Options(frames=4, threads=1), told.append)
    by_name = {o.item.member: o for o in outcomes}
    for name in ("a.jpg", "b.jpg", "d.jpg", "make/f.jpg"):
        assert by_name[name].llr is not None
        assert by_name[name].error == ""
        assert by_name[name].facts[:3] == pytest.approx((220, 260, 220 / 260))
    assert by_name["a.jpg"].llr == by_name["make/f.jpg"].llr  # the same bytes, from another archive
    wall, clip = by_name["c.jpg"], by_name["e.mp4"]
    assert (wall.llr, wall.decision) == (None, "inconclusive")
    assert wall.error
    assert (clip.llr, clip.decision, clip.facts) == (None, "unreadable", ())
    assert str(scratch) not in clip.error
    assert list(scratch.iterdir()) == []
    assert told == sorted(told)
    assert len(told) == 6


def results() -> list[Outcome]:
    every = hand_made()
    for method, llrs in (("face swap", [1.5, -2.0]), ("animation", [None])):
        for i, llr in enumerate(llrs):
            told = "unreadable" if llr is None else "forged" if llr > 0 else "genuine"
            clip = Item(Path("clips.zip"), f"fake/{method} {i}.mp4", "clips", "out", True, f"{method}{i}", method)
            every.append(Outcome(clip, llr, told, "" if llr else "cut | short\nof data", ()))
    return every


def test_the_results_file_is_json_from_which_anybody_can_recompute() -> None:
    outcomes = results()
    sets = [figures(n, "out", [o for o in outcomes if o.item.set_name == n]) for n in ("some", "clips")]
    values = json.loads(json.dumps(to_dict(sets, outcomes, {"python": "3"}), allow_nan=False))
    assert values["schema"] == SCHEMA
    assert len(values["files"]) == len(outcomes)
    scored = [(f["llr"], f["forged"]) for f in values["files"] if f["set"] == "some" and f["llr"] is not None]
    pairs = [a > b for a, forged in scored if forged for b, other in scored if not other]
    assert values["figures"][0]["auc"]["value"] == pytest.approx(np.mean(pairs))
    assert values["figures"][1]["auc"] is None
    assert values["figures"][1]["coverage"]["n"] == 3


def test_the_page_has_every_set_method_and_clip() -> None:
    outcomes = results()
    inside = figures("inside", "in", hand_made())
    sets = [inside, figures("some", "out", hand_made()), figures("clips", "out", outcomes[12:])]
    page = to_markdown(sets, outcomes, {"zhenwei": "1.2.3"})
    before, after = page.split("## Out-of-domain")
    assert "| inside | 6 + 6 |" in before
    assert "| some | 6 + 6 |" in after
    assert "| clips | 0 + 3 | — | — |" in after
    assert "| clips | face swap | 2 | 1 | 1 | 0 | -0.25 |" in after  # the median of two lies between them
    assert "| clips | animation | 1 | 0 | 0 | 0 | — |" in after
    assert "| animation 0.mp4 | animation | unreadable: cut \\| short of data | — |" in after
    assert "| face swap 0.mp4 | face swap | forged | +1.50 |" in after
    assert "- zhenwei: `1.2.3`" in after
    assert "nan" not in page.lower()
    assert inside.auc is not None
    assert f"{inside.auc.value:.3f} [{inside.auc.low:.3f}, {inside.auc.high:.3f}]" in before


def test_the_command_writes_both(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, page = tmp_path / "new" / "accuracy.json", tmp_path / "new" / "accuracy.md"
    assert main(["evaluate", "--data", str(data), "--output", str(out), "--page", str(page), "--frames", "2"]) == 0
    values = json.loads(out.read_text())
    assert [f["set_name"] for f in values["figures"]] == list(dict.fromkeys(i.set_name for i in items(data)))
    assert capsys.readouterr().out.strip() == page.read_text().strip()
    assert str(tmp_path) not in page.read_text() + out.read_text()
    only = ["evaluate", "--data", str(data), "--output", str(out), "--only", "DFDC faces", "--limit", "1"]
    assert main(only) == 0
    assert [f["file"] for f in json.loads(out.read_text())["files"]] == ["a.jpg"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--only", "no such set"], 2, "no such set; got no such set"),
        (["--data", "nowhere"], 1, "incomplete"),
        (["--output", "FILE/below.json"], 2, "cannot be written"),
        (["--page", "FOLDER"], 2, "cannot be written"),
        (["--limit", "-1"], 2, "--limit"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_examined(
    arguments: list[str],
    status: int,
    told: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def examined(*_: object) -> list[Outcome]:
        raise AssertionError("too late")

    monkeypatch.setattr(accuracy, "run", examined)
    (tmp_path / "file").write_text("x")
    places = {"FILE": str(tmp_path / "file"), "FOLDER": str(tmp_path)}
    for name, path in places.items():
        arguments = [a.replace(name, path) for a in arguments]
    output = ["--output", str(tmp_path / "out.json")]
    assert main(["evaluate", "--data", str(data), *output, *arguments]) == status
    shown = capsys.readouterr()
    assert told in " ".join(shown.err.split())
    assert "Traceback" not in shown.err
    assert shown.out == ""
    assert not (tmp_path / "out.json").exists()
