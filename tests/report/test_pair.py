"""Detectors are paired in one place, for the command and for the service."""

from __future__ import annotations

from dataclasses import replace

from tests.report.reading import Page

from zhenwei.report.pair import Pair, pair_to_html, paired
from zhenwei.types import Evidence, Report


def said(detector: str, llr: float | None, person: int | None = None) -> Evidence:
    return Evidence(
        detector, llr, "found" if llr is not None else "", "" if llr is not None else "why not", person=person
    )


def test_persons_apart_the_widest_first_and_silence_is_no_evidence() -> None:
    first = [said("a.one", 1.0, 1), said("a.one", -2.0, 2), said("b.two", 3.0), said("c.three", None)]
    second = [said("a.one", 1.5, 1), said("a.one", -2.0, 2), said("d.four", -0.2)]
    found = paired(first, second)
    assert [(each.detector, each.person) for each in found] == [
        ("b.two", None), ("a.one", 1), ("d.four", None), ("a.one", 2), ("c.three", None),
    ]  # fmt: skip
    assert [each.difference for each in found] == [None, 0.5, None, 0.0, None]
    assert [each.is_silent for each in found] == [False, False, False, False, True]
    assert (found[4].first_finding, found[4].second_finding) == ("why not", "")


def test_the_page_names_persons(two_people: Report) -> None:
    words = Page(pair_to_html(Pair(two_people, replace(two_people, evidence=())))).words
    assert "Person 2" in words
