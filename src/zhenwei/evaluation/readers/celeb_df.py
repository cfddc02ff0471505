"""Celeb-DF v2 (Li et al. 2020).

    Celeb-real/id0_0000.mp4, YouTube-real/00000.mp4, Celeb-synthesis/id0_id1_0000.mp4
    List_of_testing_videos.txt     lines of "label path"; there 1 is REAL and 0 is forged

What is not on the list is "train": there is no official validation part. ``id0_id1_0000`` is video id0_0000 with the
face of id1; ``identity`` is id0, the person whose video it is (id1 is in other groups: nearly all of the 59 people are
joined by some forgery, so no closed groups exist). Nobody is named in YouTube-real: each video is its own group.
"""

from __future__ import annotations

from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers import naming
from zhenwei.evaluation.readers.faceforensics import VIDEOS
from zhenwei.evaluation.readers.table_reading import Reading, few, listed, relative, text_of, within

NAME = "celeb-df"
LAYOUT = "a folder with Celeb-real/, Celeb-synthesis/ and List_of_testing_videos.txt"
_LIST = "List_of_testing_videos.txt"
_FORGED = {"Celeb-real": False, "YouTube-real": False, "Celeb-synthesis": True}


def fits(place: Path) -> bool:
    return (place / "Celeb-real").is_dir() or (place / "Celeb-synthesis").is_dir()


def read(place: Path) -> Reading:
    """Raises :class:`DataError` without the list of testing videos, or where it contradicts the folders."""
    testing = _testing(place / _LIST)
    items, found = [], set()
    for folder in _FORGED:
        for path in listed(place / folder):
            if path.suffix.lower() in VIDEOS:
                name = within(path, place)
                found.add(name)
                items.append(_item(name, path, name in testing))
    return Reading(NAME, tuple(items), tuple(name for name in testing if name not in found))


def _testing(path: Path) -> list[str]:
    names: dict[str, int] = {}
    for number, line in enumerate(text_of(path).splitlines(), 1):
        where = f"line {number} of {path}"
        if not line.strip():
            continue
        label, _, rest = line.strip().partition(" ")
        name = relative(rest, where)
        forged = _FORGED.get(name.split("/", 1)[0])
        if label not in ("0", "1") or forged is None:
            raise DataError("a line names no testing video", got=f"{line[:80]!r}, {where}", want="1 Celeb-real/....mp4")
        if forged == (label == "1"):
            want = "1 for the real folders, 0 for Celeb-synthesis"
            raise DataError("label and folder contradict each other", got=f"{line[:80]!r}, {where}", want=want)
        if name in names:
            raise DataError("a video is listed twice", got=f"{name}, {where} and line {names[name]}", want="once")
        names[name] = number
    return list(names)


def _item(name: str, path: Path, testing: bool) -> Item:
    folder = name.split("/", 1)[0]
    forged = _FORGED[folder]
    names = None if folder == "YouTube-real" else naming.celeb(path.stem)
    if folder != "YouTube-real" and (not names or bool(names.source) != forged):
        want = "id0_id1_0000.mp4" if forged else "id0_0000.mp4"
        raise DataError("a file name is not of this data set", got=few([name]), want=want)
    return Item(
        name=name,
        path=path,
        set_name="Celeb-DF v2",
        forged=forged,
        method="Celeb-DF swap" if forged else "",
        origin="YouTube" if names is None else "celebrities",
        identity=names.target if names else "",
        video=names.video if names else f"YouTube-real/{path.stem}",
        split="test" if testing else "train",
    )
