"""Where things stand in the drawings of the page: a mark on the scale of evidence, a curve in its box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from zhenwei.report.terms import clock, say
from zhenwei.types import Curve, Interval, Language, in_language

SCALE_END = math.log(1000)  # the scale reaches from 1000 : 1 for genuine to 1000 : 1 for forged
SCALE_TICKS = (
    (-SCALE_END, "1000 : 1"),
    (-math.log(100), "100 : 1"),
    (-math.log(10), "10 : 1"),
    (0.0, "1 : 1"),
    (SCALE_END, "1000 : 1"),
    (math.log(100), "100 : 1"),
    (math.log(10), "10 : 1"),
)


def place_on_scale(llr: float) -> str:
    """Per cent from the left; what lies beyond the scale stands at its end."""
    return f"{50 + 50 * max(-1.0, min(1.0, llr / SCALE_END)):.1f}"


@dataclass(frozen=True, slots=True)
class Label:
    """A word at the edge of a plot. ``kind``: its class; ``top``: per cent from above, "" where the class places it."""

    kind: str
    text: str
    top: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A curve ready to be drawn in a box of 1000 by 100: ``lines``, ``dots`` and ``threshold`` are paths of SVG."""

    caption: str
    detector: str
    in_words: str
    x_label: str
    lines: tuple[str, ...]
    dots: str
    threshold: str  # "" without one
    labels: tuple[Label, ...]
    span: Interval | None = None  # of time, from its left to its right edge


def drawable(curve: Curve) -> bool:
    """Whether there is a line to draw: at least two points that are figures."""
    return len(_points(curve)) > 1


def is_over_time(curve: Curve) -> bool:
    return curve.x_label.lower().startswith(("time", "时间"))


def plotted(curve: Curve, language: Language, detector: str = "", shared: Axes | None = None) -> Plot:
    """A drawable curve of ``detector`` with its threshold and axes; ``shared``: axes that others have, too."""
    points = _points(curve)
    axes = shared or _axes(points, _threshold(curve))
    dots = ""
    for x, y in points:
        dots += f"M{axes.at(x, y)}h0"
    threshold = _threshold(curve)
    return Plot(
        caption=in_language(curve.caption, language),
        detector=detector,
        in_words=_in_words(curve, points, language),
        x_label=in_language(curve.x_label, language),
        lines=_lines(curve, axes),
        dots=dots,
        threshold="" if threshold is None else f"M0 {axes.down(threshold):.2f}H1000",
        labels=_labels(curve, axes, language),
        span=Interval(axes.left, axes.right) if is_over_time(curve) else None,
    )


@dataclass(frozen=True, slots=True)
class Axes:
    """From figures to a box of 1000 by 100, with room left at its edges for the dots."""

    left: float
    right: float
    low: float
    high: float

    def across(self, x: float) -> float:
        return 1 + 98 * (x - self.left) / (self.right - self.left)

    def down(self, y: float) -> float:
        return 4 + 92 * (self.high - y) / (self.high - self.low)

    def at(self, x: float, y: float) -> str:
        return f"{10 * self.across(x):.1f} {self.down(y):.2f}"


def shared_axes(curves: Sequence[Curve], span: Interval, least: float = 0.0) -> Axes:
    """Axes for several drawable curves over ``span`` of time, which reach as far as any of them, and ``least`` either
    way of 0."""
    known = [_axes(_points(curve), _threshold(curve)) for curve in curves]
    low, high = min([axes.low for axes in known]), max([axes.high for axes in known])
    return Axes(span.start_s, span.end_s, min(low, -least), max(high, least))


def _points(curve: Curve) -> list[tuple[float, float]]:
    points = []
    for x, y in zip(curve.x, curve.y, strict=False):
        if y is not None and math.isfinite(x) and math.isfinite(y):
            points.append((x, y))
    return points


def _threshold(curve: Curve) -> float | None:
    return curve.threshold if curve.threshold is not None and math.isfinite(curve.threshold) else None


def _axes(points: list[tuple[float, float]], threshold: float | None) -> Axes:
    """Upright from 0 to 1 where everything lies there, else what there is and a little more."""
    xs, ys = zip(*points, strict=True)
    left, right = min(xs), max(xs)
    if right <= left:
        right = left + 1.0
    known = ys if threshold is None else (*ys, threshold)
    low, high = min(known), max(known)
    if low >= 0 and high <= 1 and high > 0.1:
        return Axes(left, right, 0.0, 1.0)
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return Axes(left, right, low - room, high + room)


def _lines(curve: Curve, axes: Axes) -> tuple[str, ...]:
    """One path for each run of points without a gap."""
    runs: list[list[str]] = [[]]
    for x, y in zip(curve.x, curve.y, strict=False):
        if y is None or not math.isfinite(x) or not math.isfinite(y):
            runs.append([])
        else:
            runs[-1].append(axes.at(x, y))
    return tuple("M" + "L".join(run) for run in runs if len(run) > 1)


def _labels(curve: Curve, axes: Axes, language: Language) -> tuple[Label, ...]:
    labels = [Label("y", f"{value:.2g}", f"{axes.down(value):.1f}") for value in (axes.low, axes.high)]
    threshold = _threshold(curve)
    if threshold is not None:
        said = say("threshold", language, value=f"{threshold:.3g}")
        labels.append(Label("level", said, f"{axes.down(threshold):.1f}"))
    for x, kind in ((axes.left, "x first"), (axes.right, "x last")):
        labels.append(Label(kind, clock(x) if is_over_time(curve) else f"{x:.4g}"))
    return tuple(labels)


def _in_words(curve: Curve, points: list[tuple[float, float]], language: Language) -> str:
    values = [y for _, y in points]
    sentence = say(
        "curve_alt",
        language,
        x_label=in_language(curve.x_label, language),
        y_label=in_language(curve.y_label, language),
        low=f"{min(values):.3g}",
        high=f"{max(values):.3g}",
        middle=f"{median(values):.3g}",
    )
    threshold = _threshold(curve)
    if threshold is None:
        return sentence
    above = 100 * sum(value > threshold for value in values) / len(values)
    phrase = "curve_above" if is_over_time(curve) else "points_above"
    return f"{sentence} {say(phrase, language, share=f'{above:.0f}')}"
