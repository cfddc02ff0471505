"""A folder of results, complete after every file: one page each, and all of them in ``report.json``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import BinaryIO, Self

from zhenwei.errors import UsageError
from zhenwei.report.outcome import Outcome
from zhenwei.report.page import to_html
from zhenwei.report.structure import SET_ENDING, SET_SCHEMA, set_opening, to_json
from zhenwei.types import DetectorInfo, Language, Report

_LONGEST_NAME = 50
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
_MARK = '<meta name="zhenwei-file" content="{sha256}">'
_HEAD_BYTES = 4096


class ReportFolder:
    """Writes each outcome as it comes; what has been written stays whole whatever happens next.

    A page is written aside and renamed into place. ``report.json`` grows at its end, one write a file, and is valid
    JSON after each. A page is named after its file; a second file of that name gets a number, and a page that an
    earlier run made of a different file is left alone.

    Raises UsageError where the folder cannot be written, or holds a ``report.json`` of another origin.
    """

    def __init__(
        self, folder: Path, language: Language = "en", *, detectors: Mapping[str, DetectorInfo] | None = None
    ) -> None:
        self.folder, self.language, self.detectors = folder, language, detectors
        self._taken: set[str] = set()
        self._count = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _refuse_foreign(folder / "report.json")
            _write_whole(folder / "report.json", set_opening() + SET_ENDING)
            self._all: BinaryIO = (folder / "report.json").open("r+b")
        except OSError as error:
            raise UsageError(
                "the output folder cannot be written",
                got=f"{folder} ({error.strerror})",
                fix="Name another folder with --output.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()

    def add(self, outcome: Outcome) -> Path | None:
        """Write one outcome; the path of its page, or None for a file that could not be read."""
        page = None
        if isinstance(outcome, Report):
            page = self.folder / self._name(outcome.media.path, outcome.media.sha256)
            _write_whole(page, to_html(outcome, self.language, detectors=self.detectors))
        self._append(outcome)
        return page

    def _append(self, outcome: Outcome) -> None:
        ending = SET_ENDING.encode()
        entry = (",\n" if self._count else "") + to_json(outcome, self.language)
        self._all.seek(-len(ending), os.SEEK_END)
        self._all.write(entry.encode() + ending)
        self._all.flush()
        self._count += 1

    def _name(self, path: str, sha256: str) -> str:
        stem = safe_name(path)
        number = 1
        while True:
            name = f"{stem}.html" if number == 1 else f"{stem}-{number}.html"
            if name.casefold() not in self._taken and _free_for(self.folder / name, sha256):
                self._taken.add(name.casefold())
                return name
            number += 1


def safe_name(path: str) -> str:
    """A file name without extension that every file system takes, from whatever ``path`` is called."""
    stem = re.sub(r"[^\w.\- ]+", "_", PurePath(path).stem.encode("utf-8", "replace").decode())
    stem = " ".join(stem.split()).lstrip(".- ")[:_LONGEST_NAME].rstrip(". ")
    if not stem.strip("_"):
        return "file"
    return f"_{stem}" if stem.split(".")[0].casefold() in _RESERVED else stem


def _free_for(page: Path, sha256: str) -> bool:
    """Whether ``page`` is not there, or was made of the same file."""
    if not page.exists():
        return True
    if not page.is_file():
        return False
    with page.open("rb") as opened:
        return _MARK.format(sha256=sha256).encode() in opened.read(_HEAD_BYTES)


def _refuse_foreign(path: Path) -> None:
    if not path.exists():
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = isinstance(found, dict) and found.get("schema") == SET_SCHEMA
    except ValueError:
        known = False
    if not known:
        raise UsageError(
            "the output folder holds a report.json that is not a set of reports",
            got=str(path),
            fix="Name another folder with --output, or move that file away.",
        )


def _write_whole(path: Path, content: str) -> None:
    """All of it or nothing: written beside its place, then renamed into it."""
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.write_text(content, encoding="utf-8", newline="\n")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
