"""What a verdict may not say: where a detector failed, a face may be a picture, rates are those of another depth."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from zhenwei.types import Depth, Evidence, Text, Verdict, in_language

_DOES_NOTHING = Text(
    "Not called genuine, because all that a face in it does can be done with pictures: one that is held up or bent, or "
    "several that are shown one after another.",
    zh="其中有人脸的全部动作都可以用图片做出（展示或扭曲一张图片，或依次播放多张图片），因此不判定为真实。",
)
_UNHEARD = Text(
    "A fast examination does not listen to voices; the standard one does.", zh="快速检验不检验语音；请用标准深度检验。"
)
_RATE_OF_STANDARD = Text(
    "That rate was measured at the standard depth, not at the fast one.", zh="该比率测自标准深度，而非快速深度。"
)
_RATES_OF_STANDARD = Text(
    "They were measured at the standard depth; examined fast, by fewer detectors on fewer frames, a file may be judged "
    "wrongly more often.",
    zh="以上比率测自标准深度；快速检验使用的检测器和帧数较少，误判率可能更高。",
)


def careful(verdict: Verdict, evidence: Sequence[Evidence], *, still: Collection[int], depth: Depth) -> Verdict:
    """``verdict`` on ``evidence``, less what it cannot stand for. ``still``: the people in a clip whose faces do
    nothing that pictures could not be made to do."""
    return _at_depth(_withheld(_reserved(verdict, evidence), _DOES_NOTHING, still), depth)


def _reserved(verdict: Verdict, evidence: Sequence[Evidence]) -> Verdict:
    """No "genuine" where a detector failed: whoever made the file may have made it fail. "Forged" rests on what the
    others found, and stands."""
    names = {item.detector: None for item in evidence if item.fault}  # in order, each once
    if not names:
        return verdict
    failed = ", ".join(names)
    why = Text(
        f"Not called genuine, because part of the examination failed ({failed}).",
        zh=f"部分检查发生故障（{failed}），因此不判定为真实。",
    )
    return _withheld(verdict, why)


def _withheld(verdict: Verdict, why: Text, of: Collection[int] | None = None) -> Verdict:
    """Without "genuine" for the people in ``of``, by default for anybody, and then for the picture and the file."""
    if of is not None and not of:
        return verdict
    people = []
    for person in verdict.by_person:
        if person.decision == "genuine" and (of is None or person.person in of):
            person = replace(person, decision="inconclusive", error_rate=None, explanation=why)  # noqa: PLW2901
        people.append(person)
    streams = []
    for stream in verdict.streams:
        if stream.decision == "genuine" and (of is None or stream.stream == "picture"):
            stream = replace(stream, decision="inconclusive", error_rate=None)  # noqa: PLW2901
        streams.append(stream)
    verdict = replace(verdict, by_person=tuple(people), streams=tuple(streams))
    if verdict.decision != "genuine":
        return verdict
    return replace(verdict, decision="inconclusive", error_rate=None, explanation=why)


def _at_depth(verdict: Verdict, depth: Depth) -> Verdict:
    """With what the rates were measured at, where that is another depth, and that of a recording nothing was heard."""
    if depth != "fast":
        return verdict
    if verdict.judged_as == "audio" and verdict.decision == "inconclusive":
        return replace(verdict, explanation=_joined(verdict.explanation, _UNHEARD))
    people = []
    for person in verdict.by_person:
        if person.error_rate is not None:
            person = replace(person, explanation=_joined(person.explanation, _RATE_OF_STANDARD))  # noqa: PLW2901
        people.append(person)
    explanation = verdict.explanation
    if verdict.error_rate is not None:
        explanation = _joined(explanation, _RATE_OF_STANDARD)
    measured_on = _joined(verdict.measured_on, _RATES_OF_STANDARD) if verdict.measured_on else ""
    return replace(verdict, by_person=tuple(people), explanation=explanation, measured_on=measured_on)


def _joined(first: str, second: Text) -> Text:
    return Text(f"{first} {second}", zh=in_language(first, "zh") + second.zh)
