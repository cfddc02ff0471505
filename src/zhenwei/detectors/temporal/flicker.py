"""``temporal.flicker``: does the face tremble between frames more than what surrounds it?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.detectors._answers import NO_FACE, abstain, axis, from_score, withheld
from zhenwei.detectors._strips import unfit
from zhenwei.signals.flicker import courses
from zhenwei.types import Curve, Detector, DetectorInfo, Evidence, Floats, Strip, Subject, Text

MODEL = "flicker"
FRAMES = 48  # of a window
_MIN_HZ, _MIN_PX, _MIN_SEEN = 14.5, 64.0, 0.9
_MIN_SCORE = 0.75  # exceeded by 3 % of held-out genuine clips and 56 % of forged ones, all photographs set in motion
_CHEEKBONES = (234, 454)
_STEADY = Text(
    "no tremor of the face stands out, as in smooth forgeries and genuine clips alike",
    zh="脸部没有明显的帧间抖动，平滑的伪造和真实视频都是如此",
)


@dataclass(frozen=True, slots=True)
class Flicker:
    """A small network over time looks at windows of 48 frames of eight courses: how texture, light, colour and points
    of the face change from frame to frame, and the same of its surroundings. The score is the mean over windows.

    With ``always`` a finding is given however weak it is, as for measuring; without, only one that speaks for forged,
    since smooth forgeries do not flicker. The score is given either way.
    """

    always: bool = False

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="temporal.flicker",
        question=Text(
            "Does the face tremble from frame to frame more than what surrounds it?",
            zh="脸部的帧间抖动是否超过其周围？",
        ),
        takes=("video",),
        level="person",
        needs=(
            Text(
                f"{FRAMES + 2} frames in which the face is seen without a break", zh=f"连续 {FRAMES + 2} 帧可见的人脸"
            ),
            Text("15 frames a second", zh="每秒至少 15 帧"),
            Text(f"a face of at least {_MIN_PX:g} px", zh=f"至少 {_MIN_PX:g} 像素的人脸"),
        ),
        reference="own network over time; clips forged frame by frame, after the temporal artefacts in Y. Xu et al., "
        "TALL, ICCV 2023",
        blind_spots=(
            Text("forgeries that are smooth over time: it abstains", zh="时间上平滑的伪造：不作判断"),
            Text(
                "hands, hair and shadows that cross a genuine face, flickering light",
                zh="掠过真实人脸的手、头发、阴影和闪烁的灯光",
            ),
            Text(
                "clips unlike the photographs set in motion that it learned from",
                zh="与其训练所用的“动态照片”差异较大的视频",
            ),
        ),
        models=(MODEL,),
        needs_strip=True,
        depth="full",
    )

    def examine(self, subject: Subject) -> Evidence:
        person, strip = subject.person, subject.strip
        why = _unfit(strip)
        if strip is None or why is not None:
            return abstain(self.info, why or NO_FACE, person=person)
        score, frame_odds = asked(strip)
        evidence = from_score(self.info, score)
        llr, shown = evidence.llr or 0.0, (_curve(strip, frame_odds),)
        finding = _FORGED if llr > 0 else _SMOOTH
        evidence = replace(evidence, finding=finding, person=person, interval=strip.interval, exhibits=shown)
        if self.always or (score >= _MIN_SCORE and llr > 0):
            return evidence
        return withheld(evidence, _STEADY)


_FORGED = Text(
    "Texture, light or outline of the face tremble from frame to frame more than its surroundings do; genuine faces "
    "that move quickly can, too.",
    zh="脸部的纹理、光线或轮廓在帧与帧之间的抖动超过其周围；快速运动的真实人脸也可能如此。",
)
_SMOOTH = Text("The face is as steady from frame to frame as its surroundings.", zh="脸部在帧与帧之间与周围同样稳定。")


def asked(strip: Strip) -> tuple[float, Floats]:
    """The score of a strip of 50 frames or more, and log odds of every frame but the first and last ``(n - 2,)``."""
    every = courses(strip.pixels, strip.landmarks)
    count = every.shape[1]
    starts = np.linspace(0, count - FRAMES, math.ceil(count / (FRAMES // 2)) - 1).round().astype(int)
    scores, odds = models.load(MODEL).run(np.stack([every[:, s : s + FRAMES] for s in starts]))
    total, seen = np.zeros(count), np.zeros(count)
    for start, row in zip(starts, odds, strict=True):
        total[start : start + FRAMES] += row
        seen[start : start + FRAMES] += 1
    return float(scores.mean()), np.asarray(total / np.maximum(seen, 1), np.float32)


def _unfit(strip: Strip | None) -> Text | None:
    if strip is None or len(strip.times_s) < FRAMES + 2:
        count = 0 if strip is None else len(strip.times_s)
        return Text(
            f"the face is seen in {count} frames without a break; {FRAMES + 2} are needed",
            zh=f"连续看到人脸 {count} 帧，至少需要 {FRAMES + 2} 帧",
        )
    why = unfit(strip, min_hz=_MIN_HZ, min_seen=_MIN_SEEN)
    if why is not None:
        return why
    ends = strip.landmarks[:, _CHEEKBONES, :2]
    if np.nanmedian(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)) / strip.scale < _MIN_PX:
        return Text("the face is too small", zh="人脸太小")
    return None


def _curve(strip: Strip, frame_odds: Floats) -> Curve:
    return Curve(
        Text("How much the face trembles beside its surroundings; above the line more than usual",
             zh="脸部相对周围的抖动；高于虚线表示超出常态"),
        Text("time (s)", zh="时间（秒）"),
        Text("log odds of a forged frame", zh="伪造帧的对数几率"),
        axis(strip.times_s[1:-1], 4),
        axis(frame_odds, 5),
        0.0,
    )  # fmt: skip


detector: type[Detector] = Flicker
