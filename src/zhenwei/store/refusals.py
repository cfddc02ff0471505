"""What a database refuses, in the words of this package."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from zhenwei.errors import DataError, OutputError


class UnreadableValueError(ValueError):
    """What stands in a column is none of its values."""


class RefusedError(DataError):
    """The database refuses what it is asked: it is none of this package's, or is damaged. Nothing was erased."""


class DamagedError(RefusedError):
    """It was this package's, and parts of it were overwritten or cut off."""


class UnstorableError(RefusedError):
    """The database does not take a value: a text with a NUL, or one that is too long."""


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """Around what is asked of the database ``where``: raises OutputError, RefusedError, DamagedError and
    UnstorableError for what it refuses, and for what cannot be read of what it gives."""
    from sqlalchemy import exc

    try:
        yield
    except (exc.OperationalError, exc.TimeoutError) as error:  # the latter: all connections are busy for long
        raise out_of_reach(where, _said(error)) from None
    except exc.DataError as error:
        fix = "Leave out characters that cannot be printed, and shorten what is long."
        raise UnstorableError("the store does not take this value", got=_said(error), fix=fix) from None
    except (UnicodeDecodeError, json.JSONDecodeError, UnreadableValueError) as error:
        raise _damaged(where, str(error)) from None
    except exc.DatabaseError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT:
            raise _damaged(where, _said(error)) from None
        raise RefusedError(
            "this is no store of zhenwei",
            got=f"{shown(where)}: {_said(error)}",
            want="a new file, or one that it wrote",
        ) from None


def _damaged(where: str, said: str) -> DamagedError:
    fix = "Put a copy in its place that was made before, or examine the files again into a new one."
    return DamagedError("the store is damaged", got=f"{shown(where)}: {said}", fix=fix)


def out_of_reach(where: str, said: str) -> OutputError:
    fix = "Check its folder, its permissions, the space that is left, and that the database runs."
    return OutputError("the store cannot be read or written", got=f"{shown(where)}: {said}", fix=fix)


def shown(where: str) -> str:
    """The file or URL, without who logs in and their password, wherever in it they stand."""
    kind, separator, rest = where.partition("://")
    if not separator:
        return where
    if "@" in rest.partition("?")[2]:  # it cannot be told where the password ends
        return f"{kind}://…"
    return f"{kind}://{rest.rpartition('@')[2].partition('?')[0]}"


def without_password(where: str) -> str:
    """The file or URL as it can be given again. It has to be one that could be opened."""
    from sqlalchemy import URL, make_url

    if "://" not in where:
        return where
    url = make_url(where)
    query = {name: value for name, value in url.query.items() if "password" not in name.lower()}
    left = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, query)
    return left.render_as_string(hide_password=False)


def _said(error: Any) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]
