"""What the fused verdict rests on: how detectors repeat each other, what they are worth, and how often each LLR is
reached; all of it on whole files of sources, most of which nothing was trained on, and each left out in turn.

Every detector of the standard depth (and :data:`ALSO`) is asked about every file of the protocol "thresholds"
(:mod:`zhenwei.evaluation`), as users would ask.
From the answers follow, in this order:

0. **Left-out answers**: a detector that learned from media of these very sources, and has its answers to each of them
   from heads that knew nothing of the source, is taken by those (``ID.left_out.json`` beside its weights).
1. **Dependence**: spreads and correlations within each class.
2. **Silence**, by kind of media: a detector whose AUC is no better than chance, over the mean of forged sources against
   genuine ones, an abstention counting as LLR 0, adds nothing there.
3. **Trust and offset**, by kind of media: the factor b and the offset a, not above 0, with which ``b x LLR + a`` is the
   calibrated logarithm of odds on all sources alike (logistic regression, classes and sources of equal weight but for
   the square root of their size). There is an offset only where every kind of forgery was looked for.
4. **Operating points**, by kind: at every level the larger of the 95 % upper limit over all media (Clopper-Pearson) and
   of the rate in the worst source, as (k + 1/2) / (n + 1) for k of its n. A source has to have ten media to count
   as one; the others count in the pool.
5. **The proof**: for every source, silence, trust and operating points without it, and what the verdicts on its media
   then are.

To be run whenever a detector joins, leaves or is trained anew.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from zhenwei import models, pipeline
from zhenwei.detectors import asked_at, build
from zhenwei.errors import DataError, ModelError
from zhenwei.evaluation.evaluate import FUSED, run_of
from zhenwei.evaluation.examine import Journal, examine
from zhenwei.evaluation.items import Answer, Item, Outcome
from zhenwei.evaluation.protocols import load_protocol
from zhenwei.evaluation.readers import load
from zhenwei.files import read_document, write_document
from zhenwei.fusion.dependence import Dependence, measure_dependence
from zhenwei.fusion.operating import Domain, OperatingPoints, Tail, measure_operating_points, worst_of
from zhenwei.fusion.verdict import decide, fuse
from zhenwei.stats.metrics import auc
from zhenwei.types import Evidence, Kind

PROTOCOL = "thresholds"
JOURNAL = "answers.jsonl"
LEFT_OUT_SCHEMA = "zhenwei.left-out-answers/1"
LeftOut = Mapping[str, Mapping[str, float]]
"""By :attr:`Item.digest` and detector: the LLR of a medium by what was learned without its source."""
MIN_MEDIA = 10  # of a source that counts as one
MIN_ANSWERS = 20  # of a detector that counts as measured
CHANCE = 0.53  # an AUC up to here
_RANGE = (0.01, 0.99)
_SEEN = ("face_px", "sharpness", "brightness")
_MAX_TRUST, _MIN_OFFSET = 5.0, -3.0
ALSO = ("speech.lfcc_gmm", "traditional.noise")
"""Asked beside those of the standard depth, so that with ``--full`` they are weighed as they were measured; nothing
else rests on what they say."""
_DECLARING = ("provenance.", "consistency.metadata")  # what a file says of itself, which a set of files settles
_NAMES = {
    "HansonSun/FaceLabelTools": "MTFL web faces",
    "Zejun-Yang/AniPortrait": "AniPortrait",
    "antgroup/antgroup.github.io": "EchoMimic",
    "antonibigata/antonibigata.github.io": "KeySync and KeyFace",
    "choijeongsoo/lip2speech-unit": "LRS3",
    "congwei1230/MoCha": "MoCha and Hallo3",
    "ffhq": "FFHQ",
    "hunyuanvideo-avatar/hunyuanvideo-avatar.github.io": "HunyuanVideo-Avatar",
    "iperov/DeepFaceLive": "DeepFaceLive and CelebA",
    "kkakkkka/HunyuanPortrait": "HunyuanPortrait",
    "pixabay": "stock portraits",
    "rizkiarm/LipNet": "GRID",
    "rohitcodism/Face-Swap-Detection-Model": "FF++ and DFD",
    "songguoxs/gpt4o-image-prompts": "AI photographs",
    "stylegan": "StyleGAN",
}


@dataclass(frozen=True, slots=True)
class FileAnswers:
    """One file: its source, whose it is, and what each detector said of each person, None for the file."""

    kind: Kind
    source: str
    group: str
    forged: bool
    said: tuple[Answer, ...]
    seen: Mapping[str, float]
    facts: Mapping[str, float] = field(default_factory=dict)
    method: str = ""
    video: str = ""  # the recording that it is, or was made from
    digest: str = ""  # Item.digest

    def evidence(self) -> list[Evidence]:
        """On what is measured here: of clips the picture alone."""
        apart = () if self.kind == "audio" else ("voice", "pairing")  # measured on sound, and not at all
        said = [one for one in self.said if one.finds not in apart]
        return [Evidence(one.detector, one.llr, "", person=one.person, finds=one.finds) for one in said]

    def llrs(self, dependence: Dependence) -> list[float]:
        """Fused, of each person examined with what was said of the file; of the file where nobody was."""
        people: dict[int, list[Evidence]] = defaultdict(list)
        of_file = []
        for one in self.evidence():
            if one.person is None:
                of_file.append(one)
            else:
                people[one.person].append(one)
        llrs = []
        for person in sorted(people) or [0]:
            llr = fuse([*people[person], *of_file], kind=self.kind, dependence=dependence)
            if llr is not None:
                llrs.append(llr)
        return llrs


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What became of one source when it was left out. ``false_alarms`` of ``genuine_answered`` and so on."""

    kind: Kind
    source: str
    genuine: int
    forged: int
    genuine_answered: int
    forged_answered: int
    false_alarms: int
    cleared: int
    found: int
    missed: int
    trust: float


@dataclass(frozen=True, slots=True)
class MeasuredThresholds:
    """``decisions``: on each of ``answered`` with its source left out; "" = no answer."""

    operating: OperatingPoints
    dependence: Dependence
    rows: tuple[SourceRow, ...]
    answered: tuple[FileAnswers, ...]
    decisions: tuple[str, ...]


def ask(
    items: Sequence[Item],
    folder: Path,
    *,
    without: Collection[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> list[FileAnswers]:
    """The detectors of :func:`asked` but those in ``without`` about ``items``; what cannot be read is left out.

    Answers are kept in ``folder``, so that an interrupted run goes on. Raises :class:`DataError` for damaged data.
    """
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    # By name, or those that do not count now were never asked again.
    chosen = tuple(name for name in asked() if name not in without)
    options = pipeline.Options(frames=load_protocol(PROTOCOL).frames, detectors=chosen)
    journal = Journal.open(folder / JOURNAL, run_of(FUSED, options))
    tell = (lambda done: progress(done, len(items))) if progress else None
    outcomes = examine(items, scratch, options=options, journal=journal, tell=tell)
    scratch.rmdir()
    return [answered(outcome) for outcome in outcomes if outcome.decision != "unreadable"]


def asked() -> tuple[str, ...]:
    """The ids of all whose answers are kept: those of the standard depth and :data:`ALSO`."""
    return tuple(sorted({*asked_at("standard"), *ALSO}))


def items_of(data: Path, limit: int = 0) -> list[Item]:
    """The files of ``data`` that the protocol takes, ``limit`` of each set and class at most. Raises
    :class:`DataError` for damaged data."""
    return spread(load_protocol(PROTOCOL).choose(load(data).items), limit)


def left_out_answers(store: Path = models.STORE) -> LeftOut:
    """Those of all models in ``store``."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for path in sorted((store / "weights").glob("*.left_out.json")):
        for digest, by_detector in read_document(path, LEFT_OUT_SCHEMA, error=ModelError)["answers"].items():
            found[digest] |= by_detector
    return found


def save_left_out(answers: LeftOut, model: str, store: Path) -> None:
    """Beside the weights of ``model``."""
    write_document(store / "weights" / f"{model}.left_out.json", LEFT_OUT_SCHEMA, {"answers": answers})


def spread(items: Sequence[Item], limit: int) -> list[Item]:
    """At most ``limit`` of each set, source and class, evenly over the list; all for 0."""
    if not limit:
        return list(items)
    classes: dict[tuple[str, str, bool], list[Item]] = defaultdict(list)
    for item in items:
        classes[item.set_name, item.origin, item.forged].append(item)
    taken = []
    for mine in classes.values():
        count = min(limit, len(mine))
        taken += [mine[i * len(mine) // count] for i in range(count)]
    return taken


def answered(outcome: Outcome) -> FileAnswers:
    """``outcome`` without what the file declares: that an archive of forgeries was labelled says nothing of others."""
    item = outcome.item
    said = tuple(s for s in outcome.said if s.llr is not None and not s.detector.startswith(_DECLARING))
    source, video = item.origin or item.set_name, f"{item.set_name}/{item.video}" if item.video else ""
    made = (outcome.kind, source, f"{source}/{item.group}", item.forged, said, outcome.seen, outcome.facts)
    return FileAnswers(*made, item.method, video, item.digest)


def as_if_unknown(every: Sequence[FileAnswers], left_out: LeftOut | None = None) -> list[FileAnswers]:
    """Where ``left_out`` (by default that of the models in the package) knows a medium, its most prominent person, and
    nobody else, is answered by those LLRs."""
    left_out = left_out_answers() if left_out is None else left_out
    found = []
    for one in every:
        known = left_out.get(one.digest, {})
        said = tuple(s for s in one.said if s.detector not in known)
        said += tuple(Answer(name, 1, llr, build(name).info.finds) for name, llr in known.items())
        found.append(replace(one, said=said))
    return found


def measure(every: Sequence[FileAnswers]) -> MeasuredThresholds:
    """All four steps. Raises :class:`DataError` where a class was never answered."""
    dependence = _as_written(dependence_of(every))
    every = [replace(one, said=tuple(s for s in one.said if s.detector not in ALSO)) for one in every]
    points, rows = OperatingPoints(), list[SourceRow]()
    told = dict[int, str]()  # by id(): answers hold mappings and have no hash
    by_kind: dict[Kind, list[FileAnswers]] = defaultdict(list)
    for one in every:
        by_kind[one.kind].append(one)
    for _, mine in sorted(by_kind.items()):
        rows += _left_out(mine, dependence, told)
        dependence = dependence.joined(_as_written(_worth(mine, dependence)))
        points = points.joined(operating_of(mine, dependence))
    decisions = tuple([told[id(one)] for one in every])
    return MeasuredThresholds(points, dependence, tuple(rows), tuple(every), decisions)


def _as_written(dependence: Dependence) -> Dependence:
    """Rounded as the file holds it, or a level that many media share would lie a hair above what they reach later."""
    return Dependence.from_dict(dependence.to_dict())


def dependence_of(every: Sequence[FileAnswers]) -> Dependence:
    said, forged, groups = list[dict[str, float]](), list[bool](), list[str]()
    for one in every:
        people: dict[int, dict[str, float]] = {s.person or 0: {} for s in one.said}
        for person, answers in sorted(people.items()):
            for s in one.said:
                if s.person in (None, person) and s.llr is not None:
                    answers[s.detector] = s.llr
            said.append(answers)
            forged.append(one.forged)
            groups.append(one.group)
    return measure_dependence(said, forged, groups, min_answers=MIN_ANSWERS)


def silent_of(mine: Sequence[FileAnswers]) -> tuple[str, ...]:
    """The detectors that are no better than chance on ``mine``, media of one kind; those that answered seldom, or on
    fewer than two forged sources, are not known to be."""
    answers: Counter[str] = Counter()
    media: dict[tuple[str, bool], list[dict[str, float]]] = defaultdict(list)
    for one in mine:
        highest: dict[str, float] = {}
        for said in one.evidence():
            if said.llr is not None:
                highest[said.detector] = max(highest.get(said.detector, -math.inf), said.llr)
        answers.update(highest.keys())
        media[one.source, one.forged].append(highest)
    large = {key: told for key, told in media.items() if len(told) >= MIN_MEDIA}
    genuine = [told for (_, forged), told in large.items() if not forged]
    altered = [told for (_, forged), told in large.items() if forged]
    silent = []
    for name, count in sorted(answers.items()):
        if count >= MIN_ANSWERS and genuine and len(altered) > 1:
            areas = [_area(theirs, others, name) for theirs in altered for others in genuine]
            if float(np.mean(areas)) <= CHANCE:
                silent.append(name)
    return tuple(silent)


def _area(forged: Sequence[Mapping[str, float]], genuine: Sequence[Mapping[str, float]], detector: str) -> float:
    llrs = [told.get(detector, 0.0) for told in (*forged, *genuine)]
    return auc([True] * len(forged) + [False] * len(genuine), llrs)


def trust_of(
    llrs: NDArray[np.float64],
    forged: NDArray[np.bool_],
    sources: NDArray[np.str_],
    whole: NDArray[np.bool_] | None = None,
) -> tuple[float, float]:
    """The factor, in [0, 5], and for the media in ``whole`` ``(n,)`` the offset, in [-3, 0], that make ``llrs``
    ``(n,)`` calibrated on all ``sources`` alike. Raises :class:`DataError` unless both classes are there."""
    if forged.all() or not forged.any():
        raise DataError("what answers are worth cannot be measured", got="one class", want="genuine and forged media")
    weights = np.zeros(len(llrs))
    for label in (False, True):
        sizes = Counter(sources[forged == label].tolist())
        total = sum(map(math.sqrt, sizes.values()))
        for source, n in sizes.items():
            weights[(sources == source) & (forged == label)] = math.sqrt(n) / total / n
    side, shifted = np.where(forged, 1.0, -1.0), np.zeros(len(llrs)) if whole is None else whole.astype(np.float64)

    def loss(x: NDArray[np.float64]) -> float:
        return float(weights @ np.logaddexp(0, -side * (x[0] * llrs + x[1] * shifted)))

    found = minimize(loss, (0.5, 0.0), bounds=((0.0, _MAX_TRUST), (_MIN_OFFSET, 0.0)), method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])


def operating_of(mine: Sequence[FileAnswers], dependence: Dependence) -> OperatingPoints:
    """Of media of one kind: the larger of the pooled upper limit and the rate of the worst source, and the domain."""
    kind = mine[0].kind
    rows: list[tuple[float, FileAnswers]] = []
    count: dict[str, Counter[bool]] = defaultdict(Counter)
    seen = []
    for one in mine:
        rows += [(llr, one) for llr in one.llrs(dependence)]
        count[one.source][one.forged] += 1
        if one.seen and not one.forged:
            seen.append(one.seen)
    llrs, owners = zip(*rows, strict=True) if rows else ((), ())
    forged, groups = [owner.forged for owner in owners], [owner.group for owner in owners]
    pooled = measure_operating_points(llrs, forged, [kind] * len(rows), groups=groups)
    genuine = [pooled.genuine[kind], *_by_source(rows, forged=False)] if kind in pooled.genuine else []
    missed = [pooled.forged[kind], *_by_source(rows, forged=True)] if kind in pooled.forged else []
    sources = []
    for name, counted in sorted(count.items()):
        sources.append((name_of(name), counted[False], counted[True]))
    alarms: dict[str, Tail] = {kind: _bound(genuine)} if genuine else {}
    misses: dict[str, Tail] = {kind: _bound(missed)} if missed else {}
    return OperatingPoints(alarms, misses, {kind: Domain(tuple(sources), _ranges(seen))})


def _bound(tails: Sequence[Tail]) -> Tail:
    """Of the pool, which comes first, and its sources; as many media and groups as the pool has."""
    return replace(worst_of(list(tails)), media=tails[0].media, groups=tails[0].groups)


def _by_source(rows: Sequence[tuple[float, FileAnswers]], *, forged: bool) -> list[Tail]:
    """(k + 1/2) / (n + 1) for k of the n media of each source that reach a level; each medium by its worst person."""
    sign = -1.0 if forged else 1.0
    by_source: dict[str, dict[int, float]] = defaultdict(dict)
    for llr, one in rows:
        if one.forged == forged:
            mine = by_source[one.source]
            mine[id(one)] = max(mine.get(id(one), -math.inf), sign * llr)
    tails = []
    for mine in by_source.values():
        values = np.sort(np.array(list(mine.values())))
        if len(values) >= MIN_MEDIA:
            grid = np.unique(values)
            reached = len(values) - np.searchsorted(values, grid, side="left")
            rates = (reached + 0.5) / (len(values) + 1)
            floor = 0.5 / (len(values) + 1)
            tails.append(Tail(tuple(grid.tolist()), tuple(rates.tolist()), floor, len(values), len(values)))
    return tails


def _ranges(seen: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    if len(seen) < MIN_ANSWERS:
        return {}
    found = {}
    for name in _SEEN:
        low, high = np.quantile([one[name] for one in seen], _RANGE)
        found[name] = (float(low), float(high))
    return found


def _left_out(mine: Sequence[FileAnswers], dependence: Dependence, told: dict[int, str]) -> list[SourceRow]:
    """For every source: trust and operating points of all the others, and the decisions on it that follow; ``told``
    is given each."""
    by_source: dict[str, list[FileAnswers]] = defaultdict(list)
    for one in mine:
        by_source[one.source].append(one)
    rows = []
    for source, theirs in sorted(by_source.items()):
        others = [one for one in mine if one.source != source]
        known = _worth(others, dependence)
        points = operating_of(others, known)
        for one in theirs:
            told[id(one)] = _decision(one, points, known)
        rows.append(_row(source, theirs, [told[id(one)] for one in theirs], known.trust[mine[0].kind]))
    return rows


def _worth(mine: Sequence[FileAnswers], dependence: Dependence) -> Dependence:
    """``dependence`` with who is silent, the trust and the offset that ``mine``, media of one kind, ask for."""
    kind = mine[0].kind
    plain = replace(dependence, trust={}, silent={kind: silent_of(mine)}, offset={})
    lower = replace(plain, offset={kind: -1.0})
    most: list[tuple[float, bool, str, bool]] = []
    for one in mine:
        llr, shifted = max(one.llrs(plain), default=None), max(one.llrs(lower), default=None)
        if llr is not None and shifted is not None:
            most.append((llr, one.forged, one.source, shifted < llr))
    values, forged, sources, whole = map(np.array, zip(*most, strict=True))
    trust, offset = trust_of(values, forged, sources, whole)
    return replace(plain, trust={kind: trust}, offset={kind: offset})


def _row(source: str, mine: Sequence[FileAnswers], decisions: Sequence[str], trust: float) -> SourceRow:
    told: Counter[str] = Counter()
    for one, decision in zip(mine, decisions, strict=True):
        truth = "forged" if one.forged else "genuine"
        told.update([truth, f"{truth} answered", f"{truth} called {decision}"] if decision else [truth])
    return SourceRow(
        kind=mine[0].kind,
        source=name_of(source),
        genuine=told["genuine"],
        forged=told["forged"],
        genuine_answered=told["genuine answered"],
        forged_answered=told["forged answered"],
        false_alarms=told["genuine called forged"],
        cleared=told["genuine called genuine"],
        found=told["forged called forged"],
        missed=told["forged called genuine"],
        trust=trust,
    )


def _decision(one: FileAnswers, points: OperatingPoints, dependence: Dependence) -> str:
    found = decide(one.evidence(), kind=one.kind, operating=points, dependence=dependence)
    return "" if found.llr is None else found.decision


def name_of(source: str) -> str:
    """As people call it."""
    return _NAMES.get(source, source)
