"""Operating points of the whole: how often genuine and forged faces reach a fused LLR, with every detector asked.

Each detector is calibrated by itself; what they say together is measured here, on people and sources that none of them
learned from. To be run whenever a detector joins, leaves or is trained anew.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zhenwei import faces
from zhenwei.detectors import build, catalogue
from zhenwei.errors import DataError
from zhenwei.forge.synthesis import affine_warp, self_blend
from zhenwei.fusion.operating import OperatingPoints, measure_operating_points
from zhenwei.fusion.verdict import fuse
from zhenwei.training.batches import split_pack
from zhenwei.training.calibrate import Shown, delivery, worst_of
from zhenwei.training.face_forgery_publish import HeldOut
from zhenwei.training.pack import Pack
from zhenwei.training.pictures import decode
from zhenwei.training.recipe import Recipe
from zhenwei.types import Detector, Frame, Media, Pixels, Subject, Track

_OF_VIDEO = "dfdc"
_EVERY = 2  # of the held-out people's faces; they are many


@dataclass(frozen=True, slots=True)
class Measured:
    """``answered`` of ``shown`` pictures got an LLR; the others say nothing about thresholds."""

    operating: OperatingPoints
    shown: int
    answered: int


def measure(data: Path, pack: Pack, recipe: Recipe, *, progress: Callable[[float], None] | None = None) -> Measured:
    """Shows held-out faces of ``pack`` (frames of video) and whole photographs of the sources of ``data`` that
    ``recipe`` never trained on to every detector, as they are and as they may arrive.

    Thresholds hold in the worse of frames and photographs. Raises :class:`DataError` where ``data`` lacks the photos.
    """
    asked = [build(name) for name in catalogue()]
    asked = [d for d in asked if d.info.level == "person" and "image" in d.info.takes]
    every = list(_frames(pack, recipe)) + list(_photographs(data, recipe))
    rows: list[tuple[float, bool, str, bool]] = []
    for number, shown in enumerate(every):
        if progress:
            progress(number / len(every))
        llr = _fused(asked, shown.pixels)
        if llr is not None:
            rows.append((llr, shown.forged, f"{shown.source}/{shown.face}", shown.source == _OF_VIDEO))
    return Measured(_points(rows), len(every), len(rows))


def _points(rows: Sequence[tuple[float, bool, str, bool]]) -> OperatingPoints:
    """Pointwise the worse of frames and photographs, for pictures and clips alike; a face counts once."""
    each = []
    for of_video in (True, False):
        mine = [row for row in rows if row[3] == of_video]
        if mine:
            llr, forged, face = [r[0] for r in mine], [r[1] for r in mine], [r[2] for r in mine]
            each.append(measure_operating_points(llr, forged, ["image"] * len(mine), groups=face))
    genuine = worst_of([tail for points in each for tail in points.genuine.values()])
    missed = worst_of([tail for points in each for tail in points.forged.values()])
    return OperatingPoints(dict.fromkeys(("image", "video"), genuine), dict.fromkeys(("image", "video"), missed))


def _frames(pack: Pack, recipe: Recipe) -> Iterator[Shown]:
    split = split_pack(pack, recipe)
    people = split.held_out[pack.source[split.held_out] == _OF_VIDEO]
    mine = replace(split, held_out=people[::_EVERY], foreign=split.foreign[:0])
    yield from HeldOut(pack, mine, recipe.seed)


def _photographs(data: Path, recipe: Recipe) -> Iterator[Shown]:
    """Whole genuine photographs of the foreign sources and forgeries made of them."""
    table, archive = data / "photos.csv", data / "photos.zip"
    if not table.is_file() or not archive.is_file():
        raise DataError("the data folder is incomplete", got=f"no photos in {data}", want="photos.csv and photos.zip")
    with table.open(encoding="utf-8", newline="") as text, zipfile.ZipFile(archive) as pictures:
        for number, row in enumerate(csv.DictReader(text)):
            if row["source"] not in recipe.held_out_sources or row["split"] != "train" or row["label"] != "real":
                continue
            pixels = decode(pictures.read(row["path"]))
            yield from _shown(pixels, number, row["source"], np.random.default_rng((recipe.seed, 13, number)))


def _shown(pixels: Pixels, number: int, source: str, rng: np.random.Generator) -> Iterator[Shown]:
    found = faces.find_people((Frame(0, 0.0, pixels),))
    points = found[0].faces[0].landmarks if found else None
    both = [(pixels, False)]
    if points is not None:
        make = self_blend if rng.random() < 0.8 else affine_warp
        both.append((make(pixels, points, rng).pixels, True))
    arrives = delivery(rng)
    for picture, forged in both:
        yield Shown(picture, forged, number, f"{source}/{number}", source, delivered=False)
        yield Shown(arrives.apply(picture), forged, number, f"{source}/{number}", source, delivered=True)


def _fused(asked: Sequence[Detector], pixels: Pixels) -> float | None:
    """Of the largest face, as the pipeline would put it together; None where nobody answers."""
    frame = Frame(0, 0.0, pixels)
    people = faces.find_people((frame,))
    if not people:
        return None
    track: Track = max(people, key=lambda t: t.faces[0].box.area)
    media = Media("", "", "image", 0, "jpeg", width=pixels.shape[1], height=pixels.shape[0])
    subject = Subject(media, (frame,), replace(track, person=1))
    return fuse([d.examine(subject) for d in asked])
