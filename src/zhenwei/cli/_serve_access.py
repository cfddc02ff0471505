"""``zhenwei serve keys`` and ``people``: who may use a service that others can reach."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli.trouble import notes_console
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from zhenwei.store.access import Access

_MIN_DAYS, _MAX_DAYS = 0.001, 36_500  # as the API has them, which is not loaded for a help text
_MAX_BYTES, _MAX_PER_MINUTE = 2**62, 1_000_000
Scope = StrEnum("Scope", ["read", "submit", "admin"])
Config = Annotated[Path | None, typer.Option("--config", help="A TOML file of settings.", metavar="FILE")]
Folder = Annotated[Path | None, typer.Option("--folder", help="Where uploads and the SQLite file lie.", metavar="DIR")]
Database = Annotated[
    str | None, typer.Option("--database-url", help="postgresql://USER@HOST/NAME; else SQLite.", metavar="URL")
]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose files they see; tenants do not see one another's.")]
Scopes = Annotated[
    list[Scope] | None, typer.Option("--scope", help="Repeat for more; admin has all. Else read and submit.")
]

_KEYS_HELP = """API keys, for programs.

Examples:

  zhenwei serve keys add uploader --scope submit

  zhenwei serve keys list
"""
_PEOPLE_HELP = """People who log in with a name and a password.

Examples:

  zhenwei serve people add anna --scope read --scope submit

  zhenwei serve people list
"""
keys = typer.Typer(help=_KEYS_HELP, no_args_is_help=True)
people = typer.Typer(help=_PEOPLE_HELP, no_args_is_help=True)


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Scopes = None,
    tenant: Tenant = "local",
    days: Annotated[float, typer.Option(min=_MIN_DAYS, max=_MAX_DAYS, help="How long it is good.")] = 365.0,
    max_bytes: Annotated[int | None, typer.Option(min=1, max=_MAX_BYTES, help="Of a file; else as of all.")] = None,
    per_minute: Annotated[
        int | None, typer.Option(min=1, max=_MAX_PER_MINUTE, help="Requests; else as of all.")
    ] = None,
    config: Config = None,
    folder: Folder = None,
    database_url: Database = None,
) -> None:
    """Make a key and print it, this once: only its digest is kept.

    Examples:

      zhenwei serve keys add upload-check --scope submit --scope read --days 90

      zhenwei serve keys add prometheus --scope admin
    """
    _require_name(name, tenant)
    if not isfinite(days):
        raise UsageError("this is no number of days", got=str(days), want=f"{_MIN_DAYS:g} to {_MAX_DAYS}")
    expires_at = datetime.now(UTC) + timedelta(days=days)
    with _access(config, folder, database_url) as access:
        key, shown = access.add_key(
            tenant, name, _scopes(scope), expires_at=expires_at, max_bytes=max_bytes, per_minute=per_minute
        )
    sys.stdout.write(f"{shown}\n")
    told = f"Key {key.id} of {tenant}; it is not shown again. Good until {expires_at:%Y-%m-%d}."
    notes_console().print(told, markup=False)


@keys.command("list")
def list_keys(config: Config = None, folder: Folder = None, database_url: Database = None) -> None:
    """Show all keys, without their secrets.

    Examples:

      zhenwei serve keys list
    """
    with _access(config, folder, database_url) as access:
        table = _table("id", "name", "tenant", "scopes", "made", "good until", "revoked")
        for key in access.all_keys():
            moments = [_day(moment) for moment in (key.created_at, key.expires_at, key.revoked_at)]
            _add(table, key.id, key.name, key.tenant, " ".join(key.scopes), *moments)
    _show(table)


@keys.command("revoke")
def revoke_key(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As keys list shows it.")],
    config: Config = None,
    folder: Folder = None,
    database_url: Database = None,
) -> None:
    """It opens nothing any more, at once.

    Examples:

      zhenwei serve keys revoke 3f9c
    """
    with _access(config, folder, database_url) as access:
        if not access.revoke_key(id_):
            raise UsageError("there is no such key", got=id_, fix="Look with: zhenwei serve keys list")


@people.command("add")
def add_person(
    name: Annotated[str, typer.Argument(help="With which they log in.")],
    scope: Scopes = None,
    tenant: Tenant = "local",
    config: Config = None,
    folder: Folder = None,
    database_url: Database = None,
) -> None:
    """Somebody may log in. The password is asked for, or is the first line of standard input.

    Examples:

      zhenwei serve people add anna --scope read --scope submit
    """
    from zhenwei.server.auth.passwords import Passwords

    _require_name(name, tenant)
    with _access(config, folder, database_url) as access:
        password = _password()
        access.add_person(tenant, name, Passwords().hash(password), _scopes(scope))
    notes_console().print(f"{name} of {tenant} may log in.", markup=False)


@people.command("list")
def list_people(config: Config = None, folder: Folder = None, database_url: Database = None) -> None:
    """Show who may log in.

    Examples:

      zhenwei serve people list
    """
    with _access(config, folder, database_url) as access:
        table = _table("name", "tenant", "scopes", "since", "revoked")
        for person in access.people():
            moments = [_day(moment) for moment in (person.created_at, person.revoked_at)]
            _add(table, person.name, person.tenant, " ".join(person.scopes), *moments)
    _show(table)


@people.command("revoke")
def revoke_person(
    name: Annotated[str, typer.Argument(help="As people list shows it.")],
    config: Config = None,
    folder: Folder = None,
    database_url: Database = None,
) -> None:
    """They are logged out everywhere and cannot log in again.

    Examples:

      zhenwei serve people revoke anna
    """
    with _access(config, folder, database_url) as access:
        if not access.revoke_person(name):
            raise UsageError("nobody is called so", got=name, fix="Look with: zhenwei serve people list")


def require_server() -> None:
    """MissingExtraError with the line that installs what a service needs."""
    from zhenwei.errors import MissingExtraError, install_extra

    try:
        import argon2  # noqa: F401
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import pydantic_settings  # noqa: F401
        import python_multipart  # noqa: F401
        import sqlalchemy  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        fix = f"Run: {install_extra('server')}"
        raise MissingExtraError("a service needs FastAPI and what is beside it", got=str(error), fix=fix) from None


@contextmanager
def _access(config: Path | None, folder: Path | None, database_url: str | None) -> Iterator[Access]:
    require_server()
    from zhenwei.server.settings import read_settings
    from zhenwei.server.uploads import Folder as ServiceFolder
    from zhenwei.store import open_store
    from zhenwei.store.access import Access
    from zhenwei.store.jobs import Jobs

    settings = read_settings(config, folder=folder, database_url=database_url, auth="keys")
    ServiceFolder(settings.folder).make()
    with open_store(settings.database) as store:
        yield Access(Jobs(store))


def _password() -> str:
    if sys.stdin is not None and not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _scopes(given: list[Scope] | None) -> list[str]:
    return [scope.value for scope in given] if given else ["read", "submit"]


def _require_name(*names: str) -> None:
    for name in names:
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise UsageError("this is no name", got=repr(name)[:100], want="1 to 64 characters that can be printed")


def _table(*columns: str) -> Table:
    from rich.table import Table

    made = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def _add(table: Table, *cells: str) -> None:
    """Names are texts of somebody else: nothing in them steers the terminal or the table."""
    from rich.text import Text

    from zhenwei.pages import legible

    table.add_row(*[Text(legible(cell)) for cell in cells])


def _show(table: Table) -> None:
    from rich.console import Console

    if table.row_count:
        Console(highlight=False).print(table)
    else:
        notes_console().print("There are none yet.", style="yellow")


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"
