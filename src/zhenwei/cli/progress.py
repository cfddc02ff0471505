"""How far the scan is: on standard error, and only where a person is watching."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zhenwei.report import legible

Tell = Callable[[str, float], None]
_NAME_LENGTH = 28


class ScanProgress:
    """A bar for the files with the time left, and the stage that the current file is in."""

    def __init__(self, console: Console, total: int, *, shown: bool) -> None:
        columns = (
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.description}", markup=False),
        )
        self._bars = Progress(*columns, console=console, transient=True, disable=not shown)
        self._bar = self._bars.add_task("", total=total)
        self._done = 0
        self._name = ""

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, path: str) -> Tell:
        """What the examination of ``path`` is to be given to report its stages to."""
        self._name = legible(PurePath(path).name or path, _NAME_LENGTH)
        self._tell("", 0.0)
        return self._tell

    def end(self) -> None:
        self._done += 1
        self._bars.update(self._bar, completed=self._done)

    def _tell(self, stage: str, fraction: float) -> None:
        line = f"{self._name} · {stage}" if stage else self._name
        self._bars.update(self._bar, completed=self._done + min(max(fraction, 0.0), 1.0), description=line)
