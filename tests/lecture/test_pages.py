"""Pages of the lecture: what a picture and a clip of one leave, and that every clip that was kept carries its marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.lecture.page import Figure, Page, to_markdown

from zhenwei.defence import keys
from zhenwei.defence.marks import find_marks
from zhenwei.media import open_media

IMAGES = Path(__file__).parents[2] / "docs" / "lecture" / "img"


def test_a_page_shows_pictures_and_links_clips() -> None:
    page = Page("A", "B", "C", "D", (), (Figure("a.jpg", "a sheet"),), {"seed": "1"}, (Figure("a.mp4", "it moves"),))
    text = to_markdown(page, "a", "cpu", 1.0)
    assert "![a sheet](img/a.jpg)" in text
    assert "[A clip: it moves](img/a.mp4)" in text


@pytest.mark.parametrize("path", sorted(IMAGES.glob("*.mp4")), ids=lambda path: path.stem)
def test_every_clip_carries_its_mark(path: Path) -> None:
    opened = open_media(path)
    marks = find_marks(opened, [keys.PUBLIC_KEY]).marks
    assert len(marks) == (2 if opened.audio_codec else 1)
    assert all(mark.published for mark in marks)
    assert path.stat().st_size < 500_000
