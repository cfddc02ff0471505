"""``zhenwei scan --store``: many files in worker processes, each kept in a store as soon as it is done."""

from __future__ import annotations

import shlex
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from os import fsencode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from zhenwei.cli._scan_inputs import gather
from zhenwei.cli.inputs import Inputs
from zhenwei.cli.language import say
from zhenwei.cli.progress import BatchProgress
from zhenwei.cli.trouble import complain_of, complain_of_detectors, notes_console
from zhenwei.errors import FaultError, UsageError
from zhenwei.report import Unreadable, legible

if TYPE_CHECKING:
    from zhenwei.engine import Limits, Step
    from zhenwei.pipeline import Options
    from zhenwei.store import Kept, Store

_GIB = 1 << 30
_NAMED = 10  # of those that cannot be examined, so that a bad archive does not fill the screen
_MANY = "Many files, with --store"
StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Keep results in this file, or postgresql://USER@HOST/NAME, and go on from it.",
                 metavar="DB", rich_help_panel=_MANY),
]  # fmt: skip
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes; else one a core.", rich_help_panel=_MANY)
]
Again = Annotated[bool, typer.Option("--again", help="Examine what is in the store, too.", rich_help_panel=_MANY)]
Retry = Annotated[bool, typer.Option("--retry", help="Try again what failed before.", rich_help_panel=_MANY)]
AtMost = Annotated[
    int | None, typer.Option("--limit", min=1, help="End after so many examinations.", rich_help_panel=_MANY)
]
Shard = Annotated[
    str | None,
    typer.Option("--shard", help="The i-th of n parts, for several machines.", metavar="i/n", rich_help_panel=_MANY),
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", min=1, help="That a file may take; else 300.", rich_help_panel=_MANY)
]
_MOST_GIB = 65_536.0
Memory = Annotated[
    float | None,
    typer.Option("--memory", min=1, max=_MOST_GIB, help="GiB that a worker may take; else by the machine.",
                 rich_help_panel=_MANY),
]  # fmt: skip
KeepMedia = Annotated[
    str | None,
    typer.Option("--keep-media", help="Keep copies: never, always, or 'until 2027-01-31'; else never.",
                 metavar="WHEN", rich_help_panel=_MANY),
]  # fmt: skip
NoPages = Annotated[
    bool, typer.Option("--no-pages", help="Keep no pictures for pages (0.4 to 1 MB a file).", rich_help_panel=_MANY)
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", help="For copies and pages; else DB.kept beside an SQLite file.", metavar="DIR",
                 rich_help_panel=_MANY),
]  # fmt: skip
ListOption = Annotated[
    list[str] | None,
    typer.Option("--list", help="Read paths and URLs from this file, one a line; - for standard input.",
                 metavar="FILE", rich_help_panel=_MANY),
]  # fmt: skip
RayOption = Annotated[
    str | None,
    typer.Option("--ray", help="On a Ray cluster: its ADDRESS, or auto for the one here.", metavar="ADDRESS",
                 rich_help_panel=_MANY),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batch:
    """What ``--store`` and the options beside it say. ``workers``: 0 = one a core. ``memory``: GiB, 0 = by the machine.
    Each field but the first is an option."""

    store: str
    workers: int = 0
    again: bool = False
    retry: bool = False
    limit: int | None = None
    shard: str = "1/1"
    seconds: float = 300.0
    memory: float = 0.0
    keep_media: str = "never"
    no_pages: bool = False
    folder: Path | None = None
    list: Sequence[str] = ()
    ray: str = ""

    @classmethod
    def asked(cls, store: str | None, **given: Any) -> Self | None:
        """None where no store is named; then the other options have no meaning."""
        asked = {name: value for name, value in given.items() if value is not None and value is not False}
        if store is not None:
            return cls(store, **asked)
        if asked:
            got = ", ".join([f"--{name.replace('_', '-')}" for name in asked])
            raise UsageError("this is for many files in a store", got=got, want="--store FILE beside it")
        return None

    def limits(self) -> Limits:
        from zhenwei.engine import Limits

        return Limits(self.seconds, int(self.memory * _GIB))

    def kept(self, store: Store) -> Kept | None:
        """What is kept beside the rows: pages, where the store has a folder, and media, where they are asked for."""
        from zhenwei.store.kept import Kept, folder_of, parse_wish

        wish = parse_wish(self.keep_media)
        has_folder = self.folder is not None or store.engine.dialect.name == "sqlite"
        if wish == "never" and (self.no_pages or not has_folder):
            return None
        return Kept(store, folder_of(store, self.folder), wish, pages=not self.no_pages)

    def own(self, files: Sequence[str]) -> tuple[str, ...]:
        """Those of this shard: by their paths as given, so that a file that comes or goes moves no other."""
        try:
            number, count = [int(word) for word in self.shard.split("/")]
        except ValueError:
            number, count = 0, 0
        if not 1 <= number <= count:
            raise UsageError("there is no such shard", got=self.shard, want="i/n, such as 1/4 to 4/4")
        return tuple([path for path in files if zlib.crc32(fsencode(path)) % count == number - 1])


def scan_into_store(paths: Sequence[str], options: Options, batch: Batch, *, quiet: bool, verbose: bool) -> int:
    """The exit status: as of a scan without a store. What could not be examined before counts as what cannot be now;
    detectors count in the run in which they failed."""
    from zhenwei.store import open_store

    limits = batch.limits()
    batch.own(())
    with open_store(batch.store) as store:
        inputs = gather(paths, batch.list)
        run = _Run(inputs, batch.own(inputs.files), named=paths, quiet=quiet, verbose=verbose)
        return run.all(store, options, batch, limits)


class _Run:
    """What has come of it so far, and how it is told."""

    def __init__(
        self, inputs: Inputs, files: Sequence[str], *, named: Sequence[str], quiet: bool, verbose: bool
    ) -> None:
        self.inputs, self.files, self.quiet, self.verbose = inputs, files, quiet, verbose
        self.named = frozenset(named)
        self.store = ""  # as it can be named to other commands
        self.unnamed = 0  # that could not be examined and of which no line tells
        self.notes = notes_console()
        self.decisions: Counter[str] = Counter()
        self.known = self.partly = self.faults = self.failed = 0
        self.interrupted = False

    def all(self, store: Store, options: Options, batch: Batch, limits: Limits) -> int:
        from zhenwei.engine import examine_into
        from zhenwei.store.refusals import without_password

        keep = batch.kept(store)
        self.store = legible(shlex.quote(without_password(batch.store)))
        for folder in self.inputs.unreadable:
            complain_of(folder.path, folder.error, self.notes)
        steps = examine_into(
            store,
            self.files,
            options,
            workers=batch.workers,
            limits=limits,
            again=batch.again,
            retry=batch.retry,
            at_most=batch.limit,
            keep=keep,
            ray=batch.ray,
        )
        shown = self.notes.is_terminal and not self.quiet
        try:
            with closing(steps), BatchProgress(self.notes, len(self.files), shown=shown) as progress:
                for step in steps:
                    self._take(step)
                    progress.step(self.decisions, known=step.outcome is None)
        except KeyboardInterrupt:
            self.interrupted = True
        self._finish()
        bad = self.failed + self.faults + self.partly + len(self.inputs.unreadable)
        return 130 if self.interrupted else int(bad > 0)

    def _take(self, step: Step) -> None:
        self.decisions[step.decision] += 1
        outcome = step.outcome
        self.known += outcome is None
        if isinstance(outcome, Unreadable):
            is_fault = isinstance(outcome.error, FaultError)
            self.faults += is_fault
            self.failed += not is_fault
            if is_fault or self.verbose or step.path in self.named or self.failed - self.unnamed <= _NAMED:
                complain_of(step.path, outcome.error, self.notes)
            else:
                self.unnamed += 1
        elif outcome is None:
            is_bad = step.decision == "unreadable"  # as before, or as another of the same bytes
            self.failed += is_bad
            self.unnamed += is_bad and not self.verbose
        else:
            failed = [item for item in outcome.evidence if item.fault]
            self.partly += bool(failed)
            if self.verbose:
                complain_of_detectors(outcome, self.notes)
        if self.verbose and not isinstance(outcome, Unreadable):
            where = say(" (in the store)") if outcome is None else ""
            self._note(f"{legible(step.path)}: {say(step.decision)}{where}")

    def _finish(self) -> None:
        if self.interrupted:
            self._note(say("Interrupted. What was finished is in the store; the same command goes on."), "yellow")
        if self.quiet:
            return
        self.inputs.tell_left_out(self.notes, verbose=self.verbose)
        for line, style in self._lines():
            self._note(line, style)
        self._note(say("See them: zhenwei results --store {}", self.store), "dim")

    def _lines(self) -> Iterator[tuple[str, str]]:
        counts = [f"{count} {say(name)}" for name, count in sorted(self.decisions.items())]
        total = self.decisions.total()
        yield say("{} of {} files: {}.", total, len(self.files), ", ".join(counts) or say("none")), ""
        if self.known:
            known = "{} were in the store already, or the same as another. --again examines all anew."
            yield say(known, self.known), "dim"
        if self.failed:
            yield say("{} could not be read or examined. --retry tries them again.", self.failed), "red"
        if self.unnamed:
            unnamed = "{} of them are not named here, but here: zhenwei results --where 'error~?*' --store {}"
            yield say(unnamed, self.unnamed, self.store), "red"
        if self.inputs.unreadable:
            closed = "{} folders, patterns or addresses led to no files; they are in no count."
            yield say(closed, len(self.inputs.unreadable)), "red"
        if self.faults:
            yield say("{} could not be examined, for a fault of the program.", self.faults), "red"
        if self.partly:
            partly = "{} examined in part: a detector failed on them. None of these is called genuine."
            yield say(partly, self.partly), "red"

    def _note(self, line: str, style: str = "") -> None:
        from rich.text import Text

        self.notes.print(Text(line, style), soft_wrap=True)
