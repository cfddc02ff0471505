"""From scores to likelihood ratios: calibration and operating points on people and sources that were not trained on.

Every held-out face is shown to the detector through the package's own face finder, once as it is and once small and
re-encoded, so that the calibration sees the sizes and compressions that users bring. Genuine and forged faces get the
same treatment. Thresholds hold in the *worst* of the sources, not in their mixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from zhenwei import faces, models
from zhenwei.detectors.cnn.face_forgery import FaceForgery
from zhenwei.errors import DataError
from zhenwei.forge.synthesis import affine_warp, self_blend
from zhenwei.fusion.calibration import fit
from zhenwei.fusion.operating import OperatingPoints, Tail, measure_operating_points
from zhenwei.models.calibration import Calibration
from zhenwei.training.batches import Split
from zhenwei.training.pack import Pack
from zhenwei.training.pictures import decode, encode
from zhenwei.types import Frame, Media, Pixels, Subject

NEUTRAL = Calibration(0.0, 1.0, (100.0,), (0.0,), (0.0,), -20.0, 20.0)
_SMALLEST_PX = 56


@dataclass(frozen=True, slots=True)
class Sample:
    """One face as the detector saw it: its score and quality, whether it is forged, and where it is from."""

    score: float
    forged: bool
    face_px: float
    sharpness: float
    group: str
    source: str
    delivered: bool  # made small and re-encoded


@dataclass(frozen=True, slots=True)
class Calibrated:
    calibration: Calibration
    operating: OperatingPoints
    samples: tuple[Sample, ...]
    unanswered: int


def calibrate(pack: Pack, split: Split, *, seed: int, progress: Callable[[float], None] | None = None) -> Calibrated:
    """Fits on the held-out identities and the foreign sources of ``split``. The weights must be in the store."""
    samples: list[Sample] = []
    unanswered = 0
    shown = list(_shown(pack, split, seed))
    for number, (pixels, forged, group, source, delivered) in enumerate(shown):
        if progress:
            progress(number / len(shown))
        sample = _ask(pixels, forged, group, source, delivered)
        if sample is None:
            unanswered += 1
        else:
            samples.append(sample)
    calibration = _fit(samples, seed)
    return Calibrated(calibration, _operating(calibration, samples), tuple(samples), unanswered)


def _fit(samples: list[Sample], seed: int) -> Calibration:
    return fit(
        [s.score for s in samples],
        [s.forged for s in samples],
        [s.face_px for s in samples],
        [s.group for s in samples],
        sharpness=[s.sharpness for s in samples],
        seed=seed,
    )


def _operating(calibration: Calibration, samples: list[Sample]) -> OperatingPoints:
    """Pointwise the worst of the sources. A clip weighs as much as a picture (``frame_rho`` = 1): one table serves."""
    each = []
    for source in sorted({s.source for s in samples}):
        mine = [s for s in samples if s.source == source]
        llr = [calibration.llr(s.score, face_px=s.face_px, sharpness=s.sharpness) for s in mine]
        forged = [s.forged for s in mine]
        groups = [s.group for s in mine]
        each.append(measure_operating_points(llr, forged, ["image"] * len(mine), groups=groups))
    genuine = worst_of([points.genuine["image"] for points in each])
    forged_tail = worst_of([points.forged["image"] for points in each])
    return OperatingPoints(dict.fromkeys(("image", "video"), genuine), dict.fromkeys(("image", "video"), forged_tail))


def worst_of(tails: list[Tail]) -> Tail:
    """The tail that bounds each of ``tails``: at every level the largest of their rates."""
    if not tails:
        raise DataError("no source to measure on", want="at least one")
    grid = sorted({level for tail in tails for level in tail.llr})
    floor = max(tail.floor for tail in tails)
    rates = [max(floor, *(tail.at(level) for tail in tails)) for level in grid]
    rates = np.minimum.accumulate(rates).tolist()
    return Tail(tuple(grid), tuple(rates), floor, sum(t.media for t in tails), sum(t.groups for t in tails))


def _shown(pack: Pack, split: Split, seed: int) -> Iterator[tuple[Pixels, bool, str, str, bool]]:
    """(picture, forged, group, source, delivered) of every held-out face, as it is and made small."""
    for index in (*split.held_out, *split.foreign):
        row = int(index)
        source, group = str(pack.source[row]), f"{pack.source[row]}/{pack.identity[row]}"
        rng = np.random.default_rng((seed, 11, row if pack.original[row] < 0 else int(pack.original[row])))
        pictures = [(pack.pixels(row), bool(pack.forged[row]))]
        points = pack.points(row)
        if row in split.foreign and points is not None:
            make = self_blend if rng.random() < 0.8 else affine_warp
            pictures.append((make(pictures[0][0], points, rng).pixels, True))
        side, quality = _delivery(rng)
        for pixels, forged in pictures:
            yield pixels, forged, group, source, False
            yield deliver(pixels, side, quality), forged, group, source, True


def _delivery(rng: np.random.Generator) -> tuple[int, int]:
    side = round(float(np.exp(rng.uniform(np.log(_SMALLEST_PX), np.log(224)))))
    return side, int(rng.integers(40, 96))


def deliver(pixels: Pixels, side: int, quality: int) -> Pixels:
    """The picture at ``side`` px and JPEG ``quality``, as it may arrive after being passed on."""
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    return decode(encode(np.asarray(small, np.uint8), ".jpg", quality))


def _ask(pixels: Pixels, forged: bool, group: str, source: str, delivered: bool) -> Sample | None:
    frame = Frame(0, 0.0, pixels)
    people = faces.find_people((frame,))
    if not people:
        return None
    track = max(people, key=lambda t: t.faces[0].box.area)
    media = Media("", "", "image", 0, "jpeg", width=pixels.shape[1], height=pixels.shape[0])
    score = FaceForgery().examine(Subject(media, (frame,), replace(track, person=1))).score
    if score is None:
        return None
    quality = track.faces[0].quality
    return Sample(score, forged, quality.face_px, quality.sharpness, group, source, delivered)


def install_neutral(model: str) -> Path:
    """Puts a calibration that changes nothing beside fresh weights, so that the detector can be asked for scores."""
    path = models.calibration_path(model)
    NEUTRAL.save(path)
    return path
