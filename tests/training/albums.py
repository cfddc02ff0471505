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

from zhenwei.training.pictures import encode
from zhenwei.types import Pixels

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.jpg"


@cache
def astronaut(side: int = 256) -> Pixels:
    picture = np.asarray(Image.open(ASTRONAUT).convert("RGB"), np.uint8)[:320, 60:380]
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def album(folder: Path, rows: Sequence[tuple[str, Pixels]], split: str = "train") -> Path:
    """Rows of (source, picture); "stylegan" is the forged one. Returns ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        zipfile.ZipFile(folder / "photos.zip", "w") as archive,
        (folder / "photos.csv").open("w", newline="", encoding="utf-8") as text,
    ):
        table = csv.writer(text)
        table.writerow(["path", "label", "generator", "source", "split"])
        for number, (source, pixels) in enumerate(rows):
            path = f"{split}/{source}-{number:04}.jpg"
            archive.writestr(path, encode(pixels, ".jpg", 95))
            table.writerow([path, "fake" if source == "stylegan" else "real", "", source, split])
    return folder
