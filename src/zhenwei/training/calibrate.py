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
from zhenwei.training.video_codec import through_h264
from zhenwei.types import Frame, Media, Pixels, Subject

NEUTRAL = Calibration(0.0, 1.0, (100.0,), (0.0,), (0.0,), -20.0, 20.0)
_SMALLEST_PX = 56
_FRAMES_OF_VIDEO = ("dfdc",)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A held-out face as it is shown to the detector. ``face``: its row in the pack. ``delivered``: made small and
    re-encoded. ``group``: whose face; ``source``: of which data set."""

    pixels: Pixels
    forged: bool
    face: int
    group: str
    source: str
    delivered: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """What the detector made of it: its score, and the quality that it saw."""

    score: float
    forged: bool
    face_px: float
    sharpness: float
    face: int
    group: str
    source: str
    delivered: bool


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
    every = list(_shown(pack, split, seed))
    for number, shown in enumerate(every):
        if progress:
            progress(number / len(every))
        sample = _ask(shown)
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
    """Pointwise the worst of frames of video and photographs. A clip weighs as much as a picture (``frame_rho`` = 1):
    one table serves both. Each face is from a clip of its own; delivered twice it still counts once."""
    each = []
    for of_video in (True, False):
        mine = [s for s in samples if (s.source in _FRAMES_OF_VIDEO) == of_video]
        if not mine:
            continue
        llr = [calibration.llr(s.score, face_px=s.face_px, sharpness=s.sharpness) for s in mine]
        forged, faces_seen = [s.forged for s in mine], [s.face for s in mine]
        each.append(measure_operating_points(llr, forged, ["image"] * len(mine), groups=faces_seen))
    genuine = worst_of([tail for points in each for tail in points.genuine.values()])
    missed = worst_of([tail for points in each for tail in points.forged.values()])
    return OperatingPoints(dict.fromkeys(("image", "video"), genuine), dict.fromkeys(("image", "video"), missed))


def worst_of(tails: list[Tail]) -> Tail:
    """The tail that bounds each of ``tails``: at every level the largest of their rates."""
    if not tails:
        raise DataError("no source to measure on", want="at least one")
    grid = sorted({level for tail in tails for level in tail.llr})
    floor = max(tail.floor for tail in tails)
    rates = [max(floor, *(tail.at(level) for tail in tails)) for level in grid]
    rates = np.minimum.accumulate(rates).tolist()
    return Tail(tuple(grid), tuple(rates), floor, sum(t.media for t in tails), sum(t.groups for t in tails))


def _shown(pack: Pack, split: Split, seed: int) -> Iterator[Shown]:
    """Every held-out face as it is and made small; forgeries are made of the genuine ones of foreign sources."""
    foreign = set(split.foreign.tolist())
    for row in (*split.held_out.tolist(), *split.foreign.tolist()):
        source, group = str(pack.source[row]), f"{pack.source[row]}/{pack.identity[row]}"
        # A published forgery is delivered as its original is, so that the delivery says nothing of the label.
        rng = np.random.default_rng((seed, 11, row if pack.original[row] < 0 else int(pack.original[row])))
        pictures = [(pack.pixels(row), bool(pack.forged[row]))]
        points = pack.points(row)
        if row in foreign and points is not None:
            make = self_blend if rng.random() < 0.8 else affine_warp
            pictures.append((make(pictures[0][0], points, rng).pixels, True))
        delivery = _delivery(rng)
        for pixels, forged in pictures:
            yield Shown(pixels, forged, row, group, source, delivered=False)
            yield Shown(delivery.apply(pixels), forged, row, group, source, delivered=True)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a picture may arrive after being passed on: its side in px, and JPEG at ``quality`` or H.264 at ``crf``."""

    side: int
    quality: int
    crf: int | None

    def apply(self, pixels: Pixels) -> Pixels:
        small = cv2.resize(pixels, (self.side, self.side), interpolation=cv2.INTER_AREA)
        if self.crf is not None:
            return through_h264(np.asarray(small, np.uint8), self.crf)
        return decode(encode(np.asarray(small, np.uint8), ".jpg", self.quality))


def _delivery(rng: np.random.Generator) -> Delivery:
    side = 2 * round(float(np.exp(rng.uniform(np.log(_SMALLEST_PX), np.log(224)))) / 2)
    quality, crf, is_video = int(rng.integers(40, 96)), int(rng.integers(22, 41)), rng.random() < 0.5
    return Delivery(side, quality, crf if is_video else None)


def _ask(shown: Shown) -> Sample | None:
    frame = Frame(0, 0.0, shown.pixels)
    people = faces.find_people((frame,))
    if not people:
        return None
    track = max(people, key=lambda t: t.faces[0].box.area)
    media = Media("", "", "image", 0, "jpeg", width=shown.pixels.shape[1], height=shown.pixels.shape[0])
    score = FaceForgery().examine(Subject(media, (frame,), replace(track, person=1))).score
    if score is None:
        return None
    seen = track.faces[0].quality
    return Sample(
        score, shown.forged, seen.face_px, seen.sharpness, shown.face, shown.group, shown.source, shown.delivered
    )


def install_neutral(model: str) -> Path:
    """Puts a calibration that changes nothing beside fresh weights, so that the detector can be asked for scores."""
    path = models.calibration_path(model)
    NEUTRAL.save(path)
    return path
