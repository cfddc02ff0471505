"""``zhenwei scan`` from end to end, on pictures drawn here: real decoding, real detectors, real exit status."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from zhenwei.cli import main
from zhenwei.errors import DataError
from zhenwei.files import write_whole
from zhenwei.report import Hold, schema


def drawing(path: Path, seed: int = 0) -> str:
    """A picture with nobody in it; another for each seed."""
    y, x = np.mgrid[0:120, 0:160]
    pixels = np.stack([x + seed, y, x // 2 + y // 2], axis=-1).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return str(path)


@pytest.fixture
def mixed(tmp_path: Path) -> list[str]:
    """A picture, a text that calls itself a video, nothing at all, and another picture."""
    fake = tmp_path / "fake.mp4"
    fake.write_text("this is no video\n" * 100)
    return [drawing(tmp_path / "one.png"), str(fake), str(tmp_path / "gone.jpg"), drawing(tmp_path / "two.png", 7)]


def lines(text: str) -> list[dict[str, Any]]:
    loaded = [json.loads(line) for line in text.splitlines()]
    for entry in loaded:
        jsonschema.validate(entry, schema())
    return loaded


def test_json_has_one_valid_object_a_file_in_order(mixed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", *mixed, "--format", "json"]) == 1
    shown = capsys.readouterr()
    found = lines(shown.out)
    assert [entry["file"]["path"] for entry in found] == mixed
    assert [entry.get("verdict", {}).get("decision") for entry in found] == ["inconclusive", None, None, "inconclusive"]
    assert all(item["llr"] is None and item["reason"] for item in found[0]["evidence"])
    for path in mixed[1:3]:
        assert path in shown.err  # each that could not be read is named


def test_all_examined_is_exit_status_0_and_quiet_says_nothing_more(
    mixed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", mixed[0], mixed[3], "--format", "json", "--quiet"]) == 0
    shown = capsys.readouterr()
    assert len(lines(shown.out)) == 2
    assert shown.err == ""


def test_csv_has_a_header_and_a_row_a_file(mixed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", *mixed, "--format", "csv", "--lang", "zh"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [row["file"] for row in rows] == mixed
    assert [bool(row["error"]) for row in rows] == [False, True, True, False]


def test_the_table_names_every_file_and_the_reason(mixed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", *mixed]) == 1
    shown = capsys.readouterr().out
    for name in ("one.png", "fake.mp4", "gone.jpg", "two.png", "◆ Inconclusive", "× Unreadable"):
        assert name in shown
    assert "face" in shown  # why nothing could be said


def test_the_output_folder_holds_a_page_a_file_and_all_reports(
    mixed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results" / "today"
    again = drawing(tmp_path / "folder" / "one.png", 3)
    assert main(["scan", *mixed, again, "--output", str(out), "--lang", "zh"]) == 1
    assert sorted(path.name for path in out.iterdir()) == ["one-2.html", "one.html", "report.json", "two.html"]
    assert 'lang="zh-Hans"' in (out / "one.html").read_text(encoding="utf-8")
    reports = json.loads((out / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(reports, schema())
    assert [entry["file"]["path"] for entry in reports["reports"]] == [*mixed, again]
    assert "results/today" in capsys.readouterr().err.replace("\n", "")


def test_a_second_scan_into_one_folder_keeps_the_first(
    mixed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, ask = tmp_path / "out", ["--detector", "provenance.labels", "--format", "json"]
    other = drawing(tmp_path / "folder" / "one.png", 3)
    assert main(["scan", mixed[0], *ask, "--output", str(out)]) == 0
    before = (out / "one.html").read_bytes()
    capsys.readouterr()
    assert main(["scan", other, *ask, "--output", str(out)]) == 0
    assert "1 earlier reports of other scans stay" in capsys.readouterr().err
    assert (out / "one.html").read_bytes() == before
    assert main(["scan", mixed[0], *ask, "--output", str(out), "--lang", "zh"]) == 0
    assert "已替换相同文件的 1 份先前报告" in capsys.readouterr().err
    reports = json.loads((out / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(reports, schema())
    found = [(row["file"]["path"], row["language"]) for row in reports["reports"]]
    assert found == [(mixed[0], "zh"), (other, "en")]
    assert sorted(path.name for path in out.iterdir()) == ["one-2.html", "one.html", "report.json"]


def test_two_scans_at_once_into_one_folder_are_refused(
    mixed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with Hold(out):
        assert main(["scan", mixed[0], "--detector", "provenance.labels", "--output", str(out)]) == 2
    assert "another zhenwei is writing to this folder" in capsys.readouterr().err
    assert not list(out.iterdir())


def test_a_disk_that_fills_up_is_told_and_what_was_done_is_shown(
    mixed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    def full(path: Path, content: str) -> None:
        if path.name == "two.html":
            raise DataError(f"cannot write {path}", got="No space left on device")
        write_whole(path, content)

    monkeypatch.setattr("zhenwei.report.folder.write_whole", full)
    arguments = ["scan", mixed[0], mixed[3], "--detector", "provenance.labels", "--output", str(tmp_path / "out")]
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert "one.png" in shown.out
    assert "Error: a report cannot be written; got" in shown.err
    assert "two.html: No space left on device" in shown.err
    kept = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["reports"]
    assert [row["file"]["path"] for row in kept] == [mixed[0]]


class Stream(io.BytesIO):
    name = "<stdin>"


def led_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Stream(data)))


LABELS = ["--detector", "provenance.labels", "--format", "json"]


def test_a_dash_is_standard_input(
    mixed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = Path(mixed[0]).read_bytes(), tmp_path / "out"
    led_in(monkeypatch, data)
    assert main(["scan", "-", mixed[3], *LABELS, "--output", str(out)]) == 0
    found = lines(capsys.readouterr().out)
    assert [row["file"]["path"] for row in found] == ["<stdin>", mixed[3]]
    assert found[0]["file"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert found[0]["engine"]["command"].startswith("zhenwei scan - ")
    assert sorted(path.name for path in out.iterdir()) == ["report.json", "stdin.html", "two.html"]


@pytest.mark.parametrize(("data", "said"), [(b"", "is empty"), (b"no picture " * 9, "is not a picture")])
def test_standard_input_that_is_no_media_is_told(
    data: bytes, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    led_in(monkeypatch, data)
    assert main(["scan", "-", *LABELS]) == 1
    shown = capsys.readouterr()
    (row,) = lines(shown.out)
    assert row["file"]["path"] == "<stdin>"
    assert said in row["error"]["message"]
    assert "× <stdin>: 'stdin'" in shown.err


def test_nobody_waits_at_a_terminal_or_a_closed_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    led_in(monkeypatch, b"")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert main(["scan", "-", *LABELS]) == 2
    assert "got a terminal" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["scan", "-", *LABELS]) == 2
    assert "nothing on standard input" in capsys.readouterr().err


def test_a_file_that_is_called_a_dash_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "-")
    monkeypatch.chdir(tmp_path)
    assert main(["scan", "./-", *LABELS]) == 0
    assert lines(capsys.readouterr().out)[0]["file"]["path"] == "./-"


@pytest.mark.parametrize(
    ("address", "cure"),
    [
        ("https://example.org/a.jpg", "download it first"),
        ("HTTP://example.org/a.mp4?x=1", "download it first"),
        ("ftp://example.org/a.wav", "download it first"),
        ("www.example.org/a.jpg", "download it first"),
        ("data:image/png;base64,iVBORw0KGgo=", "download it first"),
        ("file:///home/anna/a.jpg", "Give the path alone"),
    ],
)
@pytest.mark.parametrize("command", ["scan", "verify"])
def test_an_address_is_told_as_one_before_anything_is_examined(
    command: str, address: str, cure: str, mixed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, mixed[0], address]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "is an address, not a file" in shown.err
    assert cure in shown.err


def test_a_file_whose_name_looks_like_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing(tmp_path / "www.example.org.png")
    monkeypatch.chdir(tmp_path)
    assert main(["scan", "www.example.org.png", *LABELS]) == 0
    assert len(lines(capsys.readouterr().out)) == 1


def test_a_folder_without_media_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert main(["scan", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Nothing to examine" in shown.err


def test_a_folder_is_scanned_and_foreign_files_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing(tmp_path / "deep" / "one.png")
    (tmp_path / "notes.txt").write_text("hello")
    assert main(["scan", str(tmp_path), "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert len(lines(shown.out)) == 1
    assert "Left out of folders: 1 file that is no picture, video or sound. --verbose names them." in shown.err
    assert main(["scan", str(tmp_path), "--format", "json", "-v"]) == 0
    assert f"{tmp_path / 'notes.txt'} (no media)" in capsys.readouterr().err


def test_files_that_are_called_like_media_get_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing(tmp_path / "one.png")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "saved.jpg").write_text("<!DOCTYPE html><title>a page</title>")
    assert main(["scan", str(tmp_path), "--format", "json", "-q"]) == 1
    rows = {Path(row["file"]["path"]).name: row for row in lines(capsys.readouterr().out)}
    assert set(rows) == {"one.png", "empty.jpg", "saved.jpg"}
    assert "is empty" in str(rows["empty.jpg"])
    assert "web page" in str(rows["saved.jpg"])


def test_the_options_reach_the_examination(mixed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scan", mixed[0], "--format", "json", "--frames", "5", "--false-alarm", "0.01"]
    assert main([*arguments, "--detector", "cnn.face_forgery"]) == 0
    engine = lines(capsys.readouterr().out)[0]["engine"]
    assert engine["options"]["frames"] == 5
    assert engine["options"]["false_alarm"] == 0.01
    assert engine["command"].endswith("--frames 5 --detector cnn.face_forgery --false-alarm 0.01")


@pytest.mark.parametrize(
    ("flags", "depth", "frames"), [((), "standard", 32), (("--fast",), "fast", 8), (("--full",), "full", 32)]
)
def test_the_depth_is_told_and_can_be_repeated(
    mixed: list[str], capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], depth: str, frames: int
) -> None:
    assert main(["scan", mixed[0], "--format", "json", *flags]) == 0
    (found,) = lines(capsys.readouterr().out)
    assert (found["engine"]["options"]["depth"], found["engine"]["options"]["frames"]) == (depth, frames)
    asked = {item["detector"] for item in found["evidence"]}
    assert ("temporal.blink" in asked, "warp.affine" in asked) == (depth == "full", depth != "fast")
    assert [word for word in found["engine"]["command"].split() if word in ("--fast", "--full")] == list(flags)


@pytest.mark.parametrize(
    "flags",
    [("--fast", "--full"), ("--fast", "--detector", "cnn.face_forgery"), ("--full", "--detector", "warp.affine")],
)
def test_depths_and_named_detectors_exclude_each_other(
    mixed: list[str], capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    assert main(["scan", mixed[0], *flags]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert all(flag in shown for flag in flags if flag.startswith("--"))
    assert "all but one" in shown


def test_the_help_shows_both_depths_in_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "zhenwei scan folder/ --fast" in shown
    assert "--full asks everybody" in shown


def started(*arguments: str) -> subprocess.Popen[str]:
    # Where the tests themselves were started in the background, Ctrl-C is ignored, and a child would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "zhenwei", "scan", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupted_scan_keeps_what_was_done(tmp_path: Path) -> None:
    for number in range(400):
        drawing(tmp_path / "many" / f"{number:03d}.png", number % 90)
    out = tmp_path / "out"
    scan = started(str(tmp_path / "many"), "--format", "json", "--output", str(out))
    assert scan.stdout is not None
    first = scan.stdout.readline()
    scan.send_signal(signal.SIGINT)
    rest, notes = scan.communicate(timeout=240)
    assert scan.returncode == 130
    assert "Traceback" not in notes
    assert "Interrupted" in notes
    printed = lines(first + rest)
    kept = json.loads((out / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(kept, schema())
    assert 1 <= len(printed) <= len(kept["reports"]) < 400
    assert kept["reports"][: len(printed)] == printed
    assert not [path.name for path in out.iterdir() if path.suffix == ".part"]


def test_a_closed_pipe_is_not_a_crash(tmp_path: Path) -> None:
    for number in range(30):
        drawing(tmp_path / "many" / f"{number:03d}.png", number)
    scan = started(str(tmp_path / "many"), "--format", "json", "--quiet")
    assert scan.stdout is not None
    assert scan.stderr is not None
    assert scan.stdout.readline()
    scan.stdout.close()
    assert scan.wait(timeout=240) != 0
    assert scan.stderr.read() == ""
    scan.stderr.close()


def test_a_name_that_is_no_unicode_is_examined_all_the_same(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    source = drawing(tmp_path / "plain.png")
    try:
        os.link(source, path)
    except OSError as error:
        pytest.skip(f"the file system refuses such names: {error}")
    scan = subprocess.run(
        [sys.executable, "-m", "zhenwei", "scan", path, "--format", "json", "--output", tmp_path / "out"],
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert scan.returncode == 0, scan.stderr
    (found,) = lines(scan.stdout.decode("utf-8"))
    assert found["file"]["path"].endswith("\\udcff\\udcfe.png")
    assert len(list((tmp_path / "out").glob("*.html"))) == 1
