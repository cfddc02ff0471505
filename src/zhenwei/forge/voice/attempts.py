"""Sound that may hold a watermark or not, made anew until it does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from zhenwei.errors import UnmarkedError

T = TypeVar("T")
ATTEMPTS = 5  # of copies of 2 to 3 s of genuine speech, 2 in 50 could not be marked with what was drawn first


def first_marked(leave: Callable[[int], T]) -> T:
    """What ``leave`` gives at the first of ``ATTEMPTS`` attempts, counted from 0, whose marks can be read back.

    The last one's UnmarkedError if none can, and at once any other error: another draw would not mend it."""
    for attempt in range(ATTEMPTS - 1):
        with suppress(UnmarkedError):
            return leave(attempt)
    return leave(ATTEMPTS - 1)
