"""Curves of an evaluation, and their pictures as SVG to stand inside a page.

matplotlib (the extra ``report``) draws with colours that stand for the page's own, so that one picture serves light,
dark and paper. Text stays text and takes the page's fonts. Only words of this package are drawn, in the language of
``zhenwei.words.speaking``; names out of data are set in HTML. The same numbers give the same bytes, and the ids of one
picture do not meet those of another.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from zhenwei import words
from zhenwei.errors import DataError, MissingExtraError, install_extra
from zhenwei.evaluation.page_terms import say
from zhenwei.pages import legible
from zhenwei.stats import Estimate
from zhenwei.stats.intervals import rate_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Reals = NDArray[np.float64]
Points = tuple[Reals, Reals]

DECADE = math.log(10)
_WIDTH, _HEIGHT = 320, 240  # units of the SVG; text of 9 units is legible where the picture is 360 pixels wide
_MAX_POINTS = 400
_INK, _QUIET, _LINE, _GENUINE, _FORGED = "#1d2126", "#5b626b", "#dcd8cf", "#2b6a9b", "#b84a0e"
_SERIES = ("#24507f", "#c1500d", "#0b7a5f", "#a04489", "#866a00", "#54585e")
_NAMES = ("ink", "quiet", "line", "genuine", "forged", "k1", "k2", "k3", "k4", "k5", "k6")
_VARIABLES = dict(zip((_INK, _QUIET, _LINE, _GENUINE, _FORGED, *_SERIES), _NAMES, strict=True))
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (2, 2)), (0, (7, 2, 2, 2)), (0, (9, 3)), (0, (1, 3)))
_MARKS = ("o", "s", "^", "D", "v", "x")
SERIES_PER_CHART = len(_SERIES)


@dataclass(frozen=True, slots=True)
class Bin:
    """Files of much the same probability: ``said`` is its mean, ``seen`` the share that was forged, with Wilson's
    interval."""

    said: float
    seen: Estimate


@dataclass(frozen=True, slots=True)
class Series:
    """A line: ``x`` and ``y`` ``(n,)``, where known with the bounds of each point."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with its title and, in plain words, how to read it. ``names``: of its lines, in their order."""

    svg: Markup
    title: str
    reading: str
    names: tuple[str, ...] = ()


def roc_points(labels: ArrayLike, llr: ArrayLike) -> Points:
    """False-alarm and hit rates ``(k,)`` of every threshold that changes them, from (0, 0) to (1, 1).

    ``labels`` ``(n,)``: 1 forged, 0 genuine. Points on a straight line between others are left out. Raises
    :class:`DataError` where a class is missing.
    """
    truth, values = _columns(labels, llr)
    if truth.all() or not truth.any():
        raise DataError("a ROC curve needs both classes", got=f"{int(truth.sum())} forged of {len(truth)}")
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    hits, alarms = np.cumsum(truth[order])[last], np.cumsum(~truth[order])[last]
    steps = np.vstack([[0, 0], np.column_stack([alarms, hits])])
    before, after = np.diff(steps, axis=0)[:-1], np.diff(steps, axis=0)[1:]
    bends = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    kept = steps[np.concatenate([[True], bends, [True]])] / [(~truth).sum(), truth.sum()]
    return kept[:, 0], kept[:, 1]


def reliability_bins(labels: ArrayLike, llr: ArrayLike, bins: int = 10) -> tuple[Bin, ...]:
    """What the probability at even prior odds says against what was so, in at most ``bins`` bins of equal mass.

    Equal probabilities stay in one bin; empty bins are left out.
    """
    truth, values = _columns(labels, llr)
    p = expit(values)
    place = np.searchsorted(np.quantile(p, np.linspace(0, 1, bins + 1))[1:-1], p)
    found = []
    for bin_ in np.unique(place):
        rows = place == bin_
        found.append(Bin(float(p[rows].mean()), rate_interval(int(truth[rows].sum()), int(rows.sum()))))
    return tuple(found)


def roc(key: str, alt: str, points: Points, at: tuple[Estimate, Estimate] | None = None) -> Markup:
    """The curve, the diagonal of chance, and where the default thresholds lie: (false alarms, found) with intervals."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle=(0, (3, 3)))
        axes.fill_between(*_thinned(points), color=_SERIES[0], alpha=0.1, linewidth=0)
        axes.plot(*_thinned(points), color=_SERIES[0], linewidth=1.8)
        axes.text(0.66, 0.6, say("mark_guessing"), color=_QUIET, fontsize=8.5, rotation=38, ha="center", va="center")
        if at:
            x, y = at
            reach = [[v.value - v.low, v.high - v.value] for v in at]
            sides = np.maximum(np.asarray(reach), 0.0).reshape(2, 2, 1)
            axes.errorbar([x.value], [y.value], xerr=sides[0], yerr=sides[1], color=_FORGED, fmt="o", markersize=6)
        _both_rates(axes, say("axis_alarms"), say("axis_found"))

    return _svg(key, alt, draw)


def scores(key: str, alt: str, labels: ArrayLike, llr: ArrayLike, called_forged_from: float | None = None) -> Markup:
    """How the LLRs of forged files (upwards) and genuine ones (downwards) lie, each as a share of its class.

    ``called_forged_from``: the least LLR that the default thresholds call forged.
    """
    truth, values = _columns(labels, llr)
    reach = decades(values)
    edges = np.linspace(-reach, reach, 25) * DECADE
    middles, width = (edges[1:] + edges[:-1]) / 2, float(edges[1] - edges[0])
    clipped = np.clip(values, edges[0], edges[-1])

    def draw(axes: Axes) -> None:
        top = 0.05
        for rows, sign, colour in ((truth, 1, _FORGED), (~truth, -1, _GENUINE)):
            shares = np.histogram(clipped[rows], edges)[0] / max(1, rows.sum())
            axes.bar(middles, sign * shares, width * 0.9, color=colour, linewidth=0)
            top = max(top, float(shares.max()))
        axes.set(xlim=(edges[0] - width / 2, edges[-1] + width / 2), ylim=(-1.22 * top, 1.22 * top))
        axes.axhline(0, color=_INK, linewidth=0.8)
        axes.text(edges[0], 1.2 * top, say("mark_forged"), color=_FORGED, fontsize=9.5, weight="bold", va="top")
        axes.text(edges[0], -1.2 * top, say("mark_genuine"), color=_GENUINE, fontsize=9.5, weight="bold", va="bottom")
        if called_forged_from is not None and edges[0] < called_forged_from < edges[-1]:
            axes.axvline(called_forged_from, color=_INK, linewidth=1, linestyle=(0, (3, 3)))
            right = called_forged_from < edges[-1] / 2
            place: dict[str, Any] = {"ha": "left" if right else "right", "va": "bottom", "fontsize": 8.5}
            shift = (0.15 if right else -0.15) * width
            axes.text(called_forged_from + shift, -1.2 * top, say("mark_called"), color=_INK, **place)
        ticks = range(-int(reach), int(reach) + 1, max(1, int(reach) // 3))
        axes.set_xticks([t * DECADE for t in ticks], [odds(t) for t in ticks])
        axes.yaxis.set_major_formatter(lambda v, _: f"{abs(v):.0%}")
        axes.yaxis.set_major_locator(_ticks(5))
        axes.set_xlabel(say("axis_odds"))
        axes.set_ylabel(say("axis_share"))

    return _svg(key, alt, draw)


def reliability(key: str, alt: str, bins: Sequence[Bin], forged_share: float) -> Markup:
    """Probabilities against what was so. ``forged_share``: of the files, which bends the line of honest probabilities:
    at even prior odds p, p s / (p s + (1 - p)(1 - s)) of them are forged."""

    def draw(axes: Axes) -> None:
        p = np.linspace(0, 1, 101)
        weights = p * forged_share, (1 - p) * (1 - forged_share)
        axes.plot(p, weights[0] / (weights[0] + weights[1]), color=_QUIET, linewidth=1, linestyle=(0, (3, 3)))
        table = np.asarray([(b.said, b.seen.value, b.seen.low, b.seen.high) for b in bins]).reshape(-1, 4)
        said, seen, low, high = table.T
        sides = np.maximum([seen - low, high - seen], 0.0)
        axes.errorbar(said, seen, yerr=sides, color=_SERIES[0], fmt="none", elinewidth=1.4)
        axes.plot(said, seen, color=_SERIES[0], linewidth=1, marker="o", markersize=5)
        _both_rates(axes, say("axis_said"), say("axis_seen"))

    return _svg(key, alt, draw)


def risk(key: str, alt: str, curve: Points, most: float = 1.0) -> Markup:
    """Errors against coverage. ``curve``: coverage and risk ``(k,)``; ``most``: the coverage that can be reached."""

    def draw(axes: Axes) -> None:
        coverage, wrong = _thinned(curve)
        axes.plot(coverage, wrong, color=_SERIES[0], linewidth=1.8, marker="o" if len(coverage) == 1 else "")
        if most < 1:
            axes.axvline(most, color=_QUIET, linewidth=1, linestyle=(0, (3, 3)))
        top = max(0.05, float(wrong.max(initial=0.0)) * 1.15)
        axes.set(xlim=(0, 1.02), ylim=(-0.02 * top, top), xlabel=say("axis_answered"), ylabel=say("axis_wrong"))
        axes.xaxis.set_major_formatter(_percent)
        axes.yaxis.set_major_formatter(_percent if top > 0.1 else lambda v, _: f"{v:.1%}")
        axes.yaxis.set_major_locator(_ticks(5))

    return _svg(key, alt, draw)


def lines(
    key: str,
    alt: str,
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    y_range: tuple[float, float] | None = None,
    level: float | None = None,
    at: float | None = None,
    names: Mapping[float, str] | None = None,
    log: bool = False,
    joined: bool = True,
) -> Markup:
    """Up to six lines with marks; marks alone, side by side, where they are not ``joined``.

    ``level``, ``at``: a dashed line at that y, a dotted one at that x. ``names``: of values of x. ``log``: y by powers
    of ten. Points that are NaN are gaps. ``alt``, ``x``, ``y`` may be English sentences of ``zhenwei.words``.
    """
    alt, x_label, y_label = [words.translated(sentence, words.spoken()) for sentence in (alt, x, y)]

    def draw(axes: Axes) -> None:
        for i, s in enumerate(series[:SERIES_PER_CHART]):
            aside = np.asarray(s.x, np.float64) + (0 if joined else 0.12 * (i - (len(series) - 1) / 2))
            mark = "" if joined and len(s.x) > 30 else _MARKS[i]
            style: dict[str, Any] = {"linestyle": _DASHES[i] if joined else "", "marker": mark, "markersize": 4.5}
            axes.plot(aside, s.y, color=_SERIES[i], linewidth=1.7, **style)
            if len(s.low) and joined and len(s.x) > 1:
                axes.fill_between(aside, s.low, s.high, color=_SERIES[i], alpha=0.1, linewidth=0)
            elif len(s.low):
                axes.vlines(aside, s.low, s.high, color=_SERIES[i], linewidth=1.4)
        if log:
            axes.set_yscale("log")
        elif y_range is None:
            axes.yaxis.set_major_locator(_ticks(5))
        if y_range:
            axes.set_ylim(*y_range)
        if level is not None:
            axes.axhline(level, color=_QUIET, linewidth=1, linestyle=(0, (3, 3)))
        if at is not None:
            axes.axvline(at, color=_QUIET, linewidth=1.2, linestyle=(0, (1, 2)))
        _abscissa(axes, names)
        axes.set(xlabel=x_label, ylabel=y_label)

    return _svg(key, alt, draw)


def decades(llr: Reals) -> float:
    """How many powers of ten of odds a picture of these LLRs spans to either side, 1 to 6 by halves."""
    furthest = float(np.abs(llr).max(initial=0.0)) / DECADE
    return min(6.0, max(1.0, math.ceil(2 * furthest) / 2))


def odds(decade: int) -> str:
    """``1000:1``, on either side."""
    return f"{10 ** abs(decade)}:1" if abs(decade) < 4 else f"1e{abs(decade)}:1"


def _abscissa(axes: Axes, names: Mapping[float, str] | None) -> None:
    if names is not None:
        axes.set_xticks(list(names), list(names.values()))
        if len(names) == 1:  # a lone value would otherwise be given a range of its own making
            (only,) = names
            axes.set_xlim(only - 1, only + 1)
        return
    axes.xaxis.set_major_locator(_ticks(5))
    axes.xaxis.set_major_formatter(lambda v, _: f"{v / 1000:g}k" if abs(v) >= 10_000 else f"{v:g}")


def _ticks(count: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(count, steps=[1, 2, 2.5, 5, 10])


def _percent(value: float, _: float | None) -> str:
    return f"{value:.0%}"


def _both_rates(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1])
        axis.set_major_formatter(_percent)


def _columns(labels: ArrayLike, llr: ArrayLike) -> tuple[NDArray[np.bool_], Reals]:
    truth, values = np.asarray(labels, np.float64), np.asarray(llr, np.float64)
    if truth.ndim != 1 or truth.shape != values.shape or not np.isin(truth, (0, 1)).all() or np.isnan(values).any():
        raise DataError("labels and LLRs do not match", want="as many LLRs as labels of 0 or 1, none of them missing")
    return truth == 1, values


def _thinned(points: Points) -> Points:
    n = len(points[0])
    if n <= _MAX_POINTS:
        return points
    kept = np.unique(np.linspace(0, n - 1, _MAX_POINTS).round().astype(int))
    return points[0][kept], points[1][kept]


_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "zhenwei",
    "svg.image_inline": True,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _QUIET,
    "axes.labelcolor": _QUIET,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": False,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "path.simplify": True,
}


def _svg(key: str, alt: str, draw: Callable[[Axes], None]) -> Markup:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        fix = f"Run: {install_extra('report')}"
        raise MissingExtraError("charts need matplotlib", fix=fix) from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(_WIDTH / 72, _HEIGHT / 72))
        axes = figure.add_axes((0.15, 0.145, 0.84, 0.83))
        draw(axes)
        drawn = io.StringIO()
        with warnings.catch_warnings():  # its font lacks Chinese, of which it draws nothing: text stays text
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            figure.savefig(drawn, format="svg", transparent=True, metadata=dict.fromkeys(_METADATA))
    return _inlined(drawn.getvalue(), key, alt)


_METADATA = ("Date", "Creator", "Format", "Type")
_COLOUR = re.compile("|".join(_VARIABLES))
_BODY = re.compile(r"<svg[^>]*>\s*<defs>\s*<style.*?</style>\s*</defs>(.*)</svg>", re.DOTALL)
_GROUP_ID = re.compile(r'<g id="[^"]*"')
_LONG = re.compile(r"-?\d+\.\d{3,}(?=[^<>]*>)")  # inside a tag, never in what is written
_FAMILY = re.compile(r"(font-family:|(?<=px) ')[^;\"]*;? ?")


def _inlined(svg: str, key: str, alt: str) -> Markup:
    """A part of a page: no declaration, no global style, no name of another place; ids begin with ``key``."""
    found = _BODY.search(svg)
    body = found.group(1) if found else ""
    body = _GROUP_ID.sub("<g", body).replace("xlink:href", "href")
    for before in (' id="', 'href="#', "url(#"):
        body = body.replace(before, f"{before}{key}-")
    body = _COLOUR.sub(lambda m: f"var(--{_VARIABLES[m.group()]})", body)
    body = _LONG.sub(lambda m: f"{float(m.group()):.2f}".rstrip("0").rstrip("."), _FAMILY.sub("", body))
    body = " ".join(body.split()).replace("> <", "><")
    opening = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(_WIDTH, _HEIGHT, legible(alt, 2000))
    return opening + Markup(body + "</svg>")  # noqa: S704 - drawn by matplotlib from words of this package
