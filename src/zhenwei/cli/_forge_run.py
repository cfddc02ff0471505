"""What the long commands of ``zhenwei forge`` share: a Ctrl-C that saves first, and a bar for whoever is watching."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Says ``line``, and moves the bar by one or, where it is given, to ``at``."""

    def __call__(self, line: str, at: int | None = None) -> None: ...


@contextmanager
def interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C ends the run after its step, with everything saved; the second as usual."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def bar(what: str, total: int) -> Iterator[Advance]:
    """On standard error, with the time left, and only where a person is watching."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn(compact=True),
               TextColumn("{task.description}", markup=False))  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=total)

        def advance(line: str, at: int | None = None) -> None:
            if at is None:
                bars.update(task, advance=1, description=line)
            else:
                bars.update(task, completed=at, description=line)

        yield advance


__all__ = ["Advance", "bar", "interrupt"]
