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
from zhenwei.fusion.dependence import packaged as learned
from zhenwei.fusion.operating import OperatingPoints, Tail, packaged
from zhenwei.fusion.streams import (
    CONTENT,
    MEASURED,
    any_of,
    by_kind,
    by_stream,
    media_of,
    of_many,
    speaking,
    stream_llr,
    weighed,
    worst_of,
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

LEAST_WEIGHT = 1.0
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
    judge = _Judge(kind, operating or packaged(), dependence or learned(), false_alarm, miss)
    _finite(evidence)
    said: dict[int, list[Evidence]] = {person.person: [] for person in people}
    of_file: list[Evidence] = []
    for item in evidence:
        (of_file if item.person is None else said.setdefault(item.person, [])).append(item)
    everybody = dict(sorted(said.items()))
    seen = {person.person: person for person in people}
    verdicts = tuple(judge.person(number, mine, seen.get(number)) for number, mine in everybody.items())
    verdict = judge.file(everybody, of_file, verdicts)
    heard = kind == "video" and any(s.stream == "voice" for s in verdict.streams)
    measured: list[tuple[Kind, tuple[tuple[str, int, int], ...]]] = []
    for media in (kind, "audio") if heard else (kind,):
        rows = judge.operating.measured_on(media)
        if rows:
            measured.append((media, rows))
    return replace(
        verdict,
        declared=declared(evidence),
        measured_on=wording.measured_on(measured),
        unlike=wording.unlike(judge.operating.outside(kind, people)),
    )


def fuse(evidence: Sequence[Evidence], *, kind: Kind = "image", dependence: Dependence | None = None) -> float | None:
    """One LLR for one subject in media of ``kind``, that of its most suspicious stream; None if every detector
    abstains."""
    known = dependence or learned()
    llrs = {}
    for stream, mine in by_stream(evidence, kind).items():
        llr = stream_llr(mine, media_of(stream, kind), known)
        if llr is not None:
            llrs[stream] = llr
    return worst_of(llrs)


def contributions(
    evidence: Sequence[Evidence], *, kind: Kind = "image", dependence: Dependence | None = None
) -> tuple[float | None, ...]:
    """What each evidence on one subject adds to the LLR of its kind of forgery; None for an abstention.

    Those of one kind sum up to its LLR; what a file declares stands for itself.
    """
    found: dict[int, float] = {}
    known = dependence or learned()
    for stream, mine in by_stream(evidence, kind).items():
        if stream == "declared":
            found |= {id(item): item.llr or 0.0 for item in mine}
            continue
        for same in by_kind(mine).values():
            found |= {id(item): share for item, share in weighed(same, media_of(stream, kind), known)}
    return tuple(found.get(id(item)) for item in evidence)


def declared(evidence: Sequence[Evidence]) -> tuple[Declaration, ...]:
    """What the file declares, each once, the firmest first."""
    found = dict.fromkeys(d for e in evidence for d in e.declares)
    return tuple(sorted(found, key=lambda d: (_STANDINGS.index(d.standing), not d.says_ai)))


def _finite(evidence: Sequence[Evidence]) -> None:
    for item in evidence:
        if item.llr is not None and not math.isfinite(item.llr):
            raise UsageError(f"{item.detector} gave no usable LLR", got=str(item.llr), want="a finite number or None")


@dataclass(frozen=True, slots=True)
class _Examined:
    """One stream: the LLR of every subject that was examined in it, by person, None for the file as a whole."""

    stream: Stream
    llrs: Mapping[int | None, float]

    @property
    def worst(self) -> int | None:
        return max(self.llrs, key=lambda n: (self.llrs[n], -(n or 0)))


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
        examined = self._examined({number: evidence}, [])
        judged = [self._judged(e) for e in examined]
        decision, rate, _ = _together(judged)
        llr = _llr_of(judged)
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
        everybody: Mapping[int, Sequence[Evidence]],
        of_file: Sequence[Evidence],
        verdicts: tuple[PersonVerdict, ...],
    ) -> Verdict:
        examined = self._examined(everybody, of_file)
        judged = [self._judged(e) for e in examined]
        decision, rate, at_fault = _together(judged)
        llr = _llr_of(judged)
        everything = list(of_file)
        for said in everybody.values():
            everything += said
        explanation = self._told(examined, judged, everything, len(everybody))
        if "declared" in at_fault:
            measured = [s for s in judged if s.stream != "declared"]
            explanation = wording.declares_itself(self._told(examined, measured, everything, len(everybody)))
        streams = tuple(s for s in judged if s.stream in MEASURED)
        names = {s.stream for s in streams}
        apart = self.kind == "video" and bool(names - {"picture"})
        if apart and "picture" not in names:
            streams = (StreamVerdict("picture", "inconclusive", None, None), *streams)
        return Verdict(decision, llr, rate, explanation, verdicts, streams if apart else (), at_fault=at_fault)

    def _told(
        self,
        examined: Sequence[_Examined],
        judged: Sequence[StreamVerdict],
        everything: Sequence[Evidence],
        people: int,
    ) -> Text:
        """The sentences on a file of so many ``people``, from the streams in ``judged``."""
        decision, rate, _ = _together(judged)
        subject, looked_at = self._subject(examined, judged, decision)
        told = self._explain(subject, decision, rate, _llr_of(judged), everything)
        picture = next((e for e in examined if e.stream == "picture"), None)
        seen = len(picture.llrs.keys() - {None}) if picture else 0
        return wording.with_scope(told, decision, looked_at, people - seen if seen else 0)

    def _examined(self, everybody: Mapping[int, Sequence[Evidence]], of_file: Sequence[Evidence]) -> list[_Examined]:
        """Streams in which something was examined. Evidence on the whole file joins that on everybody."""
        whole = by_stream(of_file, self.kind)
        each = {number: by_stream(said, self.kind) for number, said in everybody.items()}
        examined = []
        for stream in (*MEASURED, "declared"):
            shared = whole.get(stream, [])
            subjects: dict[int | None, list[Evidence]] = {}
            for number, streams in each.items():
                if streams.get(stream):
                    subjects[number] = [*streams[stream], *shared]
            llrs = {}
            for subject, said in (subjects or {None: shared}).items():
                llr = stream_llr(said, media_of(stream, self.kind), self.dependence)
                if llr is not None:
                    llrs[subject] = llr
            if llrs:
                examined.append(_Examined(stream, llrs))
        return _with_capture(examined)

    def _judged(self, examined: _Examined) -> StreamVerdict:
        """The decision on everybody in one stream, and how often it is wrong."""
        llrs = list(examined.llrs.values())
        together, most = any_of(llrs) or 0.0, max(llrs)
        alarm = of_many(self._tail(self.operating.genuine, examined.stream).at(most), len(llrs))
        if together >= LEAST_WEIGHT and alarm <= self.false_alarm:
            return StreamVerdict(examined.stream, "forged", together, alarm)
        missed = self._tail(self.operating.forged, examined.stream).at(-most)
        if most <= -LEAST_WEIGHT and missed <= self.miss and examined.stream in CONTENT:
            return StreamVerdict(examined.stream, "genuine", together, missed)
        return StreamVerdict(examined.stream, "inconclusive", together, None)

    def _tail(self, side: Mapping[str, Tail], stream: Stream) -> Tail:
        """How firm a voice must be is measured on sound alone; of pairs and declarations nothing was measured."""
        kinds: dict[Stream, Kind] = {"picture": self.kind, "voice": "audio"}
        return side.get(kinds[stream], Tail()) if stream in kinds else Tail()

    def _subject(
        self, examined: Sequence[_Examined], judged: Sequence[StreamVerdict], decision: Decision
    ) -> tuple[wording.Subject, int]:
        """Who or what the sentence on the file is about, and how many people its rate allows for."""
        llrs = {s.stream: s.llr or 0.0 for s in judged}
        if not llrs:
            return wording.of_file(), 0
        if decision == "genuine" and llrs.keys() >= set(CONTENT):
            return wording.of_both(), 0
        called = {s.stream: s.llr or 0.0 for s in judged if s.decision == "forged" and s.stream != "declared"}
        candidates = called or speaking(llrs)
        worst = max(candidates, key=lambda stream: candidates[stream])
        if worst != "picture":
            return (wording.of_file() if self.kind == "audio" else wording.of_stream(worst)), 0
        mine = next(e for e in examined if e.stream == worst)
        if mine.worst is None:
            return wording.of_file(), 0
        return wording.of_worst(mine.worst, decision, len(mine.llrs)), len(mine.llrs)

    def _explain(
        self,
        subject: wording.Subject,
        decision: Decision,
        rate: float | None,
        llr: float | None,
        evidence: Sequence[Evidence],
    ) -> Text:
        if llr is None:
            return wording.nothing(subject, [(e.detector, e.reason) for e in evidence if e.asked])
        if decision == "inconclusive" or rate is None:
            return wording.undecided(subject, llr, self.false_alarm, self.miss, least=LEAST_WEIGHT)
        return wording.decided(subject, decision, rate)


def _with_capture(examined: list[_Examined]) -> list[_Examined]:
    """A trusted signer's word that a camera recorded it speaks for picture and voice alike."""
    declared_llr = next((e.llrs.get(None, 0.0) for e in examined if e.stream == "declared"), 0.0)
    if declared_llr >= 0:
        return examined
    shifted = []
    for each in examined:
        llrs = each.llrs
        if each.stream in CONTENT:
            llrs = {person: llr + declared_llr for person, llr in llrs.items()}
        shifted.append(_Examined(each.stream, llrs))
    return shifted


def _llr_of(judged: Sequence[StreamVerdict]) -> float | None:
    return worst_of({s.stream: s.llr for s in judged if s.llr is not None})


def _together(judged: Sequence[StreamVerdict]) -> tuple[Decision, float | None, tuple[Stream, ...]]:
    """Forged if a stream is; genuine if picture and voice are, where examined, and nothing else speaks for forged."""
    forged = sorted((s for s in judged if s.decision == "forged"), key=lambda s: -(s.llr or 0.0))
    if forged:
        rate = next((s.error_rate for s in forged if s.stream != "declared"), None)  # a statement is no measurement
        return "forged", rate, tuple(s.stream for s in forged)
    rates = []
    for stream in judged:
        content = stream.stream in CONTENT
        if content and stream.decision == "genuine":
            rates.append(stream.error_rate or 0.0)
        elif content or (stream.llr or 0.0) > 0:
            return "inconclusive", None, ()
    return ("genuine", max(rates), ()) if rates else ("inconclusive", None, ())
