"""Records as columns."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any


def columns(rows: Iterable[object], *names: str) -> list[list[Any]]:
    """Each attribute of ``names``, "part.attribute" where it is a part's, of all ``rows``: a list for each name."""
    kept = list(rows)
    return [list(map(attrgetter(name), kept)) for name in names]
