"""Photographs and generated portraits for ``cnn.synthetic_image``: whole pictures with the place of their face.

The face alone is not enough here: a picture is first redrawn, shrunk and re-encoded as a whole and only then cut, as
happens to a file before it reaches the detector.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from zhenwei import faces
from zhenwei.errors import DataError
from zhenwei.faces.sampling import part
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.photographs import largest_face, read_archive
from zhenwei.types import Frame, InputContract, Pixels

_KERNELS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST)
_KERNEL_ODDS = (0.4, 0.3, 0.2, 0.08, 0.02)
T = TypeVar("T")
FAMILY = "ffhq"  # what the generated portraits were learned from
_MIN_PX = 64
_DFDC_SHARE = 0.25  # of the genuine faces there: as many as of all the other sources together


@dataclass(frozen=True, slots=True)
class LabelledPortrait:
    """One published picture, encoded, and the square about its face: corner and side in pixels, no margin."""

    data: bytes
    path: str
    source: str
    forged: bool
    test: bool
    left: float
    top: float
    side: float

    def pixels(self) -> Pixels:
        return decode(self.data)


@dataclass(frozen=True, slots=True)
class ImageDegradation:
    """What happens to a whole picture on its way: scaled by ``scale`` with a kernel, then encoded (or not)."""

    scale: float = 1.0
    kernel: int = cv2.INTER_AREA
    encoding: tuple[str, int] | None = None

    def apply(self, pixels: Pixels) -> Pixels:
        """``(h, w, 3)`` uint8 to about ``scale`` times the size, at least 64 px a side."""
        height, width = pixels.shape[:2]
        scale = max(self.scale, _MIN_PX / min(height, width))
        if scale != 1:
            size = (max(_MIN_PX, round(width * scale)), max(_MIN_PX, round(height * scale)))
            kernel = self.kernel if scale < 1 else cv2.INTER_CUBIC
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=kernel), np.uint8)
        return pixels if self.encoding is None else decode(encode(pixels, *self.encoding))


def draw_degradation(rng: np.random.Generator) -> ImageDegradation:
    """Knows nothing of the label: half of the pictures are scaled by 0.45 to 1.15, most are encoded at 40 to 99."""
    scaled, encoded = rng.random() < 0.55, rng.random() < 0.75
    scale, kernel = float(rng.uniform(0.45, 1.15)), _KERNELS[int(rng.choice(len(_KERNELS), p=_KERNEL_ODDS))]
    extension, quality = ".jpg" if rng.random() < 0.85 else ".webp", int(rng.integers(40, 100))
    return ImageDegradation(scale if scaled else 1.0, kernel, (extension, quality) if encoded else None)


def as_is_and_degraded(pixels: Pixels, seed: tuple[int, ...]) -> tuple[Pixels, Pixels]:
    """The whole picture, and as it arrives, at least saved anew."""
    arrives = draw_degradation(np.random.default_rng(seed))
    if arrives == ImageDegradation():
        arrives = replace(arrives, encoding=(".jpg", 75))
    return pixels, arrives.apply(pixels)


def around_face(pixels: Pixels, portrait: LabelledPortrait, scale: float, margin: float) -> Pixels:
    """The square about the face with ``margin`` on each side, border repeated, of a picture that was scaled."""
    side = portrait.side * scale
    whole = max(1, round(side * (1 + 2 * margin)))
    left = round((portrait.left + portrait.side / 2) * scale - whole / 2)
    top = round((portrait.top + portrait.side / 2) * scale - whole / 2)
    return part(pixels, left, top, left + whole, top + whole)


def as_cut(
    portrait: LabelledPortrait, pixels: Pixels, degradation: ImageDegradation, contract: InputContract
) -> Pixels:
    """``pixels`` delivered and cut the way the detector cuts them: ``(size, size, 3)`` uint8."""
    degraded = degradation.apply(pixels)
    crop = around_face(degraded, portrait, degraded.shape[1] / pixels.shape[1], contract.margin)
    method = cv2.INTER_AREA if crop.shape[0] > contract.size_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (contract.size_px, contract.size_px), interpolation=method), np.uint8)


def kept_out(path: str, share: float) -> bool:
    """Whether a picture is held out of training: the same on every machine."""
    digest = hashlib.sha256(f"synthetic:{path}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share


def parted(items: Iterable[T], share: float, name_of: Callable[[T], str]) -> tuple[list[T], list[T]]:
    """What may be learned from, and what is held out; items of one name go together."""
    learn, held_out = list[T](), list[T]()
    for item in items:
        (held_out if kept_out(name_of(item), share) else learn).append(item)
    return learn, held_out


def read_portraits(folder: Path, progress: Callable[[float], None] | None = None) -> list[LabelledPortrait]:
    """``photos`` and a share of the genuine faces of ``dfdc-faces`` in ``folder`` (zips with a CSV each).

    A picture in which no face is found is left out. Raises :class:`DataError` where files are missing or damaged.
    """
    rows = [*read_archive(folder, "photos", _photo), *read_archive(folder, "dfdc-faces", _dfdc)]
    found: list[LabelledPortrait] = []
    for number, row in enumerate(rows):
        if progress:
            progress(number / len(rows))
        placed = _placed(row)
        if placed is not None:
            found.append(placed)
    if not found:
        raise DataError("no face was found in the data folder", got=f"{len(rows)} pictures in {folder}")
    return found


def _placed(row: LabelledPortrait) -> LabelledPortrait | None:
    pixels = row.pixels()
    face = largest_face(pixels)
    if face is None:
        return None
    square = faces.region(Frame(0, 0.0, pixels), face, InputContract(size_px=1, margin=0.0, min_face_px=1))
    return replace(row, left=square.left, top=square.top, side=square.width)


def _photo(row: dict[str, str], data: Callable[[], bytes]) -> LabelledPortrait:
    source, forged = row["source"].removesuffix("-val"), row["label"] == "fake"
    return LabelledPortrait(data(), row["path"], source, forged, row["split"] == "val", 0, 0, 0)


def _dfdc(row: dict[str, str], data: Callable[[], bytes]) -> LabelledPortrait | None:
    """Genuine faces only; one in four, by the person's name so that a person is in or out as a whole."""
    if row["label"] == "fake" or not kept_out(f"dfdc {row['identity']}", _DFDC_SHARE):
        return None
    return LabelledPortrait(data(), f"{row['identity']}/{row['path']}", "dfdc", False, row["split"] == "val", 0, 0, 0)
