"""The photographs of ``photos.zip`` and the portraits that StyleGAN drew after them, whole, with their faces found."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from zhenwei import faces
from zhenwei.errors import DataError, UsageError
from zhenwei.training.data.encoding import decode
from zhenwei.types import Face, Frame, Pixels

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Photograph:
    """One published picture, encoded. ``forged``: drawn by a generator. ``source``: "ffhq", "stylegan", "pixabay"."""

    data: bytes
    path: str
    source: str
    forged: bool

    def pixels(self) -> Pixels:
        return decode(self.data)


def read_photographs(folder: Path, sources: Collection[str], *, test: bool = False) -> list[Photograph]:
    """The rows of ``photos.csv`` in ``folder`` that may be learned from, of these sources; with ``test`` the others.

    Raises :class:`DataError` where files are missing or damaged, or nothing is left.
    """
    if folder.is_file():
        raise UsageError("it learns from whole photographs", got=str(folder), want="a data folder")
    rows = read_archive(folder, "photos", _photograph, split="val" if test else "train")
    found = [row for row in rows if row.source in sources]
    if not found:
        raise DataError("no photograph to learn from", got=str(folder), want=f"photos of {', '.join(sorted(sources))}")
    return found


def _photograph(row: dict[str, str], data: Callable[[], bytes]) -> Photograph:
    return Photograph(data(), row["path"], row["source"].removesuffix("-val"), row["label"] == "fake")


def read_archive(
    folder: Path, name: str, row_of: Callable[[dict[str, str], Callable[[], bytes]], T | None], *, split: str = ""
) -> Iterator[T]:
    """What ``row_of`` makes of each row of ``name.csv`` and its file in ``name.zip``, read when called; None is left
    out. ``split``: the rows of this one alone. Raises :class:`DataError` where files are missing or damaged.
    """
    table, archive = folder / f"{name}.csv", folder / f"{name}.zip"
    for file in (table, archive):
        if not file.is_file():
            raise DataError("the data folder is incomplete", got=f"no {file.name} in {folder}", want=name)
    try:
        with table.open(encoding="utf-8", newline="") as text, zipfile.ZipFile(archive) as files:
            for row in csv.DictReader(text):
                if split in ("", row["split"]):
                    found = row_of(row, partial(files.read, row["path"]))
                    if found is not None:
                        yield found
    except (KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        got, fix = f"{name}: {error}", "Fetch the data set again."
        raise DataError("the data folder is damaged", got=got, fix=fix) from error


def largest_face(pixels: Pixels) -> Face | None:
    """The largest face that the package's own finder sees in ``(height, width, 3)`` uint8 RGB; None if it sees none."""
    people = faces.find_people((Frame(0, 0.0, pixels),))
    return max(people, key=lambda track: track.faces[0].box.area).faces[0] if people else None
