"""The photographs of ``photos.zip`` and the portraits that StyleGAN drew after them, whole, with their faces found."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from zhenwei import faces
from zhenwei.errors import DataError, UsageError
from zhenwei.training.data.encoding import decode
from zhenwei.types import Face, Frame, Pixels


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
    found = [photograph for photograph in _rows(folder, "val" if test else "train") if photograph.source in sources]
    if not found:
        raise DataError("no photograph to learn from", got=str(folder), want=f"photos of {', '.join(sorted(sources))}")
    return found


def _rows(folder: Path, split: str) -> Iterator[Photograph]:
    table, archive = folder / "photos.csv", folder / "photos.zip"
    for file in (table, archive):
        if not file.is_file():
            raise DataError("the data folder is incomplete", got=f"no {file.name} in {folder}", want="photos")
    try:
        with table.open(encoding="utf-8", newline="") as text, zipfile.ZipFile(archive) as pictures:
            for row in csv.DictReader(text):
                if row["split"] == split:
                    source = row["source"].removesuffix("-val")
                    yield Photograph(pictures.read(row["path"]), row["path"], source, row["label"] == "fake")
    except (KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        got, fix = f"photos: {error}", "Fetch the data set again."
        raise DataError("the data folder is damaged", got=got, fix=fix) from error


def largest_face(pixels: Pixels) -> Face | None:
    """The largest face that the package's own finder sees in ``(height, width, 3)`` uint8 RGB; None if it sees none."""
    people = faces.find_people((Frame(0, 0.0, pixels),))
    return max((t.faces[0] for t in people), key=lambda f: f.box.area, default=None)
