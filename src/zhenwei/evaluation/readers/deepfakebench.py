"""DeepfakeBench's lists (Yan et al. 2023): ``dataset_json/<Name>.json``.

    {"FaceForensics++": {"FF-DF": {"test": {"c23": {"000_003": {"label": "FF-DF", "frames": ["...png", ...]}}}}}}

The compression is left out by data sets that have one only. Each frame is an item. ``video`` is "label/video": names of
videos alone recur between labels. Where names tell the people (FaceForensics++, DeepFakeDetection, Celeb-DF),
``identity`` joins a forgery with its original; elsewhere (DFDC) the list does not say what a forgery was made of.

These lists put one video into several splits (all of Celeb-DF's test part is in its train part too). Here a video is
in one: test before val before train, and a note says how many were moved.

Paths are as on the machine that wrote the list. They are sought below the list's folder and two above it, leading
folders dropped until the file is there; nothing outside is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item, Split
from zhenwei.evaluation.readers import naming
from zhenwei.evaluation.readers.faceforensics import COMPRESSIONS
from zhenwei.evaluation.readers.table_reading import (
    Reading,
    above,
    is_file,
    json_of,
    listed,
    mapping,
    printable,
    split_of,
)

NAME = "deepfakebench"
LAYOUT = "a .json of DeepfakeBench, or a folder of them (dataset_json)"
_OTHER_LISTS = frozenset({"metadata.json", "train.json", "val.json", "test.json"})
_LOOKED_AT_BYTES = 1 << 20
_BEST: tuple[Split, ...] = ("test", "val", "train")
_FACEFORENSICS = {
    "FF-DF": "Deepfakes",
    "FF-F2F": "Face2Face",
    "FF-FS": "FaceSwap",
    "FF-NT": "NeuralTextures",
    "FF-FH": "FaceShifter",
}


def fits(place: Path) -> bool:
    if place.is_file():
        return place.suffix.lower() == ".json" and place.name not in _OTHER_LISTS
    return bool(_lists(place))


def read(place: Path) -> Reading:
    """Raises :class:`DataError` for a list of another shape or an unknown label."""
    lists = [place] if place.is_file() else _lists(place)
    if not lists:
        raise DataError("there is no list of DeepfakeBench", got=str(place), want=LAYOUT)
    wanted: list[_Video] = []
    for path in lists:
        wanted += _videos(path)
    videos, repeated = _once(wanted)
    notes = [f"{repeated} entries repeat a video; it is taken once, test before val before train"] if repeated else []
    items, absent = _frames(videos)
    return Reading(NAME, tuple(items), tuple(absent), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Video:
    path: Path  # of its list
    dataset: str
    label: str
    split: Split
    compression: str
    key: str
    frames: tuple[str, ...]

    @property
    def names(self) -> naming.Names | None:
        if self.label.startswith("FF-"):
            return naming.youtube(self.key)
        if self.label.lower().startswith("dfd_"):
            return naming.actors(self.key)
        return naming.celeb(self.key) if self.label.lower().startswith("celebdf") else None


def _lists(folder: Path) -> list[Path]:
    for place in (folder, folder / "dataset_json"):
        found = list(filter(_is_list, listed(place)))
        if found:
            return found
    return []


def _is_list(path: Path) -> bool:
    if path.suffix.lower() != ".json" or path.name in _OTHER_LISTS:
        return False
    try:
        with path.open("rb") as file:
            return b'"frames"' in file.read(_LOOKED_AT_BYTES)
    except OSError:
        return False


def _videos(path: Path) -> Iterator[_Video]:
    for dataset, labels in mapping(json_of(path), "the list", path).items():
        for label, splits in mapping(labels, f"the data set {dataset[:80]!r}", path).items():
            for word, entries in mapping(splits, f"the label {label[:80]!r}", path).items():
                split = split_of(word, f"{label[:80]!r} of {path}")
                for key, value in mapping(entries, f"the split {word!r}", path).items():
                    yield from _entry(path, (dataset, label, split), key, value)


def _entry(path: Path, place: tuple[str, str, Split], key: str, value: Any) -> Iterator[_Video]:
    entry = mapping(value, f"the entry {key[:80]!r}", path)
    if "frames" in entry:
        yield _video(path, place, "", key, entry)
    elif key in COMPRESSIONS:
        for video, inner in entry.items():
            yield _video(path, place, key, video, mapping(inner, f"the video {video[:80]!r}", path))
    else:
        want = "a video with its frames, or a compression"
        raise DataError("an entry is neither video nor compression", got=f"{key[:80]!r} in {path}", want=want)


def _video(path: Path, place: tuple[str, str, Split], compression: str, key: str, entry: dict[str, Any]) -> _Video:
    dataset, label, split = (printable(p, f"a name in {path}") for p in place)
    frames, own = entry.get("frames"), entry.get("label", label)
    where = f"{key[:80]!r} of {path}"
    if not isinstance(frames, list) or not all(isinstance(f, str) for f in frames):
        raise DataError("a video has no list of frames", got=f"{type(frames).__name__} at {where}", want="paths")
    if not isinstance(own, str) or _forged(own, where) != _forged(label, where):
        raise DataError("a video's label contradicts its place", got=f"{ascii(own)[:80]} at {where}", want=label)
    key = printable(key, f"a name in {path}")
    return _Video(path, dataset, label, split_of(split, where), compression, key, tuple(frames))


def _forged(label: str, where: str) -> bool:
    if label in _FACEFORENSICS:
        return True
    word = label.lower().replace("_", "-").rsplit("-", 1)[-1]
    if word in ("real", "fake"):
        return word == "fake"
    want = "a name that ends in real or fake, or one of " + ", ".join(_FACEFORENSICS)
    raise DataError("a label is unknown", got=f"{label[:80]!r} at {where}", want=want)


def _once(videos: list[_Video]) -> tuple[list[_Video], int]:
    """Each video in the split that counts most, and how many entries that left out."""
    best: dict[tuple[str, str, str, str], _Video] = {}
    for video in videos:
        key = (video.dataset, video.label, video.compression, video.key)
        other = best.get(key)
        if other is None or _BEST.index(video.split) < _BEST.index(other.split):
            best[key] = video
    return list(best.values()), len(videos) - len(best)


def _frames(videos: list[_Video]) -> tuple[list[Item], list[str]]:
    items, absent = list[Item](), list[str]()
    finders: dict[Path, _Finder] = {}
    joined = []
    for video in videos:
        if video.label in _FACEFORENSICS and video.names and video.names.source:
            joined.append((video.names.target, video.names.source))
    family = naming.families(joined)
    for video in videos:
        if video.path not in finders:
            finders[video.path] = _Finder(above(video.path, 3))
        for text in video.frames:
            frame = _Finder.parts(text, f"{video.key!r} of {video.path}")
            name, found = f"{video.label}/{video.key}/{frame[-1]}", finders[video.path].find(frame)
            if found:
                items.append(_item(video, name, found, family))
            else:
                absent.append(name)
    return items, absent


def _item(video: _Video, name: str, path: Path, family: dict[str, str]) -> Item:
    forged, names = _forged(video.label, name), video.names
    return Item(
        name=name,
        path=path,
        set_name=f"{video.dataset} {video.compression}".strip(),
        forged=forged,
        method=_FACEFORENSICS.get(video.label, video.label) if forged else "",
        origin=video.dataset,
        identity=family.get(names.target, names.target) if names else "",
        video=f"{video.label}/{video.key}",
        split=video.split,
    )


@dataclass(slots=True)
class _Finder:
    """Where the frames of a list lie; what worked for the last one is tried first."""

    roots: list[Path]
    last: tuple[Path, int] | None = field(default=None)

    @staticmethod
    def parts(text: str, where: str) -> tuple[str, ...]:
        parts = PurePosixPath(printable(text, f"a path at {where}").replace("\\", "/")).parts
        parts = tuple(p for p in parts if p != "/" and not p.endswith(":"))
        if not parts or ".." in parts:
            raise DataError("a listed path leaves its folder", got=f"{text[:200]!r} at {where}", want="no '..'")
        return parts

    def find(self, parts: tuple[str, ...]) -> Path | None:
        tries = list(product(self.roots, range(len(parts))))
        for root, drop in [self.last, *tries] if self.last else tries:
            path = root.joinpath(*parts[drop:])
            if drop < len(parts) and is_file(path):
                self.last = (root, drop)
                return path
        return None
