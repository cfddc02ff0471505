"""Labelled files through the real chain: protocols, resuming, what cannot be read, the command."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zhenwei import pipeline
from zhenwei.cli import _evaluate_folder, main
from zhenwei.cli.evaluate import _limited
from zhenwei.detectors import catalogue
from zhenwei.errors import DataError, MissingExtraError, UsageError
from zhenwei.evaluation import results
from zhenwei.evaluation.evaluate import FAILED, evaluate, ladder_of, weights_of
from zhenwei.evaluation.examine import Journal, examine
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.protocols import Protocol, load_protocol, names
from zhenwei.pipeline import Options
from zhenwei.report import Hold
from zhenwei.types import Detector, Evidence, Report, Subject

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
ALL = Protocol(name="all", text="Every file.", splits=())


def items(folder: Path) -> list[Item]:
    """Two people of each class, of a portrait in several crops; a file without a face and one that is no picture."""
    with Image.open(ASTRONAUT) as whole:
        image = whole.convert("RGB")
    found: list[Item] = []
    for number in range(4):
        path = folder / f"{number}.png"
        image.crop((number * 2, number, image.width - number, image.height)).save(path)
        found.append(
            Item(path.name, path, "faces", number % 2 == 1, method="m" if number % 2 else "", identity=str(number))
        )
    Image.fromarray(np.full((90, 120, 3), 99, np.uint8)).save(folder / "wall.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    found.append(Item("wall.png", folder / "wall.png", "faces", False))
    found.append(Item("broken.png", folder / "broken.png", "faces", True, method="m"))
    return found


@pytest.mark.heavy
def test_what_cannot_be_read_or_seen_is_missing_and_not_a_half(tmp_path: Path) -> None:
    outcomes = examine(items(tmp_path), tmp_path, options=Options())
    assert [o.llr is None for o in outcomes] == [False] * 4 + [True] * 2
    assert outcomes[4].decision == "inconclusive"
    assert outcomes[4].reason
    assert outcomes[5].decision == "unreadable"
    assert str(tmp_path) not in outcomes[5].reason
    assert {p.level for p in outcomes[0].parts} == {"track", "frame"}
    assert outcomes[0].facts["width"] > 100


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are examined."""
    names, true = list[str](), pipeline.examine

    def noted(path: Path, **options: Any) -> Report:
        names.append(path.name)
        return true(path, **options)

    monkeypatch.setattr(pipeline, "examine", noted)
    return names


@pytest.mark.heavy
def test_an_interrupted_run_goes_on_and_other_weights_begin_anew(tmp_path: Path, asked: list[str]) -> None:
    mine, path = items(tmp_path), tmp_path / "journal.jsonl"
    first = examine(mine[:2], tmp_path, options=Options(), journal=Journal.open(path, {"weights": "a"}))
    with path.open("a") as file:
        file.write('{"set": "faces", "na')  # the machine went down while it wrote
    seen: list[int] = []
    asked.clear()
    journal = Journal.open(path, {"weights": "a"})
    again = examine(mine, tmp_path, options=Options(), journal=journal, tell=seen.append)
    assert again[:2] == first
    assert seen == [1, 2, 3, 4, 5, 6]
    assert asked == [item.name for item in mine[2:]]
    assert len(Journal.open(path, {"weights": "a"}).known) == 5  # without the one that cannot be read
    assert not Journal.open(path, {"weights": "b"}).known


def test_an_answer_is_that_of_the_bytes_whatever_they_are_called(tmp_path: Path, asked: list[str]) -> None:
    options, file, journal = Options(detectors=("provenance.labels",)), tmp_path / "a.png", tmp_path / "j.jsonl"

    def facts() -> tuple[str, float]:
        kept = Journal.open(journal, {})
        (found,) = examine([Item("a.png", file, "s", False)], tmp_path, options=options, journal=kept)
        return found.decision, found.facts.get("width", 0.0)

    file.write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    assert facts() == ("unreadable", 0.0)
    for width in (40, 60):
        Image.new("RGB", (width, 40)).save(file)
        assert facts() == facts() == ("inconclusive", width)
    assert asked == ["a.png"] * 3


@pytest.mark.parametrize(
    "damage", ['{"set": 1}', "3", '{"set": ["s"], "name": "a.png"}', "{", "[" * 5000, '{"outcome": {}}']
)
def test_a_damaged_line_of_a_journal_costs_itself_alone(tmp_path: Path, asked: list[str], damage: str) -> None:
    options, journal = Options(detectors=("provenance.labels",)), tmp_path / "j.jsonl"
    mine = []
    for name in ("a.png", "b.png"):
        Image.new("RGB", (40, 40), "red" if name == "a.png" else "blue").save(tmp_path / name)
        mine.append(Item(name, tmp_path / name, "s", False))
    whole = examine(mine, tmp_path, options=options, journal=Journal.open(journal, {}))
    begin, first, second = journal.read_text().splitlines()
    if damage.startswith('{"outcome'):
        damage = json.dumps(json.loads(first) | json.loads(damage))
    journal.write_text("\n".join([begin, damage, second]) + "\n")
    asked.clear()
    assert [o.decision for o in examine(mine, tmp_path, options=options, journal=Journal.open(journal, {}))] == [
        o.decision for o in whole
    ]
    assert asked == ["a.png"]


@pytest.mark.parametrize(("there", "limit"), [(22, 15), (22, 4), (3, 10), (7, 7), (100, 33)])
def test_a_limit_takes_files_from_the_whole_range(there: int, limit: int) -> None:
    made = [Item(str(place), Path(), "s", forged) for place in range(there) for forged in (False, True)]
    for forged in (False, True):
        kept = [int(item.name) for item in _limited(made, limit) if item.forged == forged]
        gaps = np.diff([*kept, there])
        assert len(kept) == min(there, limit)
        assert kept[0] == 0
        assert gaps.min() >= 1
        assert gaps.max() - gaps.min() <= 1


def test_members_of_archives_are_examined_and_damage_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(ASTRONAUT, "a/face.jpg")
    (whole,) = examine([Item("a", archive, "s", False, member="a/face.jpg")], tmp_path, options=Options())
    (alone,) = examine([Item("a", ASTRONAUT, "s", False)], tmp_path, options=Options())
    assert whole.llr == alone.llr
    assert not list(tmp_path.glob("file*"))
    with pytest.raises(DataError, match="cannot be read"):
        examine([Item("b", archive, "s", False, member="b.jpg")], tmp_path, options=Options())


def test_results_hold_what_was_said_and_can_be_read_back(tmp_path: Path) -> None:
    protocol = ALL.model_copy(update={"ladder": ("jpeg 50",), "levels": ("video", "frame")})
    found = evaluate("cnn.face_forgery", items(tmp_path), protocol, tmp_path)
    assert found.subject == "cnn.face_forgery"
    assert found.weights["face_forgery"] == weights_of("cnn.face_forgery")["face_forgery"]
    (step,) = found.ladder
    assert (step.genuine, step.forged) == (3, 2)  # the unreadable file does not travel
    assert {f.level for f in found.figures} == {"video", "frame"}
    results.save(found, tmp_path / "results.json")
    assert results.load(tmp_path / "results.json") == found


def test_packaged_protocols_are_whole() -> None:
    for name in names():
        protocol = load_protocol(name)
        assert protocol.name == name
        ladder_of(protocol)
    assert {"accuracy", "in-domain", "cross-source", "cross-quality", "left-out", "all", "thresholds"} <= set(names())


def test_a_protocol_chooses(tmp_path: Path) -> None:
    made = [
        Item("a", tmp_path, "one", False, split="val"),
        Item("b", tmp_path, "one", True, split="val", method="x"),
        Item("c", tmp_path, "one", True, split="val", method="y"),
        Item("d", tmp_path, "two", True, split="train", method="x"),
    ]
    assert [i.name for i in ALL.choose(made)] == ["a", "b", "c", "d"]
    assert [i.name for i in Protocol(name="p", text="", methods=("x",)).choose(made)] == ["a", "b"]
    assert [i.name for i in Protocol(name="p", text="", sets=("two",), splits=("train",)).choose(made)] == ["d"]
    left_out = load_protocol("left-out")
    seen = [replace(made[0], domain="in"), replace(made[3], domain="in")]
    assert [i.name for i in left_out.choose([*seen, made[1], made[3]])] == ["a", "b", "d"]
    assert [i.name for i in left_out.choose([made[0], replace(made[1], learned=True)])] == ["a"]
    assert len(ALL.choose([replace(made[1], learned=True)])) == 1
    with pytest.raises(UsageError, match="takes none"):
        Protocol(name="p", text="", sets=("three",)).choose(made)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 3", "cannot be read"),
        ("= nonsense", "cannot be read"),
        ('name="a"\ntext="b"\nframes=0', "got frames = 0; want a number from 1 up"),
        ('name="a"\ntext="b"\nslices=["people"]', r"got slices\.0 = 'people'; want 'method' or 'origin'"),
        ('name="a"\nslice=["method"]', "got slice, which is not known"),
        ('name="a"\ntext="b"\nseed=-1', "got seed = -1; want a number from 0 up"),
        ('name="a"\ntext="b"\nlevels=[]', r"got levels = \[\]; want at least 1"),
        ('name="a"\ntext="b"\nlevels=["person"]', r"levels\.0 = 'person'; want 'frame', 'track' or 'video'"),
    ],
)
def test_a_protocol_that_is_none_says_so(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        load_protocol(tmp_path / "mine.toml")
    with pytest.raises(UsageError, match="no such protocol"):
        load_protocol("wishful")
    with pytest.raises(UsageError, match="no such step"):
        ladder_of(Protocol(name="p", text="", ladder=("jpeg 51",)))


@pytest.mark.heavy
def test_the_command_writes_results_and_a_submission(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = items(tmp_path)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = [("path", "label", "identity"), *((i.name, "fake" if i.forged else "real", i.name) for i in mine)]
        csv.writer(file).writerows(rows)
    out = tmp_path / "out"
    command = ["evaluate", "--data", str(tmp_path / "labels.csv"), "--output", str(out)]
    assert main([*command, "--kaggle", str(out / "submission.csv")]) == 1  # one of them is no picture
    assert "AUC" in capsys.readouterr().out
    assert results.load(out / "results.json").subject == "fused"
    assert (out / "results.html").read_text(encoding="utf-8").startswith("<!")
    assert len((out / "submission.csv").read_text().splitlines()) == 7
    assert json.loads((out / "journal.jsonl").read_text().splitlines()[0])["run"]


@pytest.mark.parametrize(("column", "protocol"), [("origin", "left-out"), ("other", "all")])
def test_where_sources_are_known_they_are_left_out_and_told_of_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str, protocol: str
) -> None:
    rows = [f"path,label,{column}"]
    for i in range(24):
        Image.fromarray(np.full((32, 32, 3), 10 * i, np.uint8)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{'fake' if i % 2 else 'real'},{'[web]' if i % 2 else 'phone'}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    data = ["--data", str(tmp_path / "labels.csv"), "--output", str(tmp_path / "out")]
    assert main(["evaluate", "provenance.labels", *data]) == 0
    found, shown = results.load(tmp_path / "out" / "results.json"), capsys.readouterr()
    assert found.protocol == protocol
    notes = [line for line in shown.err.splitlines() if "no source is known" in line]
    if column == "origin":
        assert [(row.of, row.name, row.genuine, row.forged) for row in found.by_source] == [
            ("source", "[web]", 0, 12),
            ("source", "phone", 12, 0),
        ]
        assert {one.figure for one in found.over_sources} == {"firm"}
        assert shown.out.index("worst") < shown.out.index("false")
        assert "fewer than 10 cases" in shown.out
        assert "[web]" in shown.out
        assert not notes
        assert main(["evaluate", "provenance.labels", *data, "--protocol", "all"]) == 0
        assert results.load(tmp_path / "out" / "results.json").protocol == "all"
    else:
        assert (found.by_source, found.over_sources) == ((), ())
        assert len(notes) == 1
        assert "fewer than" not in shown.out


def test_another_evaluation_into_one_folder_sets_the_first_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ASTRONAUT.name).write_bytes(ASTRONAUT.read_bytes())
    (tmp_path / "other" / "damaged.jpg").write_bytes(b"no picture")
    rows = [f"{tmp_path / 'other' / ASTRONAUT.name},real", f"{tmp_path / 'other' / 'damaged.jpg'},fake"]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    out = tmp_path / "out"
    data = ["--data", str(tmp_path / "labels.csv"), "--output", str(out)]
    assert main(["evaluate", "provenance.labels", *data]) == 1  # one of the two cannot be read
    first, journal = (out / "results.json").read_bytes(), (out / "journal.jsonl").read_bytes()
    assert "1 files could not be examined" in capsys.readouterr().err
    assert main(["evaluate", "provenance.labels", *data]) == 1
    assert sorted(path.name for path in out.iterdir()) == ["journal.jsonl", "results.html", "results.json"]
    capsys.readouterr()
    assert main(["evaluate", "provenance.credential", *data]) == 1
    told = capsys.readouterr().err
    assert "are results-1.json now" in told
    assert json.loads((out / "results-1.json").read_text())["subject"] == "provenance.labels"
    assert json.loads(first)["files"] == json.loads((out / "results-1.json").read_text())["files"]
    (aside,) = out.glob("journal-*.jsonl")
    assert aside.name in told
    assert aside.read_bytes() == journal
    assert main(["evaluate", "provenance.labels", *data]) == 1
    assert (out / "journal.jsonl").read_bytes() == journal  # taken up again
    with Hold(out):
        assert main(["evaluate", "provenance.labels", *data]) == 2


def test_what_is_announced_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without(_: object, language: str) -> str:
        raise MissingExtraError("curves need matplotlib")

    monkeypatch.setattr(_evaluate_folder, "to_html", without)
    rows = f"path,label\n{tmp_path / ASTRONAUT.name},real\ngone.jpg,fake\n"
    (tmp_path / "labels.csv").write_text(rows)
    (tmp_path / ASTRONAUT.name).write_bytes(ASTRONAUT.read_bytes())
    command = ["evaluate", "provenance.labels", "--data", str(tmp_path / "labels.csv"), "--output", str(tmp_path / "o")]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "missing='skip'" not in error
    assert "--skip-missing" in error
    assert main([*command, "--skip-missing"]) == 0
    shown = capsys.readouterr()
    assert "1 listed files are not there: gone.jpg" in shown.err
    assert "results.html" not in shown.out
    assert "results.json" in shown.out.replace("\n", "")
    assert not (tmp_path / "o" / "results.html").exists()


def test_a_fault_costs_its_file_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    true = pipeline.examine

    def broken(path: object, **options: Any) -> Report:
        if str(path).endswith("bad.jpg"):
            raise KeyError("a column")
        return true(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "examine", broken)
    for name in ("good.jpg", "bad.jpg"):
        (tmp_path / name).write_bytes(ASTRONAUT.read_bytes() + name.encode())
    (tmp_path / "labels.csv").write_text("path,label\ngood.jpg,real\nbad.jpg,real\n")
    command = ["evaluate", "provenance.labels", "--data", str(tmp_path / "labels.csv"), "--output", str(tmp_path / "o")]
    assert main(command) == 1
    assert "fault of the program" in capsys.readouterr().err
    found = {f.file: f.decision for f in results.load(tmp_path / "o" / "results.json").files if f.level == "video"}
    assert found == {"good.jpg": "inconclusive", "bad.jpg": "unreadable"}


def test_a_detector_that_fails_is_no_detector_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Detector, subject: Subject) -> Evidence:
        raise KeyError(f"a column of {subject.media.path}")

    rows = ["path,label"]
    for number in range(6):
        Image.new("RGB", (40, 40), (number, 0, 0)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{'fake' if number % 2 else 'real'}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    command = ["evaluate", "provenance.labels", "--data", str(tmp_path / "labels.csv"), "--output", str(tmp_path / "o")]
    with monkeypatch.context() as patch:
        patch.setattr(catalogue()["provenance.labels"], "examine", broken)
        assert main([*command, "--lang", "zh"]) == 1
        said = " ".join(capsys.readouterr().out.split())
        assert "provenance.labels 在 6 个文件上出现故障（共 6 个），这些文件按未作答计" in said
        assert "出现故障" in (tmp_path / "o" / "results.html").read_text(encoding="utf-8")
        assert main(command) == 1
    assert "NOT OK: detectors that failed: provenance.labels failed on 6 of 6 files" in capsys.readouterr().out
    (finding,) = [f for f in results.load(tmp_path / "o" / "results.json").findings if f.check == FAILED]
    assert (finding.ok, finding.cases[0]) == (False, "labels: 0.png")
    assert main(command) == 0  # once it is mended
    assert not any(f.check == FAILED for f in results.load(tmp_path / "o" / "results.json").findings)


def test_ctrl_c_says_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(*_: object, **__: object) -> Report:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "examine", pressed)
    (tmp_path / "labels.csv").write_text(f"path,label\n{ASTRONAUT.name},real\n")
    (tmp_path / ASTRONAUT.name).write_bytes(ASTRONAUT.read_bytes())
    out = tmp_path / "out"
    command = ["evaluate", "provenance.labels", "--data", str(tmp_path / "labels.csv"), "--output", str(out)]
    assert main(command) == 130
    assert f"What was answered is kept in {out}; the same command goes on from there." in capsys.readouterr().err


def test_a_submission_that_cannot_be_is_refused_before_anything_is_examined(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["path,label"]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0.jpg").write_bytes(ASTRONAUT.read_bytes())
        rows.append(f"{folder}/0.jpg,real")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    words = ["evaluate", "provenance.labels", "--data", str(tmp_path / "labels.csv"), "--output", str(tmp_path / "o")]
    assert main([*words, "--kaggle", str(tmp_path / "k.json")]) == 2
    assert main([*words, "--kaggle", str(tmp_path / "k.csv")]) == 1
    assert "files share a name; got 0.jpg" in capsys.readouterr().err
    assert asked == []


def test_wrong_use_of_the_command_ends_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.csv").write_text(f"path,label\n{ASTRONAUT.name},real\n")
    (tmp_path / ASTRONAUT.name).write_bytes(ASTRONAUT.read_bytes())
    command = ["evaluate", "--data", str(tmp_path / "labels.csv"), "--output", str(tmp_path / "out")]
    assert main([*command, "--protocol", "wishful"]) == 2
    assert main([*command, "--only", "nothing"]) == 2
    assert "there is no set of that name; got --only nothing; want labels" in capsys.readouterr().err
    (tmp_path / "mine.toml").write_text('name = "mine"\ntext = "Mine."\nmethods = ["nosuch"]\n')
    assert main(["evaluate", "provenance.labels", *command[1:], "--protocol", str(tmp_path / "mine.toml")]) == 0
    assert "no file is of these methods: nosuch; there are: none" in capsys.readouterr().err
    words = 'name = "mine"\ntext = "Mine."\nsets = ["labels", "label"]\nladder_sets = ["lable"]\n'
    (tmp_path / "mine.toml").write_text(words)
    assert main(["evaluate", "provenance.labels", *command[1:], "--protocol", str(tmp_path / "mine.toml")]) == 0
    assert "no file is of these sets: label, lable; there are: labels" in capsys.readouterr().err
    assert main([*command, "cnn.nothing"]) == 2
    (tmp_path / "taken").write_text("")
    assert main([*command[:-1], str(tmp_path / "taken")]) == 1  # which is no wrong use
