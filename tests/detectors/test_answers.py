"""Evidence as all detectors give it: abstentions, chosen items, plain numbers for curves."""

from __future__ import annotations

import json

import numpy as np

from zhenwei.detectors._answers import NO_ANSWER, abstain, axis, course, evenly, joined, withheld
from zhenwei.detectors.traditional.noise import Noise
from zhenwei.types import Evidence, Text


def test_an_abstention_says_why_and_keeps_what_was_found() -> None:
    found = abstain(Noise.info, "too dark", person=2, score=0.4)
    assert (found.detector, found.llr, found.finding, found.reason) == (
        "traditional.noise",
        None,
        NO_ANSWER,
        "too dark",
    )
    weak = withheld(Evidence("traditional.noise", 0.1, "It leans.", score=0.4, person=2), Text("too weak", zh="太弱"))
    assert (weak.llr, weak.finding, weak.reason, weak.score, weak.person) == (None, NO_ANSWER, "too weak", 0.4, 2)


def test_no_more_than_asked_for_are_chosen_and_evenly() -> None:
    items = list(range(100))
    assert list(evenly(items, 5)) == [0, 25, 50, 74, 99]
    assert list(evenly(items, 100)) == list(evenly(items, 0)) == items
    assert list(evenly([], 5)) == []


def test_chinese_sentences_stand_without_spaces() -> None:
    both = joined([Text("One.", zh="一。"), Text("Two.", zh="二。"), Text("Three.")])
    assert (str(both), both.zh) == ("One. Two. Three.", "一。二。Three.")


def test_curves_are_plain_numbers_with_gaps() -> None:
    values = np.array([0.12345, np.nan, np.inf, 2.0], np.float32)
    assert course(values, 3) == (0.123, None, None, 2.0)
    assert axis(range(3), 0) == (0.0, 1.0, 2.0)
    json.dumps([course(values, 3), axis(values[:1], 4)], allow_nan=False)
