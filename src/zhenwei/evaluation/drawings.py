"""The charts of a set and of the robustness ladder, each with its title and with how to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zhenwei.evaluation import charts
from zhenwei.evaluation.charts import Drawing, Series
from zhenwei.evaluation.results import FileResult, Step
from zhenwei.fusion.wording import signed
from zhenwei.stats import Estimate
from zhenwei.stats.intervals import rate_interval
from zhenwei.stats.metrics import auc, risk_coverage

_MIN_PER_BIN = 10
# Families whose amount is a quality or a share of what was there: less is harsher, so the axis runs the other way.
_LESS_IS_HARSHER = frozenset({"jpeg", "webp", "resize", "crop"})
_AMOUNTS = {
    "jpeg": "quality kept",
    "webp": "quality kept",
    "resize": "size kept",
    "crop": "per cent kept",
    "blur": "width of the blur, pixels",
    "noise": "strength of the noise, grey levels",
    "h264": "compression (CRF)",
    "h265": "compression (CRF)",
}


def of_set(key: str, files: Sequence[FileResult]) -> Iterator[Drawing | str]:
    """The charts that these files of one set can carry; a sentence where they carry none. ``key``: begins every id."""
    answered = [f for f in files if f.llr is not None]
    if not answered:
        why = "No file of this set got an answer" if files else "These results list no file of this set"
        yield f"{why}: there is nothing to draw."
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
        only = "forged" if truth.any() else "genuine"
        yield f"All answered files of this set are {only}: a ROC curve and a reliability diagram need both kinds."


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
    alt = f"Histogram of the log-likelihood ratios: {_middle('forged', llr[truth])}; {_middle('genuine', llr[~truth])}."
    reading = (
        "Forged files upwards, genuine ones downwards, by the odds that the findings speak for. A good detector has "
        "forged files on the right and genuine ones on the left; what lies on the wrong side is an error."
    )
    if beyond:
        reading += f" {beyond:,} lie further out and are drawn at the edge."
    drawn = charts.scores(f"{key}-s", alt, truth, llr, _forged_from(called, llr))
    return Drawing(drawn, "How firmly it speaks", reading)


def _roc(key: str, called: NDArray[np.bool_], truth: NDArray[np.bool_], llr: NDArray[np.float64]) -> Drawing:
    value = auc(truth, llr)
    at: tuple[Estimate, Estimate] = (
        rate_interval(int((called & ~truth).sum()), int((~truth).sum())),
        rate_interval(int((called & truth).sum()), int(truth.sum())),
    )
    place = f"{at[0].value:.1%} false alarms and {at[1].value:.1%} of forged files found"
    alt = f"ROC curve, area {value:.3f}. The default thresholds give {place}."
    reading = (
        "Each point is a threshold: how many forged files it finds against how many genuine files it accuses. The "
        f"nearer to the top left corner, the better. The orange dot is the default, {place}, with 95% intervals."
    )
    drawn = charts.roc(f"{key}-r", alt, charts.roc_points(truth, llr), at)
    return Drawing(drawn, f"Found against falsely accused (ROC, area {value:.3f})", reading)


def _reliability(key: str, truth: NDArray[np.bool_], llr: NDArray[np.float64]) -> Drawing:
    bins = charts.reliability_bins(truth, llr, min(10, max(1, len(llr) // _MIN_PER_BIN)))
    sizes, places = [], []
    for one in bins:
        sizes.append(one.seen.n)
        places.append(f"{one.said:.0%} said and {one.seen.value:.0%} seen")
    said, fewest, most = ", ".join(places), min(sizes), max(sizes)
    shares = float(truth.mean())
    counts = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    reading = (
        f"Files in order of their probability at even prior odds, in groups of {counts}; the bars are 95% intervals. "
        "On the dashed line, of 100 files called 70% forged 70 are. Points above it: more were forged than it said."
    )
    if not 0.45 <= shares <= 0.55:
        reading += f" The line is bent since {shares:.0%} of these files are forged, not half."
    drawn = charts.reliability(f"{key}-c", f"Reliability diagram: {said}.", bins, shares)
    return Drawing(drawn, "Does it mean what it says? (reliability)", reading)


def _risk(key: str, truth: NDArray[np.bool_], llr: NDArray[np.float64], asked: int) -> Drawing:
    coverage, wrong = risk_coverage(truth, llr)
    coverage = coverage * len(llr) / asked
    half = wrong[np.searchsorted(coverage, coverage[-1] / 2)]
    alt = f"Risk against coverage: {wrong[-1]:.1%} wrong of all that were answered, {half:.1%} of the surer half."
    reading = (
        f"If only the surest answers are kept, how many of them are wrong? Of all answers {wrong[-1]:.1%} lean to the "
        f"wrong side, of the surer half {half:.1%}. A good curve rises to the right; errors on the left are firm ones."
    )
    if len(llr) < asked:
        reading += f" It ends at the dashed line: {asked - len(llr):,} of {asked:,} files got no answer."
    drawn = charts.risk(f"{key}-k", alt, (coverage, wrong), len(llr) / asked)
    return Drawing(drawn, "Does doubt help? (risk and coverage)", reading)


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
    graded = family in _AMOUNTS and len(amounts) == len(steps)
    lowest, worst = _lowest(steps)
    labels, numbered = {}, []
    for i, (amount, name) in enumerate(order):
        labels[float(i)] = f"{amount:g}" if graded else str(i + 1)
        numbered.append(f"{i + 1} {name}")
    drawn = charts.lines(
        key,
        f"AUC of {len(by_set)} sets over {len(order)} steps of {family}; the lowest is {worst}.",
        [_series(of_one, order) for of_one in by_set.values()],
        x=f"{_AMOUNTS[family]}, harsher to the right" if graded else "step, as numbered below",
        y="AUC",
        y_range=(max(0.0, min(0.48, lowest - 0.02)), 1.01),
        level=0.5,
        names=labels,
        joined=graded,
    )
    reading = f"Lowest: {worst}. The dashed line is guessing."
    if not graded:
        reading += f" Steps: {', '.join(numbered)}."
    return Drawing(drawn, family, reading, tuple(by_set))


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
    return min(bounds), f"{value:.3f} at {name}"


def _forged_from(called: NDArray[np.bool_], llr: NDArray[np.float64]) -> float | None:
    """The least LLR that was called forged, if every file above it was, too: thresholds may differ by kind of file."""
    if not called.any() or llr[~called].max(initial=-np.inf) >= llr[called].min():
        return None
    return float(llr[called].min())


def _middle(name: str, values: NDArray[np.float64]) -> str:
    if not len(values):
        return f"there are no {name} files"
    return f"{name} files have the median {signed(float(np.median(values)), 2)}"
