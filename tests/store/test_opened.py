"""Databases that cannot be opened are told with the cure, and without their password."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import text

from zhenwei.errors import DataError, OutputError, UsageError, ZhenweiError
from zhenwei.store import open_store
from zhenwei.store.refusals import RefusedError, UnstorableError, shown


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
