"""Curves over time share one axis, and the seconds that speak for a forgery are listed."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.report.reading import read

from zhenwei.report import to_html
from zhenwei.report.course import course, time_axis
from zhenwei.types import Curve, Evidence, Interval, Report


def spoken(detector: str, counted: float, y: tuple[float | None, ...], person: int = 1, start: float = 0.0) -> Evidence:
    times = tuple(start + n for n in range(len(y)))
    curve = Curve("What each face would weigh alone", "time (s)", "LLR", times, y, 0.0)
    return Evidence(detector, counted, "Found.", counted=counted, person=person, exhibits=(curve,))


def shown(*evidence: Evidence) -> set[int]:
    return {id(exhibit) for each in evidence for exhibit in each.exhibits}


def test_all_curves_lie_on_the_time_axis_of_the_clip(two_people: Report) -> None:
    short = spoken("cnn.one", 1.0, (0.2, 0.9, 0.1), start=4.0)
    long = spoken("cnn.other", 1.0, (0.2, -3.0, 0.1, 0.4, 2.5, 0.3))
    report = replace(two_people, evidence=(short, long))
    found = course((short, long), shown(short, long), time_axis(report), "en")
    assert len(found.rows) == 1
    plots = found.rows[0].plots
    assert {plot.span for plot in plots} == {Interval(0.0, 10.0)}
    assert plots[0].labels == plots[1].labels  # upright, too
    assert plots[0].dots.startswith("M402.0 ")  # four of ten seconds, with 1 % of room at either side
    html = to_html(report)
    assert html.count('data-start="0.000" data-end="10.000"') == 2


def test_suspicious_passages_are_those_of_detectors_that_speak_for_a_forgery(two_people: Report) -> None:
    one = spoken("cnn.one", 1.4, (0.0, 2.0, 2.0, 0.0, None, 3.0, 3.0, 3.0))
    other = spoken("warp.other", 0.9, (0.0, 0.0, 1.0, 1.0, 0.0, 0.0))
    genuine = spoken("cnn.three", -1.0, (4.0, 4.0, 4.0))
    lone = spoken("cnn.four", 1.0, (0.0, 5.0, 0.0), person=2)
    found = course((one, other, genuine, lone), shown(one), Interval(0.0, 10.0), "en").suspicious
    assert [(each.interval, each.detectors) for each in found] == [
        (Interval(1.0, 3.0), ("cnn.one", "warp.other")),
        (Interval(5.0, 7.0), ("cnn.one",)),
    ]
    page = read(replace(two_people, evidence=(one, other)))
    assert "0:01.0 to 0:03.0" in page.words
    assert [link["data-second"] for link in page.has("a") if "data-second" in link] == ["1.00", "5.00"]
    genuine_ones = tuple(spoken(f"cnn.{n}", -1.0, (4.0, 4.0, float(n))) for n in range(4))
    none = read(replace(two_people, evidence=genuine_ones))
    assert "No detector that speaks for a forgery stands out at any time." in none.words


def test_curves_that_are_not_over_time_stay_with_their_person(two_people: Report) -> None:
    layers = Curve("Neurons in each layer", "layer", "deviations", (1.0, 2.0, 3.0), (0.2, 0.9, 2.1), 2.0)
    evidence = Evidence("cnn.neurons", 0.1, "Usual.", counted=0.0, person=1, exhibits=(layers,))
    html = to_html(replace(two_people, evidence=(evidence,)))
    assert "Behaviour over time" not in html
    assert re.search(r'<figure class="chart"><figcaption><bdi>Neurons in each layer', html)
