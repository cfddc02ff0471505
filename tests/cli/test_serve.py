"""``zhenwei serve``, its keys and its people, as they are typed."""

from __future__ import annotations

import io
import re
import socket
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install 'zhenwei[server]'")

from zhenwei.cli import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["serve", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_key_is_printed_once_listed_without_its_secret_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ("--folder", str(tmp_path))
    status, shown, told = run(capsys, "keys", "add", "robot", "--scope", "read", "--days", "2", *folder)
    assert status == 0
    assert re.fullmatch(r"zw_[0-9a-f]{16}_\S{43}\n", shown)
    id_ = shown.split("_")[1]
    assert id_ in told
    status, listed, _ = run(capsys, "keys", "list", *folder)
    assert (status, id_ in listed, "robot" in listed) == (0, True, True)
    assert shown.strip().rpartition("_")[2] not in listed
    assert run(capsys, "keys", "revoke", id_, *folder)[0] == 0
    status, _, told = run(capsys, "keys", "revoke", "0" * 16, *folder)
    assert status == 2
    assert "zhenwei serve keys list" in told
    files = "".join([path.read_bytes().decode("latin-1") for path in tmp_path.glob("zhenwei.db*")])
    assert shown.strip().rpartition("_")[2] not in files


def test_a_person_is_added_with_a_password_from_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ("--folder", str(tmp_path))
    for password, expected in (("short\n", 2), ("long enough for it\n", 0), ("long enough for it\n", 2)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(password))
        assert run(capsys, "people", "add", "anna", *folder)[0] == expected
    status, listed, _ = run(capsys, "people", "list", *folder)
    assert (status, "anna" in listed) == (0, True)
    assert run(capsys, "people", "revoke", "anna", *folder)[0] == 0
    assert run(capsys, "people", "revoke", "bruno", *folder)[0] == 2


def test_what_cannot_be_served_is_told_with_the_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, told = run(capsys, "--host", "0.0.0.0", "--folder", str(tmp_path))  # noqa: S104
    assert (status, "--auth keys" in told) == (2, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, _, told = run(capsys, "--port", port, "--folder", str(tmp_path))
        assert (status, "--port" in told) == (2, True)
    (tmp_path / "file").touch()
    status, _, told = run(capsys, "--port", "0", "--folder", str(tmp_path / "file"))
    assert (status, "--folder" in told) == (1, True)
    status, _, told = run(capsys, "--config", str(tmp_path / "gone.toml"))
    assert (status, "gone.toml" in told) == (2, True)


def test_the_extra_is_named_where_it_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    status, _, told = run(capsys)
    assert status == 1
    assert "[server]" in told
