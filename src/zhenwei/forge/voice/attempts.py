"""Sound that may hold a watermark or not, made anew until it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from zhenwei.errors import DataError

T = TypeVar("T")
ATTEMPTS = 5  # of copies of 2 to 3 s of genuine speech, 2 in 50 could not be marked with what was drawn first


def first_marked(leave: Callable[[int], T]) -> T:
    """What ``leave`` gives at the first of ``ATTEMPTS`` attempts, counted from 0, whose marks can be read back.

    The last one's DataError if none can, and at once any that :func:`is_unmarked` does not know: another draw would not
    mend it."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return leave(attempt)
        except DataError as error:
            if not is_unmarked(error):
                raise
    return leave(ATTEMPTS - 1)


def is_unmarked(error: DataError) -> bool:
    """Whether it was the door that found no mark, or no room for one."""
    return "mark" in error.what


__all__ = ["ATTEMPTS", "first_marked", "is_unmarked"]
