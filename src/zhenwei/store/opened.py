"""Opening a store: which database, its settings, and its tables brought up to date."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhenwei.errors import DataError, MissingExtraError, OutputError, UsageError, ZhenweiError, install_extra
from zhenwei.store.refusals import out_of_reach, shown, told

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from zhenwei.store.store import Store

_MIGRATIONS = Path(__file__).parent / "migrations"
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "sqlite": "sqlite"}
_SETTINGS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
_WANTED = "a store that zhenwei scan --store wrote"
_WAIT_S = 60  # for another process that is writing
_TRIES = 5  # to copy a store that nobody writes meanwhile
_LOCK = 0x7A68656E  # "zhen": the lock under which one process migrates a PostgreSQL database


def open_store(where: str, *, create: bool = True, write: bool = True) -> Store:
    """The store in the SQLite file ``where``, or in the database of that URL (``postgresql://user@host/name``).

    Its tables are made, or brought up to date. Without ``create`` a file that is not there, and a database without
    them, is refused. Without ``write``, for who reads alone, ``create`` has no meaning, and a file may lie where it
    cannot be written. Raises MissingExtraError where SQLAlchemy or the driver is not installed, UsageError for a URL of
    another kind, DataError for a file or database that is no store of this or an earlier version, OutputError where it
    cannot be written.
    """
    create = create and write
    if not where.strip():
        raise UsageError("no store is named", got="nothing", want="a file, or postgresql://USER@HOST/NAME")
    try:
        import alembic  # noqa: F401
        import sqlalchemy

        from zhenwei.store.store import Store
    except ImportError as error:
        fix = f"Run: {install_extra('store')}"
        raise MissingExtraError("a store needs SQLAlchemy and Alembic", got=str(error), fix=fix) from None
    url = _url(where)
    file = Path(where.removeprefix("sqlite:///"))
    is_file = url.startswith("sqlite")
    if is_file and not create:
        _refuse_what_is_none(where, file)
    is_closed = is_file and not write and not _can_write(file)
    try:
        if is_closed:
            engine = _only_reading(url, file)
        else:
            engine = sqlalchemy.create_engine(url, connect_args={"timeout": _WAIT_S} if is_file else {})
    except ImportError as error:
        fix = f"Run: {install_extra('postgresql')}"
        raise MissingExtraError("PostgreSQL needs psycopg", got=str(error), fix=fix) from None
    except (sqlalchemy.exc.ArgumentError, ValueError):  # the latter: a port that is no number
        raise _unread(where) from None
    if engine.dialect.name == "sqlite":
        _set_up_sqlite(engine, is_closed=is_closed)
    else:
        _set_up_postgresql(engine, where)
    try:
        with told(where):
            _migrate(engine, where, create=create, is_closed=is_closed)
    except ZhenweiError:
        engine.dispose()
        raise
    return Store(engine, where)


def _refuse_what_is_none(where: str, file: Path) -> None:
    try:
        size = file.stat().st_size if file.is_file() else None
    except OSError as error:
        raise out_of_reach(where, error.strerror or type(error).__name__) from None
    if size is None:
        raise DataError("there is no store", got=where, want=_WANTED)
    if not size:  # looking at it would make a database of it
        raise DataError("there is no store", got=f"{where}: an empty file", want=_WANTED)


def _url(where: str) -> str:
    kind, separator, rest = where.partition("://")
    if not separator:
        return f"sqlite:///{where}"
    if not kind.startswith("sqlite") and rest.partition("?")[0].count("@") > 1:  # else a part of it passes for the host
        raise _unread(where)
    if kind in _DRIVERS:
        return f"{_DRIVERS[kind]}://{rest}"
    if kind in _DRIVERS.values():
        return where
    raise UsageError("there is no store of this kind", got=f"{kind}://", want="a file, or postgresql://USER@HOST/NAME")


def _unread(where: str) -> UsageError:
    """Quotes nothing that could be a part of a password."""
    got = shown(where) if "@" in where else f"{where.partition('://')[0]}://…"
    fix = "A port is a number. In a password write @ as %40, : as %3A, / as %2F and % as %25."
    return UsageError("the store's URL cannot be read", got=got, want="postgresql://USER@HOST/NAME", fix=fix)


def _set_up_postgresql(engine: Engine, where: str) -> None:
    """Before SQLAlchemy asks it anything: without an encoding it answers in bytes."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect", insert=True)
    def connected(connection: Any, _record: object) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            fix = "Make one with: createdb --encoding=UTF8 --template=template0 NAME"
            got = f"{shown(where)}: {encoding}"
            raise DataError("a database has to keep its texts in UTF-8", got=got, want="one in UTF8", fix=fix)


def _can_write(file: Path) -> bool:
    return os.access(file, os.W_OK) and os.access(file.resolve().parent, os.W_OK)


def _only_reading(url: str, file: Path) -> Engine:
    """Nothing is left beside the store: an index or a journal of somebody else would lock its owner out."""
    from sqlalchemy import create_engine, event

    address, copy = _address_and_copy(file.resolve())

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, timeout=_WAIT_S, check_same_thread=False)

    engine = create_engine(url, creator=connect)
    if copy is not None:
        event.listen(engine, "engine_disposed", lambda _engine: copy.cleanup())
    return engine


def _address_and_copy(file: Path) -> tuple[str, tempfile.TemporaryDirectory[str] | None]:
    """Where the file can be read, and the folder of the copy that this is, if it is one. A writer at work keeps an
    index, which its readers share. Without one SQLite would make it, or take the file for one that nobody changes."""
    journal, index = [file.with_name(file.name + ending) for ending in ("-wal", "-shm")]

    def state() -> list[tuple[int, int] | None]:
        found = [path.stat() if path.exists() else None for path in (file, journal)]
        return [None if each is None else (each.st_size, each.st_mtime_ns) for each in found]

    for _ in range(_TRIES):
        if os.path.lexists(index):
            return f"{file.as_uri()}?mode=ro", None
        try:
            before = state()
            if _never_changes(file.parent) and (before[1] is None or not before[1][0]):
                return f"{file.as_uri()}?mode=ro&immutable=1", None
            copy = tempfile.TemporaryDirectory(prefix="zhenwei-store-", ignore_cleanup_errors=True)
            copied = Path(copy.name, "store.db")
            shutil.copyfile(file, copied)
            if before[1] is not None:
                shutil.copyfile(journal, copied.with_name(f"{copied.name}-wal"))
            is_whole = state() == before and not os.path.lexists(index)
        except OSError as error:
            fix = f"Check that it may be read, and the space that is left in {tempfile.gettempdir()}."
            got = f"{file}: {error.strerror}"
            raise OutputError("the store cannot be copied, to be read", got=got, fix=fix) from None
        if is_whole:
            return f"{copied.as_uri()}?mode=ro", copy
        copy.cleanup()
    fix = "Try again when nobody writes to it."
    raise OutputError("the store cannot be copied, to be read", got=f"{file}: it changes all the time", fix=fix)


def _never_changes(folder: Path) -> bool:
    """It is on a read-only medium."""
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _set_up_sqlite(engine: Engine, *, is_closed: bool) -> None:
    """Readers beside one writer, every commit on the disk, nothing legible where rows were deleted, transactions that
    begin when they are said to: one that will write takes its turn at once, since it could not get it after another
    has written."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        for setting in () if is_closed else _SETTINGS:
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("bare", False):  # VACUUM is for outside of transactions
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


def _migrate(engine: Engine, where: str, *, create: bool, is_closed: bool) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import inspect, text

    from zhenwei.store import case_tables, job_tables  # noqa: F401 - declare their tables
    from zhenwei.store.tables import Base

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    steps = ScriptDirectory.from_config(config)
    known = [step.revision for step in steps.walk_revisions()]  # the newest first
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        tables = set(inspect(connection).get_table_names())
    if found == known[0]:
        return
    if found is not None and found not in known:
        fix = "Update zhenwei, or name another store."
        raise DataError(f"{shown(where)} was written by a later zhenwei", got=found, want=known[0], fix=fix)
    foreign = tables if engine.dialect.name == "sqlite" else tables & Base.metadata.tables.keys()
    if found is None and foreign:
        got = f"a database with the tables {', '.join(sorted(foreign))[:200]}"
        raise DataError(f"{shown(where)} is no store of zhenwei", got=got, want="a new file, or one that it wrote")
    if found is None and not create:
        raise DataError("there is no store", got=f"{shown(where)}: a database without tables", want=_WANTED)
    if is_closed:
        fix = "Copy it, and its folder, to where it can be written: there it is brought up to date."
        got = f"{shown(where)}: it cannot be written"
        raise OutputError("the store was written by an earlier zhenwei", got=got, fix=fix)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")  # nothing, where another process came first
