"""A plain table of one's own: ``path,label``, and any of ``method,origin,identity,video,split,set``.

Paths are relative to the table; in a table that is named itself, and so is the user's own, they may be absolute or lead
out of its folder, too. One that is found in a folder may be anybody's, and must not lead out of it. Labels: real,
genuine, bonafide, 0; fake, forged, spoof, 1. Without ``set`` the set is called as the file is; without ``split``
everything is "test". Other columns are left alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers.table_reading import (
    Reading,
    header_of,
    is_folder,
    listed,
    parted,
    printable,
    printable_row,
    relative,
    split_of,
    table_of,
    within,
)

_OUTSIDE = "Write the absolute path of a file that lies elsewhere."
_NAMED = "If the table is your own, name it instead of its folder: paths to files elsewhere are taken then."
NAME = "csv"
LAYOUT = "a .csv with the columns path and label, or a folder with one such table"
WANTED = ("path", "label")
_GENUINE = ("real", "genuine", "bonafide", "0")
_FORGED = ("fake", "forged", "spoof", "1")


def fits(place: Path) -> bool:
    return place.suffix.lower() == ".csv" if place.is_file() else bool(_tables(place))


def read(place: Path) -> Reading:
    """Raises :class:`DataError` for a table that is damaged, naming the line."""
    own = place.is_file()
    path = place if own else _only(place)
    lines: dict[tuple[str, Path], int] = {}
    every: list[Item] = []
    for line, row in table_of(path, WANTED):
        where = f"line {line} of {path}"
        item = _item(row, where, path.stem, path.parent, own)
        if is_folder(item.path):
            got, fix = f"{item.name} in {where}", "List its files, each in a row of its own."
            raise DataError("a listed path is a folder", got=got, want="a file", fix=fix)
        first = lines.setdefault((item.set_name, _whole(item.path)), line)
        if first != line:
            raise DataError("a file is listed twice", got=f"{item.name} in lines {first} and {line}", want="once")
        every.append(item)
    return Reading(NAME, *parted(every))


def label_of(word: str, where: str) -> bool:
    """Whether a label word says forged. Raises :class:`DataError` for any other word."""
    label = word.strip().lower()
    if label not in (*_GENUINE, *_FORGED):
        want = f"{', '.join(_GENUINE)} or {', '.join(_FORGED)}"
        raise DataError("a label is unknown", got=f"{word[:80]!r} in {where}", want=want)
    return label in _FORGED


def _item(row: dict[str, str], where: str, set_name: str, root: Path, own: bool) -> Item:
    row = printable_row(row, where)
    name = _name(row["path"].strip(), where, root, own)
    return Item(
        name=name,
        path=root / name,
        set_name=row.get("set") or set_name,
        forged=label_of(row["label"], where),
        method=row.get("method", ""),
        origin=row.get("origin", ""),
        identity=row.get("identity", ""),
        video=row.get("video", ""),
        split=split_of(row.get("split", ""), where),
    )


def _name(text: str, where: str, root: Path, own: bool) -> str:
    """Relative to the table wherever that is possible, so that one file has one name."""
    plain, absolute = text.replace("\\", "/"), Path(text).is_absolute()
    if not own or not (absolute or ".." in plain.split("/")):
        return relative(text, where, fix=_OUTSIDE if own else _NAMED)
    folder = _whole(root)
    path = _whole(Path(text) if absolute else folder / printable(plain, f"a path in {where}"))
    if path.is_relative_to(folder):
        return within(path, folder)
    return str(path) if absolute else Path(os.path.normpath(plain)).as_posix()


def _whole(path: Path) -> Path:
    """Absolute, without ``..``; links are not followed."""
    return Path(os.path.normpath(path.absolute()))


def _tables(folder: Path) -> list[Path]:
    """Tables of labels; none where one lies beside an archive of the same name: that is a folder of archives."""
    tables = []
    for path in listed(folder):
        if path.suffix.lower() == ".csv":
            if path.with_suffix(".zip").exists():
                return []
            if set(WANTED) <= header_of(path):
                tables.append(path)
    return tables


def _only(folder: Path) -> Path:
    tables = _tables(folder)
    if len(tables) == 1:
        return tables[0]
    got = ", ".join(p.name for p in tables) or f"no table with {', '.join(WANTED)} in {folder}"
    raise DataError("one table of labels is wanted", got=got, want="one", fix="Give the path of the .csv itself.")
