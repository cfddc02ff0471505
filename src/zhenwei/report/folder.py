"""A folder of results, complete after every file: one page each, and all of them in ``report.json``."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from io import FileIO
from pathlib import Path, PurePath
from typing import Any, Self

from zhenwei.errors import DataError, OutputError, UsageError
from zhenwei.files import write_whole
from zhenwei.report.hold import Hold
from zhenwei.report.outcome import Outcome
from zhenwei.report.page import path_mark, to_html
from zhenwei.report.player import player
from zhenwei.report.structure import SET_ENDING, SET_SCHEMA, as_json, set_opening, to_dict
from zhenwei.types import DetectorInfo, Language, Report

_Key = tuple[str, str]
_LONGEST_NAME = 50
_RESERVED = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")  # names of devices on Windows
_MARK = '<meta name="zhenwei-{name}" content="{value}">'
_HEAD_BYTES = 4096


class ReportFolder:
    """Writes each outcome as it comes; what has been written stays whole whatever happens next.

    A page is written aside and renamed into place. ``report.json`` grows at its end, one write a file, and is valid
    JSON after each. What earlier runs left there stays: a new report takes the place of an earlier one on the same file
    (the same path, the same bytes) alone, and of an earlier record that the path could not be read. ``kept`` counts the
    earlier ones that stay, ``replaced`` those that did not. A page is named after its file; a second file of that name
    gets a number, and neither a page of another file nor what did not come from here is overwritten.

    Raises OutputError where the folder cannot be written, as :meth:`add` where a report cannot, and UsageError where
    another process is writing to it or it holds a ``report.json`` of another origin.
    """

    def __init__(
        self,
        folder: Path,
        language: Language = "en",
        *,
        detectors: Mapping[str, DetectorInfo] | None = None,
        pictures: bool = False,
    ) -> None:
        self.folder, self.language, self.detectors, self.pictures = folder, language, detectors, pictures
        self.replaced = 0
        self._taken: set[str] = set()
        self._stale: set[_Key] = set()
        self._added: set[_Key] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._hold = Hold(folder)
            try:
                self._open()
            except BaseException:
                self._hold.release()
                raise
        except (OSError, DataError) as error:
            raise OutputError(
                "the output folder cannot be written",
                got=f"{folder} ({_why(error)})",
                fix="Name another folder with --output.",
            ) from error

    def _open(self) -> None:
        path = self.folder / "report.json"
        entries = _entries(path)
        self._earlier = set(map(_key, entries))
        self._there = {path.name.casefold() for path in self.folder.iterdir()}
        self._before = self._count = len(entries)
        if not path.exists() or path.read_text(encoding="utf-8") != _set(entries):
            write_whole(path, _set(entries))  # new, or rewritten by somebody since: it can only grow as we write it
        self._all = path.open("r+b", buffering=0)

    @property
    def kept(self) -> int:
        return self._before - len(self._stale)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()
        try:
            if self._stale:
                self._drop_stale()
        except (OSError, DataError) as error:
            raise _unwritten(self.folder / "report.json", error) from error
        finally:
            self._hold.release()

    def add(self, outcome: Outcome) -> Path | None:
        """Write one outcome; the path of its page, or None for a file that could not be read."""
        entry, page = to_dict(outcome, self.language, pictures=self.pictures), None
        key = _key(entry)
        if isinstance(outcome, Report):
            played = player(outcome.media, self.folder)
            content = to_html(outcome, self.language, detectors=self.detectors, player=played)
            page = self.folder / self._name(key)
        try:
            if page is not None:
                write_whole(page, content)
            self._append(as_json(entry))
        except (OSError, DataError) as error:
            raise _unwritten(page or self.folder / "report.json", error) from error
        self._supersede(key)
        return page

    def _supersede(self, key: _Key) -> None:
        self._added.add(key)
        fresh = {key, (key[0], "")} & (self._earlier - self._stale)
        self._stale |= fresh
        self.replaced += len(fresh)

    def _append(self, entry: str) -> None:
        """All of it, or, on a full disk or Ctrl-C, what was there before."""
        ending = SET_ENDING.encode()
        start = self._all.seek(-len(ending), os.SEEK_END)
        whole = False
        try:
            _write_all(self._all, ((",\n" if self._count else "") + entry).encode() + ending)
            whole = True
        finally:
            if not whole:
                with contextlib.suppress(OSError):
                    self._all.truncate(start)
                    self._all.seek(start)
                    _write_all(self._all, ending)
        self._count += 1

    def _drop_stale(self) -> None:
        path = self.folder / "report.json"
        gone = self._stale - self._added
        write_whole(path, _set([entry for entry in _entries(path) if _key(entry) not in gone]))

    def _name(self, key: _Key) -> str:
        """Of the page: the first that is free, or that an earlier run gave the same file."""
        stem = safe_name(key[0])
        name = f"{stem}.html"
        number = 1
        while name.casefold() in self._taken or not self._is_free(name, key):
            number += 1
            name = f"{stem}-{number}.html"
        self._taken.add(name.casefold())
        return name

    def _is_free(self, name: str, key: _Key) -> bool:
        """Whether nothing is lost when a page on ``key`` is written there; names that differ in case are one."""
        return name.casefold() not in self._there or _is_page_of(self.folder / name, key)


def safe_name(path: str) -> str:
    """A file name without extension that every file system takes, from whatever ``path`` is called."""
    path = path[1:-1] if re.fullmatch(r"<\w+>", path) else path  # of a source without a file: <stdin>, <bytes>
    stem = re.sub(r"[^\w.\- ]+", "_", PurePath(path).stem.encode("utf-8", "replace").decode())
    stem = " ".join(stem.split()).lstrip(".- ")[:_LONGEST_NAME].rstrip(". ")
    if not stem.strip("_"):
        return "file"
    return f"_{stem}" if _RESERVED.fullmatch(stem.split(".")[0].casefold()) else stem


def _is_page_of(page: Path, key: _Key) -> bool:
    """Whether ``page`` is one of ours, on that file; pages of older versions do not say of which path."""
    if not page.is_file():
        return False
    with page.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    file = _MARK.format(name="file", value=key[1]).encode()
    path = _MARK.format(name="path", value=path_mark(key[0])).encode()
    return file in head and (path in head or _MARK.format(name="path", value="")[:-2].encode() not in head)


def _key(entry: Mapping[str, Any]) -> _Key:
    """Path and digest; no digest of a file that could not be read."""
    return str(entry["file"]["path"]), str(entry["file"].get("sha256", ""))


def _entries(path: Path) -> list[dict[str, Any]]:
    """The reports that are there, of two on one file the later. Raises UsageError for a file of another origin."""
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = isinstance(found, dict) and found.get("schema") == SET_SCHEMA
        entries = {_key(entry): entry for entry in found["reports"]} if known else {}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise UsageError(
            "the output folder holds a report.json that is not a set of reports",
            got=str(path),
            fix="Name another folder with --output, or move that file away.",
        )
    return list(entries.values())


def _set(entries: Iterable[Mapping[str, Any]]) -> str:
    return set_opening() + ",\n".join(map(as_json, entries)) + SET_ENDING


def _why(error: OSError | DataError) -> str:
    return error.got if isinstance(error, DataError) else error.strerror or type(error).__name__


def _unwritten(path: Path, error: OSError | DataError) -> OutputError:
    return OutputError(
        "a report cannot be written",
        got=f"{path}: {_why(error)}",
        fix="Free some space or name another folder with --output. What was written before is whole.",
    )


def _write_all(file: FileIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
