"""Curves against scikit-learn; pictures read back from their SVG."""

from __future__ import annotations

import re
import subprocess
import sys
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score, roc_curve

from zhenwei.errors import DataError, MissingExtraError
from zhenwei.evaluation import charts
from zhenwei.evaluation.charts import Series
from zhenwei.stats import metrics
from zhenwei.stats.intervals import rate_interval

Reals = NDArray[np.float64]
PATHS = re.compile(r'<path d="([^"]*)" clip-path="[^"]*" style="([^"]*)"')
CASES = st.lists(st.tuples(st.booleans(), st.integers(-6, 6)), min_size=2, max_size=60)


def made(n: int = 200, seed: int = 0) -> tuple[NDArray[np.bool_], Reals]:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.5
    return truth, rng.normal(2.0 * truth - 1, 1.5)


def parsed(svg: str) -> Element:
    """As XML, which forgives nothing."""
    return ElementTree.fromstring(svg)  # noqa: S314 - drawn here


def path_of(svg: str, colour: str) -> Reals:
    """The first line stroked in ``colour``, in shares of the axes' width and height from their lower left corner."""
    root = parsed(svg)
    box = next(root.iter("rect"))
    left, top, width, height = (float(box.attrib[k]) for k in ("x", "y", "width", "height"))
    drawn = next(
        p for p in root.iter("path") if f"stroke: var(--{colour})" in p.get("style", "") and "clip-path" in p.attrib
    )
    points = np.asarray(re.findall(r"[-\d.]+", drawn.attrib["d"]), np.float64).reshape(-1, 2)
    return np.column_stack([(points[:, 0] - left) / width, (top + height - points[:, 1]) / height])


@given(CASES)
def test_roc_points_are_those_of_scikit_learn_without_what_lies_on_a_line(cases: list[tuple[bool, int]]) -> None:
    truth, llr = np.asarray([c[0] for c in cases]), np.asarray([c[1] for c in cases], np.float64)
    if truth.all() or not truth.any():
        with pytest.raises(DataError, match="both classes"):
            charts.roc_points(truth, llr)
        return
    x, y = charts.roc_points(truth, llr)
    every = {
        (round(a, 9), round(b, 9)) for a, b in zip(*roc_curve(truth, llr, drop_intermediate=False)[:2], strict=True)
    }
    assert {(round(a, 9), round(b, 9)) for a, b in zip(x, y, strict=True)} <= every
    assert len(x) <= len(roc_curve(truth, llr, drop_intermediate=True)[0])
    assert float(np.trapezoid(y, x)) == pytest.approx(roc_auc_score(truth, llr))
    assert ((x[0], y[0]), (x[-1], y[-1])) == ((0, 0), (1, 1))


@pytest.mark.parametrize("n", [30, 400])
def test_reliability_bins_are_those_of_scikit_learn(n: int) -> None:
    truth, llr = made(n)
    seen, said = calibration_curve(truth, 1 / (1 + np.exp(-llr)), n_bins=10, strategy="quantile")
    bins = charts.reliability_bins(truth, llr, 10)
    assert [b.seen.value for b in bins] == pytest.approx(list(seen))
    assert [b.said for b in bins] == pytest.approx(list(said))
    assert sum(b.seen.n for b in bins) == n
    assert all(b.seen.low < b.seen.value < b.seen.high or b.seen.value in (0, 1) for b in bins)


def test_equal_probabilities_stay_in_one_bin() -> None:
    bins = charts.reliability_bins([0, 1, 0, 1, 1], [0.5] * 5, 10)
    assert [(b.seen.n, b.seen.value) for b in bins] == [(5, 0.6)]


@given(CASES)
def test_risk_is_the_share_of_wrong_signs_among_the_surest(cases: list[tuple[bool, int]]) -> None:
    truth, llr = [c[0] for c in cases], [float(c[1]) for c in cases]
    coverage, risk = metrics.risk_coverage(truth, llr)
    for share, wrong, least in zip(coverage, risk, sorted({abs(v) for v in llr}, reverse=True), strict=True):
        kept = [(t, v) for t, v in zip(truth, llr, strict=True) if abs(v) >= least]
        errors = sum(0.5 if v == 0 else float((v > 0) != t) for t, v in kept)
        assert share == pytest.approx(len(kept) / len(llr))
        assert wrong == pytest.approx(errors / len(kept))


def test_the_roc_picture_shows_the_curve() -> None:
    truth, llr = made()
    points = charts.roc_points(truth, llr)
    svg = charts.roc("a", "alt", points, (rate_interval(3, 90), rate_interval(50, 100)))
    drawn = path_of(svg, "k1") * 1.04 - 0.02  # the axes reach from -0.02 to 1.02
    assert float(np.trapezoid(drawn[:, 1], drawn[:, 0])) == pytest.approx(roc_auc_score(truth, llr), abs=2e-3)
    at = next(parsed(svg).iter("use"), None)
    assert at is not None


def test_a_long_curve_is_thinned_and_keeps_its_area() -> None:
    truth, llr = made(40_000)
    svg = charts.roc("a", "alt", charts.roc_points(truth, llr))
    drawn = path_of(svg, "k1") * 1.04 - 0.02
    assert len(svg) < 60_000
    assert float(np.trapezoid(drawn[:, 1], drawn[:, 0])) == pytest.approx(roc_auc_score(truth, llr), abs=3e-3)


def test_the_bars_of_each_class_add_up_to_all_of_it() -> None:
    truth, llr = made()
    llr[0] = 1e6  # beyond the edge: drawn in the last bar
    svg = charts.scores("a", "alt", truth, llr, called_forged_from=1.0)
    reach = charts.decades(llr) * charts.DECADE
    for colour, rows in (("forged", truth), ("genuine", ~truth)):
        bars = re.findall(rf'<path d="([^"]*)"[^>]*fill: var\(--{colour}\)', svg)
        tall = [max(y) - min(y) for y in ([float(v) for v in re.findall(r"[-\d.]+", d)[1::2]] for d in bars)]
        counts = np.histogram(np.clip(llr[rows], -reach, reach), np.linspace(-reach, reach, 25))[0]
        assert np.asarray(tall) / sum(tall) == pytest.approx(counts / counts.sum(), abs=2e-3)


def test_a_reliability_line_is_bent_by_the_share_of_forged() -> None:
    truth, llr = made()
    for share in (0.5, 0.2):
        line = (
            path_of(charts.reliability("a", "alt", charts.reliability_bins(truth, llr), share), "quiet") * 1.04 - 0.02
        )
        p = line[:, 0]
        assert line[:, 1] == pytest.approx(p * share / (p * share + (1 - p) * (1 - share)), abs=2e-3)


def test_lines_are_where_their_values_are_and_gaps_stay_gaps() -> None:
    series = [Series([0, 1, 2, 3], [0.5, 0.75, float("nan"), 1.0]), Series([0, 3], [1.0, 0.5], [0.9, 0.4], [1.0, 0.6])]
    svg = charts.lines(
        "a", "alt", series, x="step", y="AUC", y_range=(0.0, 1.0), level=0.5, at=2.0, names={0.0: "none", 3.0: "all"}
    )
    assert path_of(svg, "k1")[:, 1] == pytest.approx([0.5, 0.75, 1.0], abs=2e-3)
    assert re.findall("[ML]", next(d for d, s in PATHS.findall(svg) if "--k1" in s)) == ["M", "L", "M"]
    assert path_of(svg, "k2")[:, 1] == pytest.approx([1.0, 0.5], abs=2e-3)


@pytest.mark.parametrize("count", [1, 2])
def test_pictures_of_next_to_nothing(count: int) -> None:
    truth, llr = [True, False][:count], [1000.0, -1e300][:count]
    for svg in (
        charts.scores("a", "alt", truth, llr),
        charts.risk("b", "alt", metrics.risk_coverage(truth, llr), 0.5),
        charts.reliability("c", "alt", charts.reliability_bins(truth, llr), 0.5),
        charts.lines("d", "alt", [Series([5], [1.0])], x="step", y="loss", log=True, at=5),
        charts.lines("e", "alt", [Series([0], [1.0], [0.5], [1.0])], x="step", y="AUC", names={0.0: "1"}, joined=False),
    ):
        parsed(svg)


def test_a_picture_is_safe_to_inline() -> None:
    truth, llr = made()
    first = charts.roc("one", '"><script>', charts.roc_points(truth, llr))
    assert "script>" not in first
    assert not re.search(r"http|xmlns|<style|<!|<\?|font-family|#[0-9a-f]{6}", first)
    ids = re.findall(r' id="([^"]*)"', first)
    assert ids
    assert all(i.startswith("one-") for i in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', first)) <= set(ids)


def test_the_same_numbers_are_the_same_bytes_and_leave_no_settings_behind() -> None:
    code = """
import sys
import matplotlib as mpl
from zhenwei.evaluation import charts
from zhenwei.stats import metrics
mpl.rcParams["font.size"] = 33.0
args = ("a", "alt", [1, 0, 1, 0], [2.0, 1.0, 0.5, -3.0])
first = charts.scores(*args)
assert first == charts.scores(*args)
assert mpl.rcParams["font.size"] == 33.0
assert "matplotlib.pyplot" not in sys.modules
print(first)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == charts.scores("a", "alt", [1, 0, 1, 0], [2.0, 1.0, 0.5, -3.0])


@pytest.mark.parametrize(("labels", "llr"), [([1, 0], [1.0]), ([2, 0], [1.0, 2.0]), ([1, 0], [float("nan"), 1.0])])
def test_columns_that_do_not_match_are_refused(labels: list[int], llr: list[float]) -> None:
    for curve in (charts.roc_points, charts.reliability_bins, metrics.risk_coverage):
        with pytest.raises(DataError):
            curve(labels, llr)


def test_without_matplotlib_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[report\]"):
        charts.lines("a", "alt", [Series([1], [1.0])], x="x", y="y")
