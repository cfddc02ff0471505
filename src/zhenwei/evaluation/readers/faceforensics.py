"""FaceForensics++ (Rössler et al. 2019), with FaceShifter and DeepFakeDetection, as its download script lays it out.

    original_sequences/{youtube,actors}/{raw,c23,c40}/videos/*.mp4
    manipulated_sequences/{Deepfakes,...}/{raw,c23,c40}/videos/*.mp4
    splits/{train,val,test}.json       lists of pairs; also found in dataset/splits and in the folder itself

Each compression is a set: "FaceForensics++ c23", "DeepFakeDetection c23" (the actors, who have no official split: all
"test", as is everything where no split files are). A forgery ``000_003`` is video 000 with what came from 003, so both
people leak. ``video`` is the target, 000; ``identity`` is all people who are joined by forgeries ("000+003": the
official pairs), so that neither person is ever on both sides of a split or in two resampled groups. The 28 actors are
all joined with each other; there ``identity`` is the target alone, and the source may recur in other groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item, Split
from zhenwei.evaluation.readers import naming
from zhenwei.evaluation.readers.table_reading import Reading, few, json_of, listed, within

NAME = "faceforensics"
LAYOUT = "a folder with original_sequences/ and manipulated_sequences/"
METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter", "DeepFakeDetection")
COMPRESSIONS = ("raw", "c23", "c40")
VIDEOS = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm"})
_ORIGINALS, _FORGERIES = "original_sequences", "manipulated_sequences"


def fits(place: Path) -> bool:
    return (place / _ORIGINALS).is_dir() or (place / _FORGERIES).is_dir()


@dataclass(frozen=True, slots=True)
class _Video:
    path: Path
    compression: str
    method: str
    of_actors: bool
    names: naming.Names


def read(place: Path) -> Reading:
    """Raises :class:`DataError` for names that are not the data set's, split files that are incomplete or do not
    cover the videos, and forgeries across splits."""
    notes: list[str] = []
    videos = list(_videos(place, notes))
    by_video, joined = dict[str, Split](), list[tuple[str, str]]()
    for split, rows in _pairs(place).items():
        joined += rows
        by_video |= dict.fromkeys(chain(*rows), split)
    youtube = [v for v in videos if not v.of_actors]
    _check(youtube, by_video)
    absent = set(by_video)
    for video in youtube:
        absent.discard(video.names.video)
        if video.names.source:
            joined.append((video.names.target, video.names.source))
    if absent and youtube:
        notes.append(f"{len(absent)} of {len(by_video)} videos of the split files are not in the folder")
    family = naming.families(joined)
    items = [_item(v, place, family, by_video) for v in videos]
    return Reading(NAME, tuple(items), notes=tuple(notes))


def _item(video: _Video, place: Path, family: dict[str, str], by_video: dict[str, Split]) -> Item:
    names, actors = video.names, video.of_actors
    return Item(
        name=within(video.path, place),
        path=video.path,
        set_name=f"{'DeepFakeDetection' if actors else 'FaceForensics++'} {video.compression}",
        forged=bool(video.method),
        method=video.method,
        origin="actors" if actors else "youtube",
        identity=names.target if actors else family.get(names.target, names.target),
        video=names.video,
        split="test" if actors else by_video.get(names.video, "test"),
    )


def _videos(place: Path, notes: list[str]) -> Iterator[_Video]:
    for kind in ("youtube", "actors"):
        yield from _folder(place / _ORIGINALS / kind, "", kind == "actors")
    for folder in listed(place / _FORGERIES):
        if folder.name in METHODS:
            yield from _folder(folder, folder.name, folder.name == "DeepFakeDetection")
        elif folder.is_dir():
            notes.append(f"{_FORGERIES}/{folder.name} is no method of this data set and was left out")


def _folder(folder: Path, method: str, actors: bool) -> Iterator[_Video]:
    odd: list[str] = []
    for compression in COMPRESSIONS:
        for path in listed(folder / compression / "videos"):
            if path.suffix.lower() not in VIDEOS:
                continue
            names = (naming.actors if actors else naming.youtube)(path.stem)
            if names and bool(names.source) == bool(method):
                yield _Video(path, compression, method, actors, names)
            else:
                odd.append(path.name)
    if odd:
        want = "target_source.mp4" if method else "the number of a video"
        got = f"{len(odd)} in {folder}: {few(odd)}"
        raise DataError("file names are not of this data set", got=got, want=f"{want}, as published")


def _pairs(place: Path) -> dict[Split, list[tuple[str, str]]]:
    splits: tuple[Split, ...] = ("train", "val", "test")
    for folder in (place / "splits", place / "dataset" / "splits", place):
        there = [s for s in splits if (folder / f"{s}.json").is_file()]
        if there and len(there) < len(splits):
            raise DataError(
                "split files are missing", got=f"{', '.join(there)} in {folder}", want="train, val and test"
            )
        if there:
            return {s: _rows(folder / f"{s}.json") for s in splits}
    return {}


def _rows(path: Path) -> list[tuple[str, str]]:
    rows = json_of(path)
    if not isinstance(rows, list):
        raise DataError("a split file is no list", got=f"{type(rows).__name__} in {path}", want='[["000", "003"], ...]')
    pairs: list[tuple[str, str]] = []
    for row in rows:
        if not (isinstance(row, list) and len(row) == 2 and _is_video(row[0]) and _is_video(row[1])):
            got = f"{ascii(row)[:80]} in {path}"
            raise DataError("a split file holds no pairs", got=got, want='two numbers as text, ["000", "003"]')
        pairs.append((row[0], row[1]))
    return pairs


def _is_video(name: object) -> bool:
    return isinstance(name, str) and naming.youtube(name) is not None


def _check(videos: list[_Video], by_video: dict[str, Split]) -> None:
    if not by_video:
        return
    stray: set[str] = set()
    across = []
    for v in videos:
        own = {v.names.video, v.names.source} - {""}
        stray |= own - by_video.keys()
        if len({by_video.get(name) for name in own}) > 1:
            across.append(v.path.name)
    if stray:
        got = f"{len(stray)}: {few(sorted(stray))}"
        raise DataError("videos are in no split", got=got, want="all in the split files")
    if across:
        got = f"{len(across)}: {few(across)}"
        raise DataError("forgeries join people of different splits", got=got, want="both people in one split")
