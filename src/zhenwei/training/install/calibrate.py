"""From scores to likelihood ratios: calibration and operating points on people and sources that were not trained on.

For every detector alike: ``shown`` yields what was held out, images, clips or sounds, genuine and forged treated the
same, each as it is and once as it might be *delivered* (:func:`delivery`), so that the calibration sees the sizes and
compressions that users bring; ``ask`` puts one before the detector. They are asked for one by one and none is kept.
Thresholds hold in the *worst* of the sources, not in their mixture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeVar

import cv2
import numpy as np

from zhenwei.errors import DataError
from zhenwei.fusion.operating import OperatingPoints, Tail, measure_operating_points
from zhenwei.models.calibration import Calibration
from zhenwei.models.calibration_fit import fit
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.video_codec import through_h264
from zhenwei.types import Pixels, Quality

NEUTRAL = Calibration(0.0, 1.0, (100.0,), (0.0,), (0.0,), -20.0, 20.0)
_UNKNOWN = 0.5
"""Share u of generators that may leave none of the known traces. An assumption, not a measurement: of generators that
were not trained on there are none here to measure. With LR the likelihood ratio among the known ones, that of "drawn by
some generator" is (1 - u) LR + u: never below u, and 1 - u as large at the top."""
_SMALLEST_PX = 56
_OFTEN_SOFT, _OFTEN_NOISY = 0.25, 0.15
_BLUR = (0.003, 0.015)  # of the side
_NOISE = (2.0, 12.0)  # grey levels


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A held-out picture as it is shown to the detector. ``face``: its row in the pack. ``delivered``: made small and
    re-encoded. ``group``: whose face; ``source``: of which data set."""

    pixels: Pixels
    forged: bool
    face: int
    group: str
    source: str
    delivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the detector made of something held out: its ``score``, and the quality that it saw, where it has one.

    ``forged``: the truth. ``number``: of the medium, which may be shown several times. ``group``: whose it is;
    ``source``: of which data set. ``delivered``: made small and re-encoded. ``face_px``, ``sharpness``: as in
    :class:`zhenwei.types.Quality`, None where they say nothing about the score.
    """

    score: float
    forged: bool
    number: int
    group: str
    source: str
    delivered: bool = False
    face_px: float | None = None
    sharpness: float | None = None

    @classmethod
    def of(cls, shown: Shown, score: float, seen: Quality | None) -> Self:
        """The answer about an image; ``seen``: the quality of the face in it, None where the whole is judged."""
        return cls(
            score=score,
            forged=shown.forged,
            number=shown.face,
            group=shown.group,
            source=shown.source,
            delivered=shown.delivered,
            face_px=seen.face_px if seen else None,
            sharpness=seen.sharpness if seen else None,
        )


T = TypeVar("T")
Ask = Callable[[Shown], Sample | None]
AskEach = Callable[[Shown], Mapping[str, Sample | None]]


@dataclass(frozen=True, slots=True)
class Calibrated:
    calibration: Calibration
    operating: OperatingPoints
    samples: tuple[Sample, ...]
    unanswered: int


def calibrate(
    shown: Iterable[T],
    ask: Callable[[T], Sample | None],
    *,
    seed: int,
    of_video: Collection[str] = (),
    total: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Calibrated:
    """Asks for every picture of ``shown``, one at a time, and fits. None from ``ask`` counts as no answer.

    ``of_video``: the sources whose pictures are frames of clips; thresholds are measured on them and on the other
    sources apart. ``total``: how many there are about, for ``progress``. Raises :class:`DataError` for too few groups.
    """
    each = calibrate_each(
        shown, lambda one: {"": ask(one)}, ("",), seed=seed, of_video=of_video, total=total, progress=progress
    )
    return each[""]


def calibrate_each(
    shown: Iterable[T],
    ask: Callable[[T], Mapping[str, Sample | None]],
    parts: Sequence[str],
    *,
    seed: int,
    of_video: Collection[str] = (),
    total: int = 0,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Calibrated]:
    """:func:`calibrate` for several detectors at once, which look at each picture together: ``ask`` answers by part."""
    samples: dict[str, list[Sample]] = {part: [] for part in parts}
    number = 0
    for number, each in enumerate(shown, start=1):
        if progress:
            progress(min(1.0, number / max(1, total)))
        for part, sample in ask(each).items():
            if sample is not None:
                samples[part].append(sample)
    fitted = {part: _fit(mine, seed) for part, mine in samples.items()}
    return {
        part: Calibrated(fitted[part], _operating(fitted[part], mine, of_video), tuple(mine), number - len(mine))
        for part, mine in samples.items()
    }


def _fit(samples: list[Sample], seed: int) -> Calibration:
    sizes = [s.face_px for s in samples if s.face_px is not None]
    sharpness = [math.nan if s.sharpness is None else s.sharpness for s in samples]
    if sizes and len(sizes) < len(samples):
        raise DataError("some of what was held out has no size of a face", got=f"{len(sizes)} of {len(samples)} have")
    return fit(
        [s.score for s in samples],
        [s.forged for s in samples],
        sizes or None,
        [s.group for s in samples],
        sharpness=sharpness,
        seed=seed,
    )


def _operating(calibration: Calibration, samples: list[Sample], video: Collection[str]) -> OperatingPoints:
    """Pointwise the worst of frames of video and photographs. A clip weighs as much as a picture (``frame_rho`` = 1):
    one table serves both. Each face is from a clip of its own; delivered twice it still counts once."""
    each = []
    for of_video in (True, False):
        mine = [s for s in samples if (s.source in video) == of_video]
        if not mine:
            continue
        llr = [calibration.llr(s.score, face_px=s.face_px, sharpness=s.sharpness) for s in mine]
        forged, faces_seen = [s.forged for s in mine], [s.number for s in mine]
        each.append(measure_operating_points(llr, forged, ["image"] * len(mine), groups=faces_seen))
    genuine = worst_of([tail for points in each for tail in points.genuine.values()])
    missed = worst_of([tail for points in each for tail in points.forged.values()])
    return OperatingPoints(dict.fromkeys(("image", "video"), genuine), dict.fromkeys(("image", "video"), missed))


def cautious(found: Calibrated) -> Calibrated:
    """``found`` with bounds that allow for generators that leave other traces: log(u) below, log(1 - u) less above."""
    fitted = found.calibration
    lowest = max(fitted.lowest, math.log(_UNKNOWN))
    highest = max(0.0, fitted.highest + math.log(1 - _UNKNOWN))
    return replace(found, calibration=replace(fitted, lowest=lowest, highest=highest))


def worst_of(tails: list[Tail]) -> Tail:
    """The tail that bounds each of ``tails``: at every level the largest of their rates."""
    if not tails:
        raise DataError("no source to measure on", want="at least one")
    grid = sorted({level for tail in tails for level in tail.llr})
    floor = max(tail.floor for tail in tails)
    rates = [max(floor, *(tail.at(level) for tail in tails)) for level in grid]
    rates = np.minimum.accumulate(rates).tolist()
    return Tail(tuple(grid), tuple(rates), floor, sum(t.media for t in tails), sum(t.groups for t in tails))


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a picture may arrive after being passed on: its side in px, softened and noisy by as many px and grey levels,
    and JPEG at ``quality`` or H.264 at ``crf``."""

    side: int
    quality: int
    crf: int | None
    blur_px: float = 0.0
    noise: tuple[float, int] = (0.0, 0)  # deviation, seed

    def apply(self, pixels: Pixels) -> Pixels:
        small = cv2.resize(pixels, (self.side, self.side), interpolation=cv2.INTER_AREA)
        if self.blur_px:
            small = cv2.GaussianBlur(small, (0, 0), self.blur_px)
        if self.noise[0]:
            grain = np.random.default_rng(self.noise[1]).standard_normal(small.shape, np.float32) * self.noise[0]
            small = np.clip(np.rint(small + grain), 0, 255).astype(np.uint8)
        if self.crf is not None:
            return through_h264(np.asarray(small, np.uint8), self.crf)
        return decode(encode(np.asarray(small, np.uint8), ".jpg", self.quality))


def delivery(rng: np.random.Generator) -> Delivery:
    """A draw of how a picture arrives, 56 to 224 px on a side."""
    side = 2 * round(float(np.exp(rng.uniform(np.log(_SMALLEST_PX), np.log(224)))) / 2)
    quality, crf, is_video = int(rng.integers(40, 96)), int(rng.integers(22, 41)), rng.random() < 0.5
    # Out of focus, or from a dark room: not often, but a network may take either for a forgery.
    blur_px = float(rng.uniform(*_BLUR)) * side if rng.random() < _OFTEN_SOFT else 0.0
    noise = (float(rng.uniform(*_NOISE)), int(rng.integers(2**31))) if rng.random() < _OFTEN_NOISY else (0.0, 0)
    return Delivery(side, quality, crf if is_video else None, blur_px, noise)
