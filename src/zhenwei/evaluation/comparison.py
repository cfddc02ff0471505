"""Two evaluations of the same files, in pairs: is one better, and by how much?

Every file is its own control, so that what makes a file hard for both cancels. Differences are B minus A. Their
intervals are percentile bootstraps over groups (people, source videos), because files of one person are no independent
cases. Decisions are compared by McNemar's exact test. As many tests find something by chance, p-values are adjusted
together (S. Holm, "A simple sequentially rejective multiple test procedure", 1979).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit

from zhenwei.errors import DataError, UsageError
from zhenwei.evaluation.documents import DocumentSection
from zhenwei.evaluation.items import Columns
from zhenwei.evaluation.readers.table_reading import few
from zhenwei.evaluation.results import LARGEST, FileResult, Results
from zhenwei.stats import Estimate, metrics
from zhenwei.stats.bootstrap import percentile_interval, resampled_rows
from zhenwei.stats.metrics import Labels, Metric, Reals
from zhenwei.stats.paired import bootstrap_p, delong, holm, mcnemar
from zhenwei.types import Decision

SCHEMA: Literal["zhenwei.comparison/1"] = "zhenwei.comparison/1"
Level = Literal["frame", "track", "video"]
RankedBy = Literal["llr", "score"]
_SIGNIFICANT = 0.05
_MIN_GROUPS = 2
_DECISIONS = (*get_args(Decision), "unreadable")


class Side(DocumentSection):
    """What was evaluated. ``weights``: model id -> sha256."""

    subject: str
    protocol: str
    created: str
    weights: dict[str, str]


class Contrast(DocumentSection):
    """One figure of both, and B minus A with its 95 % interval over ``n`` cases. ``p``: two-sided, of no difference;
    ``p_holm``: adjusted for every test of the comparison. ``better``: which is, where that can be shown."""

    figure: str
    a: float
    b: float
    difference: Estimate
    p: float
    p_holm: float
    better: Literal["A", "B", ""]


class SetComparison(DocumentSection):
    """The files of one set that both results hold. ``p_delong``: of the AUCs, were all files independent."""

    set: str
    genuine: int
    forged: int
    groups: int
    tests: tuple[Contrast, ...]
    p_delong: float | None = None
    text: str


class Comparison(DocumentSection):
    schema_: Literal["zhenwei.comparison/1"] = Field(default=SCHEMA, alias="schema")
    a: Side
    b: Side
    level: Level
    seed: int
    notes: tuple[str, ...]
    sets: tuple[SetComparison, ...]


def compare(
    a: Results, b: Results, *, level: Level = "video", only: str = "", seed: int = 0, resamples: int = 4000
) -> Comparison:
    """Pairs the cases of ``a`` and ``b`` by set, file and part, as they are (not after a step of the ladder).

    Where each has one set and calls it otherwise, as tables of other names do, the names of files alone pair. ``only``:
    one set alone. ``resamples``: of the bootstrap; no p-value is below 2 / (``resamples`` + 1). Raises
    :class:`UsageError` for a set that neither has, and :class:`DataError` where no case is in both, where the labels of
    one differ, or where a result holds what no evaluation writes.
    """
    known = list(dict.fromkeys(f.set for f in (*a.files, *b.files)))
    if only and only not in known:
        raise UsageError("there is no set of that name", got=only, want=few(known))
    ours, theirs = _cases(a, level, only, "A"), _cases(b, level, only, "B")
    sets = [list(dict.fromkeys(f.set for f in cases.values())) for cases in (ours, theirs)]
    renamed = ""
    if len(sets[0]) == len(sets[1]) == 1 and sets[0] != sets[1]:
        theirs = {(sets[0][0], *key[1:]): case for key, case in theirs.items()}
        renamed = f"the sets {sets[0][0]} and {sets[1][0]} were paired by the names of files"
    by_set: dict[str, list[Pair]] = {}
    contradicting = []
    common = ours.keys() & theirs.keys()
    for key, mine in ours.items():
        if key in common:
            by_set.setdefault(mine.set, []).append((mine, theirs[key]))
            if mine.forged != theirs[key].forged:
                contradicting.append(mine.file)
    if not common:
        fix = "Evaluate the same data with the same protocol twice."
        one, other = (few(names) or "no set" for names in sets)
        got = f"{len(ours)} cases of {one} and {len(theirs)} cases of {other} at level {level}"
        raise DataError("the two results have no file in common", got=got, fix=fix)
    if contradicting:
        got = f"{len(contradicting)} files, the first {contradicting[0]}"
        raise DataError("the two results label the same files differently", got=got, want="one truth for both")
    drafts, p = [], list[float]()
    ranked_by = a.ranked_by, b.ranked_by
    for name, pairs in by_set.items():
        draft = _drafted(name, pairs, level, seed, resamples, ranked_by)
        drafts.append(draft)
        p += [test.p for test in draft.tests]
    p_holm = iter(holm(p))
    adjusted = tuple(_adjusted(draft, p_holm) for draft in drafts)
    notes = _notes(a, b, len(ours), len(theirs), len(common))
    notes = (renamed, *notes) if renamed else notes
    return Comparison(a=_side(a), b=_side(b), level=level, seed=seed, notes=notes, sets=adjusted)


Pair = tuple[FileResult, FileResult]


def _cases(results: Results, level: Level, only: str, side: str) -> dict[tuple[str, str, str], FileResult]:
    found: dict[tuple[str, str, str], FileResult] = {}
    for f in results.files:
        if f.level == level and not f.delivery and only in ("", f.set):
            key = f.set, f.file, f.part
            where = " ".join(filter(None, (f.file, f.part)))
            if key in found:
                raise DataError("a file is listed twice", got=f"{side}: {where}", want="once")
            if f.llr is not None and abs(f.llr) > LARGEST:
                got, want = f"{side}: {where}: {f.llr:g}", f"its natural logarithm, within {LARGEST:g} of 0"
                raise DataError("no likelihood ratio is that large", got=got, want=want)
            if level == "video" and f.decision not in _DECISIONS:
                got = f"{side}: {where}: {f.decision[:40]!r}"
                raise DataError("there is no such decision", got=got, want=", ".join(_DECISIONS))
            found[key] = f
    return found


def _side(results: Results) -> Side:
    return Side(subject=results.subject, protocol=results.protocol, created=results.created, weights=results.weights)


def _notes(a: Results, b: Results, ours: int, theirs: int, both: int) -> tuple[str, ...]:
    found = []
    if ours != both or theirs != both:
        found.append(f"{both} cases are in both; {ours - both} only in A and {theirs - both} only in B are left out")
    if a.protocol != b.protocol:
        found.append(f"the protocols differ: {a.protocol} and {b.protocol}")
    if a.frames != b.frames and a.frames and b.frames:  # 0: scores from elsewhere
        found.append(f"A looked at {a.frames} frames of a clip, B at {b.frames}")
    if a.weights and a.subject == b.subject and a.weights == b.weights:  # of scores from elsewhere nobody knows any
        found.append("both are of the same detectors and weights")
    return tuple(found)


def _drafted(
    name: str, pairs: Sequence[Pair], level: Level, seed: int, resamples: int, ranked_by: tuple[RankedBy, RankedBy]
) -> SetComparison:
    """Without Holm's adjustment and the sentence, which need every set."""
    names, yes, llrs = [], [], []
    for x, y in pairs:
        names.append(x.group)
        called = x.decision == "forged", y.decision == "forged"
        yes.append((x.forged, x.llr is not None, y.llr is not None, *called))
        ranks = _rank(x, ranked_by[0]), _rank(y, ranked_by[1])
        llrs.append((x.forged, x.group, x.llr, y.llr, *ranks))
    groups = np.array(names)
    forged, answered_a, answered_b, called_a, called_b = np.array(yes, bool).T
    tests = [_bernoulli("coverage", groups, answered_a, answered_b, seed, resamples)]
    if level == "video":
        for figure, mine in (("false alarms", ~forged), ("forged found", forged)):
            if mine.any():
                tests.append(_bernoulli(figure, groups[mine], called_a[mine], called_b[mine], seed, resamples))
    answered = Columns.of(llrs, sides=4)
    p_delong = None
    if answered.fewest_groups >= _MIN_GROUPS:
        labels = answered.forged
        draws = list(resampled_rows(answered.groups, forged=labels, seed=seed, resamples=resamples))
        for figure, metric in _METRICS.items():
            one, other = answered.llr[2:] if figure == "AUC" else answered.llr[:2]
            gained = np.array([metric(labels[rows], other[rows]) - metric(labels[rows], one[rows]) for rows in draws])
            a, b = metric(labels, one), metric(labels, other)
            tests.append(_test(figure, a, b, gained, bootstrap_p(gained), len(labels)))
        p_delong = delong(labels, *answered.llr[2:])[1]
    return SetComparison(
        set=name,
        genuine=int((~forged).sum()),
        forged=int(forged.sum()),
        groups=len(np.unique(groups)),
        tests=tuple(tests),
        p_delong=p_delong,
        text="",
    )


def _rank(f: FileResult, by: RankedBy) -> float | None:
    """What a file is ranked by; None without an answer."""
    return f.score if by == "score" and f.llr is not None else f.llr


_METRICS: dict[str, Metric] = {
    "AUC": metrics.auc,
    "C_llr": metrics.c_llr,
    "Brier": lambda y, s: metrics.brier(y, expit(s)),
}
_MORE_IS_BETTER = ("AUC", "coverage", "forged found")


def _bernoulli(figure: str, groups: NDArray[np.str_], a: Labels, b: Labels, seed: int, resamples: int) -> Contrast:
    """Shares of yes among the answers ``a`` and ``b`` ``(n,)`` to one question."""
    difference = b.astype(np.float64) - a
    drawn = [difference[rows].mean() for rows in resampled_rows(groups, seed=seed, resamples=resamples)]
    p = mcnemar(int((difference < 0).sum()), int((difference > 0).sum()))
    return _test(figure, float(a.mean()), float(b.mean()), np.array(drawn), p, len(a))


def _test(figure: str, a: float, b: float, drawn: Reals, p: float, n: int) -> Contrast:
    difference = percentile_interval(b - a, drawn, n)
    return Contrast(figure=figure, a=a, b=b, difference=difference, p=p, p_holm=p, better="")


def _adjusted(draft: SetComparison, p_holm: Iterator[float]) -> SetComparison:
    tests = []
    for test in draft.tests:
        p = next(p_holm)
        shown = p < _SIGNIFICANT and test.difference.value != 0
        more = test.difference.value > 0
        better: Literal["A", "B", ""] = "" if not shown else "B" if more == (test.figure in _MORE_IS_BETTER) else "A"
        tests.append(test.model_copy(update={"p_holm": p, "better": better}))
    return draft.model_copy(update={"tests": tuple(tests), "text": _sentence(tests)})


def _sentence(tests: Sequence[Contrast]) -> str:
    shown, auc = [], ""
    for test in tests:
        if test.better:
            shown.append(f"{test.better} is better by {test.figure}: {told(test)}")
        if test.figure == "AUC":
            auc = f"; AUC {told(test)}"
    return "; ".join(shown) + "." if shown else f"No difference can be shown{auc}."


def told(test: Contrast) -> str:
    """B minus A in words and figures."""
    return f"{test.difference:+.3f}, p {p_text(test.p_holm)}"


def p_text(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
