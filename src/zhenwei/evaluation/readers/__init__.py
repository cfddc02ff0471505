"""Readers of the field's folder formats: a folder or a list in, labelled items out.

``load`` finds out the format by the layout; a name decides where several fit. See each format's module for what it
takes as video, identity and split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zhenwei.errors import DataError, UsageError
from zhenwei.evaluation.readers import asvspoof, celeb_df, deepfakebench, dfdc, faceforensics, labels_csv, project
from zhenwei.evaluation.readers.table_reading import Reading, check

__all__ = ["FORMATS", "DatasetFormat", "Reading", "detect", "load"]


@dataclass(frozen=True, slots=True)
class DatasetFormat:
    """``layout``: what it looks like, for a person. ``fits`` asks that of a place; ``read`` raises DataError."""

    name: str
    layout: str
    fits: Callable[[Path], bool]
    read: Callable[[Path], Reading]


FORMATS = tuple(
    DatasetFormat(room.NAME, room.LAYOUT, room.fits, room.read)
    for room in (faceforensics, celeb_df, dfdc, deepfakebench, asvspoof, labels_csv, project)
)


def load(place: str | Path, name: str = "auto", *, skip_missing: bool = False) -> Reading:
    """The labelled files of a folder or list, of the format ``name``. Every split is read.

    Files that a list names and that are not there are an error, or left out and named (``skip_missing``). Raises
    :class:`DataError` for a place of no or several formats, damaged lists and missing files, and :class:`UsageError`
    for a name that is no format.
    """
    place = Path(place)
    formats = {f.name: f for f in FORMATS}
    if name != "auto" and name not in formats:
        raise UsageError("no format is called so", got=name, want=", ".join(("auto", *formats)))
    chosen = detect(place) if name == "auto" else formats[name]
    _there(place)
    try:
        found = chosen.read(place)
    except OSError as error:
        raise _closed(place, error) from error
    check(found, skip_missing=skip_missing)
    return found


def detect(place: Path) -> DatasetFormat:
    """The one format whose layout this is. Raises :class:`DataError` for none or several."""
    _there(place)
    try:
        found = [f for f in FORMATS if f.fits(place)]
    except OSError as error:
        raise _closed(place, error) from error
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f.name for f in found)
        raise DataError("the data fit several formats", got=f"{place}: {names}", want="one", fix="Name the format.")
    want = "; ".join(f"{f.name}: {f.layout}" for f in FORMATS)
    raise DataError(
        "the data are of no known format", got=str(place), want=want, fix="A CSV of path,label always works."
    )


def _there(place: Path) -> None:
    try:
        if place.exists():
            return
        problem = "no such file or folder"
    except (OSError, ValueError) as error:
        problem = str(error)
    raise DataError("there are no data", got=f"{ascii(str(place))[1:-1][:300]}: {problem}", want="a folder or a list")


def _closed(place: Path, error: OSError) -> DataError:
    return DataError("the data cannot be read", got=f"{place}: {error.strerror}", fix="Check the permissions.")
