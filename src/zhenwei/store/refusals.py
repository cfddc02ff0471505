"""What a database refuses, in the words of this package."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from zhenwei.errors import DataError, OutputError


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """Around what is asked of the database ``where``: raises OutputError and DataError for what it refuses."""
    from sqlalchemy import exc

    shown = where.split("@")[-1]  # without a password
    try:
        yield
    except (exc.OperationalError, exc.TimeoutError) as error:  # the latter: all connections are busy for long
        fix = "Check its folder, its permissions, the space that is left, and that the database runs."
        raise OutputError("the store cannot be read or written", got=f"{shown}: {_said(error)}", fix=fix) from None
    except exc.DatabaseError as error:
        raise DataError(
            "this is no store of zhenwei", got=f"{shown}: {_said(error)}", want="a new file, or one that it wrote"
        ) from None


def _said(error: Any) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]
