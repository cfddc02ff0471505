"""Containers through every PyAV that may be installed: what differs between its versions does not show."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from zhenwei.media import open_media
from zhenwei.media.containers import exact

from .making import write_video


def test_tags_that_are_no_utf8_do_not_keep_a_file_from_being_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [0, 40, 80], tags={"title": "Gruesse!"})
    path.write_bytes(path.read_bytes().replace(b"Gruesse!", b"Gr\xfc\xdfe!  "))
    facts = dict(open_media(path).facts)
    assert facts["title"] == "Gr\ufffd\ufffde!"


@pytest.mark.parametrize("unset", [None, Fraction(0), Fraction(-1, 25)])
def test_a_clock_that_is_not_set_is_none(unset: Fraction | None) -> None:
    assert exact(unset) is None


def test_a_clock_that_is_set_is_exact(tmp_path: Path) -> None:
    with av.open(str(write_video(tmp_path / "a.mkv", [0, 40, 80]))) as container:
        unit = exact(container.streams.video[0].time_base)
    assert unit == Fraction(1, 1000)
    assert type(unit) is Fraction
