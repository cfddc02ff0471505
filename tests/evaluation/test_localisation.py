"""Measures of maps against cases worked out by hand, sets of pixels counted one by one, and what must hold for any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.evaluation.localisation import (
    false_localisation,
    iinc,
    intersection_over_union,
    pixel_accuracy,
)

MASKS = arrays(np.bool_, (5, 4))


def _square(top: int, left: int, side: int) -> NDArray[np.float64]:
    mask = np.zeros((10, 10))
    mask[top : top + side, left : left + side] = 1
    return mask


@pytest.mark.parametrize(
    ("predicted", "mask", "expected"),
    [
        (_square(0, 0, 4), _square(0, 0, 4), 0.0),  # 2 - 1 - 1
        (_square(0, 0, 2), _square(0, 0, 4), 0.75 / 2.84),  # I = 4, M = 16, P = 4: (2 - 1/4 - 1) / (3 - 0.16)
        (_square(0, 0, 4), _square(0, 0, 2), 0.75 / 2.84),
        (_square(0, 0, 4), _square(6, 6, 4), 2 / 2.68),  # disjoint: (2 - 0 - 0) / (3 - 0.32)
        (_square(0, 0, 0), _square(0, 0, 0), 0.0),
        (_square(0, 0, 5), _square(0, 0, 0), 1 / 2.75),
        (_square(0, 0, 0), _square(0, 0, 10), 1 / 2.0),
        (_square(0, 0, 5), _square(0, 0, 10), 0.75 / 2.0),
    ],
)
def test_iinc_by_hand(predicted: NDArray[np.float64], mask: NDArray[np.float64], expected: float) -> None:
    assert iinc(predicted, mask) == pytest.approx(expected)


@given(MASKS, MASKS)
def test_every_measure_is_what_counting_pixels_gives(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> None:
    mine, truth = ({(y, x) for y in range(5) for x in range(4) if m[y, x]} for m in (one, other))
    assert pixel_accuracy(one, other) == pytest.approx(1 - len(mine ^ truth) / 20)
    union = mine | truth
    assert intersection_over_union(one, other) == pytest.approx(len(mine & truth) / len(union) if union else 1.0)
    assert false_localisation(one) == pytest.approx(len(mine) / 20)
    if mine and truth:
        inside = len(mine & truth)
        expected = (2 - inside / len(mine) - inside / len(truth)) / (3 - len(union) / 20)
    else:
        expected = 1 / (3 - len(union) / 20) if union else 0.0
    assert iinc(one, other) == pytest.approx(expected)
    assert iinc(one, other) == pytest.approx(iinc(other, one))
    assert 0 <= iinc(one, other) <= 1


@given(MASKS, MASKS, st.integers(1, 4))
def test_the_size_of_the_map_does_not_matter(one: NDArray[np.bool_], other: NDArray[np.bool_], times: int) -> None:
    larger = np.kron(other, np.ones((times, times)))
    for measure in (iinc, pixel_accuracy, intersection_over_union):
        assert measure(one, larger) == pytest.approx(measure(one, other))


def test_the_threshold_decides_what_counts_as_altered() -> None:
    faint = 0.2 * _square(0, 0, 4)
    assert iinc(faint, _square(0, 0, 4)) == 0
    assert iinc(faint, _square(0, 0, 4), threshold=0.5) == pytest.approx(1 / 2.84)
    assert false_localisation(faint, threshold=0.5) == 0


@pytest.mark.parametrize("bad", [np.zeros((0, 3)), np.zeros(4), np.full((2, 2), 2.0), np.full((2, 2), np.nan)])
def test_what_is_no_map_is_refused(bad: NDArray[np.float64]) -> None:
    for measure in (iinc, pixel_accuracy, intersection_over_union):
        with pytest.raises(DataError):
            measure(bad, np.zeros((2, 2)))
        with pytest.raises(DataError):
            measure(np.zeros((2, 2)), bad)
    with pytest.raises(DataError):
        false_localisation(bad)
