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
from zhenwei.fusion.dependence import Dependence, measure_dependence
from zhenwei.fusion.operating import OperatingPoints, measure_operating_points
from zhenwei.fusion.verdict import fuse
from zhenwei.training.batches import split_pack
from zhenwei.training.calibrate import Shown, delivery, worst_of
from zhenwei.training.face_forgery_publish import HeldOut
from zhenwei.training.pack import Pack
from zhenwei.training.pictures import decode
from zhenwei.training.recipe import Recipe
from zhenwei.types import Detector, Evidence, Frame, Media, Pixels, Subject, Track

_OF_VIDEO = "dfdc"
_EVERY = 2  # of the held-out people's faces; they are many


@dataclass(frozen=True, slots=True)
class Measured:
    """``answered`` of ``shown`` pictures got an LLR; the others say nothing about thresholds."""

    operating: OperatingPoints
    dependence: Dependence
    shown: int
    answered: int


def measure(data: Path, pack: Pack, recipe: Recipe, *, progress: Callable[[float], None] | None = None) -> Measured:
    """Shows held-out faces of ``pack`` (frames of video) and whole photographs of the sources of ``data`` that
    ``recipe`` never trained on to every detector, as they are and as they may arrive.

    How much detectors repeat each other comes first, then how often what they say together reaches a level. Thresholds
    hold in the worse of frames and photographs. Raises :class:`DataError` where ``data`` lacks the photos.
    """
    asked = [build(name) for name in catalogue()]
    asked = [d for d in asked if "image" in d.info.takes and not d.info.reads_metadata]
    every = list(_frames(pack, recipe)) + list(_photographs(data, recipe))
    said: list[tuple[Shown, list[Evidence]]] = []
    for number, shown in enumerate(every):
        if progress:
            progress(number / len(every))
        evidence = _said(asked, shown.pixels)
        if evidence:
            said.append((shown, evidence))
    dependence = measure_dependence(
        [{e.detector: e.llr for e in evidence if e.llr is not None} for _, evidence in said],
        [shown.forged for shown, _ in said],
        [shown.group for shown, _ in said],
    )
    rows = [
        (llr, shown.forged, f"{shown.source}/{shown.face}", shown.source == _OF_VIDEO)
        for shown, evidence in said
        if (llr := fuse(evidence, dependence=dependence)) is not None
    ]
    return Measured(_points(rows), dependence, len(every), len(rows))


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


def _said(asked: Sequence[Detector], pixels: Pixels) -> list[Evidence]:
    """Of the largest face and of the whole picture, those that answered; empty where nobody is seen."""
    frame = Frame(0, 0.0, pixels)
    people = faces.find_people((frame,))
    if not people:
        return []
    track: Track = max(people, key=lambda t: t.faces[0].box.area)
    media = Media("", "", "image", 0, "jpeg", width=pixels.shape[1], height=pixels.shape[0])
    person, whole = Subject(media, (frame,), replace(track, person=1)), Subject(media, (frame,))
    answers = [(d, d.examine(person if d.info.level == "person" else whole)) for d in asked]
    return [replace(e, finds=d.info.finds) for d, e in answers if e.llr is not None]
