"""Two evaluations of the same files, in pairs: is one better, and by how much?

Every file is its own control, so that what makes a file hard for both cancels. Differences are B minus A. Their
intervals are percentile bootstraps over groups (people, source videos), because files of one person are no independent
cases. Decisions are compared by McNemar's exact test. As many tests find something by chance, p-values are adjusted
together (S. Holm, "A simple sequentially rejective multiple test procedure", 1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit, ndtr
from scipy.stats import binomtest, rankdata

from zhenwei.errors import DataError
from zhenwei.evaluation import metrics
from zhenwei.evaluation.metrics import Reals
from zhenwei.evaluation.results import FileResult, Interval95, Results

SCHEMA: Literal["zhenwei.comparison/1"] = "zhenwei.comparison/1"
Level = Literal["frame", "track", "video"]
_SIGNIFICANT = 0.05
_LEAST_GROUPS = 2


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Side(_Section):
    """What was evaluated. ``weights``: model id -> sha256."""

    subject: str
    protocol: str
    created: str
    weights: dict[str, str]


class Contrast(_Section):
    """One figure of both, and B minus A with its 95 % interval over ``n`` cases. ``p``: two-sided, of no difference;
    ``p_holm``: adjusted for every test of the comparison. ``better``: which is, where that can be shown."""

    figure: str
    a: float
    b: float
    difference: Interval95
    p: float
    p_holm: float
    better: Literal["A", "B", ""]


class SetComparison(_Section):
    """The files of one set that both results hold. ``p_delong``: of the AUCs, were all files independent."""

    set: str
    genuine: int
    forged: int
    groups: int
    tests: tuple[Contrast, ...]
    p_delong: float | None = None
    text: str


class Comparison(_Section):
    schema_: Literal["zhenwei.comparison/1"] = Field(default=SCHEMA, alias="schema")
    a: Side
    b: Side
    level: Level
    seed: int
    notes: tuple[str, ...]
    sets: tuple[SetComparison, ...]

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


def compare(
    a: Results, b: Results, *, level: Level = "video", only: str = "", seed: int = 0, resamples: int = 4000
) -> Comparison:
    """Pairs the cases of ``a`` and ``b`` by set, file and part, as they are (not after a step of the ladder).

    ``only``: one set alone. ``resamples``: of the bootstrap; no p-value is below 2 / (``resamples`` + 1). Raises
    :class:`DataError` where no case is in both, or where the labels of one differ.
    """
    ours, theirs = _cases(a, level, only), _cases(b, level, only)
    both = [(ours[key], theirs[key]) for key in ours if key in theirs]
    if not both:
        fix = "Evaluate the same data with the same protocol twice."
        got = f"{len(ours)} and {len(theirs)} cases at level {level}" + (f" of {only}" if only else "")
        raise DataError("the two results have no file in common", got=got, fix=fix)
    contradicting = [x for x, y in both if x.forged != y.forged]
    if contradicting:
        got = f"{len(contradicting)} files, the first {contradicting[0].file}"
        raise DataError("the two results label the same files differently", got=got, want="one truth for both")
    drafts = [_drafted(name, [p for p in both if p[0].set == name], level, seed, resamples) for name in _sets(both)]
    adjusted = iter(holm([test.p for draft in drafts for test in draft.tests]))
    sets = tuple(_adjusted(draft, [next(adjusted) for _ in draft.tests]) for draft in drafts)
    notes = _notes(a, b, len(ours), len(theirs), len(both))
    return Comparison(a=_side(a), b=_side(b), level=level, seed=seed, notes=notes, sets=sets)


Pair = tuple[FileResult, FileResult]
_Draws = Callable[[Reals | None, Sequence[str]], list[NDArray[np.int64]]]  # rows of each bootstrap sample


def _cases(results: Results, level: Level, only: str) -> dict[tuple[str, str, str], FileResult]:
    mine = (f for f in results.files if f.level == level and not f.delivery and only in ("", f.set))
    return {(f.set, f.file, f.part): f for f in mine}


def _sets(both: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(x.set for x, _ in both))


def _side(results: Results) -> Side:
    return Side(subject=results.subject, protocol=results.protocol, created=results.created, weights=results.weights)


def _notes(a: Results, b: Results, ours: int, theirs: int, both: int) -> tuple[str, ...]:
    found = []
    if ours != both or theirs != both:
        found.append(f"{both} cases are in both; {ours - both} only in A and {theirs - both} only in B are left out")
    if a.protocol != b.protocol:
        found.append(f"the protocols differ: {a.protocol} and {b.protocol}")
    if a.frames != b.frames:
        found.append(f"A looked at {a.frames} frames of a clip, B at {b.frames}")
    if a.subject == b.subject and a.weights == b.weights:
        found.append("both are of the same detectors and weights")
    return tuple(found)


def _drafted(name: str, pairs: Sequence[Pair], level: Level, seed: int, resamples: int) -> SetComparison:
    """Without Holm's adjustment and the sentence, which need every set."""

    def draws(labels: Reals | None, groups: Sequence[str]) -> list[NDArray[np.int64]]:
        return _draws(labels, groups, seed, resamples)

    answered = [p for p in pairs if p[0].llr is not None and p[1].llr is not None]
    tests = [_bernoulli("coverage", pairs, lambda f: f.llr is not None, None, draws)]
    if level == "video":
        tests.append(_bernoulli("false alarms", pairs, lambda f: f.decision == "forged", False, draws))
        tests.append(_bernoulli("forged found", pairs, lambda f: f.decision == "forged", True, draws))
    p_delong = None
    if all(len({x.group for x, _ in answered if x.forged == y}) >= _LEAST_GROUPS for y in (False, True)):
        labels, one, other = _columns(answered)
        groups = [x.group for x, _ in answered]
        tests += [
            _scored(name_, metric, labels, one, other, draws(labels, groups)) for name_, metric in _METRICS.items()
        ]
        p_delong = delong(labels, one, other)[1]
    return SetComparison(
        set=name,
        genuine=sum(not x.forged for x, _ in pairs),
        forged=sum(x.forged for x, _ in pairs),
        groups=len({x.group for x, _ in pairs}),
        tests=tuple(t for t in tests if t is not None),
        p_delong=p_delong,
        text="",
    )


_METRICS: dict[str, Callable[[Reals, Reals], float]] = {
    "AUC": metrics.auc,
    "C_llr": metrics.c_llr,
    "Brier": lambda y, s: metrics.brier(y, expit(s)),
}
_MORE_IS_BETTER = ("AUC", "coverage", "forged found")


def _columns(answered: Sequence[Pair]) -> tuple[Reals, Reals, Reals]:
    columns = [(x.forged, x.llr, y.llr) for x, y in answered]
    labels, one, other = np.array(columns, np.float64).T
    return labels, one, other


def _scored(
    name: str,
    metric: Callable[[Reals, Reals], float],
    labels: Reals,
    one: Reals,
    other: Reals,
    draws: Sequence[NDArray[np.int64]],
) -> Contrast:
    drawn = np.array([metric(labels[r], other[r]) - metric(labels[r], one[r]) for r in draws])
    a, b = metric(labels, one), metric(labels, other)
    return _test(name, a, b, drawn, _bootstrap_p(drawn), len(labels))


def _bernoulli(
    name: str, pairs: Sequence[Pair], says: Callable[[FileResult], bool], forged: bool | None, draws: _Draws
) -> Contrast | None:
    """Shares of yes-or-no answers among the forged, the genuine, or all (None)."""
    mine = [p for p in pairs if forged is None or p[0].forged == forged]
    if not mine:
        return None
    one, other = (np.array([says(p[k]) for p in mine], np.float64) for k in (0, 1))
    groups = [x.group for x, _ in mine]
    drawn = np.array([(other - one)[rows].mean() for rows in draws(None, groups)])
    only_a, only_b = int(((one == 1) & (other == 0)).sum()), int(((one == 0) & (other == 1)).sum())
    return _test(name, float(one.mean()), float(other.mean()), drawn, mcnemar(only_a, only_b), len(mine))


def _test(name: str, a: float, b: float, drawn: Reals, p: float, n: int) -> Contrast:
    low, high = np.quantile(drawn, [0.025, 0.975])
    difference = Interval95(value=b - a, low=float(low), high=float(high), n=n)
    return Contrast(figure=name, a=a, b=b, difference=difference, p=p, p_holm=p, better="")


def _draws(labels: Reals | None, groups: Sequence[str], seed: int, resamples: int) -> list[NDArray[np.int64]]:
    """Rows of each bootstrap sample: whole groups, with both classes where ``labels`` are given."""
    _, inverse = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(inverse == k) for k in range(int(inverse.max()) + 1)]
    rng, found = np.random.default_rng(seed), list[NDArray[np.int64]]()
    while len(found) < resamples:
        rows = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        if labels is None or 0 < labels[rows].sum() < len(rows):
            found.append(rows)
    return found


def _bootstrap_p(drawn: Reals) -> float:
    """Two-sided, by how often a draw lies on the other side of 0; never below 1 / (draws + 1)."""
    below, above = (1 + (drawn <= 0).sum()) / (len(drawn) + 1), (1 + (drawn >= 0).sum()) / (len(drawn) + 1)
    return float(min(1.0, 2 * min(below, above)))


def delong(labels: ArrayLike, one: ArrayLike, other: ArrayLike) -> tuple[float, float | None]:
    """AUC of ``other`` minus that of ``one``, both ``(n,)`` on the same cases, and the two-sided p of no difference,
    from their paired covariance (DeLong, DeLong & Clarke-Pearson 1988); None where the difference has no variance."""
    truth = np.asarray(labels, np.float64) == 1
    if min(truth.sum(), (~truth).sum()) < 2:
        raise DataError("the variance of the AUC is not defined", got="one case of a class", want="two or more of each")
    first, second = (_components(truth, np.asarray(s, np.float64)) for s in (one, other))
    above, below = second[0] - first[0], second[1] - first[1]
    difference = float(above.mean())
    variance = float(above.var(ddof=1) / truth.sum() + below.var(ddof=1) / (~truth).sum())
    if variance <= 0:
        return difference, None
    return difference, float(2 * ndtr(-abs(difference) / math.sqrt(variance)))


def _components(truth: NDArray[np.bool_], values: Reals) -> tuple[Reals, Reals]:
    """For each forged case the share of genuine ones below it, for each genuine one the share of forged above it."""
    ranks = rankdata(values)
    above = (ranks[truth] - rankdata(values[truth])) / (~truth).sum()
    return above, 1 - (ranks[~truth] - rankdata(values[~truth])) / truth.sum()


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p of no difference, from the cases on which the two disagree (Q. McNemar 1947)."""
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: the k-th smallest of m times m - k + 1, never falling, at most 1."""
    adjusted, most = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda i: (p[i], i))):
        most = max(most, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = most
    return adjusted


def _adjusted(draft: SetComparison, p_holm: Sequence[float]) -> SetComparison:
    tests = []
    for test, p in zip(draft.tests, p_holm, strict=True):
        shown = p < _SIGNIFICANT and test.difference.value != 0
        more = test.difference.value > 0
        better: Literal["A", "B", ""] = "" if not shown else "B" if more == (test.figure in _MORE_IS_BETTER) else "A"
        tests.append(test.model_copy(update={"p_holm": p, "better": better}))
    return draft.model_copy(update={"tests": tuple(tests), "text": _sentence(tests)})


def _sentence(tests: Sequence[Contrast]) -> str:
    shown = [t for t in tests if t.better]
    if not shown:
        auc = next((t for t in tests if t.figure == "AUC"), None)
        rest = "" if auc is None else f"; AUC {told(auc)}"
        return f"No difference can be shown{rest}."
    return "; ".join(f"{t.better} is better by {t.figure}: {told(t)}" for t in shown) + "."


def told(test: Contrast) -> str:
    """B minus A in words and figures."""
    d = test.difference
    return f"{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}], p {p_text(test.p_holm)}"


def p_text(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
