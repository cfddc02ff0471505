"""The evidence that detectors give: abstentions in one form of words, and scores with what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from zhenwei import models
from zhenwei.models.calibration import Calibration
from zhenwei.types import Declaration, DetectorInfo, Evidence, Exhibit, Face, Interval, Text

NO_ANSWER = Text("No answer.", zh="没有结论。")
NO_FACE = Text("no face to look at", zh="没有可供检查的人脸")
NO_AUDIO = Text("there is no sound", zh="没有声音")
NO_STILL_IMAGE = Text("there is no still picture", zh="没有静态图片")
Item = TypeVar("Item")


def abstain(
    info: DetectorInfo,
    why: str,
    *,
    finding: Text = NO_ANSWER,
    person: int | None = None,
    score: float | None = None,
    exhibits: tuple[Exhibit, ...] = (),
    declares: tuple[Declaration, ...] = (),
) -> Evidence:
    """No LLR, and ``why``: a clause without a capital or a full stop. What was found all the same is shown."""
    return Evidence(info.id, None, finding, why, score, person, exhibits=exhibits, declares=declares)


def withheld(evidence: Evidence, why: Text) -> Evidence:
    """``evidence`` that is too weak to be told as a finding: its score and exhibits stay."""
    return replace(evidence, llr=None, finding=NO_ANSWER, reason=why)


def face_too_small(min_px: int) -> Text:
    return Text(f"the face is too small: {min_px} px are needed", zh=f"人脸太小：至少需要 {min_px} 像素")


def image_too_small(min_px: int) -> Text:
    return Text(f"the picture is too small: {min_px} px a side are needed", zh=f"图片太小：每边至少需要 {min_px} 像素")


def from_score(info: DetectorInfo, score: float, *, parts: int = 1) -> Evidence:
    """Evidence on something that has no size of a face; the finding is still to be said. ``parts``: of how many that
    stand side by side, such as windows of speech, ``score`` is the mean."""
    model = info.models[0]
    llr = Calibration.load(models.calibration_path(model)).llr(score, frames=parts)
    return Evidence(info.id, llr, "", score=score, weights=models.load(model).weights)


def from_faces(
    info: DetectorInfo, person: int | None, faces: Sequence[Face], scores: Sequence[float], *, part: str = ""
) -> Evidence:
    """Evidence on one person by the trimmed mean of the ``scores`` of their ``faces``, worth what it is for faces of
    their median size and sharpness; the finding is still to be said. ``part``: which calibration of the model."""
    model = info.models[0]
    calibration = Calibration.load(models.calibration_path(model, part=part))
    times = [face.time_s for face in faces]
    score = calibration.combine_frames(scores, times)
    llr = calibration.llr(
        score,
        face_px=float(np.median([face.quality.face_px for face in faces])),
        sharpness=float(np.median([face.quality.sharpness for face in faces])),
        frames=len(faces),
    )
    interval = Interval(times[0], times[-1]) if len(faces) > 1 else None
    return Evidence(info.id, llr, "", "", score, person, interval, weights=models.load(model).weights)


def joined(sentences: Iterable[Text]) -> Text:
    """Several sentences as one text: Chinese ones stand without spaces between them."""
    said = list(sentences)
    return Text(" ".join(said), zh="".join(sentence.in_language("zh") for sentence in said))


def evenly(items: Sequence[Item], max_count: int) -> Sequence[Item]:
    """At most ``max_count`` of them, evenly spread from the first to the last; all for a ``max_count`` of 0."""
    if not max_count or len(items) <= max_count:
        return items
    return [items[int(place)] for place in np.linspace(0, len(items) - 1, max_count).round()]


def axis(values: Iterable[float], digits: int) -> tuple[float, ...]:
    """The x of a curve: plain floats, rounded."""
    return tuple(round(float(value), digits) for value in values)


def course(values: Iterable[float], digits: int) -> tuple[float | None, ...]:
    """The y of a curve: plain floats, rounded, with a gap for NaN and infinity."""
    return tuple(round(float(value), digits) if np.isfinite(value) else None for value in values)
