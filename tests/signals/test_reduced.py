"""What is remembered of a picture is of that picture alone, and no longer than it exists."""

from __future__ import annotations

import numpy as np

from zhenwei.signals.reduced import Reduced
from zhenwei.types import Pixels

SIDE = 300


def picture(level: int) -> Pixels:
    pixels = np.full((SIDE, SIDE, 3), level, np.uint8)
    pixels.flags.writeable = False
    return pixels


def test_the_same_picture_is_reduced_once_and_another_anew() -> None:
    kept, made = Reduced(2), []

    def reduced(pixels: Pixels, what: int = 0) -> int:
        def make() -> Pixels:
            made.append(what)
            return pixels[:1].copy()

        return int(kept.get(pixels, what, make)[0, 0, 0])

    one, other = picture(1), picture(2)
    assert [reduced(one), reduced(one), reduced(other), reduced(one[:, :, :]), reduced(one, what=1)] == [1, 1, 2, 1, 1]
    assert made == [0, 0, 1]
    assert reduced(one[1:]) == 1  # a part is another picture
    assert made == [0, 0, 1, 0]


def test_a_new_picture_in_the_place_of_an_old_one_is_looked_at() -> None:
    kept = Reduced(2)
    for level in range(20):  # memory that was given back is handed out again
        pixels = picture(level)
        assert kept.get(pixels, 0, lambda one=pixels: one[:1].copy())[0, 0, 0] == level  # type: ignore[misc]
        del pixels
        assert len(kept._known) == 0


def test_what_can_be_written_to_is_never_remembered() -> None:
    kept, pixels = Reduced(2), picture(1).copy()
    assert kept.get(pixels, 0, pixels[:1].copy)[0, 0, 0] == 1
    pixels[:] = 7
    assert kept.get(pixels, 0, pixels[:1].copy)[0, 0, 0] == 7
