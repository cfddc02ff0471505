"""Figures in words: neither wrong nor surer than the figure, in both languages."""

from __future__ import annotations

import math
import re
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.detectors import catalogue
from zhenwei.models.foreign import FAMILY
from zhenwei.report.terms import PHRASES, clock, headline, leans, odds, often, say, strength
from zhenwei.types import StreamVerdict, Verdict


def test_every_phrase_has_both_languages_and_the_same_blanks() -> None:
    for name, (english, chinese) in PHRASES.items():
        blanks = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (english, chinese)]
        assert blanks[0] == blanks[1], name
        assert english, name
        assert chinese, name
        wordless = not re.sub(r"{\w+}| in ", "", english).strip(" 0123456789,/<:·") or name.startswith(
            ("short_", "column_")
        )
        assert wordless or re.search("[\u4e00-\u9fff]", chinese), name


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0.05, "1 in 20"), (0.01, "1 in 100"), (1 / 3, "1 in 3"), (0.4, "4 in 10"), (0.0083, "1 in 120"),
     (0.0, "1 in 10,000"), (1.0, "10 in 10"), (0.5, "5 in 10"), (0.0215, "1 in 46")],
)  # fmt: skip
def test_how_often(rate: float, words: str) -> None:
    assert often(rate, "en") == words
    assert often(rate, "zh") == words.replace(" in ", "/")


def test_every_family_has_a_name() -> None:
    families = {id_.partition(".")[0] for id_ in catalogue()} | {FAMILY}
    assert [family for family in sorted(families) if f"family_{family}" not in PHRASES] == []


def test_the_headline_names_the_stream_at_fault() -> None:
    streams = (StreamVerdict("picture", "genuine", -2.0, 0.04), StreamVerdict("voice", "forged", 2.0, 0.03))
    found = Verdict("forged", 2.0, 0.03, "", streams=streams, at_fault=("voice",))
    assert (headline(found, "en"), headline(found, "zh")) == ("Forged: the voice", "伪造：语音")
    assert headline(replace(found, streams=(), at_fault=("picture",)), "en") == "Forged"
    assert headline(Verdict("genuine", -2.0, 0.03, ""), "en") == "Genuine"


@pytest.mark.parametrize(
    ("llr", "words"),
    [(0.0, "for neither side"), (-0.04, "for neither side"), (0.06, "slight, for forged"), (0.99, "slight, for forged"),
     (1.01, "weak, for forged"), (math.log(11), "moderate, for forged"), (math.log(101), "strong, for forged"),
     (69.0, "strong, for forged"), (-math.log(50), "moderate, for genuine")],
)  # fmt: skip
def test_strength_follows_the_likelihood_ratio(llr: float, words: str) -> None:
    assert strength(llr, "en") == words


@given(st.floats(-8, 8))
def test_what_leans_is_never_for_neither_side(llr: float) -> None:
    neither = "neither" in leans(llr, "en")
    assert neither == ("neither" in strength(llr, "en")) == (odds(llr, "en") == "")
    assert ("slightly" in leans(llr, "en")) == (not neither and abs(llr) < 1)


@given(st.floats(-1e6, 1e6))
def test_any_figure_has_words(llr: float) -> None:
    assert strength(llr, "en")
    assert (odds(llr, "zh") == "") == (round(llr, 1) == 0)


def test_odds_are_the_exponential() -> None:
    assert "about 20 times more likely in a forged" in odds(math.log(20), "en")
    assert "10,000+" in odds(-500.0, "en")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(3.5, "0:03.5"), (59.97, "1:00.0"), (727, "12:07.0"), (3727, "1:02:07.0")]
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_phrase_is_filled_in() -> None:
    assert say("person", "zh", number=3) == "人物 3"
