"""Figures in words: neither wrong nor surer than the figure, in both languages."""

from __future__ import annotations

import math
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.report.wording import PHRASES, clock, error_sentence, odds, often, say, strength


def test_every_phrase_has_both_languages_and_the_same_blanks() -> None:
    for name, (english, chinese) in PHRASES.items():
        blanks = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (english, chinese)]
        assert blanks[0] == blanks[1], name
        assert english, name
        assert chinese, name
        wordless = not re.sub(r"{\w+}", "", english).strip(" 0123456789,/<:·") or name.startswith(("short_", "column_"))
        assert wordless or re.search("[\u4e00-\u9fff]", chinese), name


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0.05, "About 1 in 20"), (0.01, "About 1 in 100"), (1 / 3, "About 1 in 3"), (0.4, "About 4 in 10"),
     (0.0083, "About 1 in 120"), (0.0, "Fewer than 1 in 1,000"), (1.0, "About 10 in 10"), (0.5, "About 5 in 10")],
)  # fmt: skip
def test_how_often(rate: float, words: str) -> None:
    assert often(rate, "en") == words


@given(st.floats(0.001, 1.0))
def test_the_words_stay_close_to_the_rate(rate: float) -> None:
    one_in = re.fullmatch(r"1 in ([\d,]+)", often(rate, "en", short=True))
    in_ten = re.fullmatch(r"(\d+) in 10", often(rate, "en", short=True))
    if one_in:
        said = 1 / int(one_in.group(1).replace(",", ""))
        assert abs(said - rate) / rate < 0.2
    else:
        assert in_ten is not None
        assert abs(int(in_ten.group(1)) / 10 - rate) <= 0.05 + 1e-9


def test_the_error_sentence_names_the_right_side_and_never_a_share_that_is_forged() -> None:
    assert error_sentence("forged", 0.05, "en").startswith("About 1 in 20 genuine files")
    assert error_sentence("genuine", 0.05, "en").startswith("About 1 in 20 forged files")
    assert "20 个中有 1 个" in error_sentence("forged", 0.05, "zh")
    assert error_sentence("inconclusive", 0.05, "en") == ""
    assert error_sentence("forged", None, "en") == ""
    assert "%" not in error_sentence("forged", 0.07, "en")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(1.0, "for neither side"), (1.9, "for neither side"), (2.1, "weak, for forged"), (11, "moderate, for forged"),
     (101, "strong, for forged"), (1e30, "strong, for forged"), (1 / 50, "moderate, for genuine")],
)  # fmt: skip
def test_strength_follows_the_likelihood_ratio(ratio: float, words: str) -> None:
    assert strength(math.log(ratio), "en") == words


@given(st.floats(-1e6, 1e6))
def test_any_figure_has_words(llr: float) -> None:
    assert strength(llr, "en")
    assert (odds(llr, "zh") == "") == (abs(llr) < math.log(2))


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
