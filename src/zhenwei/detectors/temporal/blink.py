"""``temporal.blink``: does this person blink as people do?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei.detectors._answers import NO_FACE, abstain, axis, course
from zhenwei.detectors._strips import TOO_OFTEN_LOST, unfit
from zhenwei.signals.eyes import Blinks, eye_widths, find_blinks, likeness
from zhenwei.types import Curve, Detector, DetectorInfo, Evidence, Strip, Subject, Text

_MIN_S, _MIN_HZ = 8.0, 14.5
_MIN_SEEN = 0.8  # of the frames
_MIN_EYE_PX = 12.0
_TURNED = 0.55  # one eye this much narrower than the other: the face is turned away
_NOISIEST, _MIN_ALIKE = 0.08, 0.75  # of the likeness: its noise, and how alike the eyes usually are
_RATE_HZ = 15 / 60  # blinks a second of people who sit and speak; 10 to 20 a minute is usual
_SHAPE = 2.0  # of the gamma distribution of that rate over people
_UNBLINKING = 0.1
"""Share of forgeries in which nobody blinks. An assumption: those of 2018 did not, those of today mostly do, and there
is no collection here to measure it on. It bounds the LLR: log(0.9) where a blink is seen, at most 0.7 where none is."""


@dataclass(frozen=True, slots=True)
class Blink:
    """Counts the blinks of one person in a passage of at least 8 s.

    The likelihood ratio compares two models of the count: people blink at rates that vary from one to the next
    (gamma, 15 a minute on average), so that n seconds pass without a blink with probability (b / (b + n)) ** 2; of
    forgeries a tenth is taken never to blink, the rest to blink as people do.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="temporal.blink",
        question=Text("Does this person blink as people do?", zh="这个人眨眼正常吗？"),
        takes=("video",),
        level="person",
        needs=(
            Text("8 s in which the face is seen without a break", zh="连续 8 秒以上的人脸"),
            Text("15 frames a second", zh="每秒至少 15 帧"),
            Text("eyes that face the camera", zh="双眼朝向镜头"),
        ),
        reference="Y. Li, M.-C. Chang, S. Lyu, In ictu oculi: exposing AI created fake videos by detecting eye "
        "blinking, "
        "WIFS 2018",
        blind_spots=(
            Text("forgeries that blink, as most of today's do", zh="会眨眼的伪造（如今大多如此）"),
            Text("swaps, which blink whenever the actor blinks", zh="换脸：演员眨眼它也跟着眨眼"),
            Text("people who stare, read or wear dark glasses", zh="凝视、阅读或戴墨镜的人"),
        ),
        needs_strip=True,
        depth="full",
    )

    def examine(self, subject: Subject) -> Evidence:
        person, strip = subject.person, subject.strip
        why = _unfit(strip)
        if strip is None or why is not None:
            return abstain(self.info, why or NO_FACE, person=person)
        both = likeness(strip.pixels, strip.landmarks)
        blinks = find_blinks(strip.times_s, both)
        if not (blinks.noise <= _NOISIEST and blinks.usual >= _MIN_ALIKE):
            return abstain(
                self.info, Text("the eyes cannot be followed well enough", zh="无法稳定地跟踪双眼"), person=person
            )
        seconds = float(np.isfinite(both).mean()) * strip.duration_s
        return Evidence(
            detector=self.info.id,
            llr=llr_of(len(blinks.found), seconds),
            finding=_finding(blinks, seconds),
            score=60 * len(blinks.found) / seconds,
            person=person,
            interval=strip.interval,
            exhibits=(_curve(strip, both, blinks),),
        )


def llr_of(count: int, seconds: float) -> float:
    """Of ``count`` blinks in so many ``seconds``: natural log, between log(0.9) and log(1 + 0.1 / P(none)) <= 0.7."""
    scale = _SHAPE / _RATE_HZ
    none = (scale / (scale + seconds)) ** _SHAPE
    if count:
        return math.log(1 - _UNBLINKING)
    return min(0.7, math.log(1 - _UNBLINKING + _UNBLINKING / none))


def _unfit(strip: Strip | None) -> Text | None:
    why = unfit(strip, min_s=_MIN_S, min_hz=_MIN_HZ)
    if strip is None or why is not None:
        return why
    widths = eye_widths(strip.landmarks)
    seen = np.isfinite(widths).all(axis=1)
    if seen.mean() < _MIN_SEEN:
        return TOO_OFTEN_LOST
    usual = np.median(widths[seen], axis=0)
    if usual.max() / strip.scale < _MIN_EYE_PX or usual.max() < _MIN_EYE_PX / 2:
        return Text("the eyes are too small", zh="眼睛太小")
    if usual.min() < _TURNED * usual.max():
        return Text("the face is turned away", zh="脸转向一侧")
    return None


def _finding(blinks: Blinks, seconds: float) -> Text:
    count = len(blinks.found)
    if not count:
        return Text(f"No blink in {seconds:.0f} s.", zh=f"{seconds:.0f} 秒内没有眨眼。")
    times = "Once" if count == 1 else f"{count} times"
    return Text(
        f"{times} the eyes blink in {seconds:.0f} s, as people do.",
        zh=f"{seconds:.0f} 秒内眨眼 {count} 次，与真人相符。",
    )


def _curve(strip: Strip, both: np.ndarray[tuple[int, ...], np.dtype[np.float64]], blinks: Blinks) -> Curve:
    return Curve(
        Text(
            "How much the eyes look as they usually do; a short dip below the line is a blink",
            zh="双眼与平时的相似程度；短暂低于虚线即为眨眼",
        ),
        Text("time (s)", zh="时间（秒）"),
        Text("likeness", zh="相似度"),
        axis(strip.times_s, 4),
        course(both, 5),
        round(blinks.level, 5),
    )


detector: type[Detector] = Blink
