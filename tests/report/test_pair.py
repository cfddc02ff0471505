"""Detectors are paired in one place, for the command and for the service."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.report.reading import Page

from zhenwei.report.pair import Pair, facts, pair_to_html, paired
from zhenwei.report.pair_people import Laid, matched
from zhenwei.types import Box, Evidence, Report

BOTH = {1: 1, 2: 2}


def said(detector: str, llr: float | None, person: int | None = None) -> Evidence:
    return Evidence(
        detector, llr, "found" if llr is not None else "", "" if llr is not None else "why not", person=person
    )


def reports(report: Report, *evidence: list[Evidence]) -> list[Report]:
    """Of the same people, unless nothing was said of one."""
    found = []
    for each in evidence:
        known = {one.person for one in each}
        people = tuple([person for person in report.people if person.person in known])
        found.append(replace(report, evidence=tuple(each), people=people))
    return found


def _two(found: list[Report]) -> tuple[Report, Report]:
    first, second = found
    return first, second


def test_persons_apart_the_widest_first_and_silence_is_no_evidence(two_people: Report) -> None:
    first = [said("a.one", 1.0, 1), said("a.one", -2.0, 2), said("b.two", 3.0), said("c.three", None)]
    second = [said("a.one", 1.5, 1), said("a.one", -2.0, 2), said("b.two", None), said("c.three", None)]
    found = paired(*_two(reports(two_people, first, second)), BOTH)
    assert [(each.detector, each.person) for each in found] == [
        ("b.two", None), ("a.one", 1), ("a.one", 2), ("c.three", None),
    ]  # fmt: skip
    assert [each.difference for each in found] == [None, 0.5, 0.0, None]
    assert [each.is_silent for each in found] == [False, False, False, True]
    assert (found[0].first_standing, found[0].second_standing) == ("answered", "abstained")
    assert (found[3].first_finding, found[3].second_finding) == ("why not", "why not")


def test_what_was_asked_about_one_of_them_only_comes_last(two_people: Report) -> None:
    elsewhere = replace(said("e.five", None), asked=False)  # it does not examine this kind
    first = [said("a.one", 0.1, 1), said("a.one", -9.0, 2), said("b.two", 7.0), said("e.five", 8.0)]
    second = [said("a.one", 0.1, 1), elsewhere]
    found = paired(*_two(reports(two_people, first, second)), {1: 1})
    assert [(each.detector, each.person, each.second_standing) for each in found] == [
        ("a.one", 1, "answered"),
        ("a.one", 2, "no_person"),
        ("e.five", None, "not_asked"),
        ("b.two", None, "not_asked"),
    ]
    (same, other) = reports(two_people, first, [said("d.four", 1.0)])
    assert {each.second_standing for each in paired(same, None)} == {"not_asked"}  # nobody knows who is in it
    assert [each.first_standing for each in paired(other, same) if each.second_person] == ["no_person", "no_person"]


def test_the_page_names_persons(two_people: Report) -> None:
    words = Page(pair_to_html(Pair(two_people, replace(two_people, evidence=()), people=BOTH))).words
    assert "Person 2" in words
    assert "not asked" in words
    assert "no such person" not in words


def test_the_page_says_who_is_not_there(two_people: Report) -> None:
    alone = replace(two_people, evidence=two_people.evidence[:1], people=two_people.people[:1])
    assert "no such person" in Page(pair_to_html(Pair(two_people, alone, people={1: 1}))).words
    assert "没有此人物" in Page(pair_to_html(Pair(alone, two_people, people={1: 1}), "zh")).words


def test_what_the_files_say_is_told_in_the_language_of_the_reader(two_people: Report) -> None:
    media = replace(two_people.media, facts=(("Pixel format", "RGB"), ("XMP", "present"), ("Software", "Scan")))
    pair = Pair(replace(two_people, media=media), two_people)
    told = {each.name: (each.first, each.second) for each in facts(pair, "zh")}
    theirs = dict(two_people.media.facts)
    assert told["XMP"][0] == "有"
    assert told["像素格式"] == ("RGB", theirs.get("Pixel format", ""))
    assert told["软件"][0] == "Scan"  # which the file says itself
    assert not told.keys() & {"Pixel format", "Software"}
    assert {each.name for each in facts(pair, "en")} > {"Pixel format", "XMP", "Software"}


def seen_at(report: Report, sha256: str, **places: tuple[float, Box]) -> Report:
    people = tuple(
        [replace(each, sightings=(place,)) for each, place in zip(report.people, places.values(), strict=True)]
    )
    return replace(report, media=replace(report.media, sha256=sha256), people=people)


LEFT, RIGHT = Box(0.1, 0.2, 0.2, 0.4), Box(0.7, 0.2, 0.8, 0.4)


def test_people_are_matched_by_the_places_of_their_faces(two_people: Report) -> None:
    first = seen_at(two_people, "a" * 64, one=(1.0, LEFT), two=(1.0, RIGHT))
    turned = seen_at(two_people, "b" * 64, one=(3.0, RIGHT), two=(3.0, LEFT))
    laid = [Laid((1.0, 3.0), np.eye(2, 3, dtype=np.float32))]
    assert matched(first, turned, laid) == {1: 2, 2: 1}
    found = paired(first, turned, {1: 2, 2: 1})
    assert {(each.person, each.second_person) for each in found} == {(1, 2), (2, 1)}
    assert not any(each.is_alone for each in found)
    half = Laid((1.0, 3.0), np.array([[0.5, 0, 0], [0, 1, 0]], np.float32))  # the second is the left of the first
    cut = seen_at(two_people, "c" * 64, one=(3.0, Box(0.8, 0.6, 0.9, 0.8)), two=(3.0, Box(0.2, 0.2, 0.4, 0.4)))
    assert matched(first, cut, [half]) == {1: 2}
    assert matched(first, replace(first, people=two_people.people)) == {1: 1, 2: 2}  # the same bytes


def test_people_of_different_pictures_are_not_set_beside_each_other(two_people: Report) -> None:
    first = seen_at(two_people, "a" * 64, one=(1.0, LEFT), two=(1.0, RIGHT))
    second = seen_at(two_people, "b" * 64, one=(1.0, LEFT), two=(1.0, RIGHT))
    assert matched(first, second) is None
    found = paired(first, second)
    assert len(found) == 4
    assert {(each.first_standing, each.second_standing) for each in found} == {
        ("answered", "unpaired"), ("unpaired", "answered"),
    }  # fmt: skip
    words = Page(pair_to_html(Pair(first, second))).words
    assert "each person stands alone" in words
    assert "Person 1 of the first" in words
    assert "Person 1 of the second" in words
    assert "no such person" not in words
