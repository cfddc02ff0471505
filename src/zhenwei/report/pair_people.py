"""Who of one file is who of the other: by the places of their faces after laying over, as numbers say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zhenwei.types import Box, Floats, Person, Report

_SAME_PLACE = 0.3  # overlap from which on two faces are of one person
_NEAR_S = 1.0  # between two sightings that are of the same moment


@dataclass(frozen=True, slots=True)
class Laid:
    """Two frames that lie over each other: their times, and ``alignment.Difference.place``."""

    times_s: tuple[float, float]
    place: Floats


def numbers(report: Report) -> set[int]:
    found = {each.person for each in report.people} | {each.person for each in report.evidence}
    return {each for each in found if each is not None}


def matched(first: Report, second: Report, laid: Sequence[Laid] = ()) -> dict[int, int] | None:
    """The number in the second of each person of the first who is there; None where that cannot be known."""
    known = numbers(first), numbers(second)
    if not all(known):
        return {}
    if first.media.sha256 == second.media.sha256:
        return {each: each for each in known[0] & known[1]}
    seen = [[each for each in report.people if each.sightings] for report in (first, second)]
    if not laid or any({each.person for each in one} != two for one, two in zip(seen, known, strict=True)):
        return None
    near_s = max(_NEAR_S, *[_gap_s(each) / 2 for people in seen for each in people])
    scores = []
    for one in seen[0]:
        for two in seen[1]:
            overlaps = list(_overlaps(one, two, laid, near_s))
            if overlaps:
                scores.append((float(np.mean(overlaps)), one.person, two.person))
    found: dict[int, int] = {}
    for score, one_number, two_number in sorted(scores, key=lambda each: (-each[0], *each[1:])):
        if score >= _SAME_PLACE and one_number not in found and two_number not in found.values():
            found[one_number] = two_number
    return found


def _gap_s(person: Person) -> float:
    times = [time for time, _ in person.sightings]
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _overlaps(one: Person, two: Person, laid: Sequence[Laid], near_s: float) -> Iterator[float]:
    """Of their faces, wherever both were seen at the same moment."""
    for time_s, box in one.sightings:
        over = min(laid, key=lambda each: abs(each.times_s[0] - time_s))
        at_s = time_s + over.times_s[1] - over.times_s[0]
        then_s, there = min(two.sightings, key=lambda each: abs(each[0] - at_s))
        if abs(then_s - at_s) <= near_s:
            yield box.overlap(_moved(there, over.place))


def _moved(box: Box, place: Floats) -> Box:
    corners = np.array([[box.left, box.right, box.right, box.left], [box.top, box.top, box.bottom, box.bottom]])
    left, top, right, bottom = [
        float(each) for ends in (np.min, np.max) for each in ends(place[:, :2] @ corners + place[:, 2:], axis=1)
    ]
    return Box(left, top, right, bottom)
