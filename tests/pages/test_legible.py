"""Nothing in a text can steer a terminal, a page or the reader's eye."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zhenwei.pages import counted, legible


@given(st.text(st.characters(codec=None), max_size=80))
def test_any_text_is_one_line_of_seen_characters(text: str) -> None:
    shown = legible(text)
    assert all(character.isprintable() or character in "\u00ad\u200c\u200d" for character in shown)
    assert legible(shown) == shown


def test_what_is_unseen_is_written_out() -> None:
    assert legible("gpj.\u202eexe\x00\ud800") == "gpj.<U+202E>exe<U+0000><U+D800>"
    assert legible("two \t lines\r\nof text") == "two lines of text"
    assert legible("a family: 👩\u200d👧, soft\u00adhyphen") == "a family: 👩\u200d👧, soft\u00adhyphen"


def test_of_what_is_too_long_the_middle_goes_and_is_counted() -> None:
    shown = legible("a" * 600 + "b" * 300, 300)
    assert shown.startswith("a" * 200 + " … (600 characters left out) … ")
    assert shown.endswith("b" * 100)
    assert legible("a" * 300, 300) == "a" * 300


def test_things_are_counted_in_words() -> None:
    assert counted(1, "file") == "1 file"
    assert counted(1204, "file") == "1,204 files"
    assert counted(0, "person", "people") == "0 people"
