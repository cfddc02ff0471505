"""``zhenwei results``: what ``zhenwei scan --store`` found, as a table, for a spreadsheet, or as JSON."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._case_options import StoreOption
from zhenwei.cli._results_files import RESULT_COLUMNS, earlier_answers, write_pages, write_parquet
from zhenwei.cli.language import current, say, told
from zhenwei.cli.trouble import complain_of, notes_console
from zhenwei.errors import DataError, UsageError
from zhenwei.types import Language

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from zhenwei.store import Result, Store

Format = StrEnum("Format", ["table", "csv", "jsonl", "parquet"])


def results(
    store: StoreOption,
    format_: Annotated[Format, typer.Option("--format", help="What to write to standard output.")] = Format.table,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Only what fulfils this; repeat for more.", metavar="CONDITION"),
    ] = None,
    by_folder: Annotated[bool, typer.Option("--by-folder", help="Count verdicts by folder instead.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for a page per file and report.json.", metavar="DIR"),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where pages were kept; else DB.kept.", metavar="DIR")
    ] = None,
) -> None:
    """Show what a store holds: one row for each path, with the latest answer on its file.

    A condition is a column, one of =, !=, <, <=, >, >= or ~ (a pattern with * and ?), and a value. Columns: path,
    sha256, kind, decision, at_fault, llr, error_rate, people, seconds, size_bytes, examined_at, version, fingerprint,
    error, error_kind. A file without an answer has the decision "unreadable". Where a path could not be looked at the
    last time, as when a disk is away, its earlier answer stays, with the error beside it. jsonl writes whole reports,
    one a line; parquet needs the extra of that name. --output writes the pages that a scan would have written.

    Examples:

      zhenwei results --store results.db

      zhenwei results --store results.db --format csv --where decision=forged --where 'path~*/2024/*'

      zhenwei results --store results.db --format jsonl --where 'llr>=2' --where examined_at>=2026-01-31

      zhenwei results --store results.db --by-folder

      zhenwei results --store results.db --format parquet > results.parquet

      zhenwei results --store results.db --where decision=forged --output pages/
    """
    from zhenwei.store import open_store

    if by_folder and output is not None:
        raise UsageError("--by-folder and --output exclude each other", want="one of them")
    if output is not None and format_ is not Format.table:
        raise UsageError("--format and --output exclude each other", want="one of them")
    if folder is not None and output is None:
        raise UsageError("--folder is for --output", want="--output, or without --folder")
    language: Language = current()
    with open_store(store, write=False) as opened:
        from zhenwei.store.where import Condition

        found = opened.results([Condition.parse(text) for text in where or ()], language)
        if output is not None:
            raise typer.Exit(write_pages(opened, found, output, folder, language))
        if by_folder:
            found_by_folder = _by_folder(found)
            if format_ is Format.table:
                _print_table(_folder_table(found_by_folder, language))
            else:
                _write_all(_folder_rows(found_by_folder), format_)
        elif format_ is Format.table:
            _print_table(_table(found, language))
        elif format_ is Format.csv:
            _write(_csv(found))
        elif format_ is Format.parquet:
            write_parquet(map(asdict, found), RESULT_COLUMNS)
        else:
            _write(_jsonl(opened, found, language))


def _write(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line)


def _print_table(table: Table) -> None:
    from rich.console import Console

    if table.row_count:
        Console(highlight=False).print(table)
    else:
        notes_console().print(told("Nothing in the store fulfils this."), style="yellow")


def _csv(found: Iterable[Result]) -> Iterator[str]:
    """The columns of ``zhenwei scan --format csv``, then those that a store knows beside them."""
    from zhenwei.report.tabular import COLUMNS, csv_line, plain_name

    yield csv_line(
        [*COLUMNS, "size_bytes", "seconds", "examined_at", "version", "fingerprint", "partly", "examination_id"]
    )
    for one in found:
        has_answer = one.decision != "unreadable"
        yield csv_line(
            [
                plain_name(one.path),
                one.sha256,
                one.kind,
                one.decision if has_answer else "",
                one.at_fault,
                "" if one.llr is None else f"{one.llr:.4f}",
                "" if one.error_rate is None else f"{one.error_rate:.6g}",
                "" if one.people is None else str(one.people),
                one.reason,
                one.declared,
                one.error,
                "" if one.size_bytes is None else str(one.size_bytes),
                "" if one.seconds is None else f"{one.seconds:.3f}",
                "" if one.examined_at is None else one.examined_at.isoformat(timespec="seconds"),
                one.version,
                one.fingerprint,
                "yes" if one.partly else "",
                "" if one.examination_id is None else str(one.examination_id),
            ]
        )


def _jsonl(store: Store, found: Iterable[Result], language: Language) -> Iterator[str]:
    """Reports by their schema. A file has one, under the path at which it was examined: each path gets its own here."""
    import json

    from zhenwei.report import SCHEMA, as_json, of_path
    from zhenwei.store.store import said_of

    earlier = 0
    for one in found:
        document = None if one.examination_id is None else store.document(one.examination_id, language)
        if document is None:
            error = {"kind": one.error_kind, "message": one.error, "fix": one.error_fix}
            yield as_json({"schema": SCHEMA, "file": {"path": one.path}, "error": error}) + "\n"
            continue
        try:
            report = json.loads(document)
        except ValueError as error:
            fix = "Scan again with --again."
            damaged = DataError("the report in the store is damaged", got=str(error), fix=fix)
            complain_of(one.path, damaged)
            told_of = {"kind": type(damaged).__name__, "message": said_of(damaged), "fix": damaged.fix}
            yield as_json({"schema": SCHEMA, "file": {"path": one.path}, "error": told_of}) + "\n"
            continue
        earlier += bool(one.error)
        yield as_json(of_path(report, one.path)) + "\n"
    if earlier:
        notes_console().print(earlier_answers(earlier), style="yellow", markup=False)


def _table(found: Iterable[Result], language: Language) -> Table:
    from rich.table import Table

    from zhenwei.pages import legible
    from zhenwei.report.tabular import SYMBOLS
    from zhenwei.report.terms import say

    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    shown.add_column(say("file", language), overflow="fold", ratio=2)
    shown.add_column(say("column_verdict", language), no_wrap=True)
    shown.add_column(say("column_llr", language), justify="right", no_wrap=True)
    shown.add_column(say("column_why", language), overflow="fold", ratio=2)
    for one in found:
        llr = "–" if one.llr is None else f"{one.llr:+.1f}"
        verdict = f"{SYMBOLS[one.decision]} {say(one.decision, language)}"
        shown.add_row(*_plain(legible(one.path, 400), verdict, llr, legible(_why(one), 400)))
    return shown


def _why(one: Result) -> str:
    if one.decision != "unreadable" and one.error:
        return say("{} Not looked at the last time: {}", one.reason, told(one.error))
    return told(one.error) or one.reason


def _by_folder(found: Iterable[Result]) -> dict[str, Counter[str]]:
    """By the folder that a file lies in: how many of each verdict."""
    counts: dict[str, Counter[str]] = {}
    for one in found:
        counts.setdefault(str(PurePath(one.path).parent), Counter())[one.decision] += 1
    return dict(sorted(counts.items()))


def _folder_table(counts: dict[str, Counter[str]], language: Language) -> Table:
    from rich.table import Table

    from zhenwei.pages import legible
    from zhenwei.report.tabular import SYMBOLS
    from zhenwei.report.terms import say

    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    shown.add_column(say("folder", language), overflow="fold")
    for name, symbol in SYMBOLS.items():
        shown.add_column(f"{symbol} {say(name, language)}", justify="right", no_wrap=True)
    for folder, count in counts.items():
        shown.add_row(*_plain(legible(folder, 400), *[str(count[name]) for name in SYMBOLS]))
    return shown


def _folder_rows(counts: dict[str, Counter[str]]) -> Iterator[dict[str, str | int]]:
    from zhenwei.report.tabular import SYMBOLS

    for folder, count in counts.items():
        yield {"folder": folder, **{name: count[name] for name in SYMBOLS}}


def _write_all(rows: Iterable[dict[str, str | int]], format_: Format) -> None:
    from zhenwei.report import as_json
    from zhenwei.report.tabular import SYMBOLS, csv_line, plain_name

    columns = ["folder", *SYMBOLS]
    if format_ is Format.parquet:
        write_parquet(rows, {name: "string" if name == "folder" else "int64" for name in columns})
    elif format_ is Format.csv:
        _write([csv_line(columns)])
        _write([csv_line([plain_name(str(row[name])) for name in columns]) for row in rows])
    else:
        _write([as_json(row) + "\n" for row in rows])


def _plain(*cells: str) -> Iterator[Text]:
    """What a file is called is no markup."""
    from rich.text import Text as Line

    for cell in cells:
        yield Line(cell)
