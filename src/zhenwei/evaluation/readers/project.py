"""This project's own data folder: archives with a table each, and camera files in an archive of their own.

    dfdc-faces.zip + .csv   "DFDC faces"; video = the original, identity = cluster of face embeddings
    photos.zip + .csv       "FFHQ and StyleGAN", "stock portraits"
    clips.zip + .csv        "clips"; a forgery ``519_515`` shares the video of its original ``519``
    faceclips.zip + .csv    "face clips"; video = the recording
    speech.zip + .csv       "speech"; identity = the speaker, where known
    speech2.zip + .csv      "newer speech"
    camera-originals.zip    "camera originals", all genuine
    gathered/found.csv      pictures of public repositories, a set each; origin = the repository

Embedded detectors learned from face clips, newer speech and gathered pictures: thresholds are measured there by answers
of heads that did not know the source.

An item is a member of its archive. Sets that are not in the folder are noted. ``domain`` is "in" for DFDC, FFHQ,
StyleGAN and "speech", which the embedded detectors were trained on (their "train" part).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Domain, Item
from zhenwei.evaluation.readers.labels_csv import label_of
from zhenwei.evaluation.readers.table_reading import Reading, printable_row, relative, split_of, table_of

NAME = "project"
NEWER_SPEECH = "newer speech"
LAYOUT = "a folder with dfdc-faces, photos, clips, faceclips, speech or speech2 as .zip and .csv"
_CAMERA = "camera-originals"
_GATHERED = "gathered/found.csv"
_PHOTO_SETS: dict[str, tuple[str, Domain]] = {
    "ffhq": ("FFHQ and StyleGAN", "in"),
    "stylegan": ("FFHQ and StyleGAN", "in"),
    "pixabay": ("stock portraits", "out"),
}
_PAIR = re.compile(r"(.*\d{3})_\d{3}")
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Table:
    columns: tuple[str, ...]
    method: str  # the column that names what a forgery was made by
    item: Callable[[Row, Item], Item]
    together: Callable[[list[Item]], list[Item]] = list


def fits(place: Path) -> bool:
    return any((place / f"{stem}.zip").is_file() for stem in (*_TABLES, _CAMERA))


def read(place: Path) -> Reading:
    """Raises :class:`DataError` for a table without its archive, the reverse, or either damaged."""
    items, absent, notes = list[Item](), list[str](), list[str]()
    for stem, table in _TABLES.items():
        listed, packed = (place / f"{stem}.csv").is_file(), (place / f"{stem}.zip").is_file()
        if listed and packed:
            _add(place / f"{stem}.csv", table, items, absent)
        elif listed or packed:
            got = f"no {stem}{'.zip' if listed else '.csv'} in {place}"
            raise DataError("the data folder is incomplete", got=got, want="table and archive")
        else:
            notes.append(f"{stem} is not in the folder")
    camera = place / f"{_CAMERA}.zip"
    if camera.is_file():
        items += [Item(m, camera, "camera originals", forged=False, member=m) for m in sorted(_members(camera))]
    else:
        notes.append(f"{_CAMERA} is not in the folder")
    if (place / _GATHERED).is_file():
        items += _gathered(place / _GATHERED, absent)
    return Reading(NAME, tuple(items), tuple(absent), tuple(notes))


def _add(path: Path, table: _Table, items: list[Item], absent: list[str]) -> None:
    archive = path.with_suffix(".zip")
    members = _members(archive)
    mine: list[Item] = []
    for line, cells in table_of(path, table.columns):
        where = f"line {line} of {path}"
        row = printable_row(cells, where)
        name = relative(row["path"], where)
        if name not in members:
            absent.append(name)
            continue
        forged, split = label_of(row["label"], where), split_of(row.get("split", ""), where)
        method = row[table.method] if forged else ""
        plain = Item(name, archive, path.stem, forged, member=name, method=method, split=split)
        mine.append(table.item(row, plain))
    items += table.together(mine)


def _gathered(path: Path, absent: list[str]) -> list[Item]:
    """Whole pictures; those of which others are near copies are left out, and so are tiles and clips."""
    items = []
    for line, cells in table_of(path, ("path", "kind", "label", "source_repo", "group", "near_dup", "crop_xywh")):
        where = f"line {line} of {path}"
        row = printable_row(cells, where)
        if row["kind"] != "image" or row["near_dup"] == "1" or row["crop_xywh"]:
            continue
        name = relative(row["path"], where)
        forged, source = label_of(row["label"], where), row["source_repo"]
        if not (path.parent / name).is_file():
            absent.append(name)
            continue
        method = row["method"] if forged else ""
        plain = Item(name, path.parent / name, source, forged, method=method, origin=source, video=row["group"])
        items.append(replace(plain, learned=True))
    return items


def _members(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {m.filename for m in archive.infolist() if not m.is_dir()}
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError("an archive cannot be opened", got=f"{path}: {error}", fix="Fetch it again.") from error


def _face(row: Row, item: Item) -> Item:
    known = replace(item, set_name="DFDC faces", method="face swap" if item.forged else "", domain="in")
    return replace(known, origin="DFDC", identity=row["identity"], video=row["original"])


def _photo(row: Row, item: Item) -> Item:
    source = row["source"].removesuffix("-val")
    if source not in _PHOTO_SETS:
        raise DataError("a source is unknown", got=f"{source[:80]!r} of {item.name}", want=", ".join(_PHOTO_SETS))
    name, domain = _PHOTO_SETS[source]
    return replace(item, set_name=name, origin=source, domain=domain)


def _video(row: Row, item: Item) -> Item:
    return replace(item, set_name="clips", origin=row["method"], video=Path(item.name).stem)


def _face_video(row: Row, item: Item) -> Item:
    return replace(item, set_name="face clips", origin=row["source"], video=row["group"], learned=True)


def _pairs(videos: list[Item]) -> list[Item]:
    """A forgery whose original is among the clips has its video and its origin."""
    originals = {i.video: i for i in videos if not i.forged}
    paired = []
    for sample in videos:
        found = _PAIR.fullmatch(sample.video)
        original = originals.get(found[1]) if found and sample.forged else None
        paired.append(replace(sample, video=original.video, origin=original.origin) if original else sample)
    return paired


def _speech(row: Row, item: Item) -> Item:
    known = replace(item, set_name="speech", split="train", domain="in")
    return replace(known, origin=row["source"], identity=row["speaker"])


def _newer_speech(row: Row, item: Item) -> Item:
    return replace(_speech(row, item), set_name=NEWER_SPEECH, split="test", learned=True)


_TABLES = {
    "dfdc-faces": _Table(("path", "label", "original", "identity", "split"), "label", _face),
    "photos": _Table(("path", "label", "generator", "source", "split"), "generator", _photo),
    "clips": _Table(("path", "label", "method"), "method", _video, _pairs),
    "faceclips": _Table(("path", "label", "method", "source", "group"), "method", _face_video),
    "speech": _Table(("path", "label", "system", "speaker", "source"), "system", _speech),
    "speech2": _Table(("path", "label", "system", "speaker", "source"), "system", _newer_speech),
}
