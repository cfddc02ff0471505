"""``zhenwei scan --store`` and ``zhenwei results``: real workers, real ends of them, and what the next run finds."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from tests.hazard import DETECTOR, draw, install
from tests.waiting import until

from zhenwei.cli import main
from zhenwei.cli._scan_store import Batch
from zhenwei.errors import UsageError
from zhenwei.report import schema

LABELS = ["--detector", "provenance.labels"]
ON_LINUX = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one of them twice, and a text that calls itself a video."""
    made = tmp_path / "media"
    (made / "sub").mkdir(parents=True)
    first = Path(draw(made, "calm", 1))
    draw(made, "calm", 2)
    (made / "sub" / "twin.png").write_bytes(first.read_bytes())
    (made / "fake.mp4").write_text("this is no video\n" * 100)
    return made


def test_a_folder_is_examined_once_and_shown_in_every_form(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = str(folder.parent / "results.db")
    scan = ["scan", str(folder), "--store", store, "--workers", "1", *LABELS]
    assert main(scan) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "4 of 4 files: 3 inconclusive, 1 unreadable." in shown.err
    assert "fake.mp4" in shown.err
    assert "calm" not in shown.err.replace(str(folder), "")  # no line for each file
    kept = rows(store)

    assert main([*scan, "-v"]) == 1  # one is as unreadable as before
    told = capsys.readouterr().err
    assert "4 were in the store already" in told
    assert "1 could not be read or examined. --retry" in told
    assert told.count("(in the store)") == 4
    assert rows(store) == kept

    assert main(["results", "--store", store, "--format", "csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    names = [str(folder / name) for name in ("calm_1.png", "calm_2.png", "fake.mp4", "sub/twin.png")]
    assert [row["file"] for row in table] == names
    assert [row["decision"] for row in table] == ["inconclusive", "inconclusive", "", "inconclusive"]
    assert [bool(row["error"]) for row in table] == [False, False, True, False]
    assert table[0]["sha256"] == table[3]["sha256"] != table[1]["sha256"]

    assert main(["results", "--store", store, "--format", "jsonl"]) == 0
    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["file"]["path"] for one in reports] == names
    commands = [one["engine"]["command"] for one in reports if "engine" in one]
    assert [name in command for name, command in zip([*names[:2], names[3]], commands, strict=True)] == [True] * 3
    for one in reports:
        jsonschema.validate(one, schema())

    monkeypatch.setenv("COLUMNS", str(len(store) + 200))  # a path is not broken
    assert main(["results", "--store", store, "--where", "path~*twin*", "--lang", "zh"]) == 0
    shown_table = capsys.readouterr().out
    assert "twin.png" in shown_table
    assert "calm" not in shown_table.replace(str(folder), "")
    assert main(["results", "--store", store, "--by-folder", "--format", "csv"]) == 0
    by_folder = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [(Path(row["folder"]).name, row["inconclusive"], row["unreadable"]) for row in by_folder] == [
        ("media", "2", "1"),
        ("sub", "1", "0"),
    ]


def test_what_cannot_be_examined_is_named_or_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhenwei.cli._scan_store._NAMED", 2)
    media = tmp_path / "media"
    media.mkdir()
    for number in range(5):
        (media / f"bad_{number}.mp4").write_text(f"no video {number}\n" * 100)
    named = str(media / "bad_4.mp4")
    nothing = str(tmp_path / "*.mov")
    assert main(["scan", str(media), named, nothing, "--store", str(tmp_path / "r.db"), "--workers", "1"]) == 1
    told = capsys.readouterr().err
    assert [f"bad_{number}.mp4" in told for number in range(5)] == [True, True, False, False, True]
    hint = f"2 of them are not named here, but here: zhenwei results --where 'error~?*' --store {tmp_path / 'r.db'}"
    assert hint in " ".join(told.split())
    assert main(shlex.split(hint.partition(": zhenwei ")[2])) == 0
    assert "bad_3.mp4" in capsys.readouterr().out
    assert "no file fits this pattern" in told
    assert "1 folders, patterns or addresses led to no files" in told


@ON_LINUX
def test_a_name_that_is_no_utf_8_is_examined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = Path(draw(tmp_path, "calm", 1)).rename(os.fsdecode(os.fsencode(tmp_path) + b"/inv\xff\xfe.png"))
    store = str(tmp_path / "r.db")
    assert main(["scan", str(picture), "--store", store, "--workers", "1", *LABELS]) == 0
    assert main(["results", "--store", store, "--output", str(tmp_path / "pages")]) == 0
    assert len(list((tmp_path / "pages").glob("*.html"))) == 1
    capsys.readouterr()


def test_a_path_that_is_away_for_once_keeps_its_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = Path(draw(tmp_path, "calm", 1))
    store = str(tmp_path / "r.db")
    scan = ["scan", str(picture), "--store", store, "--workers", "1", *LABELS]

    def found() -> dict[str, str]:
        assert main(["results", "--store", store, "--format", "csv"]) == 0
        out = capsys.readouterr().out
        return next(csv.DictReader(io.StringIO(out, newline="")))

    assert main(scan) == 0
    first = found()
    picture.rename(tmp_path / "away")
    assert main(scan) == 1
    away = found()
    assert "does not exist" in away["error"]
    assert away | {"error": ""} == first
    assert main(["results", "--store", store]) == 0
    assert "last time" in " ".join(capsys.readouterr().out.split())
    for words in (["--format", "jsonl"], ["--output", str(tmp_path / "pages")]):
        assert main(["results", "--store", store, "--where", "error~?*", *words]) == 0
        assert "1 could not be looked at the last time" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "away").rename(picture)
    assert main(scan) == 0
    assert found() == first
    picture.write_bytes(b"")  # it was looked at: what lay there is gone
    assert main(scan) == 1
    assert (found()["decision"], found()["sha256"]) == ("", "")


@pytest.mark.heavy
def test_patterns_limits_and_other_options_of_the_engine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(folder.parent / "results.db")
    scan = ["scan", str(folder / "**" / "*.png"), "--store", store, "--workers", "1", *LABELS]
    assert main([*scan, "--limit", "1"]) == 0
    assert len(rows(store)) == 1
    assert main(scan) == 0
    assert len(rows(store)) == 2
    assert main([*scan, "--frames", "3", "--limit", "1"]) == 0  # another engine
    assert len(rows(store)) == 3
    before = max(rows(store).values())
    assert main([*scan, "--again"]) == 0
    assert len(rows(store)) == 3
    assert sum(moment > before for moment in rows(store).values()) == 2
    assert "inconclusive" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "2"], "--workers"),
        (["--again", "--limit", "3"], "--again, --limit"),
        (["--store", "DB", "--format", "json"], "--format json"),
        (["--store", "DB", "--output", "out"], "--output"),
        (["--store", "DB", "--pictures"], "--pictures"),
        (["--store", "DB", "--shard", "5/4"], "5/4"),
        (["--store", "DB", "--shard", "half"], "half"),
        (["--store", "mongodb://here/a"], "mongodb"),
        (["--store", ""], "no store is named"),
        (["--store", "DB", "--memory", "inf"], "--memory"),
    ],
)
def test_what_has_no_meaning_is_refused(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "results.db"
    given = [str(store) if word == "DB" else word for word in options]
    assert main(["scan", str(tmp_path), *given]) == 2
    assert words in capsys.readouterr().err
    assert not store.exists()


@pytest.mark.heavy
def test_what_a_plug_in_prints_is_no_result(tmp_path: Path) -> None:
    path = os.pathsep.join([str(install(tmp_path / "site")), os.environ.get("PYTHONPATH", "")])
    words = [
        "scan",
        draw(tmp_path, "loud"),
        "--store",
        str(tmp_path / "r.db"),
        "--workers",
        "1",
        "--detector",
        DETECTOR,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "zhenwei", *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == ""
    assert "and past Python" in done.stderr


def test_results_need_a_store_that_is_there_and_conditions_that_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "results.db"
    assert main(["results", "--store", str(store)]) == 1
    assert "there is no store" in capsys.readouterr().err
    assert not store.exists()
    assert main(["scan", str(tmp_path), "--store", str(store)]) == 0
    assert main(["results", "--store", str(store)]) == 0
    assert main(["results", "--store", str(store), "--where", "colour=red"]) == 2
    assert "columns: path" in capsys.readouterr().err


def test_shards_share_the_files_among_them_and_keep_theirs_when_others_come() -> None:
    files = [f"folder/{number}.mp4" for number in range(300)]
    parts = [Batch("a", shard=f"{number}/3").own(files) for number in (1, 2, 3)]
    assert sorted(file for part in parts for file in part) == sorted(files)
    assert min(map(len, parts)) > 60
    assert set(Batch("a", shard="2/3").own([*files, "folder/new.mp4"])) - {"folder/new.mp4"} == set(parts[1])
    with pytest.raises(UsageError):
        Batch("a", shard="0/3").own(files)


_WITHOUT = """
import sys
for name in ("sqlalchemy", "alembic"):
    sys.modules[name] = None
from zhenwei.cli import main
status = main(sys.argv[1:])
print([name for name in ("multiprocessing.connection", "zhenwei.store", "zhenwei.engine.pool") if name in sys.modules])
sys.exit(status)
"""


@pytest.mark.heavy
def test_without_the_extra_its_line_is_told_and_a_plain_scan_loads_none_of_it(folder: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _WITHOUT, *words], capture_output=True, text=True, timeout=120, check=False
        )

    told = run("scan", str(folder), "--store", str(folder / "a.db"))
    assert told.returncode == 1
    assert re.search(r"install .*zhenwei.*\[store\]|\[store\]", told.stderr)
    plain = run("scan", str(folder / "calm_1.png"), "--quiet", *LABELS)
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout.splitlines()[-1] == "[]"


def _listening() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Driver:
    """``zhenwei scan --store`` in a process group of its own, with workers that can be found."""

    def __init__(self, site: Path, media: Path, store: Path, *options: str) -> None:
        self.store = store
        self.mark = f"ZHENWEI_TEST={secrets.token_hex(8)}"
        name, value = self.mark.split("=")
        path = os.pathsep.join([str(site), *[word for word in sys.path if word]])
        words = ["scan", str(media), "--store", str(store), "--workers", "2", "--detector", DETECTOR, *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "zhenwei", *words],
            env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(store.parent), name: value},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_listening,  # noqa: PLW1509  # no threads here
        )

    def wait_for(self, count: int) -> None:
        """Until so many are in the store."""

        def are_there() -> bool:
            assert self.process.poll() is None, self.process.communicate()[1]
            return len(rows(str(self.store))) >= count

        until(are_there)

    def others(self) -> list[int]:
        """The processes that it started and that are alive."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                marked = self.mark.encode() in (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if marked and int(entry.name) != self.process.pid:
                found.append(int(entry.name))
        return found

    def workers(self) -> list[int]:
        """Those of them that examine, oldest first: the resource tracker of multiprocessing is one, too."""
        return sorted(pid for pid in self.others() if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes())

    def require_all_gone(self) -> None:
        until(lambda: not self.others())

    def finish(self) -> tuple[int, str]:
        _, told = self.process.communicate(timeout=180)
        return self.process.returncode, told


@pytest.fixture
def slow(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The plug-in, seven pictures that take a second each, the store."""
    media = tmp_path / "media"
    media.mkdir()
    for number in range(7):
        draw(media, "slow", number)
    return install(tmp_path / "site"), media, tmp_path / "results.db"


@ON_LINUX
@pytest.mark.heavy
def test_a_driver_that_is_killed_loses_nothing_and_the_next_run_goes_on(slow: tuple[Path, Path, Path]) -> None:
    store = str(slow[2])
    for count in (1, 4):
        driver = Driver(*slow)
        driver.wait_for(count)
        driver.process.kill()
        driver.finish()
        kept = rows(store)
        assert len(kept) >= count
        driver.require_all_gone()
        assert integrity(store) == "ok"
    status, told = Driver(*slow).finish()
    assert status == 0, told
    after = rows(store)
    assert len(after) == 7
    assert {id_: after[id_] for id_ in kept} == kept  # not examined again


@ON_LINUX
@pytest.mark.heavy
def test_ctrl_c_ends_at_once_and_keeps_what_is_done(slow: tuple[Path, Path, Path]) -> None:
    driver = Driver(*slow)
    driver.wait_for(2)
    began = time.monotonic()
    os.killpg(driver.process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    status, told = driver.finish()
    assert time.monotonic() - began < 20
    assert status == 130
    assert "Interrupted" in told
    assert "Traceback" not in told
    driver.require_all_gone()
    kept = rows(str(slow[2]))
    assert 2 <= len(kept) < 7
    status, told = Driver(*slow).finish()
    assert status == 0, told
    assert f"{len(kept)} were in the store already" in told
    assert len(rows(str(slow[2]))) == 7


@ON_LINUX
@pytest.mark.heavy
def test_a_worker_that_is_killed_costs_no_file(slow: tuple[Path, Path, Path]) -> None:
    driver = Driver(*slow)
    driver.wait_for(1)
    os.kill(driver.workers()[0], signal.SIGKILL)  # once: a second kill might meet the same file, which is then given up
    status, told = driver.finish()
    assert status == 0, told
    assert "7 inconclusive" in told
    assert len(rows(str(slow[2]))) == 7


@ON_LINUX
@pytest.mark.heavy
def test_a_worker_that_never_lets_go_does_not_outlive_a_driver_that_is_killed(slow: tuple[Path, Path, Path]) -> None:
    site, media, store = slow
    (media / "a_deaf.png").write_bytes(Path(draw(media.parent, "deaf")).read_bytes())  # the first
    driver = Driver(site, media, store, "--seconds", "4")
    driver.wait_for(2)  # by the other worker
    driver.process.kill()
    driver.finish()
    driver.require_all_gone()


def rows(store: str) -> dict[int, str]:
    """When each examination in the store was made."""
    if not Path(store).exists():
        return {}
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)) as connection:
        try:
            return dict(connection.execute("SELECT id, examined_at FROM examination").fetchall())
        except sqlite3.OperationalError:  # its tables are being made
            return {}


def integrity(store: str) -> str:
    with closing(sqlite3.connect(store)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
