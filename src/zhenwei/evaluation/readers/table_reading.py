"""What all readers share: how a list is opened, how its paths are held inside the folder, what is handed back.

The lists of a data set are untrusted text. Whatever is wrong with one is a :class:`DataError` that names the file.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item, Split

LARGEST_LIST_BYTES = 1 << 30
_SHOWN = 5
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # as Excel begins what it calls Unicode text
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_HINT = re.compile("sep=([,;\t])", re.IGNORECASE)  # a first line that is for Excel alone
_LONGEST_HEADER = 1 << 16
_SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validate", "validation", "dev"),
    "test": ("test", "testing", "eval", ""),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found. ``missing``: names of listed files that were looked for in vain. ``notes``: one sentence each on
    what the reader left out or decided."""

    format: str
    items: tuple[Item, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check(found: Reading, *, skip_missing: bool) -> None:
    """Something is there, names are text and unique within their set, nothing lacks. Raises :class:`DataError`."""
    items, missing = found.items, found.missing
    if missing and not skip_missing:
        raise DataError(
            "files of the list are missing",
            got=f"{len(missing)} of {len(items) + len(missing)} not there: {few(missing)}",
            want="every file that the list names",
            fix="Fetch them, or leave them out with --skip-missing.",
        )
    if not items:
        got = f"an empty {found.format} folder or list"
        raise DataError("no media found", got=got, fix="Check the folder and its layout.")
    seen = Counter[tuple[str, str]]()
    for item in items:
        seen[item.set_name, printable(item.name, "a file name")] += 1
    double = [name for (_, name), n in seen.items() if n > 1]
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
    if _CONTROLS.search(text):
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


def parted(items: Sequence[Item]) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Those whose file is there, and the names of the others."""
    there, absent = list[Item](), list[str]()
    for item in items:
        if is_file(item.path):
            there.append(item)
        else:
            absent.append(item.name)
    return tuple(there), tuple(absent)


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


def is_folder(path: Path) -> bool:
    """Whether a folder is there; a name that the file system cannot even hold is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def text_of(path: Path) -> str:
    """A list's text, UTF-8 with or without byte-order mark, or UTF-16 with one. Raises :class:`DataError`."""
    try:
        if path.stat().st_size > LARGEST_LIST_BYTES:
            raise DataError(
                "the list is too large", got=f"{path}: {path.stat().st_size} bytes", want=f"<= {LARGEST_LIST_BYTES}"
            )
        content = path.read_bytes()
        return content.decode(_encoding(content))
    except OSError as error:
        raise DataError("the list cannot be read", got=f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        fix = "Save it as UTF-8."
        raise DataError("the list is not UTF-8", got=f"{path}: byte {error.start}", want="UTF-8", fix=fix) from error


def _encoding(content: bytes) -> str:
    return "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"


def json_of(path: Path) -> Any:
    """What a JSON file holds; its shape is the caller's to check. Raises :class:`DataError`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            double = Counter(k for k, _ in pairs).most_common(1)[0][0]
            raise DataError("a JSON object names a key twice", got=f"{path}: {ascii(double)[:200]}")
        return found

    text = text_of(path)
    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise DataError("the list is no JSON", got=f"{path}: {error}") from error


def mapping(value: Any, what: str, path: Path) -> dict[str, Any]:
    """``value``, which must be a JSON object."""
    if not isinstance(value, dict):
        raise DataError(f"{what} is no JSON object", got=f"{type(value).__name__} in {path}", want="{...}")
    return value


def table_of(path: Path, wanted: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV with the line each ends on; header names in lower case, blank rows left out.

    Cells are parted by commas, or by semicolons or tabs as Excel writes them, told by the header. Raises
    :class:`DataError` for a missing column, one named twice, or a row of another length.
    """
    text = text_of(path)
    mark, hinted = _mark(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=mark)
    try:
        if hinted:
            next(reader)
        header = [h.strip().lower() for h in next(reader, [])]
        if not set(wanted) <= set(header) or len(set(header)) < len(header):
            got = f"{path}: {', '.join(header)[:200]!r}"
            raise DataError("the table's columns do not fit", got=got, want=f"{', '.join(wanted)}, each column once")
        rows = []
        for row in reader:
            cells = [c.strip() for c in row]
            if not any(cells):
                continue
            if len(cells) != len(header):
                got = f"{len(cells)} cells in line {reader.line_num} of {path}"
                raise DataError("a row does not fit the header", got=got, want=str(len(header)))
            rows.append((reader.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise DataError("the table is no CSV", got=f"{path}, line {reader.line_num}: {error}") from error
    return rows


def header_of(path: Path) -> set[str]:
    """The columns of a table, in lower case; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_HEADER)
    except OSError:
        return set()
    text = content.decode(_encoding(content), "replace")
    mark, hinted = _mark(text)
    line = "".join(text.splitlines()[int(hinted) :][:1])
    return {cell.strip().strip('"').lower() for cell in line.split(mark)}


def _mark(text: str) -> tuple[str, bool]:
    """What parts the cells by the first line, and whether that line says nothing else."""
    line = text.partition("\n")[0].rstrip("\r")
    hint = _HINT.fullmatch(line)
    return (hint[1], True) if hint else (next((mark for mark in ",;\t" if mark in line), ","), False)


def split_of(word: str, where: str) -> Split:
    """The split that a list's word means; "" is "test". Raises :class:`DataError`."""
    for split, words in _SPLITS.items():
        if word.strip().lower() in words:
            return split
    raise DataError("no split is called so", got=f"{word[:80]!r} in {where}", want="train, val or test")
