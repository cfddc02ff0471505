"""The training pack: every face as the detector will see it, with landmarks, in one file that any machine can read.

Built once from the data folder (zips with a CSV each), it holds encoded pictures rather than arrays, so that it stays
small enough to be carried to another machine. Columns are parallel arrays of one ``.npz``.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import tempfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei import faces, models
from zhenwei.errors import DataError, UsageError
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.photographs import largest_face, read_archive
from zhenwei.types import Box, Floats, Frame, InputContract, Pixels

VERSION = 1
_SIDE = 224
_ARCHIVES = ("dfdc-faces", "photos")


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """``data[offsets[i]:offsets[i + 1]]`` is picture i, JPEG, PNG or WebP, ``side`` px high and wide.

    ``original`` points from a forgery to the genuine picture it was made from, -1 where there is none. ``landmarks``
    ``(n, 468, 2)`` float16, in [0, 1] of the crop; NaN where the mesh found none. ``split`` and the other columns are
    strings. ``decoded``: all pictures as ``(n, side, side, 3)``, where there is room for them (:func:`kept_decoded`).
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    forged: NDArray[np.bool_]
    original: NDArray[np.int64]
    landmarks: NDArray[np.float16]
    path: NDArray[np.str_]
    source: NDArray[np.str_]
    identity: NDArray[np.str_]
    split: NDArray[np.str_]
    face_px: NDArray[np.float32]
    side: int = _SIDE
    decoded: Pixels | None = None

    def __len__(self) -> int:
        return len(self.forged)

    def pixels(self, index: int) -> Pixels:
        """``(side, side, 3)`` uint8 RGB, the caller's to change."""
        if self.decoded is not None:
            return np.array(self.decoded[index])
        image = decode(self.data[self.offsets[index] : self.offsets[index + 1]].tobytes())
        if image.shape[:2] != (self.side, self.side):
            return np.asarray(cv2.resize(image, (self.side, self.side), interpolation=cv2.INTER_AREA), np.uint8)
        return image

    def points(self, index: int) -> Floats | None:
        """``(468, 2)`` float32 in pixels of ``pixels(index)``, or None."""
        points = self.landmarks[index].astype(np.float32) * self.side
        return points if np.isfinite(points).all() else None


# What every pack holds of each picture; ``side`` is one number for all of them, 224 where a file does not say.
COLUMNS = tuple(name for name in Pack.__dataclass_fields__ if name not in ("side", "decoded"))
_KINDS = {"data": "u", "offsets": "iu", "forged": "b", "original": "i", "landmarks": "f", "face_px": "f"}
_KINDS |= dict.fromkeys(("path", "source", "identity", "split"), "U")  # as NumPy calls them


@contextmanager
def kept_decoded(pack: Pack) -> Iterator[Pack]:
    """``pack`` with its pictures decoded once, in a file that all processes map; it is deleted at the end.

    Raises :class:`DataError` where the folder for temporary files has no room for it.
    """
    shape = (len(pack), pack.side, pack.side, 3)
    needed = int(np.prod(shape))
    with tempfile.TemporaryDirectory(prefix="zhenwei-decoded-", ignore_cleanup_errors=True) as folder:
        free = shutil.disk_usage(folder).free
        if free < 1.1 * needed:
            got, want = f"{free / 1e9:.1f} GB in {tempfile.gettempdir()}", f"{1.1 * needed / 1e9:.1f} GB"
            raise DataError("there is no room for decoded pictures", got=got, want=want, fix="Leave --cache out.")
        path = Path(folder) / "decoded.bin"
        with path.open("wb") as file:
            for index in range(len(pack)):
                file.write(pack.pixels(index).tobytes())
        yield replace(pack, decoded=np.memmap(path, np.uint8, "r", shape=shape))


@dataclass(frozen=True, slots=True)
class _Row:
    data: bytes
    forged: bool
    original: str
    path: str
    source: str
    identity: str
    split: str
    width_px: float  # of the face before the publisher scaled it; 0 = measure it here


_Prepared = tuple[bytes, Floats, float]  # encoded crop, landmarks in [0, 1] of it, side of the face in px


def build_pack(
    folder: Path, target: Path, progress: Callable[[float], None] | None = None, *, workers: int = 1
) -> tuple[int, int]:
    """Reads ``dfdc-faces`` and ``photos`` from ``folder``, writes ``target``; returns (kept, dropped) pictures.

    ``workers``: processes that look for faces. Dropped are pictures without a face that can be cut out, and forgeries
    whose original was dropped. Raises :class:`DataError` where files are missing or damaged, or no face is left.
    """
    rows = [*read_archive(folder, _ARCHIVES[0], _dfdc_row), *read_archive(folder, _ARCHIVES[1], _photo_row)]
    data = _data_of(folder)
    kept: list[tuple[_Row, _Prepared]] = []
    there: set[tuple[str, str]] = set()
    for number, (row, prepared) in enumerate(zip(rows, _all_prepared(rows, workers), strict=True)):
        if progress:
            progress(number / len(rows))
        if prepared is None:
            continue
        kept.append((row, prepared))
        if not row.forged:
            there.add(_name(row))
    whole = []
    for row, prepared in kept:
        if not row.forged or not row.original or _made_of(row) in there:
            whole.append((row, prepared))
    if not whole:
        raise DataError("no face was found in the data folder", got=f"{len(rows)} pictures in {folder}")
    _write(target, whole, data)
    return len(whole), len(rows) - len(whole)


def _all_prepared(rows: Sequence[_Row], workers: int) -> Iterator[_Prepared | None]:
    """In the order of ``rows``, never far ahead of who takes them."""
    if workers < 2:
        yield from map(_prepare, rows)
        return
    crew = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread)
    try:
        coming = iter(rows)
        waiting = deque(crew.submit(_prepare, row) for row in itertools.islice(coming, 8 * workers))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(crew.submit(_prepare, row) for row in itertools.islice(coming, 1))
    except BrokenProcessPool as error:
        fix = "Where memory ran out, take fewer --workers."
        raise DataError("a process that looks for faces died", got=str(error), fix=fix) from error
    finally:
        crew.shutdown(cancel_futures=True)


def _one_thread() -> None:
    cv2.setNumThreads(1)
    models.set_threads(1)


def _name(row: _Row) -> tuple[str, str]:
    return row.source, Path(row.path).stem


def _made_of(row: _Row) -> tuple[str, str]:
    return row.source, row.original


def _data_of(folder: Path) -> str:
    """The tables as they are, and how large the archives are: what tells one data folder from another quickly."""
    parts = []
    for name in _ARCHIVES:
        table, archive = folder / f"{name}.csv", folder / f"{name}.zip"
        parts.append(hashlib.sha256(table.read_bytes()).hexdigest() if table.is_file() else "")
        parts.append(str(archive.stat().st_size) if archive.is_file() else "")
    return made_of(parts)


def made_of(parts: Iterable[str]) -> str:
    """One word for the data that something was prepared from."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def refuse_other_data(prepared: Path, now: str) -> None:
    """Raises :class:`UsageError` where what was ``prepared`` is of other data than those that are named ``now``: a run
    that went on with it would learn from what nobody asked for. What an older version prepared does not say."""
    with np.load(prepared, allow_pickle=False) as file:
        then = str(file["made_of"]) if "made_of" in file else now
    if then != now:
        fix = "Choose another --output, or name the --data it began with; the file itself is data, too."
        raise UsageError("the output folder holds faces of other data", got=str(prepared), fix=fix)


def _write(target: Path, kept: list[tuple[_Row, _Prepared]], data_of: str) -> None:
    rows, prepared = zip(*kept, strict=True)
    blobs, landmarks, sides_px = zip(*prepared, strict=True)
    face_px, where = [], dict[tuple[str, str], int]()
    for number, (row, side_px) in enumerate(zip(rows, sides_px, strict=True)):
        face_px.append(row.width_px or side_px)
        if not row.forged:
            where[_name(row)] = number
    original = [where.get(_made_of(row), -1) if row.forged else -1 for row in rows]
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial.npz")
    arrays: dict[str, NDArray[Any]] = {
        "version": np.array(VERSION),
        "made_of": np.array(data_of),
        "data": np.frombuffer(b"".join(blobs), np.uint8),
        "offsets": offsets_of(blobs),
        "forged": np.array([row.forged for row in rows]),
        "original": np.array(original, np.int64),
        "landmarks": np.array(landmarks, np.float16),
        "face_px": np.array(face_px, np.float32),
    }
    for name in ("path", "source", "identity", "split"):
        arrays[name] = np.array([getattr(row, name) for row in rows])
    np.savez(partial, allow_pickle=False, **arrays)
    partial.replace(target)


def offsets_of(blobs: Sequence[bytes]) -> NDArray[np.int64]:
    """``(n + 1,)``: where each of them begins when they lie one after another, and the end."""
    return np.cumsum([0, *map(len, blobs)], dtype=np.int64)


def load_pack(path: Path, *, fix: str = "") -> Pack:
    """Raises :class:`DataError`, with ``fix`` as the cure, for a file that is missing or is no pack of this version."""
    if not path.is_file():
        raise DataError("the training pack is missing", got=str(path), fix="Build it: zhenwei train ... --data FOLDER")
    if not fix:
        fix = "Name a pack that --make-pack wrote, or a data folder."
    if not zipfile.is_zipfile(path):
        raise _no_pack(path, got="no .npz file, or one that was cut short", fix=fix)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            lacking = [name for name in ("version", *COLUMNS) if name not in file.files]
            if lacking:
                raise _no_pack(path, got=f"no column {', '.join(lacking)}", fix=fix)
            if int(file["version"]) != VERSION:
                raise DataError("the training pack is of another version", got=str(file["version"]), want=str(VERSION))
            side = int(file["side"]) if "side" in file else _SIDE
            pack = Pack(**{name: file[name] for name in COLUMNS}, side=side)
    except (KeyError, ValueError, TypeError, EOFError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        raise _no_pack(path, got="a column that is damaged, or holds no plain numbers and words", fix=fix) from error
    _check(path, pack, fix)
    return pack


def _check(path: Path, pack: Pack, fix: str) -> None:
    """Raises :class:`DataError` where pictures could not be taken from it."""
    for name, kinds in _KINDS.items():
        column = getattr(pack, name)
        if column.dtype.kind not in kinds or column.ndim != (3 if name == "landmarks" else 1):
            raise _no_pack(path, got=f"a column {name} of another kind", fix=fix)
    count = len(pack.forged)
    lengths = {name: len(getattr(pack, name)) for name in COLUMNS if name not in ("data", "offsets")}
    got = ""
    if not count:
        got = "no picture in it"
    elif set(lengths.values()) != {len(pack.offsets) - 1} or pack.offsets[-1] != len(pack.data):
        got = f"columns of {lengths} entries for {len(pack.offsets) - 1} pictures"
    elif pack.offsets[0] != 0 or (np.diff(pack.offsets) <= 0).any():
        got = "offsets that do not rise from 0"
    elif pack.original.min() < -1 or pack.original.max() >= count:
        got = f"an original that is none of the {count} pictures"
    elif pack.landmarks.shape[1:] != (468, 2) or pack.side < 1:
        got = "landmarks or a side that no face has"
    if got:
        raise _no_pack(path, got=got, fix=fix)


def _no_pack(path: Path, *, got: str, fix: str) -> DataError:
    return DataError("this is no training pack", got=f"{path}: {got}", fix=fix)


def _dfdc_row(row: dict[str, str], data: Callable[[], bytes]) -> _Row:
    forged, width_px = row["label"] == "fake", float(row["width_px"])
    return _Row(data(), forged, row["original"], row["path"], "dfdc", row["identity"], row["split"], width_px)


def _photo_row(row: dict[str, str], data: Callable[[], bytes]) -> _Row:
    source, forged = row["source"].removesuffix("-val"), row["label"] == "fake"
    return _Row(data(), forged, "", row["path"], source, row["path"], row["split"], 0.0)


# The crop that every learned face detector is fed: the box of the face finder, no margin.
CROP = InputContract(size_px=_SIDE, margin=0.0, min_face_px=24)


def _prepare(row: _Row) -> _Prepared | None:
    pixels = decode(row.data)
    frame, face = Frame(0, 0.0, pixels), largest_face(pixels)
    if face is None:
        return None
    crop = faces.cut(frame, face, CROP)
    if crop is None:
        return None
    region = faces.region(frame, face, CROP)
    untouched = row.width_px > 0 and crop.shape == pixels.shape and bool((crop == pixels).all())
    data = row.data if untouched else encode(crop, ".jpg", 97)
    return data, _relative(face.landmarks, region), face.quality.face_px


def _relative(landmarks: Floats | None, region: Box) -> Floats:
    if landmarks is None:
        return np.full((468, 2), np.nan, np.float32)
    corner = np.array([region.left, region.top], np.float32)
    return np.asarray((landmarks[:, :2] - corner) / np.array([region.width, region.height], np.float32), np.float32)


def prepare_pack(
    data: Path, folder: Path, progress: Callable[[float], None] | None = None, *, workers: int = 1
) -> Pack:
    """The pack in ``data`` (a ``.npz``), or built once from the zips in ``data`` into ``folder/pack.npz``."""
    if data.is_file():
        return load_pack(data)
    target = folder / "pack.npz"
    if not target.exists():
        build_pack(data, target, progress, workers=workers)
    pack = load_pack(target, fix="Delete it and build it again.")
    refuse_other_data(target, _data_of(data))
    return pack
