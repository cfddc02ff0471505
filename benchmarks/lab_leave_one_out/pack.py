"""The faces of the measurement in one file, for a machine that has neither the data nor the lab: NumPy, OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FACES, BACKBONE = "faces.npz", "backbone.safetensors"
SIDE = 128


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """Parallel columns. ``data[offsets[i]:offsets[i + 1]]`` is picture i, a JPEG of 128 x 128 px at ``quality``.

    ``method``: "" = genuine. ``original``: the genuine picture that a forgery was made of, itself if genuine. A face
    was forged by every method or by none, a test face by every one.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    method: NDArray[np.str_]
    original: NDArray[np.int64]
    person: NDArray[np.str_]
    source: NDArray[np.str_]
    split: NDArray[np.str_]
    quality: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.method)

    @property
    def methods(self) -> list[str]:
        return sorted({str(m) for m in self.method} - {""})

    def image(self, index: int) -> NDArray[np.uint8]:
        """``(128, 128, 3)`` RGB."""
        read = cv2.imdecode(self.data[self.offsets[index] : self.offsets[index + 1]], cv2.IMREAD_COLOR)
        assert read is not None
        return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)

    def rows(self, split: str, method: str) -> NDArray[np.int64]:
        return np.flatnonzero((self.split == split) & (self.method == method))

    def of_faces(self, methods: Sequence[str]) -> NDArray[np.int64]:
        """``(faces, 1 + methods)``: rows of every forged training face, the genuine picture first."""
        where = {(int(o), str(m)): i for i, (o, m) in enumerate(zip(self.original, self.method, strict=True))}
        whole = [int(i) for i in self.rows("train", "") if (int(i), methods[0]) in where]
        return np.array([[where[i, m] for m in ("", *methods)] for i in whole], np.int64)


def save(pack: Pack, path: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {f.name: getattr(pack, f.name) for f in fields(pack)}
    np.savez(path, allow_pickle=False, **arrays)


def load(path: Path) -> Pack:
    with np.load(path, allow_pickle=False) as file:
        return Pack(**{f.name: file[f.name] for f in fields(Pack)})
