"""The course of a clip: curves over one time axis, and the seconds in which detectors speak for a forgery."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from zhenwei.report.exhibits import weight
from zhenwei.report.plot import Plot, drawable, is_over_time, plotted, shared_axes
from zhenwei.types import Curve, Evidence, Interval, Language, Report, in_language

MAX_LANES = 24
MAX_INTERVALS = 8
_SPEAKS = 0.5  # least weight of a detector, and least LLR of a second, that counts as suspicious
_LLR = ("LLR", "log-likelihood ratio", "对数似然比")


@dataclass(frozen=True, slots=True)
class Row:
    """Curves with one caption about one person, each with its detector."""

    caption: str
    person: int | None
    x_label: str
    plots: tuple[Plot, ...]


@dataclass(frozen=True, slots=True)
class Suspicious:
    """A passage in which ``detectors`` speak for a forgery of ``person``; None for the whole file."""

    interval: Interval
    person: int | None
    detectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    suspicious: tuple[Suspicious, ...]
    rows: tuple[Row, ...]

    def __bool__(self) -> bool:
        return bool(self.rows or self.suspicious)


def course(evidence: Sequence[Evidence], shown: Collection[int], span: Interval, language: Language) -> Course:
    """Curves over time that are among ``shown``, all on the time axis ``span`` of the file."""
    found = _over_time(evidence)
    alike: dict[tuple[str, str, int], list[tuple[Evidence, Curve]]] = {}
    lanes = 0
    for each, curve in found:
        if id(curve) in shown and lanes < MAX_LANES:
            alike.setdefault((curve.caption, curve.y_label, each.person or 0), []).append((each, curve))
            lanes += 1
    rows = [_row(group, span, language) for group in alike.values()]
    return Course(_suspicious(found), tuple(sorted(rows, key=lambda row: row.person or 0)))


def time_axis(report: Report) -> Interval:
    """From the beginning of the file to its end, and as far as any curve over time reaches."""
    times = [0.0]
    for _, curve in _over_time(report.evidence):
        times += [time for time in curve.x if math.isfinite(time)]
    declared = report.media.duration_s
    if declared is not None and math.isfinite(declared):
        times.append(declared)
    return Interval(min(times), max(times) if max(times) > min(times) else min(times) + 1.0)


def _over_time(evidence: Sequence[Evidence]) -> list[tuple[Evidence, Curve]]:
    found = []
    for each in evidence:
        for exhibit in each.exhibits:
            if isinstance(exhibit, Curve) and is_over_time(exhibit) and drawable(exhibit):
                found.append((each, exhibit))
    return found


def _row(group: Sequence[tuple[Evidence, Curve]], span: Interval, language: Language) -> Row:
    each, first = group[0]
    axes = shared_axes([curve for _, curve in group], span, 1.0 if str(first.y_label) in _LLR else 0.0)
    plots = [plotted(curve, language, each.detector, axes) for each, curve in group]
    caption, x_label = in_language(first.caption, language), in_language(first.x_label, language)
    return Row(caption, each.person, x_label, tuple(plots))


def _suspicious(found: Sequence[tuple[Evidence, Curve]]) -> tuple[Suspicious, ...]:
    """Passages of detectors that speak for a forgery, those of one person joined where they meet; the longest."""
    passages: list[Suspicious] = []
    for each, curve in found:
        if weight(each) >= _SPEAKS and str(curve.y_label) in _LLR:
            for run in _runs(curve):
                passages.append(Suspicious(run, each.person, (each.detector,)))
    joined: list[Suspicious] = []
    for one in sorted(passages, key=lambda passage: (passage.person or 0, passage.interval.start_s)):
        last = joined[-1] if joined else None
        if last and last.person == one.person and one.interval.start_s <= last.interval.end_s:
            end = max(last.interval.end_s, one.interval.end_s)
            names = tuple(dict.fromkeys((*last.detectors, *one.detectors)))
            joined[-1] = Suspicious(Interval(last.interval.start_s, end), one.person, names)
        else:
            joined.append(one)
    longest = sorted(joined, key=lambda passage: passage.interval.start_s - passage.interval.end_s)[:MAX_INTERVALS]
    return tuple(sorted(longest, key=lambda passage: (passage.interval.start_s, passage.person or 0)))


def _runs(curve: Curve) -> list[Interval]:
    """Stretches of two points or more above the threshold and an LLR that says something."""
    least = max(curve.threshold or 0.0, 0.0) + _SPEAKS
    runs: list[list[float]] = [[]]
    for x, y in zip(curve.x, curve.y, strict=False):
        if y is not None and y > least and math.isfinite(x):
            runs[-1].append(x)
        else:
            runs.append([])
    return [Interval(run[0], run[-1]) for run in runs if len(run) > 1]
