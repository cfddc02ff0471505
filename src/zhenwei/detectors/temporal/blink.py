"""``temporal.blink``: does this person blink as people do?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei.signals.eyes import Blinks, eye_widths, find_blinks, likeness
from zhenwei.types import Curve, Detector, DetectorInfo, Evidence, Interval, Strip, Subject, Text

_LEAST_S, _LEAST_HZ = 8.0, 14.5
_LEAST_SEEN = 0.8  # of the frames
_LEAST_EYE_PX = 12.0
_TURNED = 0.55  # one eye this much narrower than the other: the face is turned away
_NOISIEST, _LEAST_ALIKE = 0.08, 0.75  # of the likeness: its noise, and how alike the eyes usually are
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
    )

    def examine(self, subject: Subject) -> Evidence:
        person = subject.track.person if subject.track else None
        strip = subject.strip
        why = _unfit(strip)
        if strip is None or why is not None:
            return _silent(person, why or Text("no face to look at", zh="没有可供检查的人脸"))
        both = likeness(strip.pixels, strip.landmarks)
        blinks = find_blinks(strip.times_s, both)
        if not (blinks.noise <= _NOISIEST and blinks.usual >= _LEAST_ALIKE):
            return _silent(person, Text("the eyes cannot be followed well enough", zh="无法稳定地跟踪双眼"))
        seconds = float(np.isfinite(both).mean()) * strip.duration_s
        return Evidence(
            detector=self.info.id,
            llr=llr_of(len(blinks.found), seconds),
            finding=_finding(blinks, seconds),
            score=60 * len(blinks.found) / seconds,
            person=person,
            interval=Interval(float(strip.times_s[0]), float(strip.times_s[-1])),
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
    if strip is None or strip.duration_s < _LEAST_S:
        seconds = 0.0 if strip is None else strip.duration_s
        return Text(
            f"the face is seen for {seconds:.1f} s without a break; {_LEAST_S:g} s are needed",
            zh=f"连续看到人脸的时间为 {seconds:.1f} 秒，至少需要 {_LEAST_S:g} 秒",
        )
    if strip.rate_hz < _LEAST_HZ:
        return Text(f"{strip.rate_hz:.0f} frames a second are too few", zh=f"每秒 {strip.rate_hz:.0f} 帧太少")
    widths = eye_widths(strip.landmarks)
    seen = np.isfinite(widths).all(axis=1)
    if seen.mean() < _LEAST_SEEN:
        return Text("the face is lost in too many frames", zh="太多帧中找不到人脸")
    usual = np.median(widths[seen], axis=0)
    if usual.max() / strip.scale < _LEAST_EYE_PX or usual.max() < _LEAST_EYE_PX / 2:
        return Text("the eyes are too small", zh="眼睛太小")
    if usual.min() < _TURNED * usual.max():
        return Text("the face is turned away", zh="脸转向一侧")
    return None


def _silent(person: int | None, why: Text) -> Evidence:
    return Evidence("temporal.blink", None, Text("No answer.", zh="没有结论。"), why, person=person)


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
        tuple(round(float(t), 4) for t in strip.times_s),
        tuple(round(float(v), 5) if np.isfinite(v) else None for v in both),
        round(blinks.level, 5),
    )


detector: type[Detector] = Blink
