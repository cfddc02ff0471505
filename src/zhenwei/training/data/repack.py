"""A pack that is small enough to be carried: fewer bytes for each picture, the same ones every time.

What goes first is what nobody trains on: the pictures of the test, and the landmarks of forgeries. Then *every* picture
is encoded anew at one size and quality, also where its file would have been smaller as it was: were some spared,
how often a picture was encoded could tell the classes apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError, UsageError
from zhenwei.training.data.encoding import decode, encode, shrink
from zhenwei.training.data.pack import COLUMNS, VERSION, Pack, offsets_of

# (side in px, WebP quality), from the most faithful down
LADDER = (
    (224, 95),
    (224, 92),
    (224, 90),
    (224, 88),
    (224, 85),
    (208, 85),
    (192, 90),
    (192, 85),
    (192, 80),
    (192, 75),
    (192, 70),
)
_SAMPLED = 200
_SPARE = 1.01


@dataclass(frozen=True, slots=True)
class Repacked:
    """What became of a pack. ``error``: mean absolute difference of a sample of pictures from what they were, in grey
    levels at the size of the new pack."""

    images: int
    left_out: int
    side: int
    quality: int
    bytes: int
    bytes_before: int
    error: float

    def __str__(self) -> str:
        return (
            f"{self.images} pictures of {self.side} px, WebP quality {self.quality}: {self.bytes / 1e6:.1f} MB, from "
            f"{self.bytes_before / 1e6:.1f} MB. Left out: {self.left_out} pictures of the test, landmarks. "
            f"Lost: {self.error:.1f} grey levels on average by encoding anew. Calibrate with the pack it was made of."
        )


def repack(pack: Pack, target: Path, max_mb: float, progress: Callable[[float], None] | None = None) -> Repacked:
    """Writes ``target``, at most ``max_mb`` million bytes. Raises :class:`UsageError` if that cannot be reached."""
    kept = np.flatnonzero(pack.split != "val")
    if not len(kept):
        raise DataError("the pack holds nothing to train on", got=f"{len(pack)} pictures of the test")
    sample = kept[:: max(1, len(kept) // _SAMPLED)]
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial.npz")
    columns = _columns(pack, kept)
    fixed = _write(partial, columns, [b""] * len(kept), pack.side)
    try:
        for side, quality in LADDER:
            if side > pack.side:
                continue
            expected = np.mean([len(_encoded(pack, int(i), side, quality)) for i in sample]) * len(kept) + fixed
            if _SPARE * expected > max_mb * 1e6:
                continue
            blobs = []
            for number, index in enumerate(kept):
                if progress:
                    progress(number / len(kept))
                blobs.append(_encoded(pack, int(index), side, quality))
            size = _write(partial, columns, blobs, side)
            if size <= max_mb * 1e6:
                partial.replace(target)
                errors = []
                for index in sample:
                    before = shrink(pack.pixels(int(index)), side)
                    after = decode(encode(before, ".webp", quality))
                    errors.append(np.abs(before.astype(np.int16) - after).mean())
                lost = float(np.mean(errors))
                return Repacked(len(kept), len(pack) - len(kept), side, quality, size, len(pack.data), lost)
    finally:
        partial.unlink(missing_ok=True)
    raise UsageError("the pack cannot be made as small as that", got=f"{max_mb:g} MB", fix="Allow more with --max-mb.")


def _columns(pack: Pack, kept: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    columns = {name: getattr(pack, name)[kept] for name in COLUMNS if name not in ("data", "offsets")}
    where = np.full(len(pack) + 1, -1, np.int64)  # the last one stands for "of nothing"
    where[kept] = np.arange(len(kept))
    columns["original"] = where[columns["original"]]
    columns["landmarks"] = np.where(columns["forged"][:, None, None], np.float16(np.nan), columns["landmarks"])
    return columns


def _encoded(pack: Pack, index: int, side: int, quality: int) -> bytes:
    return encode(shrink(pack.pixels(index), side), ".webp", quality)


def _write(path: Path, columns: dict[str, NDArray[Any]], blobs: list[bytes], side: int) -> int:
    arrays = columns | {
        "version": np.array(VERSION),
        "side": np.array(side),
        "data": np.frombuffer(b"".join(blobs), np.uint8),
        "offsets": offsets_of(blobs),
    }
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return path.stat().st_size
