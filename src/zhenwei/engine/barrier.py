"""What one file can cost: itself. Every command that takes several files does its work on each of them in here.

What is wrong with the file (:class:`MediaError`), refused by the system, beyond the memory, or a fault of the program
(:class:`FaultError`) becomes an ``Unreadable``. What would meet every other file as well is raised: wrong use, weights
of this package that are missing or altered, a missing extra, and Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from zhenwei.errors import DataError, FaultError, MediaError
from zhenwei.faults import on_one_file
from zhenwei.media.given import Source
from zhenwei.pipeline import Options, Progress, examine
from zhenwei.report import Outcome, Unreadable

T = TypeVar("T")


def attempt(path: str, work: Callable[[], T]) -> T | Unreadable:
    """What ``work`` on the file ``path`` gives, or why it gave nothing."""
    try:
        return on_one_file(work)
    except (MediaError, DataError, FaultError) as error:
        return Unreadable(path, error)


def examine_one(
    source: Source, *, options: Options | None = None, progress: Progress | None = None, name: str = ""
) -> Outcome:
    """The report on one file, or why there is none. ``name``: what to call a source that is no path, when it fails.

    A detector that fails costs its own evidence alone (``Evidence.fault``): see ``zhenwei.detectors.ask``.
    """
    shown = name or str(source if isinstance(source, str) else "<stream>")
    return attempt(shown, lambda: examine(source, options=options, progress=progress))
