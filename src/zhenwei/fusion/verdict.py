"""``decide``: evidence -> verdict, with the error rate of the decision.

What one subject's evidence is worth together, stream by stream, says :mod:`zhenwei.fusion.streams`.

**Streams.** Picture, voice and whether they belong together are judged apart. A file is forged if one of them is, and
the verdict names it; it is genuine only if picture and voice are, as far as they were examined, and nothing speaks
for a pair that does not belong together. So nothing that is heard makes up for what is seen, or the reverse. Each is
held to the wanted rates by itself, and the sentence says of which one it speaks. How firm a voice must be is measured
on sound alone; for pairs nothing was measured, so that Markov's bound stands.

**What the file declares** (evidence with ``declares``) is a stream of its own and no pixel statistics weigh on it. A
declaration that AI made or altered the file is never outvoted; one by a trusted signer that a camera recorded it speaks
for picture and voice alike.

**Several people.** "Somebody here is forged, no telling who" against "nobody is" has the likelihood ratio
mean(exp(llr of each)). Evidence on the whole file joins that of everybody. The picture is called forged if the most
suspicious person is out of the ordinary *for the most suspicious of n*: rate 1 - (1 - p)^n (Šidák 1967), at most the
wanted false-alarm rate. It is called genuine if everybody examined is: the rate is then that of the least clean.

A person's decision rests on the evidence about that person alone and is not corrected for how many there are.

**Least weight.** A decision needs a likelihood ratio of e (2.7) to one, whatever the rates say: what is nearly as
likely on the other side is no reason to call anything forged or genuine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from zhenwei.errors import UsageError
from zhenwei.fusion import wording
from zhenwei.fusion.dependence import Dependence
from zhenwei.fusion.dependence import packaged as packaged_dependence
from zhenwei.fusion.operating import OperatingPoints, Tail
from zhenwei.fusion.operating import packaged as packaged_operating
from zhenwei.fusion.streams import (
    CONTENT,
    MEASURED,
    by_forgery,
    by_stream,
    counted_streams,
    heard,
    log_mean_exp,
    max_llr,
    media_of,
    sidak,
    stream_llr,
    weighted,
)
from zhenwei.types import (
    Decision,
    Declaration,
    Evidence,
    Kind,
    Person,
    PersonVerdict,
    Stream,
    StreamVerdict,
    Text,
    Verdict,
)

MIN_WEIGHT = 1.0
_STANDINGS = ("trusted", "intact", "unsigned", "broken")


def decide(
    evidence: Sequence[Evidence],
    *,
    people: Sequence[Person] = (),
    kind: Kind = "image",
    false_alarm: float = 0.05,
    miss: float = 0.05,
    operating: OperatingPoints | None = None,
    dependence: Dependence | None = None,
) -> Verdict:
    """The verdict on a file, and on each person in ``people`` or spoken of in ``evidence``; the order does not matter.

    ``false_alarm``, ``miss``: the wanted rates, in (0, 1), of genuine files called forged and of forged files called
    genuine; the default holds both errors to 5 %. ``operating``: measured rates, ``dependence``: how much detectors
    repeat each other; by default those in the package.
    Raises :class:`UsageError` for rates without meaning or an LLR that is not finite.
    """
    judge = _Judge(kind, operating or packaged_operating(), dependence or packaged_dependence(), false_alarm, miss)
    by_person: dict[int, list[Evidence]] = {}
    seen: dict[int, Person] = {}
    for person in people:
        by_person[person.person] = []
        seen[person.person] = person
    of_file: list[Evidence] = []
    for item in evidence:
        if item.llr is not None and not math.isfinite(item.llr):
            raise UsageError(f"{item.detector} gave no usable LLR", got=str(item.llr), want="a finite number or None")
        (of_file if item.person is None else by_person.setdefault(item.person, [])).append(item)
    by_person = dict(sorted(by_person.items()))
    verdicts = [judge.person(number, own, seen.get(number)) for number, own in by_person.items()]
    verdict = judge.file(by_person, of_file, tuple(verdicts))
    return replace(
        verdict,
        declared=declared(evidence),
        measured_on=_measured_on(kind, verdict.streams, judge.operating),
        unlike=wording.unlike(judge.operating.outside(kind, people)),
        judged_as=kind,
    )


def _measured_on(kind: Kind, streams: Sequence[StreamVerdict], operating: OperatingPoints) -> Text:
    kinds: list[Kind] = [kind]
    if kind != "audio" and "voice" in [stream.stream for stream in streams]:
        kinds.append("audio")
    measured: list[tuple[Kind, tuple[tuple[str, int, int], ...]]] = []
    for media in kinds:
        rows = operating.measured_on(media)
        if rows:
            measured.append((media, rows))
    return wording.measured_on(measured)


def fuse(evidence: Sequence[Evidence], *, kind: Kind = "image", dependence: Dependence | None = None) -> float | None:
    """One LLR for one subject in media of ``kind``, that of its most suspicious stream; None if every detector
    abstains."""
    dependence = dependence or packaged_dependence()
    llrs = {}
    for stream, items in by_stream(evidence, kind).items():
        llr = stream_llr(items, media_of(stream, kind), dependence)
        if llr is not None:
            llrs[stream] = llr
    return max_llr(llrs)


def contributions(
    evidence: Sequence[Evidence], *, kind: Kind = "image", dependence: Dependence | None = None
) -> tuple[float | None, ...]:
    """What each evidence on one subject adds to the LLR of its kind of forgery; None for an abstention.

    Those of one kind sum up to its LLR; what a file declares stands for itself.
    """
    shares: dict[int, float] = {}  # by id(): evidence holds arrays and has no hash
    dependence = dependence or packaged_dependence()
    for stream, items in by_stream(evidence, kind).items():
        if stream == "declared":
            shares |= {id(item): item.llr or 0.0 for item in items}
            continue
        media = media_of(stream, kind)
        shares |= dict.fromkeys(map(id, items), 0.0)  # of those that do not count
        for same in by_forgery(heard(items, media, dependence)).values():
            ordered, added = weighted(same, media, dependence)
            shares |= zip(map(id, ordered), added, strict=True)
    return tuple([shares.get(id(item)) for item in evidence])


def declared(evidence: Sequence[Evidence]) -> tuple[Declaration, ...]:
    """What the file declares, each once, the firmest first."""
    found: dict[Declaration, None] = {}  # in order, each once
    for item in evidence:
        found |= dict.fromkeys(item.declares)
    return tuple(sorted(found, key=lambda d: (_STANDINGS.index(d.standing), not d.says_ai)))


# By stream that something was examined in: the LLR of every subject, by person, None for the file as a whole.
_Llrs = dict[Stream, dict[int | None, float]]


@dataclass(frozen=True, slots=True)
class _Judge:
    kind: Kind
    operating: OperatingPoints
    dependence: Dependence
    false_alarm: float
    miss: float

    def __post_init__(self) -> None:
        for name, rate in (("false-alarm", self.false_alarm), ("miss", self.miss)):
            if not 0 < rate < 1:
                raise UsageError(f"the wanted {name} rate is out of range", got=str(rate), want="between 0 and 1")

    def person(self, number: int, evidence: Sequence[Evidence], seen: Person | None) -> PersonVerdict:
        judged = self._judged(self._llrs({number: evidence}, []))
        decision, rate, _ = _combined(judged)
        llr = max_llr(_llrs_of(judged))
        return PersonVerdict(
            person=number,
            decision=decision,
            llr=llr,
            error_rate=rate,
            explanation=self._explain(wording.of_person(number), decision, rate, llr, evidence),
            faces=seen.faces if seen else 0,
            interval=seen.interval if seen else None,
        )

    def file(
        self,
        by_person: Mapping[int, Sequence[Evidence]],
        of_file: Sequence[Evidence],
        verdicts: tuple[PersonVerdict, ...],
    ) -> Verdict:
        llrs = self._llrs(by_person, of_file)
        judged = self._judged(llrs)
        decision, rate, at_fault = _combined(judged)
        everything = list(of_file)
        for own in by_person.values():
            everything += own
        explanation = self._explain_file(llrs, judged, everything, len(by_person))
        streams = {stream.stream: stream for stream in judged}
        streams.pop("declared", None)
        measured = tuple(streams.values())
        if "declared" in at_fault:
            explanation = wording.declares_itself(self._explain_file(llrs, measured, everything, len(by_person)))
        if self.kind == "audio" or not streams.keys() - {"picture"}:
            measured = ()  # nothing but the picture: its verdict is that on the file
        elif "picture" not in streams:
            measured = (StreamVerdict("picture", "inconclusive", None, None), *measured)
        llr = max_llr(_llrs_of(judged))
        return Verdict(decision, llr, rate, explanation, verdicts, measured, at_fault=at_fault)

    def _explain_file(
        self, llrs: _Llrs, judged: Sequence[StreamVerdict], everything: Sequence[Evidence], people: int
    ) -> Text:
        """The sentences on a file of so many ``people``, from the streams in ``judged``."""
        decision, rate, _ = _combined(judged)
        subject, examined = self._subject(llrs, judged, decision)
        sentence = self._explain(subject, decision, rate, max_llr(_llrs_of(judged)), everything)
        seen = len(llrs.get("picture", {}).keys() - {None})
        return wording.with_scope(sentence, decision, examined, people - seen if seen else 0)

    def _llrs(self, by_person: Mapping[int, Sequence[Evidence]], of_file: Sequence[Evidence]) -> _Llrs:
        """Evidence on the whole file joins that on everybody."""
        whole = by_stream(of_file, self.kind)
        each = {number: by_stream(own, self.kind) for number, own in by_person.items()}
        found: _Llrs = {}
        for stream in (*MEASURED, "declared"):
            shared = whole.get(stream, [])
            subjects: dict[int | None, list[Evidence]] = {}
            for number, streams in each.items():
                if streams.get(stream):
                    subjects[number] = [*streams[stream], *shared]
            for subject, items in (subjects or {None: shared}).items():
                llr = stream_llr(items, media_of(stream, self.kind), self.dependence)
                if llr is not None:
                    found.setdefault(stream, {})[subject] = llr
        captured = found.get("declared", {}).get(None, 0.0)
        if captured < 0:  # a trusted signer's word that a camera recorded it speaks for picture and voice alike
            for stream in found.keys() & set(CONTENT):
                for subject in found[stream]:
                    found[stream][subject] += captured
        return found

    def _judged(self, llrs: _Llrs) -> list[StreamVerdict]:
        """The decision on everybody in each stream, and how often it is wrong."""
        judged = []
        for stream, by_subject in llrs.items():
            each = list(by_subject.values())
            combined, largest = log_mean_exp(each), max(each)
            alarm = sidak(self._tail(self.operating.genuine, stream).at(largest), len(each))
            missed = self._tail(self.operating.forged, stream).at(-largest)
            if combined >= MIN_WEIGHT and alarm <= self.false_alarm:
                judged.append(StreamVerdict(stream, "forged", combined, alarm))
            elif largest <= -MIN_WEIGHT and missed <= self.miss and stream in CONTENT:
                judged.append(StreamVerdict(stream, "genuine", combined, missed))
            else:
                judged.append(StreamVerdict(stream, "inconclusive", combined, None))
        return judged

    def _tail(self, side: Mapping[str, Tail], stream: Stream) -> Tail:
        """How firm a voice must be is measured on sound alone; of pairs and declarations nothing was measured."""
        kinds: dict[Stream, Kind] = {"picture": self.kind, "voice": "audio"}
        return side.get(kinds[stream], Tail()) if stream in kinds else Tail()

    def _subject(
        self, llrs: _Llrs, judged: Sequence[StreamVerdict], decision: Decision
    ) -> tuple[wording.SentenceSubject, int]:
        """Who or what the sentence on the file is about, and how many people its rate allows for."""
        by_llr = _llrs_of(judged)
        if not by_llr:
            return wording.of_file(), 0
        if decision == "genuine" and by_llr.keys() >= set(CONTENT):
            return wording.of_both(), 0
        forged = _llrs_of([s for s in judged if s.decision == "forged" and s.stream != "declared"])
        candidates = forged or counted_streams(by_llr)
        worst = max(candidates, key=lambda stream: candidates[stream])
        if worst != "picture":
            return (wording.of_file() if self.kind == "audio" else wording.of_stream(worst)), 0
        people = llrs[worst]
        suspect = max(people, key=lambda number: (people[number], -(number or 0)))
        if suspect is None:
            return wording.of_file(), 0
        return wording.of_worst(suspect, decision, len(people)), len(people)

    def _explain(
        self,
        subject: wording.SentenceSubject,
        decision: Decision,
        rate: float | None,
        llr: float | None,
        evidence: Sequence[Evidence],
    ) -> Text:
        if llr is None:
            return wording.nothing(subject, [(item.detector, item.reason) for item in evidence if item.asked])
        if decision == "inconclusive" or rate is None:
            return wording.undecided(subject, llr, self.false_alarm, self.miss, least=MIN_WEIGHT)
        return wording.decided(subject, decision, rate)


def _llrs_of(judged: Sequence[StreamVerdict]) -> dict[Stream, float]:
    return {stream.stream: stream.llr or 0.0 for stream in judged}


def _combined(judged: Sequence[StreamVerdict]) -> tuple[Decision, float | None, tuple[Stream, ...]]:
    """Forged if a stream is; genuine if picture and voice are, where examined, and nothing else speaks for forged."""
    genuine: list[float] = []
    forged: list[Stream] = []
    undecided = False
    rate = None
    for stream in sorted(judged, key=lambda s: -(s.llr or 0.0)):
        content = stream.stream in CONTENT
        if stream.decision == "forged":
            forged.append(stream.stream)
            if rate is None and stream.stream != "declared":  # a statement is no measurement
                rate = stream.error_rate
        elif content and stream.decision == "genuine":
            genuine.append(stream.error_rate or 0.0)
        elif content or (stream.llr or 0.0) > 0:
            undecided = True
    if forged:
        return "forged", rate, tuple(forged)
    if undecided or not genuine:
        return "inconclusive", None, ()
    return "genuine", max(genuine), ()
