"""One file, saved in many ways: what the verdict is worth once the file has travelled.

No label is needed. A verdict that changes sides with the way a file was saved is none; one that is lost (inconclusive)
has merely reached the end of what can be seen. "inconclusive" is on neither side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from zhenwei import media, pipeline
from zhenwei.errors import FaultError, MediaError
from zhenwei.evaluation.examine import tell_faults
from zhenwei.evaluation.ladder import GRADED, Degradation
from zhenwei.faults import OnFault, on_one_file
from zhenwei.types import Decision, Report, Text

SCHEMA = "zhenwei.robust/1"
AS_IT_IS = "as it is"
_SIDES = {"forged": 1, "genuine": -1}
_CHINESE = {"forged": "伪造", "genuine": "真实", "inconclusive": "无法判定", "failed": "失败"}
_NAMED = 4
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """What was said of the file after one step. ``decision`` "failed": the step or the reading failed, for ``reason``.

    ``llr``: natural log, > 0 speaks for forged; None = no answer. ``size_bytes`` of what was examined, ``file``
    its path where it was kept.
    """

    family: str
    name: str
    amount: float
    decision: Decision | Literal["failed"]
    llr: float | None
    reason: str = ""
    size_bytes: int = 0
    seconds: float = 0.0
    file: str = ""

    @property
    def side(self) -> int:
        """1 forged, -1 genuine, 0 neither."""
        return _SIDES.get(self.decision, 0)


@dataclass(frozen=True, slots=True)
class Family:
    """What became of the verdict within one family. Names of steps, "" = none.

    ``held``: the last step before the first change. ``flipped``: the first on the other side (or on any side, where the
    file as it is has no verdict). ``lost``: the first without a verdict where the file has one. ``low``, ``high``: of
    the LLRs; None where no step has one.
    """

    family: str
    held: str
    flipped: str
    lost: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Robustness:
    """All that was tried on one file. ``planned`` steps; fewer ``answers`` where it was interrupted. ``excerpt_s``: how
    much of a long clip was used, None = all. ``attacks`` need the network's weights and do not count as ways of saving.
    """

    path: str
    sha256: str
    kind: str
    plain: StepAnswer
    answers: tuple[StepAnswer, ...]
    planned: int
    excerpt_s: float | None = None
    attacks: tuple[StepAnswer, ...] = ()

    @property
    def stable(self) -> bool:
        """Whether no two answers, that on the file as it is among them, are on different sides."""
        sides = _by_side((self.plain, *self.answers))
        return not (sides[1] and sides[-1])

    @property
    def families(self) -> tuple[Family, ...]:
        groups = groupby(self.answers, lambda answer: answer.family)
        return tuple(_family(self.plain, name, tuple(answers)) for name, answers in groups)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        llrs, fields = _llrs((self.plain, *self.answers)), asdict(self)
        return {
            "schema": SCHEMA,
            "file": {"path": self.path, "sha256": self.sha256, "kind": self.kind, "excerpt_s": self.excerpt_s},
            "stable": self.stable,
            "conclusion": str(conclusion(self)),
            "llr_range": [min(llrs), max(llrs)] if llrs else None,
            "as_it_is": fields["plain"],
            "steps": list(fields["answers"]),
            "steps_planned": self.planned,
            "families": [asdict(family) for family in self.families],
            "attacks": list(fields["attacks"]),
        }


def walk(
    path: Path,
    degradations: Sequence[Degradation],
    folder: Path,
    *,
    options: pipeline.Options | None = None,
    keep: bool = False,
    tell: Callable[[str], Tell] | None = None,
    on_fault: OnFault | None = None,
) -> Iterator[StepAnswer]:
    """The answer on ``path`` as it is, then one for each of ``degradations`` that takes its kind, as they are done.

    Re-shipped files are written to ``folder``, and removed again unless ``keep``. ``tell(step)`` gives what stages of
    that step are reported to, ``on_fault`` is told of steps and detectors on which the program fails. Raises
    :class:`MediaError` or :class:`FaultError` if the file itself cannot be examined.
    """
    begin = tell or (lambda _step: lambda _stage, _share: None)
    kind = on_one_file(lambda: media.open_media(path)).kind
    yield examined(path, options, begin(AS_IT_IS), on_fault)
    for degradation in degradations:
        if kind in degradation.takes:
            yield _after(degradation, path, folder, options, keep, begin(degradation.name), on_fault)


def examined(
    path: Path, options: pipeline.Options | None = None, tell: Tell | None = None, on_fault: OnFault | None = None
) -> StepAnswer:
    """The answer on a file as it is. Raises :class:`MediaError` for one that cannot be read, :class:`FaultError` for
    one that the program fails on."""
    began = time.perf_counter()
    report = on_one_file(lambda: pipeline.examine(path, options=options, progress=tell))
    tell_faults(report, AS_IT_IS, on_fault)
    return _answer("", AS_IT_IS, 0.0, report, began)


def _after(
    degradation: Degradation,
    path: Path,
    folder: Path,
    options: pipeline.Options | None,
    keep: bool,
    tell: Tell,
    on_fault: OnFault | None,
) -> StepAnswer:
    began = time.perf_counter()
    tell("saving", 0.0)
    shipped: Path | None = None
    try:
        shipped = saved = on_one_file(lambda: degradation.apply(path, folder))
        report = on_one_file(lambda: pipeline.examine(saved, options=options, progress=tell))
    except (MediaError, FaultError) as error:
        if on_fault and isinstance(error, FaultError):
            on_fault(degradation.name, error)
        return StepAnswer(degradation.family, degradation.name, degradation.amount, "failed", None, str(error))
    finally:
        if shipped is not None and not keep:
            shipped.unlink(missing_ok=True)
    tell_faults(report, degradation.name, on_fault)
    file = str(shipped) if keep else ""
    return _answer(degradation.family, degradation.name, degradation.amount, report, began, file)


def _answer(family: str, name: str, amount: float, report: Report, began: float, file: str = "") -> StepAnswer:
    verdict, size = report.verdict, report.media.size_bytes
    why, seconds = str(verdict.explanation), round(time.perf_counter() - began, 3)
    return StepAnswer(family, name, amount, verdict.decision, verdict.llr, why, size, seconds, file)


def _family(plain: StepAnswer, name: str, answers: tuple[StepAnswer, ...]) -> Family:
    held = flipped = lost = ""
    for answer in answers:
        if answer.side == plain.side:
            held = held if flipped or lost else answer.name
        elif answer.side:
            flipped = flipped or answer.name
        else:
            lost = lost or answer.name
    llrs = _llrs(answers)
    return Family(name, held, flipped, lost, min(llrs, default=None), max(llrs, default=None))


def _llrs(answers: Sequence[StepAnswer]) -> list[float]:
    return [a.llr for a in answers if a.llr is not None]


def _by_side(answers: Sequence[StepAnswer]) -> dict[int, list[StepAnswer]]:
    """1 forged, -1 genuine, 0 neither."""
    found: dict[int, list[StepAnswer]] = {1: [], -1: [], 0: []}
    for answer in answers:
        found[answer.side].append(answer)
    return found


def conclusion(found: Robustness) -> Text:
    """One sentence on all of it, in English and Chinese."""
    if not found.answers:
        return Text("No step was finished: nothing can be said.", zh="没有完成任何一步，无法得出结论。")
    if not found.stable:
        return _unsure(found)
    decision, zh, count = found.plain.decision, _CHINESE[found.plain.decision], len(found.answers)
    if not found.plain.side:
        return _without_verdict(found)
    lost = _by_side(found.answers)[0]
    if not lost:
        return Text(f"Stays {decision} through all {count} steps tried.", zh=f"在全部 {count} 步中始终为{zh}。")
    if len(lost) == count:
        return Text(
            f"{decision.capitalize()} as it is, but none of the {count} steps tried leaves a verdict.",
            zh=f"原文件为{zh}，但经过所试的 {count} 步中的任何一步后都无法判定。",
        )
    limits, places = _limits(found)
    return Text(
        f"Stays {decision} {limits}; no step makes it the opposite, {len(lost)} of {count} leave no verdict.",
        zh=f"结论保持为{zh}（{places}）；没有任何一步得出相反结论，{count} 步中有 {len(lost)} 步无法判定。",
    )


def _unsure(found: Robustness) -> Text:
    plain, sides = found.plain, _by_side(found.answers)
    if plain.side:
        against = sides[-plain.side]
        names = _listed(against)
        return Text(
            f"Unsure: the verdict depends on how the file was saved. {plain.decision.capitalize()} as it is, "
            f"{against[0].decision} after {names}.",
            zh=f"不确定：结论取决于文件的保存方式。原文件为{_CHINESE[plain.decision]}，"
            f"经 {names} 后为{_CHINESE[against[0].decision]}。",
        )
    forged, genuine = _listed(sides[1]), _listed(sides[-1])
    return Text(
        f"Unsure: no verdict as it is, forged after {forged}, genuine after {genuine}.",
        zh=f"不确定：原文件无法判定，经 {forged} 后为伪造，经 {genuine} 后为真实。",
    )


def _without_verdict(found: Robustness) -> Text:
    sides = _by_side(found.answers)
    sided = sides[1] or sides[-1]
    if not sided:
        return Text("No verdict, however it is saved.", zh="无论怎样保存都无法判定。")
    names, decision = _listed(sided), sided[0].decision
    return Text(
        f"No verdict as it is. It turns {decision} after {names}: that says more of the step than of the file.",
        zh=f"原文件无法判定。经 {names} 后为{_CHINESE[decision]}：这更多反映的是处理方式，而不是文件本身。",
    )


def _limits(found: Robustness) -> tuple[str, str]:
    down, never, other = [], [], list[str]()
    for family in found.families:
        graded = family.family in GRADED
        mine, lost = 0, []
        for answer in found.answers:
            if answer.family == family.family:
                mine += 1
                lost += [] if answer.side else [answer.name]
        if graded and family.lost and family.held:
            down.append(family.held)
        if len(lost) == mine:
            never.append(family.family)
        elif not (graded and family.held):
            other += lost
    parts, places = [], []
    for names, words, zh in (
        (down, "down to {}", "直到 {}"),
        (never, "but after no step of {}", "但 {} 的任何一步之后都无法判定"),
        (other, "except after {}", "除了 {} 之后"),
    ):
        if names:
            parts.append(words.format(_joined(names)))
            places.append(zh.format(_joined(names)))
    return ", ".join(parts), "，".join(places)


def _listed(answers: Sequence[StepAnswer]) -> str:
    return _joined([answer.name for answer in answers])


def _joined(names: Sequence[str]) -> str:
    shown, more = names[:_NAMED], len(names) - _NAMED
    text = ", ".join(shown)
    if text.count(",") >= len(shown):  # a name has a comma of its own
        text = "; ".join(shown)
    return f"{text} (+{more})" if more > 0 else text
