"""The frame around the commands: help, errors, exit status, and that only what is called is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zhenwei.cli import COMMANDS, main


def zhenwei(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zhenwei", *arguments], capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_lists_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == (0 if arguments else 2)
    shown = capsys.readouterr()
    for name in COMMANDS:
        assert name in shown.out + shown.err


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"zhenwei {name}" in capsys.readouterr().out.split("Examples:")[1]


def test_help_loads_no_command_and_no_decoder() -> None:
    heavy = ("torch", "numpy", "cv2", "onnxruntime", "av", "PIL", "scipy")
    code = (
        "import sys; from zhenwei.cli import main; main(['--help']); "
        f"print([m for m in sys.modules if m in {heavy} or m.removeprefix('zhenwei.cli.') in {tuple(COMMANDS)}])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240)
    assert ended.stdout.strip().endswith("[]")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"zhenwei {version('zhenwei')}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["scann", "x.png"],
        ["scan"],
        ["scan", "x.png", "--formt", "json"],
        ["scan", "x.png", "--format", "xml"],
        ["scan", "x.png", "--frames", "0"],
        ["scan", "x.png", "--frames", "many"],
        ["scan", "x.png", "--false-alarm", "2"],
        ["scan", "x.png", "--detector", "cnn.face_forgry"],
        ["detectors", "cnn.face_forgry"],
    ],
)
def test_wrong_use_is_exit_status_2_without_a_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    assert shown.err.strip()


def test_a_mistyped_detector_is_answered_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "cnn.face_forgry"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: there is no detector 'cnn.face_forgry'")
    assert "cnn.face_forgery" in error
    assert error.count("\n") == 1


def test_an_output_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ended = zhenwei("scan", str(tmp_path), "--output", str(tmp_path / "file"))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("Error: the output folder cannot be written")
    assert ended.stderr.count("\n") == 1


def test_a_terminal_of_no_width_is_one_of_the_usual() -> None:
    environment = {**os.environ, "COLUMNS": "0"}
    shown = subprocess.run(
        [sys.executable, "-m", "zhenwei", "detectors"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert "cnn.face_forgery" in shown


@pytest.mark.skipif(os.name == "nt", reason="closes a stream as a shell does")
def test_a_list_from_a_closed_stream_is_told(tmp_path: Path) -> None:
    scan = f'"{sys.executable}" -m zhenwei scan --list - --store "{tmp_path / "x.db"}" <&-'
    ended = subprocess.run(["sh", "-c", scan], capture_output=True, text=True, check=False)
    assert "the list of files cannot be read; got no standard input" in ended.stderr
