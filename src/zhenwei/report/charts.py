"""Drawings of the page, written by hand as SVG and positioned HTML: icons, the scale of evidence, curves over time.

Curves are stretched to the width of the page, so only lines are SVG; labels are HTML, and stay readable on a phone.
"""

from __future__ import annotations

import math
from statistics import median

from zhenwei.fusion.wording import signed
from zhenwei.report.markup import Markup, element, foreign, join, text
from zhenwei.report.wording import clock, say, strength
from zhenwei.types import Curve, Decision, Language, Verdict, in_language

SCALE_END = math.log(1000)  # the scale reaches from 1000 : 1 for genuine to 1000 : 1 for forged

_ICONS: dict[Decision, str] = {
    # an eight-sided sign with a bar, a ring with a tick, a pair of scales in balance: told apart without colour
    "forged": '<path d="M17 4h14l13 13v14L31 44H17L4 31V17z"/><path d="M24 14v13"/><path d="M24 34v.01"/>',
    "genuine": '<circle cx="24" cy="24" r="20"/><path d="M14.5 24.5l6.5 6.5 12.5-13.5"/>',
    "inconclusive": (
        '<path d="M24 6v36M15 42h18M8 13h32"/><path d="M8 13l-5 14a6.5 6.5 0 0 0 10 0z"/>'
        '<path d="M40 13l-5 14a6.5 6.5 0 0 0 10 0z"/>'
    ),
}


def icon(decision: Decision, size_px: int) -> Markup:
    """The sign of a decision. Decorative: the word always stands beside it."""
    return element(
        "svg",
        Markup(_ICONS[decision]),
        class_="icon",
        viewBox="0 0 48 48",
        width=size_px,
        height=size_px,
        aria_hidden="true",
        focusable="false",
    )


def scale(verdict: Verdict, language: Language) -> Markup:
    """Where the file and its people stand between genuine and forged, on the log-likelihood-ratio axis."""
    marks = [
        _mark(person.llr, "small", str(person.person))
        for person in verdict.by_person
        if person.llr is not None and len(verdict.by_person) > 1
    ]
    if verdict.llr is None:
        label = say("scale_none", language)
    else:
        label = say("scale_alt", language, llr=signed(verdict.llr))
        marks.append(_mark(verdict.llr, "file", ""))
    bar = element("div", element("div", class_="rule"), *_ticks(), *marks, class_="bar")
    ends = element(
        "div",
        element("span", f"← {say('scale_genuine', language)}"),
        element("span", say("scale_neither", language)),
        element("span", f"{say('scale_forged', language)} →"),
        class_="ends",
    )
    drawing = element("div", bar, ends, role="img", aria_label=label)
    below = label if verdict.llr is None else f"LLR {signed(verdict.llr)} · {strength(verdict.llr, language)}"
    caption = element("figcaption", element("b", say("scale", language)), " ", text(below))
    return element("figure", caption, drawing, class_="scale")


def _place(llr: float) -> float:
    """Per cent from the left; what lies beyond the scale stands at its end."""
    return 50 + 50 * max(-1.0, min(1.0, llr / SCALE_END))


def _mark(llr: float, kind: str, label: str) -> Markup:
    return element("span", label, class_=f"mark {kind}", style=f"left:{_place(llr):.1f}%")


def _ticks() -> list[Markup]:
    labels = ((-SCALE_END, "1000 : 1"), (-math.log(100), "100 : 1"), (-math.log(10), "10 : 1"), (0.0, "1 : 1"))
    mirrored = ((-place, label) for place, label in labels[:3])
    return [
        element("span", element("i", label), class_="tick", style=f"left:{_place(place):.1f}%")
        for place, label in (*labels, *mirrored)
    ]


def drawable(curve: Curve) -> bool:
    """Whether there is a line to draw: at least two points that are figures."""
    return len(_points(curve)) > 1


def chart(curve: Curve, language: Language, detector: str = "") -> Markup:
    """A curve of ``detector`` with its threshold, axes in HTML, and what it shows in words."""
    points = _points(curve)
    low, high = _span(curve, [y for _, y in points])
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    right = right if right > left else left + 1.0
    place = _Axes(left, right, low, high)
    drawing = element(
        "svg",
        _threshold_line(curve, place),
        *(element("path", class_="line", d=Markup(path)) for path in _paths(curve, place)),
        element("path", class_="dots", d=Markup("".join(f"M{place.at(x, y)}h0" for x, y in points))),
        viewBox="0 0 1000 100",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )
    labels = join(_labels(curve, place, language))
    plot = element("div", drawing, labels, class_="plot", role="img", aria_label=_in_words(curve, points, language))
    caption = element(
        "figcaption",
        foreign(in_language(curve.caption, language)),
        element("span", _in_words(curve, points, language), class_="quiet"),
        element("span", detector, class_="mono quiet") if detector else "",
    )
    axis = element("p", foreign(in_language(curve.x_label, language)), class_="axis")
    return element("figure", caption, plot, axis, class_="chart")


class _Axes:
    """From figures to a box of 1000 by 100, with room left at its edges for the dots."""

    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        self.left, self.right, self.low, self.high = left, right, low, high

    def across(self, x: float) -> float:
        return 1 + 98 * (x - self.left) / (self.right - self.left)

    def down(self, y: float) -> float:
        return 4 + 92 * (self.high - y) / (self.high - self.low)

    def at(self, x: float, y: float) -> str:
        return f"{10 * self.across(x):.1f} {self.down(y):.2f}"


def _points(curve: Curve) -> list[tuple[float, float]]:
    pairs = zip(curve.x, curve.y, strict=False)
    return [(x, y) for x, y in pairs if y is not None and math.isfinite(x) and math.isfinite(y)]


def _span(curve: Curve, values: list[float]) -> tuple[float, float]:
    """The range of the upright axis: 0 to 1 where everything lies there, else what there is and a little more."""
    known = [*values, curve.threshold] if curve.threshold is not None and math.isfinite(curve.threshold) else values
    low, high = min(known), max(known)
    if low >= 0 and high <= 1 and high > 0.1:
        return 0.0, 1.0
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - room, high + room


def _paths(curve: Curve, place: _Axes) -> list[str]:
    """One path for each run of points without a gap."""
    runs: list[list[str]] = [[]]
    for x, y in zip(curve.x, curve.y, strict=False):
        if y is None or not math.isfinite(x) or not math.isfinite(y):
            runs.append([])
        else:
            runs[-1].append(place.at(x, y))
    return ["M" + "L".join(run) for run in runs if len(run) > 1]


def _has_threshold(curve: Curve) -> bool:
    return curve.threshold is not None and math.isfinite(curve.threshold)


def _threshold_line(curve: Curve, place: _Axes) -> Markup:
    if curve.threshold is None or not _has_threshold(curve):
        return Markup("")
    return element("path", class_="threshold", d=f"M0 {place.down(curve.threshold):.2f}H1000")


def _labels(curve: Curve, place: _Axes, language: Language) -> list[Markup]:
    def upright(value: float, kind: str, label: str) -> Markup:
        return element("span", label, class_=kind, style=f"top:{place.down(value):.1f}%")

    labels = [upright(value, "y", f"{value:.2g}") for value in (place.low, place.high)]
    if curve.threshold is not None and _has_threshold(curve):
        labels.append(upright(curve.threshold, "level", say("threshold", language, value=f"{curve.threshold:.3g}")))
    for x, kind in ((place.left, "x first"), (place.right, "x last")):
        labels.append(element("span", clock(x) if _is_time(curve) else f"{x:.4g}", class_=kind))
    return labels


def _is_time(curve: Curve) -> bool:
    return curve.x_label.lower().startswith("time")


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
    if curve.threshold is None or not _has_threshold(curve):
        return sentence
    above = 100 * sum(value > curve.threshold for value in values) / len(values)
    return f"{sentence} {say('curve_above', language, share=f'{above:.0f}')}"
