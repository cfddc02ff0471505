"""``zhenwei serve``, its keys and its people, as they are typed."""

from __future__ import annotations

import io
import re
import socket
import sys
from pathlib import Path
from typing import Any

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


def test_a_name_in_the_store_steers_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from zhenwei.store import open_store
    from zhenwei.store.access import Access
    from zhenwei.store.jobs import Jobs

    folder = ("--folder", str(tmp_path))
    with open_store(str(tmp_path / "zhenwei.db")) as store:
        for name in ("a\x1b[2Jb\nc", "[/red]", "[bold]x"):
            Access(Jobs(store)).add_key("[/t]", name, ["read"])
            Access(Jobs(store)).add_person("[/t]", name, "", ["read"])
    for kind in ("keys", "people"):
        status, listed, _ = run(capsys, kind, "list", *folder)
        assert status == 0
        for shown in ("a<U+001B>[2Jb", "[/red]", "[bold]x", "[/t]"):
            assert shown in listed
        assert "\x1b" not in listed
    status, _, told = run(capsys, "keys", "add", "x", "--tenant", "[/red]", *folder)
    assert (status, "of [/red]" in told) == (0, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("--days", value) for value in ("3e6", "1e8", "inf", "nan", "-1", "1e-9")],
        *[("--max-bytes", value) for value in ("0", "9223372036854775808", "9" * 5000)],
        *[("--per-minute", value) for value in ("0", "99999999999999999999")],
    ],
)
def test_limits_of_a_key_are_those_of_the_api(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, told = run(capsys, "keys", "add", "k", option, value, "--folder", str(tmp_path))
    assert (status, "fault of the program" in told) == (2, False)
    assert run(capsys, "keys", "list", "--folder", str(tmp_path))[1] == ""


def test_a_port_that_is_no_number_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = ("--folder", str(tmp_path), "--database-url", "postgresql://u:sesame@127.0.0.1:abc/x")
    for words in ((), ("keys", "list")):
        status, _, told = run(capsys, *words, *database)
        assert (status, "sesame" in told, "port is a number" in told) == (2, False, True)


def test_switches_are_taken_from_the_environment_and_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zhenwei.server import serving

    seen: list[tuple[bool, bool]] = []

    def serve(settings: Any, *, run_jobs: bool, started: Any) -> None:
        started("http://here")
        seen.append((run_jobs, settings.browser))

    monkeypatch.setattr(serving, "serve", serve)
    (tmp_path / "a.toml").write_text("examine = false\nquiet = true\nbrowser = false\n")
    assert run(capsys, "--config", str(tmp_path / "a.toml")) == (0, "", "")
    assert "http://here" in run(capsys)[2]
    monkeypatch.setenv("ZHENWEI_EXAMINE", "false")
    monkeypatch.setenv("ZHENWEI_QUIET", "1")
    assert run(capsys) == (0, "", "")
    assert run(capsys, "--examine", "--no-browser") == (0, "", "")
    assert seen == [(False, False), (True, True), (False, True), (True, False)]


def test_the_extra_is_named_where_it_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    status, _, told = run(capsys)
    assert status == 1
    assert "[server]" in told
