"""``decide``: evidence -> verdict, with the error rate of the decision.

**One subject, one kind of forgery.** All detectors see the same pixels, so their LLRs are not simply added: each is
weighed by how much the others repeat it, as measured (:mod:`zhenwei.fusion.dependence`). One detector keeps its LLR. An
abstention is as if the detector had not been asked.

**Several kinds.** A picture may be altered or generated, its sound the voice of a machine; a detector of the one says
nothing of the others. "Forged in one of these ways, no telling which" against "genuine" has the ratio mean(exp(llr of
each kind)): a trace of one kind is not outvoted by the absence of another. That a picture was altered is always
considered; the other kinds from doubled odds on, and where they raise the ratio: a detector that knows few generators
and finds a little of one shall not take away what others found, and more of a trace never makes a cleaner verdict.

**Two streams.** For a video in which somebody is heard picture and voice are judged apart as well, so that it can be
told which of them is at fault; what is missing counts for neither side.

**Several people.** "Somebody here is forged, no telling who" against "nobody is" has the likelihood ratio
mean(exp(llr of each)). Evidence on the whole file joins that of everybody. The file is called forged if the most
suspicious person is out of the ordinary *for the most suspicious of n*: rate 1 - (1 - p)^n (Šidák 1967), at most the
wanted false-alarm rate. It is called genuine if everybody examined is: the rate is then that of the least clean.

A person's decision rests on the evidence about that person alone and is not corrected for how many there are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from zhenwei.errors import UsageError
from zhenwei.fusion import wording
from zhenwei.fusion.dependence import Dependence
from zhenwei.fusion.dependence import packaged as learned
from zhenwei.fusion.operating import OperatingPoints, packaged
from zhenwei.types import Decision, Evidence, Forgery, Kind, Person, PersonVerdict, Stream, StreamVerdict, Text, Verdict

_DOUBLED = math.log(2)
_OF_PICTURE = ("altered", "generated")
_ORDER: tuple[Forgery, ...] = ("altered", "generated", "voice")


def decide(
    evidence: Sequence[Evidence],
    *,
    people: Sequence[Person] = (),
    kind: Kind = "image",
    false_alarm: float = 0.05,
    miss: float = 0.05,
    operating: OperatingPoints | None = None,
) -> Verdict:
    """The verdict on a file, and on each person in ``people`` or spoken of in ``evidence``; the order does not matter.

    ``false_alarm``, ``miss``: the wanted rates, in (0, 1), of genuine files called forged and of forged files called
    genuine; the default holds both errors to 5 %. ``operating``: measured rates, by default those in the package.
    Raises :class:`UsageError` for rates without meaning or an LLR that is not finite.
    """
    judge = _Judge(kind, operating or packaged(), false_alarm, miss)
    by_person = {number: [e for e in evidence if e.person == number] for number in _numbers(evidence, people)}
    of_file = [e for e in evidence if e.person is None]
    verdicts = tuple(judge.person(n, found, _seen(n, people)) for n, found in by_person.items())
    verdict = judge.file(by_person, of_file, verdicts)
    return replace(verdict, streams=judge.streams(by_person, of_file)) if kind == "video" else verdict


def fuse(evidence: Sequence[Evidence], *, dependence: Dependence | None = None) -> float | None:
    """One LLR for one subject, allowing for dependence and kinds of forgery; None if every detector abstains."""
    return _any_of([math.fsum(c for _, c in mine) for mine in _considered(evidence, dependence)])


def contributions(evidence: Sequence[Evidence], *, dependence: Dependence | None = None) -> tuple[float | None, ...]:
    """What each evidence on one subject adds to the LLR of its kind of forgery; None for an abstention, 0 where its
    kind was not considered.

    Those of one kind sum up to its LLR; with one kind alone, to what :func:`fuse` gives.
    """
    found = {id(e): c for mine in _considered(evidence, dependence) for e, c in mine}
    return tuple(None if e.llr is None else found.get(id(e), 0.0) for e in evidence)


def _considered(evidence: Sequence[Evidence], dependence: Dependence | None) -> list[list[tuple[Evidence, float]]]:
    """Of each kind of forgery that is considered: the evidence, and what it adds."""
    kinds = {kind: _weighed(mine, dependence) for kind, mine in _by_kind(evidence).items()}
    sums = {kind: math.fsum(c for _, c in mine) for kind, mine in kinds.items()}
    first = [kind for kind in _ORDER if kind in kinds][:1]
    considered = list(first)
    for kind in sorted(set(kinds) - set(first), key=lambda k: -sums[k]):
        if sums[kind] >= max(_DOUBLED, _any_of([sums[k] for k in considered]) or 0.0):
            considered.append(kind)
    return [kinds[kind] for kind in considered]


def _by_kind(evidence: Sequence[Evidence]) -> dict[Forgery, list[Evidence]]:
    kinds: dict[Forgery, list[Evidence]] = defaultdict(list)
    for item in evidence:
        if item.llr is None:
            continue
        if not math.isfinite(item.llr):
            raise UsageError(f"{item.detector} gave no usable LLR", got=str(item.llr), want="a finite number or None")
        kinds["altered" if item.finds == "pairing" else item.finds].append(item)
    return kinds


def _weighed(mine: Sequence[Evidence], dependence: Dependence | None) -> list[tuple[Evidence, float]]:
    """In an order of their own, so that the sum does not depend on who was asked first."""
    ordered = sorted(mine, key=lambda e: (e.detector, e.llr or 0.0))
    weights = (dependence or learned()).weights([e.detector for e in ordered])
    return [(e, w * e.llr) for e, w in zip(ordered, weights, strict=True) if e.llr is not None]


@dataclass(frozen=True, slots=True)
class _Judge:
    kind: Kind
    operating: OperatingPoints
    false_alarm: float
    miss: float

    def __post_init__(self) -> None:
        for name, rate in (("false-alarm", self.false_alarm), ("miss", self.miss)):
            if not 0 < rate < 1:
                raise UsageError(f"the wanted {name} rate is out of range", got=str(rate), want="between 0 and 1")

    def person(self, number: int, evidence: Sequence[Evidence], seen: Person | None) -> PersonVerdict:
        llr = fuse(evidence)
        decision, rate = self._weigh([] if llr is None else [llr])
        subject = wording.of_person(number)
        return PersonVerdict(
            person=number,
            decision=decision,
            llr=llr,
            error_rate=rate,
            explanation=self._explain(subject, decision, rate, llr, evidence),
            faces=seen.faces if seen else 0,
            interval=seen.interval if seen else None,
        )

    def file(
        self, by_person: dict[int, list[Evidence]], of_file: Sequence[Evidence], verdicts: tuple[PersonVerdict, ...]
    ) -> Verdict:
        examined = {n: found for n, found in by_person.items() if any(e.llr is not None for e in found)}
        joined = {n: fuse([*found, *of_file]) for n, found in examined.items()}
        llrs = {n: llr for n, llr in joined.items() if llr is not None}
        alone = fuse(of_file)
        each = list(llrs.values()) or ([] if alone is None else [alone])
        decision, rate = self._weigh(each)
        everything = [*of_file, *(e for found in by_person.values() for e in found)]
        worst = max(llrs, key=lambda n: (llrs[n], -n)) if llrs else None
        subject = wording.of_file() if worst is None else wording.of_worst(worst, decision, len(llrs))
        llr = _any_of(each)
        explanation = self._explain(subject, decision, rate, llr, everything)
        explanation = wording.with_scope(explanation, decision, len(llrs), len(by_person) - len(llrs))
        return Verdict(decision, llr, rate, explanation, verdicts)

    def streams(self, by_person: dict[int, list[Evidence]], of_file: Sequence[Evidence]) -> tuple[StreamVerdict, ...]:
        """Picture and voice apart; empty where nothing can be said of a voice. How firm a voice must be is measured on
        sound alone. That they do not belong together says of neither that it is forged, and is left out."""
        voice = [e for e in of_file if e.finds == "voice"]
        if all(e.llr is None for e in voice):
            return ()
        seen = {n: [e for e in found if e.finds in _OF_PICTURE] for n, found in by_person.items()}
        picture = self.file(seen, [e for e in of_file if e.finds in _OF_PICTURE], ())
        heard = replace(self, kind="audio").file({}, voice, ())
        return _stream("picture", picture), _stream("voice", heard)

    def _weigh(self, llrs: Sequence[float]) -> tuple[Decision, float | None]:
        """The decision on everybody of these LLRs together, and how often it is wrong."""
        together = _any_of(llrs)
        if together is None:
            return "inconclusive", None
        alarm = self._alarm(llrs)
        if together > 0 and alarm <= self.false_alarm:
            return "forged", alarm
        missed = self.operating.miss_rate(max(llrs), self.kind)
        if max(llrs) < 0 and missed <= self.miss:
            return "genuine", missed
        return "inconclusive", None

    def _alarm(self, llrs: Sequence[float]) -> float:
        """Šidák's correction, written so that small rates survive rounding and one person is left as is."""
        single = self.operating.false_alarm_rate(max(llrs), self.kind)
        if len(llrs) == 1 or single >= 1:
            return single
        return -math.expm1(len(llrs) * math.log1p(-single))

    def _explain(
        self,
        subject: wording.Subject,
        decision: Decision,
        rate: float | None,
        llr: float | None,
        evidence: Sequence[Evidence],
    ) -> Text:
        if llr is None:
            return wording.nothing(subject, [(e.detector, e.reason) for e in evidence])
        if decision == "inconclusive" or rate is None:
            return wording.undecided(subject, llr, self.false_alarm, self.miss)
        return wording.decided(subject, decision, rate)


def _stream(name: Stream, found: Verdict) -> StreamVerdict:
    return StreamVerdict(name, found.decision, found.llr, found.error_rate)


def _any_of(llrs: Sequence[float]) -> float | None:
    """log mean exp: the LLR of "one of them is forged, no telling which" against "none is"; None for none."""
    if not llrs:
        return None
    most = max(llrs)
    return most + math.log(math.fsum(math.exp(llr - most) for llr in llrs) / len(llrs))


def _numbers(evidence: Sequence[Evidence], people: Sequence[Person]) -> list[int]:
    return sorted({p.person for p in people} | {e.person for e in evidence if e.person is not None})


def _seen(number: int, people: Sequence[Person]) -> Person | None:
    return next((p for p in people if p.person == number), None)
