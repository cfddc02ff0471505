"""``audiovisual.lip_sync``: does the mouth follow the voice?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np

from zhenwei import models
from zhenwei.detectors._answers import NO_AUDIO, NO_FACE, abstain, axis, course, from_score
from zhenwei.detectors._audio import ACTIVITY, below, mixed, speech_runs, total_s
from zhenwei.detectors._strips import unfit
from zhenwei.signals.lips import GRID_HZ, Fit, Reals, audio_windows, fit, motion, mouth_shape
from zhenwei.types import (
    Curve,
    Detector,
    DetectorInfo,
    Evidence,
    Floats,
    ImageExhibit,
    Interval,
    Pixels,
    Strip,
    Subject,
    Text,
)

MODEL = "lip_sync"
_MIN_S, _MIN_SPEECH_S, _MIN_HZ, _MIN_SEEN = 3.0, 2.0, 14.5, 0.9
_STILL = 0.008  # deviation of the opening, of the distance of the eyes
_FOLLOWS = 2.5  # of standing: held-out genuine clips have 2.3 and more, the sound of others 2 in one of ten
_SHIFTED = 3.5
_UNCLEAR = 0.07  # LLR
_ANOTHER = Text("another person in the picture fits the voice better, and is taken to speak",
                zh="画面中另一人的口型与语音更吻合，视为其在说话")  # fmt: skip
_IMAGE = (900, 200)
_SEEN, _FORETOLD, _PAUSE = (66, 133, 214), (224, 132, 42), (232, 232, 232)


@dataclass(frozen=True, slots=True)
class LipSync:
    """A linear map foretells the opening and the width of the mouth from the sound; correlation with what the mouth
    does, at every lag up to a second. The score is minus how far the fit near no lag stands above the others.

    It speaks softly whatever it finds: narrators, interpreters and dubbing are genuine, and good forgeries are in
    step. Where another person in the picture fits the voice better, that one speaks, and there is no answer.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="audiovisual.lip_sync",
        question=Text("Does the mouth follow the voice?", zh="口型是否与语音同步？"),
        takes=("audio", "video"),
        level="person",
        needs=(
            Text(f"{_MIN_S:g} s in which the face is seen without a break", zh=f"连续 {_MIN_S:g} 秒可见的人脸"),
            Text(f"{_MIN_SPEECH_S:g} s of speech in them", zh=f"其中至少 {_MIN_SPEECH_S:g} 秒语音"),
            Text("15 frames a second, lips that move", zh="每秒至少 15 帧，嘴唇有动作"),
        ),
        reference="own linear map on landmarks; after J. S. Chung & A. Zisserman, Out of time: automated lip sync in "
        "the "
        "wild, ACCV workshops 2016, and S. Suwajanakorn et al., Synthesizing Obama, SIGGRAPH 2017",
        blind_spots=(
            Text("forgeries that are driven by the sound, and swaps that keep the lips of an actor: they are in step",
                 zh="由语音驱动的伪造，以及保留演员口型的换脸：口型同步"),
            Text("narrators, interpreters and dubbing, which are genuine", zh="旁白、口译和配音：属于真实视频"),
            Text("microphones, music and crowds over the voice", zh="话筒遮挡嘴部、音乐和人群声"),
        ),
        models=(MODEL, ACTIVITY),
        needs_strip=True,
        depth="full",
        finds="pairing",
    )  # fmt: skip

    def examine(self, subject: Subject) -> Evidence:
        person, strip, audio = subject.person, subject.strip, subject.audio
        if subject.media.kind == "audio":
            return abstain(self.info, Text("there is no picture", zh="没有画面"), person=person)
        why = _unfit(strip) or (NO_AUDIO if audio is None else None)
        if strip is None or audio is None or why is not None:
            return abstain(self.info, why or NO_FACE, person=person)
        mono = mixed(audio)
        runs = _within(speech_runs(mono), strip)
        why = _too_little(runs)
        if why is not None:
            return abstain(self.info, why, person=person)
        predicted = foretell(mono)
        grid, moved = motion(strip.times_s, mouth_shape(strip.landmarks))
        found = fit(grid, moved, predicted)
        if found is None:
            return abstain(
                self.info, Text("picture and sound overlap too little", zh="画面与声音重叠太少"), person=person
            )
        shown = (_traces(grid, moved, predicted, runs), _curve(found))
        if any(found.standing < other.standing >= _FOLLOWS for other in _of_others(subject.company, predicted)):
            return abstain(self.info, _ANOTHER, person=person, score=-found.standing, exhibits=shown)
        evidence = from_score(self.info, -found.standing)
        finding = _finding(found, evidence.llr or 0.0)
        return replace(evidence, finding=finding, person=person, interval=strip.interval, exhibits=shown)


def foretell(mono: Floats) -> Reals:
    """``(k, 2)``: the mouth's shape that the sound ``(samples,)`` at 16 kHz lets expect, on a grid of 50 Hz from 0
    s."""
    windows = audio_windows(mono)
    if not len(windows):
        return np.zeros((0, 2))
    return np.asarray(models.load(MODEL).run(np.asarray(windows, np.float32))[0], np.float64)


def _unfit(strip: Strip | None) -> Text | None:
    why = unfit(strip, min_s=_MIN_S, min_hz=_MIN_HZ, min_seen=_MIN_SEEN)
    if strip is None or why is not None:
        return why
    if np.nanstd(mouth_shape(strip.landmarks)[:, 0]) < _STILL:
        return Text("the lips hardly move; somebody else may speak", zh="嘴唇几乎不动，说话的可能是别人")
    return None


def _within(runs: Sequence[Interval], strip: Strip) -> tuple[Interval, ...]:
    """What of the speech falls into the passage."""
    first, last = float(strip.times_s[0]), float(strip.times_s[-1])
    inside = []
    for run in runs:
        start, end = max(first, run.start_s), min(last, run.end_s)
        if end > start:
            inside.append(Interval(start, end))
    return tuple(inside)


def _too_little(runs: Sequence[Interval]) -> Text | None:
    heard = total_s(runs)
    if heard >= _MIN_SPEECH_S:
        return None
    return Text(
        f"{below(heard)} s of speech are heard while the face is seen; {_MIN_SPEECH_S:g} s are needed",
        zh=f"看到人脸时只听到 {below(heard)} 秒语音，至少需要 {_MIN_SPEECH_S:g} 秒",
    )


def _of_others(company: Sequence[Strip], predicted: Reals) -> list[Fit]:
    fits = []
    for strip in company:
        if _unfit(strip) is None:
            found = fit(*motion(strip.times_s, mouth_shape(strip.landmarks)), predicted)
            if found is not None:
                fits.append(found)
    return fits


def _finding(found: Fit, llr: float) -> Text:
    if llr < -_UNCLEAR:
        return Text("The mouth follows the voice.", zh="口型与语音同步。")
    if llr <= _UNCLEAR:
        return Text("Whether the mouth follows the voice is not clear.", zh="口型与语音是否同步并不明确。")
    lag = abs(found.best_s)
    if found.best_standing >= _SHIFTED:
        later = found.best_s > 0
        return Text(
            f"The mouth follows the voice only if the sound is taken {lag:.2f} s {'earlier' if later else 'later'}: "
            "picture and sound were shifted against each other.",
            zh=f"声音{'提前' if later else '推迟'} {lag:.2f} 秒才与口型吻合：画面与声音发生了错位。",
        )
    return Text(
        "The mouth does not follow the voice: somebody else may speak, or lips or voice were put there.",
        zh="口型与语音不同步：可能是别人在说话，也可能口型或语音是后加的。",
    )


def _curve(found: Fit) -> Curve:
    return Curve(
        Text("How well the mouth fits the voice, by how much the sound is taken later; a voice that belongs to the "
        "mouth "
             "has its peak at 0", zh="口型与语音的吻合程度随声音偏移量的变化；属于该口型的语音在 0 处达到峰值"),
        Text("lag of the sound (s)", zh="声音偏移（秒）"),
        Text("correlation", zh="相关系数"),
        axis(found.lags_s, 3),
        course(found.likeness, 4),
    )  # fmt: skip


def _traces(grid: Reals, moved: Reals, predicted: Reals, runs: Sequence[Interval]) -> ImageExhibit:
    caption = Text(
        "Opening of the mouth as seen (blue) and as predicted from the sound (orange), over time; grey: nobody speaks",
        zh="嘴部张开程度：画面所见（蓝）与由声音推断（橙）；灰色表示无人说话",
    )
    return ImageExhibit(caption, traces(grid, moved[:, 0], predicted[:, 0], runs))


def traces(grid: Reals, seen: Reals, predicted: Reals, runs: Sequence[Interval]) -> Pixels:
    """``(200, 900, 3)``: both courses at unit deviation over the passage."""
    width, height = _IMAGE
    times = np.linspace(grid[0], grid[-1], width)
    heard = np.zeros(width, np.bool_)
    for run in runs:
        heard |= (times >= run.start_s) & (times <= run.end_s)
    canvas = np.full((height, width, 3), 255, np.uint8)
    canvas[:, ~heard] = _PAUSE
    own = np.arange(len(predicted)) / GRID_HZ
    for colour, at, values in ((_FORETOLD, own, predicted), (_SEEN, grid, seen)):
        level = np.interp(times, at, values)
        level = (level - level.mean()) / max(float(level.std()), 1e-9)
        y = height / 2 - np.clip(level, -3, 3) * height / 6.4
        line = np.stack([np.arange(width), y], axis=1)
        cv2.polylines(canvas, [np.rint(line * 8).astype(np.int32)], False, colour, 2, cv2.LINE_AA, 3)
    return canvas


detector: type[Detector] = LipSync
