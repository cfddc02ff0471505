"""``temporal.breathing``: do head and shoulders rise and fall together as with breath?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zhenwei.detectors._answers import NO_FACE, abstain, axis
from zhenwei.detectors._strips import unfit
from zhenwei.signals.breathing import BAND_HZ, Breath, common_breath, filtered, head_height, shoulder_heights
from zhenwei.signals.pulse import patch_colours
from zhenwei.types import Curve, Detector, DetectorInfo, Evidence, Strip, Subject, Text

_MIN_S, _MIN_HZ = 8.0, 9.5
_MIN_SEEN = 0.9  # of the frames
_ENOUGH_HZ = 10.0  # of looking at the shoulders: breath is slow
_MIN_SHARE, _MIN_AGREEMENT = (
    0.66,
    0.93,
)  # restless heads (random walks) reach both in 1 of 100 clips of 10 s
_SAME_BREATHS = 3.0  # a minute: motion and skin
_CARRIED = 0.9
"""How much rarer breathing is in forgeries than in genuine clips in which it can be seen. An assumption: swaps and
reenactments keep the body of a living person, only portraits animated as a whole need not breathe; there is no
collection here to measure it on. Hence LLR log(0.9), and no answer where no breath stands out: people who talk or nod
hide theirs."""

_NO_BREATH = Text(
    "no breathing stands out of the other motion, as with most people who talk; that speaks for neither side",
    zh="没有呼吸节律从其他动作中显现（说话的人大多如此），无明显倾向",
)


@dataclass(frozen=True, slots=True)
class Breathing:
    """Looks for one slow rhythm, 8 to 36 a minute, that the head and the shoulders below it share in step over a
    passage of at least 8 s. A slow change of the skin's colour with the same rhythm is told, but does not count."""

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="temporal.breathing",
        question=Text("Do head and shoulders rise and fall together as with breath?", zh="头和肩是否随呼吸同步起伏？"),
        takes=("video",),
        level="person",
        needs=(
            Text("8 s in which the face is seen without a break", zh="连续 8 秒以上的人脸"),
            Text("10 frames a second", zh="每秒至少 10 帧"),
            Text(
                "shoulders or neck in the picture, a camera and a head that keep still",
                zh="画面中有肩部或颈部，镜头和头部基本不动",
            ),
        ),
        reference="rhythm of the upper body after K. Tan, R. Saatchi, H. Elphick, D. Burke, CSNDSP 2010; "
        "breathing as a cue of deepfakes after the lecture's cross-frame physiology",
        blind_spots=(
            Text(
                "swaps and reenactments, which keep the breathing body of an actor",
                zh="换脸和表情重演：保留了演员会呼吸的身体",
            ),
            Text("people who talk, nod or hold their breath: it abstains", zh="说话、点头或屏息的人：不作判断"),
            Text("a camera that sways as slowly as breath", zh="像呼吸一样缓慢晃动的镜头"),
        ),
        needs_strip=True,
        depth="full",
    )

    def examine(self, subject: Subject) -> Evidence:
        person, strip = subject.person, subject.strip
        why = unfit(strip, min_s=_MIN_S, min_hz=_MIN_HZ, min_seen=_MIN_SEEN)
        if strip is None or why is not None:
            return abstain(self.info, why or NO_FACE, person=person)
        head = _bridged(head_height(strip.landmarks, strip.origins, strip.scale))
        every = max(1, int(strip.rate_hz / _ENOUGH_HZ))
        shoulders = shoulder_heights(strip.pixels, strip.origins, strip.scale, every)
        if not shoulders:
            return abstain(self.info, Text("no neck or shoulders are to be seen", zh="看不到颈部或肩部"), person=person)
        moved = np.stack([head, *shoulders])
        found, rate = common_breath(moved, strip.rate_hz), strip.rate_hz
        curve = _curve(strip, moved, rate)
        if not stands_out(found):
            return abstain(self.info, _NO_BREATH, person=person, score=_score(found), exhibits=(curve,))
        return Evidence(
            detector=self.info.id,
            llr=math.log(_CARRIED),
            finding=_finding(found, _rhythm_of_skin(strip)),
            score=_score(found),
            person=person,
            interval=strip.interval,
            exhibits=(curve,),
        )


def stands_out(found: Breath) -> bool:
    """Whether it is more than restless motion does in all but about one of a hundred clips."""
    return found.share >= _MIN_SHARE and found.agreement >= _MIN_AGREEMENT


def _bridged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    at = np.flatnonzero(np.isfinite(values))
    return np.interp(np.arange(len(values)), at, values[at])


def _rhythm_of_skin(strip: Strip) -> float | None:
    """Breaths a minute in the slow change of the skin's green, where all patches of it change in step; else None."""
    green = patch_colours(strip.pixels, strip.landmarks)[:, :, 1]
    seen = np.isfinite(green).mean(axis=0) >= _MIN_SEEN
    patches = [_bridged(column) for column in green[:, seen].T]
    if len(patches) < 2:
        return None
    found = common_breath(np.stack(patches), strip.rate_hz)
    return 60 * found.rate_hz if stands_out(found) else None


def _finding(found: Breath, skin: float | None) -> Text:
    breaths = 60 * found.rate_hz
    too = skin is not None and abs(skin - breaths) <= _SAME_BREATHS
    return Text(
        f"Head and shoulders rise and fall together {breaths:.0f} times a minute, as with breath"
        + ("; the skin's colour follows." if too else "."),
        zh=f"头和肩每分钟同步起伏 {breaths:.0f} 次，与呼吸相符{'；肤色也随之变化' if too else ''}。",
    )


def _score(found: Breath) -> float:
    """Less where breath is: a score rises towards forged."""
    return -found.share * found.agreement


def _curve(strip: Strip, moved: NDArray[np.float64], rate: float) -> Curve:
    slow = np.mean([filtered(signal, rate) for signal in moved], axis=0) / strip.scale
    low, high = round(60 * BAND_HZ[0]), round(60 * BAND_HZ[1])
    return Curve(
        Text(
            f"How head and shoulders sink and rise, rhythms of {low} to {high} a minute alone",
            zh=f"头和肩的起伏（仅每分钟 {low} 至 {high} 次的节律）",
        ),
        Text("time (s)", zh="时间（秒）"),
        Text("pixels of the frame, downwards", zh="画面像素（向下）"),
        axis(strip.times_s, 4),
        axis(slow, 5),
    )


detector: type[Detector] = Breathing
