"""A photos.zip and photos.csv made of one face, for trainers that read them."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from zhenwei.training.data.encoding import encode
from zhenwei.training.data.portraits import kept_out
from zhenwei.types import Pixels

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.jpg"


@cache
def astronaut(side: int = 256) -> Pixels:
    image = np.asarray(Image.open(ASTRONAUT).convert("RGB"), np.uint8)[:320, 60:380]
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def few(source: str, share: float, *, learn: int, held_out: int) -> list[tuple[str, int]]:
    """The first numbers of a source of which so many are learned from and so many held out, by their names."""
    numbers = [(kept_out(f"train/{source}-{i:04}.jpg", share), i) for i in range(100)]
    kept = [i for out, i in numbers if not out][:learn] + [i for out, i in numbers if out][:held_out]
    return [(source, i) for i in sorted(kept)]


def album(
    folder: Path, rows: Sequence[tuple[str, Pixels] | tuple[tuple[str, int], Pixels]], split: str = "train"
) -> Path:
    """Rows of (source, picture), numbered in turn, or of ((source, number), picture); "stylegan" is the forged one.
    Returns ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        zipfile.ZipFile(folder / "photos.zip", "w") as archive,
        (folder / "photos.csv").open("w", newline="", encoding="utf-8") as text,
    ):
        table = csv.writer(text)
        table.writerow(["path", "label", "generator", "source", "split"])
        for place, (name, pixels) in enumerate(rows):
            source, number = (name, place) if isinstance(name, str) else name
            path = f"{split}/{source}-{number:04}.jpg"
            archive.writestr(path, encode(pixels, ".jpg", 95))
            table.writerow([path, "fake" if source == "stylegan" else "real", "", source, split])
    return folder
