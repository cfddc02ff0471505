"""The progress bars of all commands: on standard error, and only where a person is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import Protocol, Self

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from zhenwei.cli.language import told
from zhenwei.report import legible
from zhenwei.report.tabular import SYMBOLS

Tell = Callable[[str, float], None]
_NAME_LENGTH = 28
_WIDE = 64  # columns of a terminal from which on the bar is long
_RATE_OVER_S = 300.0  # what lasts seconds a file needs minutes for a steady rate


class Advance(Protocol):
    """Moves the bar to ``done`` of its total, or by one without it, and shows ``note`` behind it."""

    def __call__(self, done: float | None = None, note: str = "", *, total: float | None = None) -> None: ...


class TellStage(Protocol):
    """Moves the bar of ``stage`` to ``done`` of ``total``; the first call for a stage makes its bar."""

    def __call__(self, stage: str, done: float, total: float = 1.0) -> None: ...


@contextmanager
def starting(line: str, *, shown: bool) -> Iterator[None]:
    """``line`` on the terminal at once, while what the command needs is loaded; gone when that is done."""
    out = sys.stderr
    if not shown or out is None or not out.isatty():
        yield
        return
    out.write(line)
    out.flush()
    try:
        yield
    finally:
        out.write(f"\r{' ' * cell_len(line)}\r")
        out.flush()


@contextmanager
def progress_bar(
    label: str, total: float | None, console: Console | None = None, *, transient: bool = True
) -> Iterator[Advance]:
    """A bar with the time left. ``total``: how many; 1.0 where shares are told, None where it is not known yet.
    ``transient``: it is gone when it ends."""
    with _bars(console, transient=transient) as bars:
        task = bars.add_task(told(label), total=total, note="")

        def advance(done: float | None = None, note: str = "", *, total: float | None = None) -> None:
            bars.update(task, completed=done, advance=1 if done is None else None, total=total, note=note)

        yield advance


@contextmanager
def stages(console: Console | None = None) -> Iterator[TellStage]:
    """A bar for each stage that is told of, with the time left; they stay when they end."""
    with _bars(console, transient=False) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: float, total: float = 1.0) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(told(stage), total=total, note="")
            bars.update(tasks[stage], completed=done)

        yield tell


class ScanProgress:
    """A bar for the files with the time left, and the stage that the current file is in. ``above``: makes what is
    shown over it, as it is at the moment."""

    def __init__(
        self, console: Console, total: int, *, shown: bool, above: Callable[[], RenderableType] | None = None
    ) -> None:
        self._bars = _bars(console, shown=shown, above=above)
        self._bar = self._bars.add_task("", total=total, note="")
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
        line = f"{self._name} · {told(stage)}" if stage else self._name
        self._bars.update(self._bar, completed=self._done + min(max(fraction, 0.0), 1.0), note=line)


class BatchProgress:
    """One bar for many files: how many, how fast, the time left, and the counts by verdict. What was known already
    moves the bar, but counts in no rate."""

    def __init__(self, console: Console, total: int, *, shown: bool) -> None:
        self._bars = _bars(console, shown=shown, rate=True)
        self._bars.speed_estimate_period = _RATE_OVER_S
        self._task = self._bars.add_task("", total=total, note="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def step(self, decisions: Mapping[str, int], *, known: bool) -> None:
        """One file more is done. ``decisions``: how many of each so far."""
        if known:
            task = self._bars.tasks[0]
            self._bars.update(self._task, total=(task.total or 1) - 1, note=self._note(decisions))
        else:
            self._bars.update(self._task, advance=1, note=self._note(decisions))

    def _note(self, decisions: Mapping[str, int]) -> str:
        return " ".join([f"{SYMBOLS[name]} {decisions.get(name, 0)}" for name in SYMBOLS])


class _DoneColumn(ProgressColumn):
    """How many of how many, or per cent where shares are told."""

    def render(self, task: Task) -> Text:
        if task.total == 1:
            return Text(f"{task.percentage:3.0f}%")
        total = "?" if task.total is None else f"{task.total:.0f}"
        return Text(f"{int(task.completed):{len(total)}}/{total}")


class _RateColumn(ProgressColumn):
    """How many a second, or a minute where that is less than one."""

    def render(self, task: Task) -> Text:
        speed = task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min")


class _Bars(Progress):
    """Bars with something above them."""

    above: Callable[[], RenderableType] | None = None

    def get_renderables(self) -> Iterator[RenderableType]:
        if self.above is not None:
            yield self.above()
        yield from super().get_renderables()


def _bars(
    console: Console | None,
    *,
    shown: bool | None = None,
    transient: bool = True,
    rate: bool = False,
    above: Callable[[], RenderableType] | None = None,
) -> Progress:
    """``shown``: by default only on a terminal."""
    console = console or Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24 if console.width >= _WIDE else 6),
        _DoneColumn(),
        *([_RateColumn()] if rate else []),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[note]}", markup=False),
    )
    hidden = not (console.is_terminal if shown is None else shown)
    bars = _Bars(*columns, console=console, transient=transient, disable=hidden)
    bars.above = above
    return bars
