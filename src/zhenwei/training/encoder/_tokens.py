"""What heads of the encoder learn from and are measured on: tokens of the room's faces, each as it might be delivered,
of genuine ones that were altered, and of pairs made here. Computed once for a tower."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zhenwei.files import make_folder
from zhenwei.nets.face_encoder import PARTS, ClipTower, Read, shares_of_patches
from zhenwei.training.data.altered import WAYS
from zhenwei.training.data.augment import AugmentationDraw, draw
from zhenwei.training.data.encoding import shrink
from zhenwei.training.data.face_room import FaceRoom
from zhenwei.training.data.made_pairs import PairMaker, learning_rows
from zhenwei.training.encoder._tune import EncoderRecipe
from zhenwei.types import Floats, Pixels

FACES_OF_CLIP, _MAX_FACES = 4, 2000  # of a medium; of a source and class: all that there are so far, each asked
_MADE, BEYOND = 60, 10**6  # batches of pairs for the heads, at steps that no training comes to
_ALTERED = 70  # faces of each source that are altered, in each way
_BATCH = 16
_VIEW = (48, 272)  # of a crop of 320: the margin that the detectors see
Encode = Callable[[Pixels], NDArray[np.float16]]
"""``(n, 224, 224, 3)`` uint8 -> ``(n, blocks, 4, width)``: as :class:`TokensNet`."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenTable:
    """``tokens`` ``(n, blocks, 4, width)`` float16: as :class:`TokensNet` gives them. ``kind``: "" genuine, of
    :data:`KINDS`, or made here; ``medium``, ``group``: whose rows belong together; ``face_px``, 0 of pairs. ``split``:
    "val" is asked and never learned from. ``origin``: the source, or that of the face which was altered."""

    tokens: NDArray[np.float16]
    kind: NDArray[np.str_]
    source: NDArray[np.str_]
    method: NDArray[np.str_]
    medium: NDArray[np.str_]
    group: NDArray[np.str_]
    face_px: NDArray[np.float32]
    split: NDArray[np.str_]
    origin: NDArray[np.str_]

    def read(self, reads: Sequence[Read]) -> Floats:
        """``(n, len(reads) * width)`` float32."""
        parts = [self.tokens[:, block, PARTS.index(part)] for block, part in reads]
        return np.concatenate(parts, 1).astype(np.float32)

    @property
    def collected(self) -> NDArray[np.bool_]:
        """Rows of files, not made here."""
        return ~np.char.startswith(self.kind, "made")


def chosen_rows(room: FaceRoom) -> NDArray[np.int64]:
    """Up to four faces of each medium and two thousand of each source, class and method, evenly spread."""
    taken: dict[str, int] = {}
    groups: dict[tuple[str, ...], list[int]] = {}
    for row in range(len(room)):
        medium = str(room.medium[row])
        place = taken[medium] = taken.get(medium, -1) + 1
        if place % 2 == 0 and place < 2 * FACES_OF_CLIP:  # every other frame of eight
            key = (str(room.pack.source[row]), str(room.kind[row]), str(room.method[row]))
            groups.setdefault(key, []).append(row)
    chosen = [row for mine in groups.values() for row in _evenly(mine, _MAX_FACES)]
    return np.array(sorted(chosen), np.int64)


def altered_rows(room: FaceRoom, recipe: EncoderRecipe) -> list[int]:
    """Genuine faces that may be learned from, up to seventy of each source, evenly spread."""
    by_source: dict[str, list[int]] = {}
    for row in learning_rows(room, recipe).tolist():
        by_source.setdefault(str(room.pack.source[row]), []).append(row)
    return [row for mine in by_source.values() for row in _evenly(mine, _ALTERED)]


def _evenly(rows: Sequence[int], limit: int) -> list[int]:
    count = min(limit, len(rows))
    return [rows[i * len(rows) // count] for i in range(count)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a table says of one face, but its tokens."""

    kind: str
    source: str
    method: str
    medium: str
    group: str
    split: str
    origin: str
    face_px: float


def table_of(
    encode: Encode, room: FaceRoom, maker: PairMaker, recipe: EncoderRecipe, progress: Callable[[float], None]
) -> TokenTable:
    """Tokens of the room's faces, each as it might be delivered (a forgery like its original), of genuine ones altered,
    and of pairs made."""
    rows, altered = chosen_rows(room), altered_rows(room, recipe)
    total = len(rows) + len(WAYS) * len(altered) + _MADE * 2 * recipe.pairs
    faces = itertools.chain(_collected(room, rows.tolist(), recipe), _altered(room, altered, recipe), _made(maker))
    asked, found = list[_Asked](), list[NDArray[np.float16]]()
    while batch := list(itertools.islice(faces, _BATCH)):
        found.append(encode(np.stack([pixels for pixels, _ in batch])))
        asked += [one for _, one in batch]
        progress(len(asked) / total)
    columns = {}
    for name in ("kind", "source", "method", "medium", "group", "split", "origin"):
        columns[name] = np.array([getattr(one, name) for one in asked])
    sizes = np.array([one.face_px for one in asked], np.float32)
    return TokenTable(np.concatenate(found), face_px=sizes, **columns)


def _collected(room: FaceRoom, rows: Sequence[int], recipe: EncoderRecipe) -> Iterator[tuple[Pixels, _Asked]]:
    pack = room.pack
    for row in rows:
        name = str(pack.identity[row]) if room.kind[row] != "generated" else str(pack.path[row])
        rng = np.random.default_rng((recipe.seed, 31, zlib.crc32(name.encode())))
        pixels = _view(_delivery(recipe, pack.side, rng).apply(pack.pixels(row)))
        source, method, medium = str(pack.source[row]), str(room.method[row]), str(room.medium[row])
        group, split, face_px = str(pack.identity[row]), str(pack.split[row]), float(pack.face_px[row])
        yield pixels, _Asked(str(room.kind[row]), source, method, medium, group, split, source, face_px)


def _altered(room: FaceRoom, rows: Sequence[int], recipe: EncoderRecipe) -> Iterator[tuple[Pixels, _Asked]]:
    """Each way is the name of a source."""
    pack = room.pack
    for way, alter in WAYS.items():
        for row in rows:
            rng = np.random.default_rng((recipe.seed, 37, zlib.crc32(way.encode()), row))
            delivery, medium = _delivery(recipe, pack.side, rng), f"{way} {row}"
            pixels = _view(delivery.apply(alter(pack.pixels(row), rng)))
            origin, face_px = str(pack.source[row]), float(pack.face_px[row])
            yield pixels, _Asked("made altered", way, "", medium, medium, "train", origin, face_px)


def _made(maker: PairMaker) -> Iterator[tuple[Pixels, _Asked]]:
    for number in range(_MADE):
        batch = maker[BEYOND + number]
        for place, question in enumerate(batch.decoded.tolist()):
            kind = ("made blended", "made decoded")[question] if place % 2 else "made genuine"
            source, medium, group = f"made {question}", f"made {number} {place}", f"made {number} {place // 2}"
            yield batch.pixels[place], _Asked(kind, source, "", medium, group, "train", source, 0.0)


def _delivery(recipe: EncoderRecipe, side: int, rng: np.random.Generator) -> AugmentationDraw:
    return draw(recipe.augmentation.model_copy(update={"rotate_deg": 0.01}), side, side, rng)


def _view(crop: Pixels) -> Pixels:
    first, last = _VIEW
    return shrink(np.ascontiguousarray(crop[first:last, first:last]), last - first)


class TokensOutput(NamedTuple):
    """``tokens`` ``(n, blocks, 4, width)``: :data:`~zhenwei.nets.face_encoder.PARTS` after each block."""

    tokens: Tensor


class TokensNet(nn.Module):
    """The tower as heads see it."""

    shares: Tensor

    def __init__(self, tower: ClipTower) -> None:
        super().__init__()
        self.tower = tower
        self.register_buffer("shares", shares_of_patches(), persistent=False)

    def forward(self, x: Tensor) -> TokensOutput:
        pooled = [torch.cat([block[:, :1], self.shares @ block[:, 1:]], 1) for block in self.tower(x)]
        return TokensOutput(torch.stack(pooled, 1))


def save_table(table: TokenTable, path: Path) -> None:
    make_folder(path.parent)
    np.savez(path, allow_pickle=False, **{name: getattr(table, name) for name in TokenTable.__dataclass_fields__})


def load_table(path: Path) -> TokenTable:
    with np.load(path, allow_pickle=False) as file:
        return TokenTable(**{name: file[name] for name in TokenTable.__dataclass_fields__})
