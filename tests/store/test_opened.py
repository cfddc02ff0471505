"""Databases that cannot be opened are told with the cure, and without their password."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import text
from tests.rights import without_rights
from tests.store.test_store import keep, report

from zhenwei.cli import main
from zhenwei.errors import DataError, OutputError, UsageError, ZhenweiError
from zhenwei.store import Cases, open_store
from zhenwei.store.refusals import DamagedError, RefusedError, UnstorableError, shown, without_password


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anna:sesame@127.0.0.1:abc/x",
        "postgresql://anna:sesame/x",
        "postgresql://anna:open@sesame@127.0.0.1:1/x",
        "postgresql://anna:@sesame@127.0.0.1:abc/x",
        "postgresql+psycopg://anna:open@sesame/x@127.0.0.1/x",
    ],
)
def test_an_address_that_cannot_be_read_is_wrong_use(url: str) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'zhenwei[postgresql]'")
    with pytest.raises(UsageError, match="cannot be read") as refused:
        open_store(url)
    assert "sesame" not in str(refused.value)
    assert "%40" in refused.value.fix


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a@b/c.db", "a@b/c.db"),
        ("postgresql://h/x", "postgresql://h/x"),
        ("postgresql://u:sesame@h:1/x?sslmode=require", "postgresql://h:1/x"),
        ("postgresql://h/x?password=sesame", "postgresql://h/x"),
        ("postgresql://h/x?password=a@sesame", "postgresql://…"),
        ("postgresql://u:ses?sesame@h/x", "postgresql://…"),
    ],
)
def test_of_an_address_no_password_is_shown(where: str, expected: str) -> None:
    assert shown(where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a@b/c.db", "a@b/c.db"),
        ("postgresql://u@h:1/x", "postgresql://u@h:1/x"),
        ("postgresql://u:ses%40ame@h:1/x?sslmode=require", "postgresql://u@h:1/x?sslmode=require"),
        ("postgresql+psycopg://h/x?password=sesame", "postgresql+psycopg://h/x"),
    ],
)
def test_an_address_that_is_to_be_given_again_keeps_all_but_the_password(where: str, expected: str) -> None:
    assert without_password(where) == expected


def test_what_a_database_answers_tells_no_password(postgresql: str) -> None:
    import psycopg

    url = postgresql.replace("zhenwei@", "zhenwei:sesame@")
    said: list[ZhenweiError] = []
    with pytest.raises(OutputError) as away:
        open_store(url.replace("/postgres", "/nowhere"))
    said.append(away.value)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS other")
        connection.execute("CREATE DATABASE other")
    other = url.replace("/postgres", "/other")
    with open_store(other) as store, store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DataError, match="later zhenwei") as later:
        open_store(other)
    said.append(later.value)
    assert all("sesame" not in str(error) for error in said)


def test_a_database_without_an_encoding_is_told(postgresql: str) -> None:
    import psycopg

    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS ascii")
        connection.execute("CREATE DATABASE ascii ENCODING SQL_ASCII LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with pytest.raises(DataError, match="UTF-8") as refused:
        open_store(postgresql.replace("/postgres", "/ascii"))
    assert "SQL_ASCII" in refused.value.got
    assert "createdb" in refused.value.fix


def test_a_refusal_is_told_apart_from_a_value_that_is_not_taken(where: str) -> None:
    with open_store(where) as store:
        with pytest.raises((RefusedError, OutputError)) as refused, store.reading() as session:
            session.execute(text("SELECT nothing FROM nowhere"))
        assert not isinstance(refused.value, UnstorableError)
        if store.engine.dialect.name == "postgresql":
            with pytest.raises(UnstorableError), store.reading() as session:
                session.execute(text("SELECT :given"), {"given": "a\0b"})


def test_a_file_that_is_no_database_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(b"no database " * 1000)
    with pytest.raises(DataError, match="no store"):
        open_store(str(file))


def test_a_store_that_is_damaged_is_told_from_what_is_none(tmp_path: Path) -> None:
    where = str(tmp_path / "a.db")
    with open_store(where) as store:
        keep(store, 1, report(1))
        Cases(store).create("A case")
    whole = (tmp_path / "a.db").read_bytes()
    (tmp_path / "b.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedError, match="is damaged"):
        open_store(str(tmp_path / "b.db"))
    for statement, ask in (
        ("UPDATE log_entry SET at = 'xx'", lambda store: Cases(store).verify_log(1)),
        ("UPDATE \"case\" SET created_at = 'xx'", lambda store: Cases(store).list()),
        ("UPDATE examination SET examined_at = 'xx'", lambda store: list(store.results())),
    ):
        (tmp_path / "a.db").write_bytes(whole)
        with open_store(where) as store:
            with store.writing() as session:
                session.execute(text(statement))
            with pytest.raises(DamagedError, match="is damaged"):
                ask(store)


def test_who_only_reads_makes_no_store_of_an_empty_file_or_database(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "://" not in where:
        Path(where).touch()
    for command in (["results"], ["case", "list"], ["case", "add", "1", str(tmp_path)]):
        assert main([*command, "--store", where]) == 1
        assert "there is no store" in capsys.readouterr().err
    assert "://" in where or not Path(where).stat().st_size
    with open_store(where):
        pass
    assert main(["results", "--store", where]) == 0


@pytest.mark.parametrize("beside", ["", "-wal", "-wal -shm"])
def test_a_store_that_cannot_be_written_can_be_read(
    beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_journal = bool(beside)
    temporary = _temporary(tmp_path, monkeypatch)
    store, folder = tmp_path / "r.db", tmp_path / "closed #1"
    with open_store(str(store)) as opened:
        keep(opened, 1, report(1), "a.png")
    folder.mkdir()
    with open_store(str(store)) as opened, closing(opened.engine.raw_connection()):
        if has_journal:  # of somebody who writes, or was killed
            keep(opened, 2, report(2), "b.png")
        for path in tmp_path.glob("r.db*"):
            if path.name.removeprefix("r.db") in ("", *beside.split()):
                shutil.copy(path, folder)
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    try:
        for command in (["results", "--format", "csv"], ["case", "list"]):
            done = _unprivileged(*command, "--store", str(folder / "r.db"))
            assert done.returncode == 0, done.stderr
            assert done.stdout.count(".png") == (0 if command[0] == "case" else 1 + has_journal)
        assert _unprivileged("case", "new", "A title", "--store", str(folder / "r.db")).returncode == 1
    finally:
        folder.chmod(0o755)
    assert {path.name for path in folder.iterdir()} == {"r.db", *[f"r.db{ending}" for ending in beside.split()]}
    assert not list(temporary.iterdir())


def test_who_may_write_the_folder_alone_leaves_nothing_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = _temporary(tmp_path, monkeypatch)
    store = tmp_path / "open" / "r.db"
    store.parent.mkdir()
    with open_store(str(store)) as opened:
        keep(opened, 1, report(1), "a.png")
    store.chmod(0o444)
    (tmp_path / "link.db").symlink_to(store)
    for named in (store, tmp_path / "link.db"):
        done = _unprivileged("results", "--format", "csv", "--store", str(named))
        assert done.stdout.count(".png") == 1, done.stderr
    assert list(store.parent.iterdir()) == [store]
    assert not list(temporary.iterdir())


def test_a_store_in_a_folder_that_may_not_be_entered_is_told(tmp_path: Path) -> None:
    store = tmp_path / "closed" / "r.db"
    store.parent.mkdir()
    with open_store(str(store)):
        pass
    for path, rights in ((store.parent, 0), (store, 0)):
        path.chmod(rights)
        done = _unprivileged("results", "--store", str(store))
        path.chmod(0o755)
        assert done.returncode == 1
        assert "Permission denied" in done.stderr
        assert "the store cannot be" in done.stderr


_READ_ON = """
import sys
from zhenwei.store import open_store
with open_store(sys.argv[1], write=False) as store:
    found = store.results()
    print(next(found).path, flush=True)
    sys.stdin.readline()
    document = store.document(1)  # by a second connection
    print(document is not None, [one.path for one in found], [one.path for one in store.results()], flush=True)
"""


def test_a_closed_store_is_read_as_it_was_while_its_owner_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _temporary(tmp_path, monkeypatch)
    store = tmp_path / "closed" / "r.db"
    store.parent.mkdir()
    paths = [f"{number:03d}.png" for number in range(60)]
    with open_store(str(store)) as opened:
        for number, path in enumerate(paths):
            keep(opened, number, report(number), path)
    store.chmod(0o444)
    store.parent.chmod(0o555)
    with subprocess.Popen(
        [*without_rights(), sys.executable, "-c", _READ_ON, str(store)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as reader:  # fmt: skip
        assert reader.stdout is not None
        assert reader.stdout.readline().strip() == paths[0]
        store.parent.chmod(0o755)
        store.chmod(0o644)
        with closing(sqlite3.connect(store)) as owner:
            owner.execute("DELETE FROM report")
            owner.execute("DELETE FROM place")
            owner.commit()
            owner.execute("VACUUM")
        assert reader.communicate("\n", timeout=60)[0].strip() == f"True {paths[1:]} {paths}"


def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def _unprivileged(*words: str) -> subprocess.CompletedProcess[str]:
    """The command line without root's right to write everywhere."""
    command = [*without_rights(), sys.executable, "-m", "zhenwei", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
