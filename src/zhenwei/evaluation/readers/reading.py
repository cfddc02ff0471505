"""What all readers share: how a list is opened, how its paths are held inside the folder, what is handed back.

The lists of a data set are untrusted text. Whatever is wrong with one is a :class:`DataError` that names the file.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item, Split

LARGEST_LIST_BYTES = 1 << 30
_SHOWN = 5
_SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validate": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "": "test",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a folder is read. ``missing``: files that a list names and the folder lacks are an error, or are left out and
    named in ``Reading.missing`` ("skip"; --skip-missing at the command line). ``compression``: only this one ("raw",
    "c23", "c40") of a data set that comes in several; "" = all, each a set of its own. ``media``: where the paths of a
    list start; None = found by trying the list's own folder and those above it."""

    missing: Literal["error", "skip"] = "error"
    compression: str = ""
    media: Path | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found. ``missing``: names of listed files that are not there (only with ``missing="skip"``).
    ``notes``: one sentence each on what the reader left out or decided."""

    format: str
    items: tuple[Item, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def finish(
    format_name: str, items: Sequence[Item], options: Options, *, absent: Sequence[str] = (), notes: Sequence[str] = ()
) -> Reading:
    """The reading, checked: something is there, names are text and unique within their set, nothing unexpected lacks.

    ``absent``: names of listed files that were looked for in vain. Raises :class:`DataError`.
    """
    if absent and options.missing == "error":
        raise DataError(
            "files of the list are missing",
            got=f"{len(absent)} of {len(items) + len(absent)} not there: {few(absent)}",
            want="every file that the list names",
            fix="Fetch them, or leave them out with --skip-missing.",
        )
    if not items:
        raise DataError(
            "no media found", got=f"an empty {format_name} folder or list", fix="Check the folder and its layout."
        )
    _names(items)
    return Reading(format_name, tuple(items), tuple(absent), tuple(notes))


def _names(items: Sequence[Item]) -> None:
    for item in items:
        printable(item.name, "a file name")
    double = [name for (_, name), n in Counter((i.set_name, i.name) for i in items).items() if n > 1]
    if double:
        got = f"{len(double)} listed more than once: {few(double)}"
        raise DataError("files are named twice", got=got, want="each file once in a set")


def few(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def printable(text: str, what: str) -> str:
    """``text``, which must survive being written: no control characters, no broken encoding."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{what} is not UTF-8", got=ascii(text)[:200], fix="Rename the file.") from error
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise DataError(f"{what} holds control characters", got=ascii(text)[:200])
    return text


def printable_row(cells: Mapping[str, str], where: str) -> dict[str, str]:
    """The cells of one line of a table, by column."""
    return {column: printable(value, f"a cell in {where}") for column, value in cells.items()}


def relative(text: str, where: str, *, fix: str = "") -> str:
    """A listed path as ``a/b/c`` below the folder of its list. ``where`` names the list and its line in errors, ``fix``
    says what can be done.

    Backslashes are separators. Raises :class:`DataError` for empty and absolute paths and for any ``..``.
    """
    path = PurePosixPath(printable(text, f"a path in {where}").strip().replace("\\", "/"))
    parts = path.parts
    if not parts or path.is_absolute() or ":" in parts[0] or ".." in parts:
        raise DataError(
            "a listed path leaves the folder of its list",
            got=f"{text[:200]!r} in {where}",
            want="a relative path without '..'",
            fix=fix,
        )
    return str(path)


def is_file(path: Path) -> bool:
    """Whether a file is there; a name that the file system cannot even hold is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def above(path: Path, levels: int) -> list[Path]:
    """The folder of a file and those above it, at most ``levels``, the root of the file system never."""
    return [p for p in path.resolve().parents if p != Path(p.anchor)][:levels]


def parted(items: Sequence[Item]) -> tuple[list[Item], list[str]]:
    """Those whose file is there, and the names of the others."""
    there: list[Item] = []
    absent: list[str] = []
    for item in items:
        if is_file(item.path):
            there.append(item)
        else:
            absent.append(item.name)
    return there, absent


def within(path: Path, root: Path) -> str:
    """The name of a file found by listing a folder: its path below ``root``, with slashes."""
    return path.relative_to(root).as_posix()


def listed(folder: Path) -> list[Path]:
    """What lies in a folder, by name; hidden entries left out. Empty where there is no such folder."""
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError("a folder cannot be listed", got=f"{folder}: {error.strerror}") from error


def text_of(path: Path) -> str:
    """A list's text, UTF-8 with or without byte-order mark. Raises :class:`DataError`."""
    try:
        if path.stat().st_size > LARGEST_LIST_BYTES:
            raise DataError(
                "the list is too large", got=f"{path}: {path.stat().st_size} bytes", want=f"<= {LARGEST_LIST_BYTES}"
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError("the list cannot be read", got=f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        fix = "Save it as UTF-8."
        raise DataError("the list is not UTF-8", got=f"{path}: byte {error.start}", want="UTF-8", fix=fix) from error


def json_of(path: Path) -> Any:
    """What a JSON file holds; its shape is the caller's to check. Raises :class:`DataError`."""
    text = text_of(path)
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _DoubleKeyError as error:
        raise DataError("a JSON object names a key twice", got=f"{path}: {ascii(error.args[0])[:200]}") from error
    except (ValueError, RecursionError) as error:
        raise DataError("the list is no JSON", got=f"{path}: {error}") from error


class _DoubleKeyError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _DoubleKeyError(Counter(k for k, _ in pairs).most_common(1)[0][0])
    return found


def mapping(value: Any, what: str, path: Path) -> dict[str, Any]:
    """``value``, which must be a JSON object."""
    if not isinstance(value, dict):
        raise DataError(f"{what} is no JSON object", got=f"{type(value).__name__} in {path}", want="{...}")
    return value


def table_of(path: Path, wanted: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV with the line each ends on; header names in lower case, blank rows left out.

    Raises :class:`DataError` for a missing column, one named twice, or a row of another length.
    """
    reader = csv.reader(io.StringIO(text_of(path), newline=""), strict=True)
    try:
        header = [h.strip().lower() for h in next(reader, [])]
        lacking = [w for w in wanted if w not in header]
        if lacking or len(set(header)) < len(header):
            got = f"{path}: {', '.join(header)[:200]!r}"
            raise DataError("the table's columns do not fit", got=got, want=f"{', '.join(wanted)}, each column once")
        rows = []
        for cells in reader:
            if not any(c.strip() for c in cells):
                continue
            if len(cells) != len(header):
                got = f"{len(cells)} cells in line {reader.line_num} of {path}"
                raise DataError("a row does not fit the header", got=got, want=str(len(header)))
            rows.append((reader.line_num, dict(zip(header, (c.strip() for c in cells), strict=True))))
    except csv.Error as error:
        raise DataError("the table is no CSV", got=f"{path}, line {reader.line_num}: {error}") from error
    return rows


def split_of(word: str, where: str) -> Split:
    """The split that a list's word means; "" is "test". Raises :class:`DataError`."""
    try:
        return _SPLITS[word.strip().lower()]
    except KeyError as error:
        raise DataError("no split is called so", got=f"{word[:80]!r} in {where}", want="train, val or test") from error
