"""Databases to test with: a file, and a PostgreSQL server of its own on a free port, where one is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_TIMEOUT_S = 60


def _program(name: str) -> str | None:
    """Debian keeps the server's programs off the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server that was started for this, in a folder of its own."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'zhenwei[postgresql]'")
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="zhenwei-pg-"))
    owner = None
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # the server refuses to be run by root
        owner = "postgres"
        try:
            shutil.chown(folder, owner)
        except LookupError:
            pytest.skip("PostgreSQL is not run by root, and there is no user postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    settings = f"-h 127.0.0.1 -p {port} -k '' -c fsync=off"

    def run(*words: str) -> None:
        done = subprocess.run(
            words, user=owner, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run(initdb, "-D", str(data), "-U", "zhenwei", "-A", "trust", "-E", "UTF8", "--no-sync")
        run(pg_ctl, "-D", str(data), "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield f"postgresql://zhenwei@127.0.0.1:{port}/postgres"
        finally:
            run(pg_ctl, "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "results.db")
    import psycopg

    url: str = request.getfixturevalue("postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url
