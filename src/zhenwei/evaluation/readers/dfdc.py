"""The DeepFake Detection Challenge as published on Kaggle (Dolhansky et al. 2020).

    dfdc_train_part_0/metadata.json     {"a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"}, ...}
    dfdc_train_part_0/a.mp4

One folder with its metadata.json, or a folder of such folders. ``video`` is the original, so that a forgery and what
it was made of are one group; the people are not published.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers.table_reading import Reading, json_of, mapping, parted, relative, split_of

NAME = "dfdc"
LAYOUT = "a folder with metadata.json, or of folders with one each"
_LIST = "metadata.json"
_FORGED = {"REAL": False, "FAKE": True}


def fits(place: Path) -> bool:
    return bool(_lists(place))


def read(place: Path) -> Reading:
    """Raises :class:`DataError` for a metadata.json that is damaged or missing."""
    lists = _lists(place)
    if not lists:
        raise DataError("there is no metadata.json", got=str(place), want=LAYOUT)
    root = place.parent if place.name == _LIST else place
    every = []
    for path in lists:
        for file, facts in mapping(json_of(path), "the metadata", path).items():
            every.append(_item(file, facts, path, root))
    return Reading(NAME, *parted(every))


def _lists(place: Path) -> list[Path]:
    if place.name == _LIST:
        return [place] if place.is_file() else []
    own = place / _LIST
    return [own] if own.is_file() else sorted(filter(Path.is_file, place.glob(f"*/{_LIST}")))


def _item(file: str, facts: Any, path: Path, root: Path) -> Item:
    where = f"{file[:80]!r} of {path}"
    row = mapping(facts, f"the entry {file[:80]!r}", path)
    label, original, split = row.get("label"), row.get("original") or file, row.get("split") or "train"
    if not isinstance(label, str) or label not in _FORGED:
        raise DataError("an entry has no label", got=f"{ascii(label)[:80]} at {where}", want="REAL or FAKE")
    if not isinstance(original, str) or not isinstance(split, str):
        raise DataError(
            "an entry is malformed", got=f"{ascii(row)[:200]} at {where}", want="text for original and split"
        )
    file = relative(file, where)
    media = path.parent / file
    return Item(
        name=media.relative_to(root).as_posix(),
        path=media,
        set_name="DFDC",
        forged=_FORGED[label],
        method="DFDC (several)" if _FORGED[label] else "",
        origin="DFDC",
        video=Path(relative(original, where)).stem,
        split=split_of(split, where),
    )
