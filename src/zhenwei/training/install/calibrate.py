"""From scores to likelihood ratios: calibration and operating points on people and sources that were not trained on.

For every detector alike: ``shown`` yields what was held out, images, clips or sounds, genuine and forged treated the
same, each as it is and once as it might be *delivered* (:mod:`zhenwei.training.data.held_out_images`); ``ask`` puts
one before the detector. Thresholds hold in the *worst* of the sources, not in their mixture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import length_hint
from typing import Self, TypeVar

import numpy as np

from zhenwei.errors import DataError
from zhenwei.fusion.operating import OperatingPoints, Tail, measure_operating_points, worst_of
from zhenwei.models.calibration import Calibration
from zhenwei.models.calibration_fit import fit
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.types import Quality

NEUTRAL = Calibration(0.0, 1.0, (100.0,), (0.0,), (0.0,), -20.0, 20.0)
_UNKNOWN = 0.5
"""Share u of generators that may leave none of the known traces: assumed, not measured. With LR the likelihood ratio
among the known ones, that of "drawn by some generator" is (1 - u) LR + u: at least u, and 1 - u as large at the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the detector made of something held out: its ``score``, and the quality that it saw, where it has one.

    ``forged``: the truth. ``number``: of the medium, which may be shown several times. ``group``: whose it is;
    ``source``: of which data set. ``degraded``: made small and re-encoded. ``face_px``, ``sharpness``: as in
    :class:`zhenwei.types.Quality`, None where they say nothing about the score.
    """

    score: float
    forged: bool
    number: int
    group: str
    source: str
    degraded: bool = False
    face_px: float | None = None
    sharpness: float | None = None

    @classmethod
    def of(cls, shown: HeldOutImage, score: float, seen: Quality | None) -> Self:
        """The answer about an image; ``seen``: the quality of the face in it, None where the whole is judged."""
        return cls(
            score=score,
            forged=shown.forged,
            number=shown.face,
            group=shown.group,
            source=shown.source,
            degraded=shown.degraded,
            face_px=seen.face_px if seen else None,
            sharpness=seen.sharpness if seen else None,
        )


T = TypeVar("T")
Ask = Callable[[HeldOutImage], Sample | None]
AskEach = Callable[[HeldOutImage], Mapping[str, Sample | None]]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """``bounds``: what LLRs are kept within, in words."""

    calibration: Calibration
    operating: OperatingPoints
    samples: tuple[Sample, ...]
    unanswered: int
    bounds: str = "what that many groups can support"


def calibrate(
    shown: Iterable[T],
    ask: Callable[[T], Sample | None],
    *,
    seed: int,
    of_video: Collection[str] = (),
    progress: Callable[[float], None] | None = None,
    bounded: bool = False,
) -> Calibrated:
    """Asks for every picture of ``shown``, one at a time, and fits. None from ``ask`` counts as no answer.

    ``of_video``: the sources whose pictures are frames of clips; thresholds are measured on them and on the other
    sources apart. ``bounded``: see :func:`cautious`. Raises :class:`DataError` for too few groups.
    """
    each = calibrate_each(shown, lambda one: {"": ask(one)}, ("",), seed=seed, of_video=of_video, progress=progress)
    return cautious(each[""]) if bounded else each[""]


def calibrate_each(
    shown: Iterable[T],
    ask: Callable[[T], Mapping[str, Sample | None]],
    parts: Sequence[str],
    *,
    seed: int,
    of_video: Collection[str] = (),
    progress: Callable[[float], None] | None = None,
) -> dict[str, Calibrated]:
    """:func:`calibrate` for several detectors at once, which look at each picture together: ``ask`` answers by part."""
    samples: dict[str, list[Sample]] = {part: [] for part in parts}
    number, total = 0, max(1, length_hint(shown))
    for number, each in enumerate(shown, start=1):
        if progress:
            progress(min(1.0, number / total))
        for part, sample in ask(each).items():
            if sample is not None:
                samples[part].append(sample)
    found = {}
    for part, mine in samples.items():
        fitted = _fit(mine, seed)
        found[part] = Calibrated(fitted, _operating(fitted, mine, of_video), tuple(mine), number - len(mine))
    return found


def _fit(samples: list[Sample], seed: int) -> Calibration:
    scores, forged = [s.score for s in samples], [s.forged for s in samples]
    faces_px, groups = [s.face_px for s in samples], [s.group for s in samples]
    unknown = faces_px.count(None)
    if 0 < unknown < len(samples):
        got = f"{len(samples) - unknown} of {len(samples)} have"
        raise DataError("some of what was held out has no size of a face", got=got)
    sharpness = [math.nan if s.sharpness is None else s.sharpness for s in samples]
    sizes = None if unknown or not samples else np.array(faces_px, np.float64)
    return fit(scores, forged, sizes, groups, sharpness=sharpness, seed=seed)


def _operating(calibration: Calibration, samples: list[Sample], video: Collection[str]) -> OperatingPoints:
    """Pointwise the worst of frames of video and photographs. A clip weighs as much as a picture (``frame_rho`` = 1):
    one table serves both. Each face is from a clip of its own; delivered twice it still counts once."""
    each = []
    for of_video in (True, False):
        llr, forged, numbers = list[float](), list[bool](), list[int]()
        for s in samples:
            if (s.source in video) == of_video:
                llr.append(calibration.llr(s.score, face_px=s.face_px, sharpness=s.sharpness))
                forged.append(s.forged)
                numbers.append(s.number)
        if llr:
            each.append(measure_operating_points(llr, forged, ["image"] * len(llr), groups=numbers))
    alarms, misses = list[Tail](), list[Tail]()
    for points in each:
        alarms += points.genuine.values()
        misses += points.forged.values()
    genuine, missed = worst_of(alarms), worst_of(misses)
    return OperatingPoints(dict.fromkeys(("image", "video"), genuine), dict.fromkeys(("image", "video"), missed))


def cautious(found: Calibrated) -> Calibrated:
    """``found`` with bounds that allow for generators that leave other traces: log(u) below, log(1 - u) less above."""
    fitted = found.calibration
    lowest = max(fitted.lowest, math.log(_UNKNOWN))
    highest = max(0.0, fitted.highest + math.log(1 - _UNKNOWN))
    return replace(found, calibration=replace(fitted, lowest=lowest, highest=highest))
