"""The output folder of ``zhenwei robust``: robust.json with what earlier runs left, whole after every file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from zhenwei.errors import DataError, OutputError, UsageError
from zhenwei.evaluation.robust import SCHEMA
from zhenwei.files import write_whole
from zhenwei.report import Hold

if TYPE_CHECKING:
    from zhenwei.evaluation.robust import Robustness

_Key = tuple[str, str]


class RobustFolder:
    """A new answer takes the place of an earlier one on the same file (path and bytes) alone; ``replaced`` counts them.

    Raises OutputError for a folder that cannot be written, UsageError for one that is in use or holds a robust.json of
    another origin.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "robust.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._hold = Hold(folder)
        except OSError as error:
            got, fix = f"{folder} ({error.strerror})", "Name another folder with --output."
            raise OutputError("the output folder cannot be written", got=got, fix=fix) from error
        try:
            self._earlier = _read(self._path)
        except UsageError:
            self._hold.release()
            raise
        self._done: dict[_Key, dict[str, Any]] = {}

    @property
    def replaced(self) -> int:
        return len(self._earlier.keys() & self._done.keys())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hold.release()

    def add(self, found: Robustness) -> None:
        entry = found.to_dict()
        self._done[_key(entry)] = entry
        files = [e for key, e in self._earlier.items() if key not in self._done] + list(self._done.values())
        text = json.dumps({"files": files}, indent=1, ensure_ascii=False, allow_nan=False)
        try:
            write_whole(self._path, f"{text}\n")
        except DataError as error:
            got, fix = f"{self._path}: {error.got}", "Free some space or name another folder with --output."
            raise OutputError("the results cannot be written", got=got, fix=fix) from error


def _key(entry: dict[str, Any]) -> _Key:
    return str(entry["file"]["path"]), str(entry["file"]["sha256"])


def _read(path: Path) -> dict[_Key, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["files"]
        if all(entry["schema"] == SCHEMA for entry in entries):
            return {_key(entry): entry for entry in entries}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    fix = "Name another folder with --output, or move that file away."
    raise UsageError("the output folder holds a robust.json of another origin", got=str(path), fix=fix)
