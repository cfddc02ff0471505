"""``zhenwei results``: Parquet to standard output, and pages into a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhenwei import errors
from zhenwei.cli.language import say
from zhenwei.cli.trouble import notes_console
from zhenwei.errors import DataError, MediaError, MissingExtraError, UsageError, ZhenweiError, install_extra
from zhenwei.types import Language

if TYPE_CHECKING:
    from zhenwei.store import Result, Store

_AT_ONCE = 10_000  # rows of a group
RESULT_COLUMNS = {
    "path": "string",
    "sha256": "string",
    "size_bytes": "int64",
    "kind": "string",
    "decision": "string",
    "at_fault": "string",
    "llr": "float64",
    "error_rate": "float64",
    "people": "int64",
    "partly": "bool",
    "reason": "string",
    "declared": "string",
    "error_kind": "string",
    "error": "string",
    "error_fix": "string",
    "seconds": "float64",
    "examined_at": "timestamp",
    "version": "string",
    "fingerprint": "string",
    "examination_id": "int64",
}


def write_parquet(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """To standard output, group by group. UsageError where that is a terminal."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        fix = f"Run: {install_extra('parquet')}"
        raise MissingExtraError("Parquet needs pyarrow", got=str(error), fix=fix) from None
    if sys.stdout.isatty():
        fix = "Lead it into a file: zhenwei results --store DB --format parquet > results.parquet"
        raise UsageError("Parquet is nothing to look at", got="a terminal", want="a file or a pipe", fix=fix)
    fields = []
    for name, kind in columns.items():
        type_ = pyarrow.timestamp("us", tz="UTC") if kind == "timestamp" else pyarrow.type_for_alias(kind)
        fields.append((name, type_))
    schema = pyarrow.schema(fields)
    with parquet.ParquetWriter(sys.stdout.buffer, schema, compression="zstd") as writer:
        left = iter(rows)
        while some := [dict(row) for row in islice(left, _AT_ONCE)]:
            writer.write_table(pyarrow.Table.from_pylist(some, schema))


def write_pages(store: Store, found: Iterable[Result], output: Path, folder: Path | None, language: Language) -> int:
    """The page of each result of which one was kept, and ``report.json``, in which files without an answer are, too;
    the exit status: 1 where an answer has no page, or nothing was written."""
    from zhenwei.detectors import catalogue
    from zhenwei.report import ReportFolder, Unreadable, legible
    from zhenwei.report.packed import unpack
    from zhenwei.store.folder import GoneError
    from zhenwei.store.kept import Kept, folder_of

    kept = Kept(store, folder_of(store, folder))
    infos = {id_: kind.info for id_, kind in catalogue(strict=False).items()}
    written = unreadable = earlier = missing = gone = 0
    with ReportFolder(output, language, detectors=infos) as pages:
        for one in found:
            if one.examination_id is None or one.decision == "unreadable":
                pages.add(Unreadable(one.path, _error(one)))
                unreadable += 1
                continue
            try:
                report = unpack(kept.packed(one.examination_id)).report
            except GoneError:
                gone += 1
                continue
            except DataError:  # none was kept, it was changed, or another version packed it
                missing += 1
                continue
            pages.add(replace(report, media=replace(report.media, path=one.path)))
            written += 1
            earlier += bool(one.error)
    notes = notes_console()

    def note(line: str, style: str) -> None:
        notes.print(line, style=style, markup=False)

    told = "1 page and report.json: see {1}" if written == 1 else "{0} pages and report.json: see {1}"
    note(say(told, written, legible(str(output))), "dim")
    if unreadable:
        note(say("{} without an answer are in report.json.", unreadable), "dim")
    if earlier:
        note(earlier_answers(earlier), "yellow")
    if missing:
        lost = "{} have no page: they were examined without, or it can be read no more. Scan again with --again."
        note(say(lost, missing), "red")
    if gone:
        lost = "The pages of {} were kept, but are not in {}. The folder moves with the store; --folder names another."
        note(say(lost, gone, legible(str(kept.folder.path))), "red")
    return int(written + unreadable == 0 or missing + gone > 0)


def earlier_answers(count: int) -> str:
    """Reports have no room for an error beside an answer."""
    return say("{} could not be looked at the last time: the answer is on what lay there. csv tells why.", count)


def _error(one: Result) -> ZhenweiError:
    """Of the kind that it was. The store keeps what was said and got as one sentence."""
    kind = getattr(errors, one.error_kind, None)
    known = kind if isinstance(kind, type) and issubclass(kind, ZhenweiError) else MediaError
    return known(one.error, fix=one.error_fix)
