"""``zhenwei results``: Parquet to standard output, and pages into a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhenwei.cli.trouble import notes_console
from zhenwei.errors import DataError, MissingExtraError, NotFoundError, UsageError, install_extra
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
    """The page of each result of which one was kept, and ``report.json``; the exit status: 1 where none was."""
    from zhenwei.detectors import catalogue
    from zhenwei.report import ReportFolder
    from zhenwei.report.packed import unpack
    from zhenwei.store.kept import Kept, folder_of

    kept = Kept(store, folder_of(store, folder))
    infos = {id_: kind.info for id_, kind in catalogue(strict=False).items()}
    written = missing = 0
    with ReportFolder(output, language, detectors=infos) as pages:
        for one in found:
            if one.examination_id is None:
                continue
            try:
                report = unpack(kept.packed(one.examination_id)).report
            except (NotFoundError, DataError):  # the second: packed by another version, or gone
                missing += 1
                continue
            pages.add(replace(report, media=replace(report.media, path=one.path)))
            written += 1
    notes = notes_console()
    notes.print(f"{written} pages and report.json: see {output}", style="dim", markup=False)
    if missing:
        notes.print(
            f"{missing} have none: they were examined without, or could not be. Scan again with --again.", style="red"
        )
    return int(written == 0 or missing > 0)
