"""The barrier: whatever nobody foresaw becomes one kind of error, with its traceback kept, so that the rest goes on.

The one place in the package that catches what it does not know. A plug-in is loaded behind it, a detector is asked
behind it (``zhenwei.pipeline``), a file is examined behind it (``zhenwei.engine``), a command is run behind it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from zhenwei.errors import FaultError, MediaError, OutOfMemoryError, ZhenweiError

T = TypeVar("T")
OnFault = Callable[[str, FaultError], None]
"""What is called with the name of a file and each fault that it met, so that somebody can be told of it."""
_LONGEST = 200  # characters of a foreign message; some libraries put pages into one


def contained(work: Callable[[], T]) -> T:
    """What ``work`` gives. Raises nothing but :class:`ZhenweiError`, ``OSError`` and ``KeyboardInterrupt``.

    Memory that ran out is an :class:`OutOfMemoryError`; all else is a :class:`FaultError` that holds the traceback as
    text: the traceback itself would keep every array of the failed examination alive.
    """
    try:
        return work()
    except (ZhenweiError, OSError, KeyboardInterrupt, GeneratorExit):
        raise
    except MemoryError:
        raise OutOfMemoryError.here() from None
    except BaseException as error:  # noqa: BLE001 - sys.exit() of a plug-in and the panics of Rust are no Exception
        if _is_out_of_memory(error):
            raise OutOfMemoryError.here() from None
        raise FaultError(
            "this is a fault of the program, not of its input",
            got=_named(error),
            fix="Please report it with its traceback, and with the file if it may be shared.",
            trace="".join(traceback.format_exception(error)),
        ) from None


def on_one_file(work: Callable[[], T]) -> T:
    """As :func:`contained`, for work on one file: what the system refuses is a :class:`MediaError` too."""
    try:
        return contained(work)
    except OSError as error:
        raise MediaError(
            "the file cannot be read",
            got=error.strerror or type(error).__name__,
            want="a file that stays readable while it is examined",
            fix="Check the path, its permissions and the disk.",
        ) from error


def each_on_one_file(items: Iterable[T]) -> Iterator[T]:
    """``items`` of one file, each taken as in :func:`on_one_file`; what is done with them meanwhile is not covered."""
    taken = iter(items)
    while True:
        found = on_one_file(lambda: tuple(islice(taken, 1)))
        if not found:
            return
        yield found[0]


def _named(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said[:_LONGEST]}" if said else type(error).__name__


def _is_out_of_memory(error: BaseException) -> bool:
    """OpenCV has a code of its own for it, -4 (``Error::StsNoMem``)."""
    return getattr(error, "code", None) == -4 and type(error).__module__ == "cv2"
