"""The charts of a set and of the robustness ladder, each with its title and with how to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zhenwei.evaluation import charts
from zhenwei.evaluation.chart_terms import FAMILIES
from zhenwei.evaluation.charts import Drawing, Series
from zhenwei.evaluation.page_terms import PHRASES, say
from zhenwei.evaluation.results import FileResult, Step
from zhenwei.fusion.wording import signed
from zhenwei.stats import Estimate
from zhenwei.stats.intervals import rate_interval
from zhenwei.stats.metrics import auc, risk_coverage
from zhenwei.words import spoken

_MIN_PER_BIN = 10
# Families whose amount is a quality or a share of what was there: less is harsher, so the axis runs the other way.
_LESS_IS_HARSHER = frozenset({"jpeg", "webp", "resize", "crop"})


def of_set(key: str, files: Sequence[FileResult]) -> Iterator[Drawing | str]:
    """The charts that these files of one set can carry; a sentence where they carry none. ``key``: begins every id."""
    answered = [f for f in files if f.llr is not None]
    if not answered:
        yield say("nothing_answered" if files else "nothing_listed")
        return
    truth = np.asarray([f.forged for f in answered])
    llr = np.asarray([f.llr for f in answered], np.float64)
    called = np.asarray([f.decision == "forged" for f in answered])
    both = bool(truth.any() and not truth.all())
    yield _scores(key, called, truth, llr)
    if both:
        yield _roc(key, called, truth, llr)
        yield _reliability(key, truth, llr)
    yield _risk(key, truth, llr, len(files))
    if not both:
        yield say("one_class_forged" if truth.any() else "one_class_genuine")


def of_ladder(steps: Sequence[Step]) -> Iterator[Drawing]:
    """Charts a family: AUC over the amount of harm, a line a set, so many to a chart as can be told apart."""
    families: dict[str, dict[str, list[Step]]] = {}
    for step in steps:
        sets = families.setdefault(step.family, {})
        if step.auc is not None:
            sets.setdefault(step.set, []).append(step)
    for number, (family, by_set) in enumerate(families.items(), 1):
        lines = list(by_set.items())
        for start in range(0, len(lines), charts.SERIES_PER_CHART):
            shown = dict(lines[start : start + charts.SERIES_PER_CHART])
            yield _family(f"ladder-{number}-{start}", family, shown)


def _scores(key: str, called: NDArray[np.bool_], truth: NDArray[np.bool_], llr: NDArray[np.float64]) -> Drawing:
    limit = charts.decades(llr) * charts.DECADE
    beyond = int((np.abs(llr) > limit).sum())
    alt = say("scores_alt", forged=_middle("forged", llr[truth]), genuine=_middle("genuine", llr[~truth]))
    reading = say("scores_how")
    if beyond:
        reading += say("scores_beyond", n=f"{beyond:,}")
    drawn = charts.scores(f"{key}-s", alt, truth, llr, _forged_from(called, llr))
    return Drawing(drawn, say("scores"), reading)


def _roc(key: str, called: NDArray[np.bool_], truth: NDArray[np.bool_], llr: NDArray[np.float64]) -> Drawing:
    area = f"{auc(truth, llr):.3f}"
    at: tuple[Estimate, Estimate] = (
        rate_interval(int((called & ~truth).sum()), int((~truth).sum())),
        rate_interval(int((called & truth).sum()), int(truth.sum())),
    )
    place = say("roc_place", alarms=f"{at[0].value:.1%}", found=f"{at[1].value:.1%}")
    alt = say("roc_alt", area=area, place=place)
    drawn = charts.roc(f"{key}-r", alt, charts.roc_points(truth, llr), at)
    return Drawing(drawn, say("roc", area=area), say("roc_how", place=place))


def _reliability(key: str, truth: NDArray[np.bool_], llr: NDArray[np.float64]) -> Drawing:
    bins = charts.reliability_bins(truth, llr, min(10, max(1, len(llr) // _MIN_PER_BIN)))
    sizes, places = [], []
    for one in bins:
        sizes.append(one.seen.n)
        places.append(say("reliability_place", said=f"{one.said:.0%}", seen=f"{one.seen.value:.0%}"))
    fewest, most, share = min(sizes), max(sizes), float(truth.mean())
    counts = f"{fewest:,}" if fewest == most else say("range", low=f"{fewest:,}", high=f"{most:,}")
    reading = say("reliability_how", counts=counts)
    if not 0.45 <= share <= 0.55:
        reading += say("reliability_bent", share=f"{share:.0%}")
    alt = say("reliability_alt", places=say("reliability_between").join(places))
    return Drawing(charts.reliability(f"{key}-c", alt, bins, share), say("reliability"), reading)


def _risk(key: str, truth: NDArray[np.bool_], llr: NDArray[np.float64], asked: int) -> Drawing:
    coverage, wrong = risk_coverage(truth, llr)
    coverage = coverage * len(llr) / asked
    half = wrong[np.searchsorted(coverage, coverage[-1] / 2)]
    shares = {"all": f"{wrong[-1]:.1%}", "half": f"{half:.1%}"}
    reading = say("risk_how", **shares)
    if len(llr) < asked:
        reading += say("risk_end", silent=f"{asked - len(llr):,}", asked=f"{asked:,}")
    drawn = charts.risk(f"{key}-k", say("risk_alt", **shares), (coverage, wrong), len(llr) / asked)
    return Drawing(drawn, say("risk"), reading)


def _family(key: str, family: str, by_set: Mapping[str, Sequence[Step]]) -> Drawing:
    """One chart. ``by_set``: steps with an AUC, of at least one set."""
    steps: list[Step] = []
    names, amounts = set(), set()
    for of_one in by_set.values():
        for step in of_one:
            steps.append(step)
            names.add((step.amount, step.step))
            amounts.add((step.set, step.amount))
    order = sorted(names, reverse=family in _LESS_IS_HARSHER)
    amount_of = f"amount_{family}"
    graded = amount_of in PHRASES and len(amounts) == len(steps)
    lowest, worst = _lowest(steps)
    labels, numbered = {}, []
    for i, (amount, name) in enumerate(order):
        labels[float(i)] = f"{amount:g}" if graded else str(i + 1)
        numbered.append(f"{i + 1} {name}")
    drawn = charts.lines(
        key,
        say("family_alt", sets=len(by_set), steps=len(order), family=family, worst=worst),
        [_series(of_one, order) for of_one in by_set.values()],
        x=say("axis_harsher", amount=say(amount_of)) if graded else say("axis_numbered"),
        y="AUC",
        y_range=(max(0.0, min(0.48, lowest - 0.02)), 1.01),
        level=0.5,
        names=labels,
        joined=graded,
    )
    reading = say("family_how", worst=worst)
    if not graded:
        reading += say("family_steps", steps=", ".join(numbered))
    title = f"{FAMILIES[family]} {family}" if spoken() == "zh" and family in FAMILIES else family
    return Drawing(drawn, title, reading, tuple(by_set))


def _series(steps: Sequence[Step], order: Sequence[tuple[float, str]]) -> Series:
    known = []
    for step in steps:
        if step.auc:
            known.append((order.index((step.amount, step.step)), step.auc.value, step.auc.low, step.auc.high))
    places, values, low, high = zip(*sorted(known), strict=True)
    return Series(places, values, low, high)


def _lowest(steps: Sequence[Step]) -> tuple[float, str]:
    bounds, values = [], []
    for step in steps:
        if step.auc:
            bounds.append(step.auc.low)
            values.append((step.auc.value, step.step))
    value, name = min(values)
    return min(bounds), say("family_worst", area=f"{value:.3f}", step=name)


def _forged_from(called: NDArray[np.bool_], llr: NDArray[np.float64]) -> float | None:
    """The least LLR that was called forged, if every file above it was, too: thresholds may differ by kind of file."""
    if not called.any() or llr[~called].max(initial=-np.inf) >= llr[called].min():
        return None
    return float(llr[called].min())


def _middle(name: str, values: NDArray[np.float64]) -> str:
    if not len(values):
        return say(f"none_{name}")
    return say(f"median_{name}", median=signed(float(np.median(values)), 2))
