"""The shared parts of pages with figures: numbers stand where they are, in words and in drawings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from zhenwei import pages


@dataclass
class Figure:
    value: float
    low: float
    high: float


def parsed(html: str) -> Element:
    """As XML, which forgives nothing."""
    return ElementTree.fromstring(f"<div>{html}</div>")  # noqa: S314 - written here


def words(element: Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def test_bars_lie_where_their_figures_do() -> None:
    root = parsed(pages.part("figures.html", "bar", Figure(0.25, 0.2, 0.5), chance=0.5))
    drawn = {path.attrib["class"]: path.attrib["d"] for path in root.iter("path")}
    assert drawn == {"rail": "M0 6H100", "chance": "M50 0V12", "reach": "M20.0 6H50.0", "dot": "M25.0 6h.01"}
    assert words(root) == "0.250 0.200 – 0.500"


def test_what_lies_outside_of_the_bar_is_drawn_at_its_end() -> None:
    root = parsed(pages.part("figures.html", "bar", Figure(1.2, -0.5, math.inf)))
    drawn = {path.attrib["class"]: path.attrib["d"] for path in root.iter("path")}
    assert drawn == {"rail": "M0 6H100", "reach": "M0.0 6H100.0", "dot": "M100.0 6h.01"}


@pytest.mark.parametrize(("value", "said"), [(0.0, "0%"), (1.0, "100%"), (0.5, "50.0%"), (0.999, "99.9%")])
def test_a_share_is_exact_where_it_is_none_or_all(value: float, said: str) -> None:
    shown = words(parsed(pages.part("figures.html", "numbers", Figure(value, value, value), percent=True)))
    assert shown == f"{said} {said} – {said}"


@pytest.mark.parametrize("macro", ["bar", "numbers"])
def test_no_figure_is_a_dash(macro: str) -> None:
    assert words(parsed(pages.part("figures.html", macro, None))) == "—"


def test_the_strokes_of_a_legend_can_be_told_apart_without_colour() -> None:
    drawn = [str(pages.part("figures.html", "stroke", index)).split(">", 1)[1] for index in range(7)]
    assert len(set(drawn)) == 6
    assert drawn[6] == drawn[0]
