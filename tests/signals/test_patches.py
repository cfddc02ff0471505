"""A large picture by patches: they hold what the picture holds there, and know where that is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.signals.patches import MARGIN, cut_out


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 3), st.sampled_from([8, 16, 32]))
def test_blocks_inside_patches_are_those_of_the_picture(down: int, across: int, left_out: int, side: int) -> None:
    height, width = down * side + 3, across * side + 5
    pixels = np.random.default_rng(down).integers(0, 256, (height, width, 3), np.uint8)
    corners = [(y * side, x * side) for y in range(down) for x in range(across)][: max(1, down * across - left_out)]
    patches = cut_out(pixels, corners, side)
    top, left, known = patches.blocks(8)
    assert known.sum() == len(corners) * (side // 8) ** 2
    for row, column in np.argwhere(known):
        y, x = top[row, column], left[row, column]
        block = patches.pixels[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        assert np.array_equal(block, pixels[y : y + 8, x : x + 8])
    wide = np.pad(pixels, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="reflect")
    y, x = corners[0]
    whole = side + 2 * MARGIN
    if min(height, width) > 2 * MARGIN:
        assert np.array_equal(patches.pixels[:whole, :whole], wide[y : y + whole, x : x + whole])
