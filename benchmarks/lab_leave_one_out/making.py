"""The faces and their forgeries: genuine faces of the shared data, each forged by every method of the lab.

Faces are cut as `cnn.face_forgery` is fed, at 128 px, forged at that size, and saved as JPEG; a face and all that is
made of it share one quality, drawn beforehand. Donors are other people of the same source and part.
"""

from __future__ import annotations

import csv
import sys
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from benchmarks.lab_leave_one_out.pack import BACKBONE, FACES, SIDE, Pack, save
from safetensors.torch import save_file

from zhenwei import faces, models
from zhenwei.errors import DataError
from zhenwei.forge import make
from zhenwei.forge.synthesis import nearest_donors
from zhenwei.nets.efficientnet_lite import EfficientNetLite, load_imagenet
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.imagenet import imagenet_state
from zhenwei.types import Floats, Frame, InputContract, Pixels

_T = TypeVar("_T")
SEED = 20261129
METHODS = tuple(name for name in make.METHODS if name != make.VIDEO)
QUALITY = (60, 90)
CROP = InputContract(size_px=SIDE, margin=0.0, min_face_px=64)
_DONORS = 6  # of the most alike, one is drawn for each method
_EACH = {"train": 1, "val": 2}  # faces of one person
# Faces forged, and faces that are genuine only. Stock portraits are a source that nothing here is trained on.
_FORGED = {
    ("dfdc", "train"): 260,
    ("ffhq", "train"): 160,
    ("dfdc", "val"): 120,
    ("ffhq", "val"): 70,
    ("stock", "val"): 50,
}
_GENUINE = {("dfdc", "train"): 200, ("ffhq", "train"): 140}


@dataclass(frozen=True, slots=True)
class Row:
    data: bytes
    person: str
    source: str
    split: str


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    row: Row
    pixels: Pixels
    landmarks: Floats
    number: int


def build(data: Path, folder: Path, workers: int) -> None:
    """Writes the faces and the backbone that every training starts from, of ImageNet, which saw no forgery."""
    make.round_trip(data)  # or each face would be left out for want of the autoencoder, silently
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as crew:
        sitters = _found(crew, [row for part in _FORGED for row in _rows(data, *part)])
        chosen = [s for part in _FORGED for s in _of_part(sitters, part)[: _FORGED[part]]]
        tasks = [(one, _donors(one, chosen), data) for one in chosen]
        made = list(_told(crew.map(_forged, tasks, chunksize=4), len(tasks), "faces forged"))
    whole = [(one, forged) for one, forged in zip(chosen, made, strict=True) if forged]
    bare = [s for part, n in _GENUINE.items() for s in _of_part(sitters, part)[_FORGED[part] :][:n]]
    save(_packed([*whole, *((one, {}) for one in bare)]), folder / FACES)
    save_file(_backbone(), folder / BACKBONE)


def _rows(data: Path, source: str, split: str) -> list[Row]:
    """As many people as are needed and a few more, in an order of its own, at most so many faces of each."""
    name = "dfdc-faces" if source == "dfdc" else "photos"
    with (data / f"{name}.csv").open(encoding="utf-8", newline="") as text:
        rows = [r for r in csv.DictReader(text) if r["label"] == "real" and r["split"] == split]
    if source != "dfdc":
        rows = [r for r in rows if ("ffhq" in r["source"]) == (source == "ffhq")]
    wanted = 1.1 * (_FORGED[source, split] + _GENUINE.get((source, split), 0))
    taken: list[Row] = []
    count: dict[str, int] = {}
    with zipfile.ZipFile(data / f"{name}.zip") as archive:
        for index in np.random.default_rng(SEED).permutation(len(rows)):
            row = rows[int(index)]
            person = f"{source}/{row.get('identity') or Path(row['path']).stem}"
            if len(taken) < wanted and count.get(person, 0) < _EACH[split]:
                count[person] = count.get(person, 0) + 1
                taken.append(Row(archive.read(row["path"]), person, source, split))
    return taken


def _found(crew: ProcessPoolExecutor, rows: list[Row]) -> list[Sitter]:
    cut = _told(crew.map(_cut, rows, chunksize=8), len(rows), "faces looked for")
    there = [(row, found) for row, found in zip(rows, cut, strict=True) if found is not None]
    return [Sitter(row, *found, number) for number, (row, found) in enumerate(there)]


def _of_part(sitters: list[Sitter], part: tuple[str, str]) -> list[Sitter]:
    return [s for s in sitters if (s.row.source, s.row.split) == part]


def _cut(row: Row) -> tuple[Pixels, Floats] | None:
    """The face at the lab's size with its landmarks, ``(468, 2)`` in pixels of it."""
    frame = Frame(0, 0.0, decode(row.data))
    face = max((t.faces[0] for t in faces.find_people((frame,))), key=lambda f: f.box.area, default=None)
    pixels = None if face is None else faces.cut(frame, face, CROP)
    if face is None or face.landmarks is None or pixels is None:
        return None
    region = faces.region(frame, face, CROP)
    scale = SIDE / np.array([region.width, region.height], np.float32)
    return pixels, np.asarray((face.landmarks[:, :2] - (region.left, region.top)) * scale, np.float32)


def _donors(one: Sitter, people: list[Sitter]) -> list[Sitter]:
    others = [
        s
        for s in people
        if (s.row.source, s.row.split) == (one.row.source, one.row.split) and s.row.person != one.row.person
    ]
    nearest = nearest_donors(one.landmarks, np.stack([s.landmarks for s in others]), _DONORS)
    return [others[int(i)] for i in nearest]


def _forged(task: tuple[Sitter, list[Sitter], Path]) -> dict[str, Pixels]:
    """By every method, or by none: where one refuses, the face is not asked of. The folder holds the autoencoder."""
    one, donors, latents = task
    rng = np.random.default_rng((SEED, one.number))
    made = {}
    for method in METHODS:
        donor = donors[int(rng.integers(len(donors)))]
        try:
            made[method] = make.forge_image(method, _as_lab(one), rng, _as_lab(donor), latents=latents).pixels
        except DataError:
            return {}
    return made


def _as_lab(one: Sitter) -> make.Sitter:
    return make.Sitter(Path(one.row.person), b"", one.pixels, one.landmarks, 1.0)


def _packed(made: list[tuple[Sitter, Mapping[str, Pixels]]]) -> Pack:
    blobs: list[bytes] = []
    rows: list[tuple[str, int, str, str, str, int]] = []
    for one, forged in made:
        quality = int(np.random.default_rng((SEED, 1, one.number)).integers(QUALITY[0], QUALITY[1] + 1))
        genuine = len(rows)
        for method, pixels in {"": one.pixels, **forged}.items():
            blobs.append(encode(pixels, ".jpg", quality))
            rows.append((method, genuine, one.row.person, one.row.source, one.row.split, quality))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    offsets = np.cumsum([0, *map(len, blobs)]).astype(np.int64)
    return Pack(np.frombuffer(b"".join(blobs), np.uint8), offsets, *columns)


def _backbone() -> dict[str, torch.Tensor]:
    """Halves of the published weights, but for what normalises: it is small, and its range is not."""
    net = EfficientNetLite("lite0")
    load_imagenet(net, imagenet_state("lite0"))
    state = net.state_dict()
    return {k: v.half().contiguous() if v.ndim == 4 else v.contiguous() for k, v in state.items()}


def _one_thread() -> None:
    cv2.setNumThreads(1)
    models.set_threads(1)


def _told(items: Iterable[_T], count: int, what: str) -> Iterable[_T]:
    for number, item in enumerate(items, 1):
        if number % 100 == 0 or number == count:
            sys.stderr.write(f"{what}: {number} of {count}\n")
            sys.stderr.flush()
        yield item


def summary(pack: Pack) -> str:
    """A line for each part: people, pictures by method."""
    lines = []
    for split in ("train", "val"):
        counts = {m or "genuine": len(pack.rows(split, m)) for m in ("", *METHODS)}
        lines.append(f"{split}: {len(set(pack.person[pack.split == split]))} people, {counts}\n")
    return "".join(lines)
