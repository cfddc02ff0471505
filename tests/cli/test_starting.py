"""The first sign of life: a line on a terminal while the command's modules are loaded, and nothing of it afterwards."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zhenwei.cli.progress import starting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_is_there_at_once_and_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with starting("正在启动", shown=True):
        assert terminal.getvalue() == "正在启动"
    assert terminal.getvalue() == f"正在启动\r{' ' * 8}\r"  # each character is two columns wide


def test_nothing_is_written_to_a_file_or_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((io.StringIO(), True), (Terminal(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with starting("starting", shown=shown):
            pass
        assert stream.getvalue() == ""


@pytest.mark.heavy
def test_nothing_is_noted_for_anybody_elsewhere(tmp_path: Path) -> None:
    """ONNX Runtime 1.32 keeps events for its maker in the user's home, unless it is told not to."""
    photo = Path(__file__).parents[2] / "examples" / "media" / "astronaut.jpg"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "USERPROFILE": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")} | home
    scan = [sys.executable, "-m", "zhenwei", "scan", str(photo), "--fast"]
    subprocess.run(scan, env=environment, check=True, capture_output=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
