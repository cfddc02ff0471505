"""Faults at the command line: one file or one detector is lost, the rest goes on, and ``--debug`` shows where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import cli, media, pipeline
from zhenwei.cli import main
from zhenwei.detectors.traditional.noise import Noise
from zhenwei.engine import barrier
from zhenwei.report import folder as report_folder
from zhenwei.types import Report, Subject

QUICK = ["--detector", "provenance.labels", "--format", "json"]


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    paths = []
    for number in range(3):
        y, x = np.mgrid[0:64, 0:80]
        pixels = np.stack([x + number, y, x // 2 + y // 2], axis=-1).astype(np.uint8)
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return paths


def at_the_second(error: BaseException, work: Callable[..., object]) -> Callable[..., object]:
    def broken(path: object, *rest: object, **named: object) -> object:
        if str(path).endswith("1.png"):
            raise error
        return work(path, *rest, **named)

    return broken


@pytest.mark.parametrize("error", [KeyError("a column"), RecursionError(), SystemExit(0), MemoryError()])
def test_a_scan_goes_on_after_a_fault(
    error: BaseException, three: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(barrier, "examine", at_the_second(error, pipeline.examine))
    assert main(["scan", *three, *QUICK]) == 1
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert ["error" in row for row in rows] == [False, True, False]
    assert rows[1]["file"]["path"] == three[1]
    assert three[1] in shown.err
    assert "Traceback" not in shown.err
    if not isinstance(error, MemoryError):
        assert rows[1]["error"]["kind"] == "FaultError"
        assert "fault of the program" in shown.err
        assert "--debug" in shown.err


@pytest.mark.parametrize("where", [0, 1, 5])
def test_debug_shows_the_traceback_wherever_it_stands(
    where: int, three: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(barrier, "examine", at_the_second(KeyError("a column"), pipeline.examine))
    words = ["scan", *three, *QUICK]
    assert main([*words[:where], "--debug", *words[where:]]) == 1
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 3
    assert "Traceback (most recent call last):" in shown.err
    assert "KeyError: 'a column'" in shown.err
    assert main(words) == 1
    assert "Traceback" not in capsys.readouterr().err  # it is of one command line


def test_a_word_after_two_dashes_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", *QUICK, "--", "--debug"]) == 1
    assert "'--debug' does not exist" in capsys.readouterr().err


def test_a_detector_that_fails_is_told_and_costs_the_exit_status(
    three: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def examine(_self: object, _subject: Subject) -> object:
        raise KeyError("a column")

    monkeypatch.setattr(Noise, "examine", examine)
    arguments = ["scan", three[0], *QUICK, "--detector", "traditional.noise"]
    assert main(arguments) == 1
    shown = capsys.readouterr()
    failed = {row["detector"]: row["failed"] for row in json.loads(shown.out)["evidence"]}
    assert failed == {"provenance.labels": False, "traditional.noise": True}
    assert f"{three[0]}: traditional.noise: it failed" in shown.err
    assert "examined in part" in shown.err
    assert main([*arguments, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_page_that_cannot_be_made_costs_its_file(
    three: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(report: Report, *_: object, **__: object) -> str:
        if report.media.path.endswith("1.png"):
            raise TypeError("an exhibit without pixels")
        return "a page"

    monkeypatch.setattr(report_folder, "to_html", broken)
    assert main(["scan", *three, *QUICK, "--output", str(tmp_path / "out")]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in row for row in rows] == [False, True, False]
    kept = json.loads((tmp_path / "out" / "report.json").read_text())["reports"]
    assert [row["file"]["path"] for row in kept] == three
    assert "error" in kept[1]


def test_a_command_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_given: object) -> int:
        raise ValueError("boom")

    monkeypatch.setattr(cli, "_run", broken)
    assert main(["doctor"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: this is a fault of the program, not of its input; got ValueError: boom.")
    assert error.count("\n") == 1
    assert main(["doctor", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_what_the_system_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_given: object) -> int:
        raise OSError(28, "No space left on device", "results.json")

    monkeypatch.setattr(cli, "_run", broken)
    assert main(["evaluate"]) == 1
    assert "results.json: No space left on device" in capsys.readouterr().err


def test_fingerprint_and_verify_and_robust_go_on(
    three: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(media, "open_media", at_the_second(KeyError("a column"), media.open_media))
    assert main(["fingerprint", "who", *three, "--format", "json", "--bank", str(tmp_path / "bank.json")]) == 1
    shown = capsys.readouterr()
    assert [json.loads(line)["path"] for line in shown.out.splitlines()] == three
    assert "fault of the program" in shown.err
    step = ["--families", "blur", "--quick", "--json", "--detector", "provenance.labels"]
    assert main(["robust", *three[:2], *step]) == 1
    shown = capsys.readouterr()
    assert [json.loads(line)["file"]["path"] for line in shown.out.splitlines()] == three[:1]
    assert "fault of the program" in shown.err


def zhenwei(line: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Through a shell, with ``line`` for ``$0 "$@"``."""
    python = f'"{sys.executable}" -m zhenwei'
    return subprocess.run(
        ["bash", "-c", line.replace("zhenwei", python), "bash", *words],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
COMMANDS = ["--help", "detectors", "scan nothing.png --format csv"]


@full
@pytest.mark.parametrize("command", COMMANDS)
def test_full_standard_output_is_one_clear_line_and_exit_status_1(command: str) -> None:
    ended = zhenwei(f"zhenwei {command} >/dev/full")
    assert ended.returncode == 1
    assert "Error: standard output cannot be written; got No space left on device." in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_closed_standard_output_is_one_clear_line_and_exit_status_1(command: str) -> None:
    ended = zhenwei(f"zhenwei {command} >&-")
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: standard output cannot be written; got it is closed. Leave it open")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["--help", "scan nothing.png", "PYTHONUNBUFFERED=1 detectors --format json"])
def test_a_closed_pipe_is_quiet_and_exit_status_141(command: str) -> None:
    before, command = ("PYTHONUNBUFFERED=1 ", command.split(" ", 1)[1]) if "=" in command else ("", command)
    ended = zhenwei(f"set -o pipefail; {{ sleep 0.1; {before}zhenwei {command}; }} | true")
    assert (ended.returncode, ended.stdout) == (141, "")
    assert "Error" not in ended.stderr
    assert "Traceback" not in ended.stderr


@full
@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-"])
def test_notes_that_cannot_be_shown_are_no_reason_to_stop(where: str) -> None:
    ended = zhenwei(f"zhenwei scan nothing.png --format json {where}")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["error"]["kind"] == "NoFileError"


@pytest.mark.skipif(os.name == "nt", reason="of a shell that closes streams")
def test_no_file_is_opened_in_the_place_of_a_closed_stream(three: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = zhenwei('zhenwei scan "$1" --detector provenance.labels --output "$2" <&- >&-', three[0], str(out))
    assert ended.returncode == 1  # the table could not be shown
    assert json.loads((out / "report.json").read_text())["reports"][0]["file"]["path"] == three[0]


def test_a_plug_in_that_closes_the_streams_closes_them_for_itself_alone(tmp_path: Path) -> None:
    script = tmp_path / "closing.py"
    script.write_text(
        "import sys\n"
        "from zhenwei.cli.standard_streams import guarded\n"
        "with guarded():\n"
        "    sys.stdout.close()\n"
        "    with sys.stdout.aside():\n"
        "        sys.stdout.close()\n"
        "    print('results')\n"
        "    print('notes', file=sys.stderr)\n"
        "print('after')\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "results\nafter\n", "notes\n")
