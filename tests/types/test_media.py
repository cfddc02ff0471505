"""Media of no file, and where a passage lies in time."""

from __future__ import annotations

import numpy as np

from zhenwei.types import Interval, Media, Strip


def test_blank_media_are_of_no_file() -> None:
    media = Media.blank("image", width=3, height=2)
    assert (media.kind, media.width, media.height) == ("image", 3, 2)
    assert (media.path, media.sha256, media.size_bytes, media.container) == ("", "", 0, "")


def test_the_interval_of_a_strip_goes_from_its_first_frame_to_its_last() -> None:
    times_s = np.array([0.5, 0.75, 1.0])
    empty = np.zeros((3, 0), np.float32)
    strip = Strip(times_s, np.zeros((3, 1, 1, 3), np.uint8), empty, empty, 1.0)
    assert strip.interval == Interval(0.5, 1.0)
