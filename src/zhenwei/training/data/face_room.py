"""The faces that the encoder and its heads learn from: of every picture and clip of the data folder, in one pack.

A pack as :mod:`zhenwei.training.data.pack` has it, its crops wider (half the face box on each side, 320 px), with the
kind of forgery of each face beside it. What only judges at the end ("clips") is not in it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zhenwei import faces, media
from zhenwei.errors import DataError, MediaError
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers import load
from zhenwei.training.data.encoding import encode
from zhenwei.training.data.pack import VERSION, Pack, load_pack, made_of, offsets_of, refuse_other_data
from zhenwei.types import Face, Floats, Frame, InputContract

ROOM = InputContract(size_px=320, margin=0.5, min_face_px=48)
MIN_SHARPNESS = 12.0
FRAMES = 8  # of a clip
_MAX_OF_SET = 1500  # files of one set, source and class
_JUDGES = frozenset(["clips"])
_QUALITY = 97
KINDS = ("blended", "animated", "generated")
# What a method leaves behind, by a part of its name in the tables; the first that fits.
_KIND_OF = (
    ("DeepFaceLab", "blended"),
    ("FaceForensics", "blended"),
    ("DFD", "blended"),
    ("face swap", "blended"),
    ("t2v", "generated"),
    ("talkinghead", "animated"),
    ("EchoMimic", "animated"),
    ("HunyuanVideo", "animated"),
    ("HunyuanPortrait", "animated"),
    ("AniPortrait", "animated"),
    ("Hallo", "animated"),
    ("SadTalker", "animated"),
    ("KeySync", "animated"),
    ("KeyFace", "animated"),
)


_MADE_FROM = {"stylegan": "ffhq"}  # a source whose pictures were learned from those of another is one with it


@dataclass(frozen=True, slots=True, eq=False)
class FaceRoom:
    """``pack``: its faces; ``kind`` ``(n,)``: of :data:`KINDS`, "" where genuine; ``method`` made it; ``medium``: the
    file that it is of, so that the frames of a clip can be told together."""

    pack: Pack
    kind: NDArray[np.str_]
    method: NDArray[np.str_]
    medium: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.kind)


def kind_of(item: Item) -> str:
    """Of :data:`KINDS`; "" for a genuine file. A method that no list names draws whole pictures."""
    if not item.forged:
        return ""
    for part, kind in _KIND_OF:
        if part.lower() in item.method.lower():
            return kind
    return "generated"


def prepare_room(data: Path, folder: Path, progress: Callable[[float], None] | None = None) -> FaceRoom:
    """The room in ``data`` (an ``.npz``), or built once from the data folder into ``folder/faces.npz``."""
    if data.is_file():
        return load_room(data)
    target = folder / "faces.npz"
    if not target.is_file():
        build_room(data, target, progress)
    room = load_room(target)
    refuse_other_data(target, _data_of(chosen_items(load(data).items)))
    return room


def load_room(path: Path) -> FaceRoom:
    """Raises :class:`DataError` for a file that is no room of this version."""
    pack = load_pack(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            room = FaceRoom(pack, file["kind"], file["method"], file["medium"])
    except KeyError as error:
        raise DataError("this is no pack of faces of several kinds", got=f"{path}: no {error}") from error
    if pack.side != ROOM.size_px or not len(room) == len(room.method) == len(room.medium) == len(pack):
        raise DataError("this is no pack of faces of several kinds", got=str(path), want=f"crops of {ROOM.size_px} px")
    return room


def build_room(data: Path, target: Path, progress: Callable[[float], None] | None = None) -> int:
    """Looks at every file of ``data`` and writes ``target``; gives the number of faces.

    Raises :class:`DataError` where the data are damaged or show no face.
    """
    chosen = chosen_items(load(data).items)
    rows: list[tuple[Item, Face, bytes, Floats]] = []
    archives: dict[Path, zipfile.ZipFile] = {}
    try:
        for number, item in enumerate(chosen):
            if progress:
                progress(number / len(chosen))
            rows += [(item, *crop) for crop in _crops(item, archives)]
    finally:
        for archive in archives.values():
            archive.close()
    if not rows:
        raise DataError("no face was found in the data folder", got=f"{len(chosen)} files in {data}")
    _write(target, rows, _data_of(chosen))
    return len(rows)


def chosen_items(items: Sequence[Item]) -> list[Item]:
    """Pictures and clips, at most so many of a set, source, method and class, spread evenly; no judges."""
    groups: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    for item in items:
        if item.set_name not in _JUDGES and "speech" not in item.set_name:
            groups[item.set_name, item.origin, item.method, item.split].append(item)
    chosen = []
    for mine in groups.values():
        count = min(_MAX_OF_SET, len(mine))
        chosen += [mine[i * len(mine) // count] for i in range(count)]
    return chosen


def _crops(item: Item, archives: dict[Path, zipfile.ZipFile]) -> Iterator[tuple[Face, bytes, Floats]]:
    """Of the most prominent person, frame by frame: the face, its crop encoded, landmarks in [0, 1] of the crop."""
    source: bytes | Path = item.path
    try:
        if item.member:
            if item.path not in archives:
                archives[item.path] = zipfile.ZipFile(item.path)
            source = archives[item.path].read(item.member)
        with media.at_hand(source) as given, media.opened(given.path) as facts:
            frames = tuple(media.sample_frames(facts, FRAMES))
    except (MediaError, zipfile.BadZipFile, zlib.error):
        return  # a damaged file of a large set is no reason to stop
    for face in _most_prominent(frames):
        frame = frames[face.frame]
        crop = faces.cut(frame, face, ROOM) if face.quality.sharpness >= MIN_SHARPNESS else None
        if crop is not None:
            yield face, encode(crop, ".jpg", _QUALITY), _relative(frame, face)


def _most_prominent(frames: tuple[Frame, ...]) -> tuple[Face, ...]:
    people = faces.find_people(frames)
    if not people:
        return ()
    return max(people, key=lambda track: sum([face.quality.face_px for face in track.faces])).faces


def _relative(frame: Frame, face: Face) -> Floats:
    if face.landmarks is None:
        return np.full((468, 2), np.nan, np.float32)
    box = faces.region(frame, face, ROOM)
    corner, size = np.array([box.left, box.top]), np.array([box.width, box.height])
    return np.asarray((face.landmarks[:, :2] - corner) / size, np.float32)


def _data_of(chosen: Sequence[Item]) -> str:
    """What is asked of the data folder: which files, as what, and how large they or their archives are."""
    sizes = {path: path.stat().st_size for path in {item.path for item in chosen}}
    return made_of(
        sorted(f"{item.digest} {item.forged} {item.method} {item.split} {sizes[item.path]}" for item in chosen)
    )


def _write(target: Path, rows: Sequence[tuple[Item, Face, bytes, Floats]], data_of: str) -> None:
    """A forgery points to a genuine face of the same recording, where there is one."""
    genuine: dict[tuple[str, str], int] = {}
    for number, (item, face, _, _) in enumerate(rows):
        if not item.forged and item.video:
            genuine.setdefault((item.set_name, f"{item.video} {face.frame}"), number)
    columns: dict[str, list[object]] = defaultdict(list)
    for item, face, _, points in rows:
        original = genuine.get((item.set_name, f"{item.video} {face.frame}"), -1) if item.forged else -1
        values = {
            "forged": item.forged,
            "original": original,
            "landmarks": points,
            "path": item.name,
            "source": _MADE_FROM.get(item.origin, item.origin) or item.set_name,
            "identity": f"{item.set_name} {item.group}",
            "split": item.split,
            "face_px": face.quality.face_px,
            "kind": kind_of(item),
            "method": item.method,
            "medium": item.digest,
        }
        for name, value in values.items():
            columns[name].append(value)
    blobs = [row[2] for row in rows]
    types = {"landmarks": np.float16, "face_px": np.float32, "original": np.int64}
    arrays = {name: np.array(values, types.get(name)) for name, values in columns.items()}
    arrays |= {"data": np.frombuffer(b"".join(blobs), np.uint8), "offsets": offsets_of(blobs)}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial.npz")
    about = {"version": np.array(VERSION), "side": np.array(ROOM.size_px), "made_of": np.array(data_of)}
    np.savez(partial, allow_pickle=False, **about, **arrays)
    partial.replace(target)
