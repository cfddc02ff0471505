"""``decide``: evidence -> verdict, with the error rate of the decision.

**One subject, one kind of forgery.** All detectors see the same pixels, so their LLRs are not simply added: each is
weighed by how much the others repeat it, as measured (:mod:`zhenwei.fusion.dependence`). One detector keeps its LLR. An
abstention is as if the detector had not been asked.

**Two kinds in one picture.** It may be altered or generated; a detector of the one says nothing of the other. "Forged
in one of these ways, no telling which" against "genuine" has the ratio mean(exp(llr of each kind)): a trace of one kind
is not outvoted by the absence of another. Where that is less than what speaks for an alteration alone, this stands: a
detector that knows few generators shall not take away what others found.

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
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from zhenwei.errors import UsageError
from zhenwei.fusion import wording
from zhenwei.fusion.dependence import Dependence
from zhenwei.fusion.dependence import packaged as learned
from zhenwei.fusion.operating import OperatingPoints, Tail, packaged
from zhenwei.types import (
    Decision,
    Declaration,
    Evidence,
    Forgery,
    Kind,
    Person,
    PersonVerdict,
    Stream,
    StreamVerdict,
    Text,
    Verdict,
)

LEAST_WEIGHT = 1.0
_ORDER: tuple[Forgery, ...] = ("altered", "generated", "voice", "pairing")
_STANDINGS = ("trusted", "intact", "unsigned", "broken")
_CONTENT: tuple[Stream, ...] = ("picture", "voice")
_MEASURED: tuple[Stream, ...] = ("picture", "voice", "pairing")


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
    everybody = {number: [e for e in evidence if e.person == number] for number in _numbers(evidence, people)}
    of_file = [e for e in evidence if e.person is None]
    verdicts = tuple(judge.person(n, found, _seen(n, people)) for n, found in everybody.items())
    verdict = judge.file(everybody, of_file, verdicts)
    heard = kind == "video" and any(s.stream == "voice" for s in verdict.streams)
    media: list[Kind] = [kind, "audio"] if heard else [kind]
    return replace(
        verdict,
        declared=declared(evidence),
        measured_on=wording.measured_on([(of, rows) for of in media if (rows := judge.operating.measured_on(of))]),
        unlike=wording.unlike(judge.operating.outside(kind, people)),
    )


def fuse(evidence: Sequence[Evidence], *, kind: Kind = "image", dependence: Dependence | None = None) -> float | None:
    """One LLR for one subject in media of ``kind``, that of its most suspicious stream; None if every detector
    abstains."""
    known = dependence or learned()
    llrs = {name: _of_kinds(mine, _media_of(name, kind), known) for name, mine in _by_stream(evidence, kind).items()}
    return _worst({name: llr for name, llr in llrs.items() if llr is not None})


def contributions(
    evidence: Sequence[Evidence], *, kind: Kind = "image", dependence: Dependence | None = None
) -> tuple[float | None, ...]:
    """What each evidence on one subject adds to the LLR of its kind of forgery; None for an abstention.

    Those of one kind sum up to its LLR; what a file declares stands for itself.
    """
    found: dict[int, float] = {}
    known = dependence or learned()
    for name, mine in _by_stream(evidence, kind).items():
        for same in _by_kind(mine).values():
            declares = name == "declared"
            shares = [(e, e.llr or 0.0) for e in same] if declares else _weighed(same, _media_of(name, kind), known)
            found |= {id(e): share for e, share in shares}
    return tuple(None if e.llr is None else found[id(e)] for e in evidence)


def declared(evidence: Sequence[Evidence]) -> tuple[Declaration, ...]:
    """What the file declares, each once, the firmest first."""
    found = dict.fromkeys(d for e in evidence for d in e.declares)
    return tuple(sorted(found, key=lambda d: (_STANDINGS.index(d.standing), not d.says_ai)))


def _by_stream(evidence: Sequence[Evidence], kind: Kind) -> dict[Stream, list[Evidence]]:
    """Evidence that was given, by stream. All that is found in a recording of sound is found in what is heard."""
    streams: dict[Stream, list[Evidence]] = defaultdict(list)
    for item in evidence:
        if item.llr is not None:
            streams[_stream_of(item, kind)].append(item)
    return streams


def _stream_of(item: Evidence, kind: Kind) -> Stream:
    if item.declares:
        return "declared"
    if item.finds == "pairing":
        return "pairing"
    return "voice" if item.finds == "voice" or kind == "audio" else "picture"


def _finite(evidence: Sequence[Evidence]) -> None:
    for item in evidence:
        if item.llr is not None and not math.isfinite(item.llr):
            raise UsageError(f"{item.detector} gave no usable LLR", got=str(item.llr), want="a finite number or None")


def _by_kind(evidence: Sequence[Evidence]) -> dict[Forgery, list[Evidence]]:
    kinds: dict[Forgery, list[Evidence]] = defaultdict(list)
    for item in evidence:
        kinds[item.finds].append(item)
    return kinds


def _media_of(stream: Stream, kind: Kind) -> Kind:
    """A voice is weighed as sound wherever it is heard."""
    return "audio" if stream == "voice" else kind


def _of_kinds(evidence: Sequence[Evidence], media: Kind, dependence: Dependence) -> float | None:
    """The LLR of one stream of one subject, over the kinds of forgery that it may be."""
    if not evidence:
        return None
    if any(e.declares for e in evidence):
        return _declared_llr(evidence)
    kinds = _by_kind(evidence)
    sums = [math.fsum(c for _, c in _weighed(kinds[kind], media, dependence)) for kind in _ORDER if kind in kinds]
    return max(sums[0], _any_of(sums) or 0.0)


def _declared_llr(evidence: Sequence[Evidence]) -> float:
    """Statements of one file repeat each other: the firmest counts, and one for AI before any for a camera."""
    llrs = [e.llr for e in evidence if e.llr is not None]
    return max(llrs) if max(llrs) > 0 else min(llrs)


def _weighed(mine: Sequence[Evidence], media: Kind, dependence: Dependence) -> list[tuple[Evidence, float]]:
    """In an order of their own, so that the sum does not depend on who was asked first."""
    ordered = sorted(mine, key=lambda e: (e.detector, e.llr or 0.0))
    shares = dependence.contributions([(e.detector, e.llr or 0.0) for e in ordered], media)
    return list(zip(ordered, shares, strict=True))


def _llr_of(judged: Sequence[StreamVerdict]) -> float | None:
    return _worst({s.stream: s.llr for s in judged if s.llr is not None})


def _worst(llrs: Mapping[Stream, float]) -> float | None:
    """The LLR of the most suspicious stream. That two streams belong together, or that nothing is declared, does not
    make them genuine: these two count where they speak for forged, or stand alone."""
    counted = [llr for name, llr in llrs.items() if name in _CONTENT or llr > 0]
    return max(counted or llrs.values(), default=None)


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
        everything = [*of_file, *(e for found in everybody.values() for e in found)]
        explanation = self._told(examined, judged, everything, len(everybody))
        if "declared" in at_fault:
            measured = [s for s in judged if s.stream != "declared"]
            explanation = wording.declares_itself(self._told(examined, measured, everything, len(everybody)))
        streams = tuple(s for s in judged if s.stream in _MEASURED)
        apart = self.kind == "video" and any(s.stream != "picture" for s in streams)
        if apart and not any(s.stream == "picture" for s in streams):
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
        seen = next((len([n for n in e.llrs if n is not None]) for e in examined if e.stream == "picture"), 0)
        return wording.with_scope(told, decision, looked_at, people - seen if seen else 0)

    def _examined(self, everybody: Mapping[int, Sequence[Evidence]], of_file: Sequence[Evidence]) -> list[_Examined]:
        """Streams in which something was examined. Evidence on the whole file joins that on everybody."""
        whole = _by_stream(of_file, self.kind)
        each = {number: _by_stream(found, self.kind) for number, found in everybody.items()}
        examined = []
        for stream in (*_MEASURED, "declared"):
            mine: dict[int | None, list[Evidence]] = {
                n: [*found[stream], *whole.get(stream, ())] for n, found in each.items() if found.get(stream)
            }
            subjects = mine or {None: list(whole.get(stream, ()))}
            media = _media_of(stream, self.kind)
            each_llr = {n: _of_kinds(said, media, self.dependence) for n, said in subjects.items()}
            llrs = {n: llr for n, llr in each_llr.items() if llr is not None}
            if llrs:
                examined.append(_Examined(stream, llrs))
        return _with_capture(examined)

    def _judged(self, examined: _Examined) -> StreamVerdict:
        """The decision on everybody in one stream, and how often it is wrong."""
        llrs = list(examined.llrs.values())
        together, most = _any_of(llrs) or 0.0, max(llrs)
        alarm = _of_many(self._tail(self.operating.genuine, examined.stream).at(most), len(llrs))
        if together >= LEAST_WEIGHT and alarm <= self.false_alarm:
            return StreamVerdict(examined.stream, "forged", together, alarm)
        missed = self._tail(self.operating.forged, examined.stream).at(-most)
        if most <= -LEAST_WEIGHT and missed <= self.miss and examined.stream in _CONTENT:
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
        if decision == "genuine" and len([s for s in llrs if s in _CONTENT]) > 1:
            return wording.of_both(), 0
        speaking = {name: llr for name, llr in llrs.items() if name in _CONTENT or llr > 0} or llrs
        called = [s.stream for s in judged if s.decision == "forged" and s.stream != "declared"]
        if called:
            speaking = {name: llrs[name] for name in called}
        worst = max(speaking, key=lambda name: speaking[name])
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
    said = next((e.llrs[None] for e in examined if e.stream == "declared" and None in e.llrs), 0.0)
    if said >= 0:
        return examined
    return [
        _Examined(e.stream, {n: llr + said for n, llr in e.llrs.items()}) if e.stream in _CONTENT else e
        for e in examined
    ]


def _together(judged: Sequence[StreamVerdict]) -> tuple[Decision, float | None, tuple[Stream, ...]]:
    """Forged if a stream is; genuine if picture and voice are, where examined, and nothing else speaks for forged."""
    forged = sorted((s for s in judged if s.decision == "forged"), key=lambda s: -(s.llr or 0.0))
    if forged:
        rate = next((s.error_rate for s in forged if s.stream != "declared"), None)  # a statement is no measurement
        return "forged", rate, tuple(s.stream for s in forged)
    content = [s for s in judged if s.stream in _CONTENT]
    others = all((s.llr or 0.0) <= 0 for s in judged if s.stream not in _CONTENT)
    if content and others and all(s.decision == "genuine" for s in content):
        return "genuine", max(s.error_rate or 0.0 for s in content), ()
    return "inconclusive", None, ()


def _of_many(single: float, count: int) -> float:
    """Šidák's correction, written so that small rates survive rounding and one chance is left as is."""
    if count == 1 or single >= 1:
        return single
    return -math.expm1(count * math.log1p(-single))


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
