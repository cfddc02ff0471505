"""How well the maps of ``attention.manipulation_map`` say *where*, on test files for which that is known.

Three truths: a published swap differs from its original where it was altered; a face of the test blended with itself
was altered where its mask says; a generated face everywhere. Maps of genuine faces should mark nothing. Maps and masks
are those of the face's crop, as the network sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from zhenwei import faces, media
from zhenwei.detectors.attention.manipulation_map import ManipulationMap
from zhenwei.errors import DataError, FaultError, MediaError
from zhenwei.evaluation.examine import on_disk
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.localisation import (
    Measure,
    difference_mask,
    false_localisation,
    iinc,
    intersection_over_union,
    pixel_accuracy,
)
from zhenwei.evaluation.results import Localised
from zhenwei.faults import contained, on_one_file
from zhenwei.forge.synthesis import self_blend
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import mean_interval
from zhenwei.types import Face, Floats, Frame, Media, Pixels, Subject, Track

MAPPED = ManipulationMap.info.id
MARKED = 0.5  # the share from which a cell of the map counts as marked
Truth = Literal["published swap", "self-blend", "generated", "genuine"]
_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_GENERATED = ("stylegan",)  # methods that draw the whole face
_RESAMPLES = 1000
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """``marked``: the map; ``truth``: ``(size, size)`` float32 in [0, 1], None where nothing was altered."""

    truth_of: Truth
    group: str
    marked: Floats
    truth: Floats | None


def localised(
    items: Sequence[Item], scratch: Path, *, seed: int = 0, tell: Tell | None = None
) -> tuple[Localised, ...]:
    """Rows by set and kind of truth. Files without a face that can be judged are left out; clips are not asked.

    ``scratch``: an empty folder. A swap needs its original, the one genuine file of the same source video and size.
    Raises :class:`DataError` for a damaged archive.
    """
    images = [i for i in items if Path(i.member or i.path).suffix.lower() in _IMAGES]
    originals = _originals(images)
    sets: dict[str, list[_Case]] = {}
    for number, (item, pixels, original) in enumerate(_read(images, originals, scratch)):
        with suppress(FaultError):  # the main table counts it: the same detector failed on it there
            cases = contained(lambda: list(_cases(item, pixels, original, (seed, number))))  # noqa: B023 - called now
            sets.setdefault(item.set_name, []).extend(cases)
        if tell:
            tell(number + 1, len(images))
    rows = []
    for name, cases in sets.items():
        for kind in get_args(Truth):
            row = _row(name, kind, cases, seed)
            if row is not None:
                rows.append(row)
    return tuple(rows)


def _originals(items: Sequence[Item]) -> dict[tuple[str, str], Item]:
    """By set and name of every forged file the genuine one that it was made from, where its video has just one."""
    by_video: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        if item.video and not item.forged:
            by_video.setdefault((item.set_name, item.video), []).append(item)
    found = {}
    for item in items:
        candidates = by_video.get((item.set_name, item.video), [])
        if item.forged and len(candidates) == 1:
            found[item.set_name, item.name] = candidates[0]
    return found


def _read(
    items: Sequence[Item], originals: dict[tuple[str, str], Item], scratch: Path
) -> Iterator[tuple[Item, Pixels, Pixels | None]]:
    """Pictures with their originals; what cannot be opened is left out, the main table counts it."""
    wanted = []
    for item in items:
        wanted.append(item)
        if (item.set_name, item.name) in originals:
            wanted.append(originals[item.set_name, item.name])
    with ExitStack() as opened:
        paths = on_disk(wanted, scratch, opened)
        for item in items:
            pixels = _pixels(next(paths))
            original = _pixels(next(paths)) if (item.set_name, item.name) in originals else None
            if pixels is not None:
                yield item, pixels, original


def _pixels(path: Path) -> Pixels | None:
    try:
        return on_one_file(lambda: media.read_image(media.open_media(path)).pixels)
    except (MediaError, FaultError):
        return None


def _cases(item: Item, pixels: Pixels, original: Pixels | None, seed: tuple[int, int]) -> Iterator[_Case]:
    found = [track.faces[0] for track in faces.find_people((Frame(0, 0.0, pixels),))]
    if not found:
        return
    face = max(found, key=lambda face: face.box.area)
    if not item.forged:
        yield from _case("genuine", item, pixels, face, None)
        if face.landmarks is not None and not face.tight:
            try:
                blend = self_blend(pixels, face.landmarks, np.random.default_rng(seed))
            except DataError:
                return
            # 255 is the whole share, so that the mask is cut as a picture is
            grey = np.repeat(np.rint(255 * blend.mask).astype(np.uint8)[..., None], 3, axis=2)
            share = _cut(grey, face)
            if share is not None:
                truth = np.asarray(share[..., 0] / np.float32(255), np.float32)
                yield from _case("self-blend", item, blend.pixels, face, truth)
    elif item.method.lower() in _GENERATED:
        yield from _case("generated", item, pixels, face, np.ones((2, 2), np.float32))
    elif original is not None and original.shape == pixels.shape:
        before, after = _cut(original, face), _cut(pixels, face)
        mask = None if before is None or after is None else difference_mask(before, after)
        if mask is not None:
            yield from _case("published swap", item, pixels, face, mask)


def _case(kind: Truth, item: Item, pixels: Pixels, face: Face, truth: Floats | None) -> Iterator[_Case]:
    height, width = pixels.shape[:2]
    image = Media(item.name, "", "image", 0, "", width=width, height=height)
    marked = ManipulationMap().marked(Subject(image, (Frame(0, 0.0, pixels),), Track(1, (face,))))
    if marked is not None and (truth is None or truth.max() > MARKED):
        yield _Case(kind, item.group, marked, truth)


def _cut(pixels: Pixels, face: Face) -> Pixels | None:
    """As the network sees the face, so that mask and map lie over each other; None for a face too small for it."""
    contract = ManipulationMap.info.contract
    return None if contract is None else faces.cut(Frame(0, 0.0, pixels), face, contract)


def _row(name: str, kind: Truth, cases: Sequence[_Case], seed: int) -> Localised | None:
    mine, groups = [], []
    for case in cases:
        if case.truth_of == kind:
            mine.append(case)
            groups.append(case.group)
    if len(set(groups)) < 2:
        return None

    def over(measure: Measure) -> Estimate:
        values = []
        for case in mine:
            truth = case.marked if case.truth is None else case.truth
            values.append(measure(case.marked, truth))
        return mean_interval(values, groups, seed=seed, resamples=_RESAMPLES)

    marked = over(lambda found, _: false_localisation(found, threshold=MARKED))
    where: dict[str, Estimate] = {}
    if kind != "genuine":
        for figure, measure in (("iinc", iinc), ("pbca", pixel_accuracy), ("iou", intersection_over_union)):
            where[figure] = over(partial(measure, threshold=MARKED))
    return Localised(set=name, truth=kind, faces=len(mine), marked=marked, **where)
