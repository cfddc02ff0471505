"""``zhenwei scan``: files and folders in, verdicts out."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._options import Detectors, FalseAlarm, Quiet
from zhenwei.cli._scan_store import (
    Again,
    AtMost,
    Batch,
    FolderOption,
    KeepMedia,
    ListOption,
    Memory,
    NoPages,
    RayOption,
    Retry,
    Seconds,
    Shard,
    StoreOption,
    Workers,
    scan_into_store,
)
from zhenwei.cli.inputs import Inputs, collect
from zhenwei.cli.language import current, say
from zhenwei.cli.progress import ScanProgress, starting
from zhenwei.cli.trouble import complain_of, complain_of_detectors, left_by_ctrl_c, tell_of_plugins
from zhenwei.errors import FaultError, OutputError, UsageError
from zhenwei.faults import contained
from zhenwei.report import (
    STDIN_NAME,
    CsvRows,
    Outcome,
    ReportFolder,
    Unreadable,
    legible,
    line,
    path_of,
    table,
    to_json,
)
from zhenwei.types import Depth, Language

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zhenwei.pipeline import Options


STDIN = "-"


Format = StrEnum("Format", ["table", "json", "csv"])


def scan(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Photos, videos, folders; - for standard input.", metavar="PATH", show_default=False),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="What to write to standard output.")] = Format.table,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for a page per file and report.json.", metavar="DIR"),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Ask only what costs little, about few frames; voices are not examined.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Ask all, among them what follows a face frame by frame and adds little.")
    ] = False,
    frames: Annotated[
        int | None, typer.Option("--frames", help="Frames taken from a clip, evenly spread; else 32, 8 with --fast.")
    ] = None,
    detector: Detectors = None,
    false_alarm: FalseAlarm = 0.05,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Keep pictures and curves in the JSON, for zhenwei report.")
    ] = False,
    quiet: Quiet = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name what was left out of folders; with --store, every file.")
    ] = False,
    store: StoreOption = None,
    workers: Workers = None,
    again: Again = False,
    retry: Retry = False,
    limit: AtMost = None,
    shard: Shard = None,
    seconds: Seconds = None,
    memory: Memory = None,
    keep_media: KeepMedia = None,
    no_pages: NoPages = False,
    folder: FolderOption = None,
    list_: ListOption = None,
    ray: RayOption = None,
) -> None:
    """Examine photos, videos and folders: is a face in them forged?

    Folders are searched for pictures, videos and sound, recognised by content; a file that is only called like one,
    or is empty, is told as unreadable. Hidden files and linked folders are left out: --verbose names them. A file that
    is named is always tried. A pattern that the shell left as it is finds what a shell would find, ** at any depth.
    "genuine" means that the evidence speaks for it at the stated error rate; without evidence the answer is
    "inconclusive".

    Exit status: 0 all files examined, 1 at least one could not be read or a detector failed on it, 2 wrong use, 130
    interrupted (what was done is kept), 141 whoever read the output closed it.

    Examples:

      zhenwei scan clip.mp4 photo.jpg folder/

      zhenwei scan clip.mp4 --format json          # one JSON object per file, one a line

      zhenwei scan - < photo.jpg                   # one file from standard input, called <stdin>

      zhenwei scan folder/ --output out/           # out/NAME.html and out/report.json; what is there stays

      zhenwei scan folder/ --fast                  # a first look; --full asks everybody

      zhenwei scan clip.mp4 --lang zh --frames 64 --detector cnn.face_forgery

      zhenwei scan archive/ --store results.db     # many files, each in a process with limits; the next run goes on

      find . -name "*.mp4" -print0 | zhenwei scan --list - --store results.db

      zhenwei scan s3://bucket/folder/ --store postgresql://me@host/results --ray auto

    With --store every file is examined in a worker process, so that one that crashes it or never ends costs itself
    alone, and each answer is kept at once. What is in the store by the same version, models and options is not
    examined again. Nothing is written to standard output; zhenwei results shows what is in the store.

    Without --store everything runs in one process: a plug-in that ends it ends the scan, and its exit status may then
    be 0.
    """
    with starting(say("zhenwei is starting ..."), shown=not quiet):
        from zhenwei.pipeline import Options  # and what it needs, half a second the first time
    paths = paths or []
    language: Language = current()
    if fast + full + bool(detector) > 1:
        given = [flag for flag, is_given in (("--fast", fast), ("--full", full), ("--detector", detector)) if is_given]
        fix = "Leave out all but one: each of them says which detectors are asked."
        raise UsageError("options exclude each other", got=" and ".join(given), want="one of them", fix=fix)
    depth: Depth = "fast" if fast else "full" if full else "standard"
    options = Options(frames=frames, detectors=tuple(detector or ()), false_alarm=false_alarm, depth=depth)
    known(options)
    if STDIN in paths:
        _refuse_terminal()
    if not quiet:
        tell_of_plugins()
    batch = Batch.asked(
        store, workers=workers, again=again, retry=retry, limit=limit, shard=shard, seconds=seconds, memory=memory,
        keep_media=keep_media, no_pages=no_pages, folder=folder, list=list_ or None, ray=ray,
    )  # fmt: skip
    if batch is not None and (format_ is not Format.table or output is not None or pictures or STDIN in paths):
        got = "--output" if output is not None else "--pictures" if pictures else f"--format {format_}"
        got = "standard input" if STDIN in paths else got
        fix = "Scan into the store, then export from it: zhenwei results --store FILE --format csv, or --output DIR"
        raise UsageError("this has no meaning with --store", got=got, want="files and folders alone", fix=fix)
    if batch is not None:
        raise typer.Exit(scan_into_store(paths, options, batch, quiet=quiet, verbose=verbose))
    if not paths:
        raise UsageError("there is nothing to examine", want="files or folders", fix="See: zhenwei scan --help")
    run = _Run(collect(paths), options, language, format_, quiet)
    run.verbose, run.pictures = verbose, pictures
    raise typer.Exit(run.all(output))


def known(options: Options) -> None:
    """Refuse a detector that is not there before the first file is opened."""
    from zhenwei import detectors

    for id_ in options.asked:
        detectors.build(id_)


def _refuse_terminal() -> None:
    """Nobody types a picture: what was meant is a file, and waiting for it would look like examining."""
    if sys.stdin is None or sys.stdin.isatty():
        got = "a closed one" if sys.stdin is None else "a terminal"
        fix = "Lead a file into it: zhenwei scan - < FILE. A file that is called so is ./-"
        raise UsageError("there is nothing on standard input to examine", got=got, want="one file", fix=fix)


class _Run:
    """One scan: what is asked, what has come of it so far, and where it is written."""

    def __init__(self, inputs: Inputs, options: Options, language: Language, format_: Format, quiet: bool) -> None:
        from rich.console import Console

        self.inputs, self.options, self.language, self.format, self.quiet = inputs, options, language, format_, quiet
        self.notes = Console(stderr=True, highlight=False)
        self.outcomes: list[Outcome] = []  # kept for the table only
        self.rows = CsvRows(language)
        self.failed = self.faults = self.partly = 0
        self.pages = 0
        self.interrupted = False
        self.verbose = self.pictures = False
        self.live = format_ is Format.table and self.notes.is_terminal and sys.stdout.isatty() and not quiet

    def all(self, output: Path | None) -> int:
        from zhenwei.detectors import catalogue

        with ExitStack() as stack:
            folder = None
            if output is not None:
                infos = {id_: kind.info for id_, kind in catalogue(strict=False).items()}
                opened = ReportFolder(output, self.language, detectors=infos, pictures=self.pictures)
                folder = stack.enter_context(opened)
            if self.format is Format.csv:
                _print(self.rows.header())
            try:
                self._examine_all(folder)
            except KeyboardInterrupt:
                self.interrupted = True
            except OutputError:  # what was done is shown all the same
                self._finish(None)
                raise
        self._finish(folder)
        return 130 if self.interrupted else int(self.failed + self.faults + self.partly > 0)

    def _examine_all(self, folder: ReportFolder | None) -> None:
        from zhenwei.engine import examine_one

        for failure in self.inputs.unreadable:
            self._take(failure, folder)
        shown = self.notes.is_terminal and not self.quiet
        rows = self._live_rows if self.live else None
        with ScanProgress(self.notes, len(self.inputs.files), shown=shown, above=rows) as progress:
            for path in self.inputs.files:
                source, name = (sys.stdin.buffer, STDIN_NAME) if path == STDIN else (path, path)
                outcome = examine_one(source, name=name, options=self.options, progress=progress.begin(name))
                self._take(outcome, folder)
                progress.end()

    def _take(self, outcome: Outcome, folder: ReportFolder | None) -> None:
        """Write it out before the next file is begun. What cannot be told, a plug-in's broken exhibit say, is a fault
        too, and costs this file."""
        try:
            contained(lambda: self._written(outcome, folder))
        except FaultError as error:
            outcome = Unreadable(path_of(outcome), error)
            self._written(outcome, folder)
        if not isinstance(outcome, Unreadable):
            self.partly += complain_of_detectors(outcome, self.notes)
            return
        faulty = isinstance(outcome.error, FaultError)
        self.failed += not faulty
        self.faults += faulty
        if faulty or self.format is not Format.table:
            complain_of(outcome.path, outcome.error, self.notes)

    def _written(self, outcome: Outcome, folder: ReportFolder | None) -> None:
        told = ""
        if self.format is Format.json:
            told = to_json(outcome, self.language, pictures=self.pictures) + "\n"
        elif self.format is Format.csv:
            told = self.rows.row(outcome)
        if folder is not None and folder.add(outcome) is not None:
            self.pages += 1
        if self.format is Format.table:
            self.outcomes.append(_without_images(outcome))
            told = "" if sys.stdout.isatty() else line(outcome, self.language)
        _print(told)

    def _live_rows(self) -> RenderableType:
        """The last files as the table will show them, while the others are examined."""
        rows = self.outcomes[-max(1, (self.notes.height - 6) // 4) :]
        return table(rows, self.language, width=self.notes.width)

    def _finish(self, folder: ReportFolder | None) -> None:
        if self.outcomes and sys.stdout.isatty():
            from rich.console import Console

            console = Console(highlight=False)
            console.print(table(self.outcomes, self.language, width=console.width))
        if self.interrupted:
            self._note(left_by_ctrl_c(folder is not None), "yellow")
        if self.quiet:
            return
        self.inputs.tell_left_out(self.notes, verbose=self.verbose)
        if not self.inputs.files and not self.inputs.unreadable:
            self._note(say("Nothing to examine was found."), "yellow")
        if self.failed:
            self._note(say("{} could not be read.", self.failed), "red")
        if self.faults:
            self._note(say("{} could not be examined, for a fault of the program.", self.faults), "red")
        if self.partly:
            told = say("{} examined in part: a detector failed on them. None of these is called genuine.", self.partly)
            self._note(told, "red")
        if folder is not None:
            self._tell_folder(folder)

    def _tell_folder(self, folder: ReportFolder) -> None:
        if self.pages:
            told = "1 page and report.json: see {1}" if self.pages == 1 else "{0} pages and report.json: see {1}"
            self._note(say(told, self.pages, legible(str(folder.folder))), "dim")
        if folder.replaced:
            self._note(say("{} earlier reports on the same files were replaced.", folder.replaced), "dim")
        if folder.kept:
            self._note(say("{} earlier reports of other scans stay in report.json.", folder.kept), "dim")

    def _note(self, line: str, style: str) -> None:
        from rich.text import Text

        self.notes.print(Text(line, style), soft_wrap=True)


def _without_images(outcome: Outcome) -> Outcome:
    """What the table needs: kept for every file until the end, pictures would fill the memory in a long scan."""
    if isinstance(outcome, Unreadable):
        return outcome
    evidence = tuple(replace(item, exhibits=()) for item in outcome.evidence)
    people = tuple(replace(person, portrait=person.portrait[:1, :1].copy()) for person in outcome.people)
    return replace(outcome, evidence=evidence, people=people, poster=None, frames=())


def _print(text: str) -> None:
    """At once, so that a reader at the other end of a pipe sees each file as it is done."""
    sys.stdout.write(text)
    sys.stdout.flush()
