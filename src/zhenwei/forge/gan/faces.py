"""Faces to learn from: drawn puppets, or pictures that a consent manifest covers."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import Consent, check_files
from zhenwei.forge.puppet import any_puppet, portraits
from zhenwei.forge.swap.sides import of_portraits
from zhenwei.types import Floats, Pixels

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MIN_IMAGES = 32
_ZOOM = 1.25  # of puppets' portraits, whose faces are 0.66 of the picture high
_TALL = 0.66 * _ZOOM


@dataclass(frozen=True, slots=True)
class TrainingFaces:
    """``pixels`` (n, side, side, 3) uint8 RGB to learn from. ``words``: what they are. ``consent``: SHA-256 of the
    manifest that covers them, "" for puppets, which are nobody."""

    pixels: Pixels
    words: str
    consent: str = ""

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or self.pixels.dtype != np.uint8:
            raise UsageError("these are no faces", got=f"{shape} {self.pixels.dtype}", want="(n, side, side, 3) uint8")
        if len(self.pixels) < MIN_IMAGES:
            raise UsageError("too few pictures to learn from", got=str(len(self.pixels)), want=f">= {MIN_IMAGES}")


def puppets(count: int, side: int, seed: int) -> TrainingFaces:
    """``count`` drawn puppets, each another one."""
    drawn = [portraits(any_puppet(np.random.default_rng([seed, k])), 1, 2 * side, seed + k)[0] for k in range(count)]
    large = of_portraits("puppets", drawn, _ZOOM).pixels
    small = large.reshape(count, side, 2, side, 2, 3).mean((2, 4)).round().astype(np.uint8)
    return TrainingFaces(small, f"{count} drawn puppets, seed {seed}")


def faces_of(files: Iterable[Path], side: int, consent: Consent, subject: str, today: datetime.date) -> TrainingFaces:
    """Square middles of pictures of faces, after ``consent`` was found to cover every file for ``subject``'s face.

    Raises DataError where consent does not cover a file, or one cannot be read as a picture."""
    held = sorted(files)
    check_files(consent, subject, held, today, "face")
    if not held:
        raise UsageError("there are no pictures to learn from", want=f"a folder with {', '.join(SUFFIXES)}")
    return TrainingFaces(
        np.stack([read_square(path, side) for path in held]), f"{len(held)} pictures of {subject}", consent.sha256
    )


def framed(pixels: Pixels, landmarks: Floats, side: int) -> Pixels:
    """``(side, side, 3)``: a face with ``landmarks`` ``(468, 2 or 3)`` as large in its frame as :func:`puppets` are."""
    points = landmarks[:, :2]
    middle, tall = (points.min(0) + points.max(0)) / 2, float(np.ptp(points[:, 1]))
    scale = side * _TALL / max(tall, 1.0)
    matrix = np.array([[scale, 0, side / 2 - scale * middle[0]], [0, scale, side / 2 - scale * middle[1]]], np.float32)
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.5 / scale) if scale < 1 else pixels
    moved = cv2.warpAffine(soft, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def mirrored(faces: TrainingFaces) -> Callable[[int, torch.Generator], Tensor]:
    """Draws (n, 3, side, side) in [-1, 1] with replacement, one half mirrored."""
    held = torch.from_numpy(faces.pixels).permute(0, 3, 1, 2).contiguous()

    def draw(n: int, rng: torch.Generator) -> Tensor:
        drawn = held[torch.randint(len(held), (n,), generator=rng)].float() / 127.5 - 1
        flip = torch.rand(n, generator=rng) < 0.5
        return torch.where(flip[:, None, None, None], drawn.flip(3), drawn)

    return draw


def read_square(path: Path, side: int) -> NDArray[np.uint8]:
    """The square middle of a picture, (side, side, 3). DataError where it cannot be read."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * side, 2 * side))
            whole = image.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read {path.name} as a picture", got=str(error)[:200]) from None
    edge = min(whole.size)
    left, top = (whole.width - edge) // 2, (whole.height - edge) // 2
    middle = whole.crop((left, top, left + edge, top + edge))
    return np.asarray(
        middle.resize((side, side), Image.Resampling.BOX if edge >= 2 * side else Image.Resampling.BICUBIC)
    )
