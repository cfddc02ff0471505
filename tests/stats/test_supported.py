"""How far a likelihood ratio may go: as far as the independent groups that it speaks against reach."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from zhenwei.models.calibration_fit import fit
from zhenwei.stats.supported import supported_range

Reals = NDArray[np.float64]


def of_groups(genuine: int, forged: int, each: int = 1) -> tuple[NDArray[np.bool_], list[str]]:
    """Truth and groups of ``each`` faces a group."""
    names = [f"genuine {k}" for k in range(genuine)] + [f"forged {k}" for k in range(forged)]
    groups = [name for name in names for _ in range(each)]
    return np.array([g.startswith("forged") for g in groups]), groups


def perfect(genuine: int, forged: int) -> tuple[float, float]:
    """The bounds of a system that was never wrong: one more misleading case on each side is allowed for."""
    highest = math.log((genuine + 1) * forged / (forged + 1))
    return -math.log((forged + 1) * genuine / (genuine + 1)), highest


def step(lowest: float, highest: float) -> float:
    return max(-lowest, highest) / 60  # bounds are looked for in steps


@pytest.mark.parametrize(("genuine", "forged"), [(40, 8), (8, 40), (25, 25), (3, 300)])
@pytest.mark.parametrize("each", [1, 7])
def test_a_system_without_an_error_is_believed_as_far_as_its_groups_reach(genuine: int, forged: int, each: int) -> None:
    """Against genuine faces as far as there are genuine groups, however many faces each holds; and the other way."""
    labels, groups = of_groups(genuine, forged, each)
    found = supported_range(np.where(labels, 50.0, -50.0), labels, groups)
    expected = perfect(genuine, forged)
    assert found == pytest.approx(expected, abs=step(*expected))
    assert found[1] <= expected[1]
    assert found[0] >= expected[0]


def test_each_misleading_case_takes_from_the_bound_on_its_side_alone() -> None:
    labels, groups = of_groups(60, 60)
    llr = np.where(labels, 50.0, -50.0)
    clean = supported_range(llr, labels, groups)
    bounds = []
    for wrong in (1, 2, 5):
        misled = llr.copy()
        misled[:wrong] = 50.0  # genuine faces that look forged for certain
        lowest, highest = supported_range(misled, labels, groups)
        assert lowest == pytest.approx(clean[0], abs=0.15)
        expected = math.log(61 / (wrong + 1) * 60 / 61)
        assert highest == pytest.approx(expected, abs=0.05)
        bounds.append(highest)
    assert bounds == sorted(bounds, reverse=True)


@pytest.mark.parametrize(("genuine", "forged"), [(30, 6), (6, 30)])
def test_a_calibration_goes_no_further_than_its_groups(genuine: int, forged: int) -> None:
    """Twelve faces a group change nothing: what is bounded is what was seen of independent people."""
    labels, groups = of_groups(genuine, forged, 12)
    found = fit(np.where(labels, 30.0, -30.0), labels, np.full(len(labels), 100.0), groups, seed=0)
    lowest, highest = perfect(genuine, forged)
    assert -found.lowest <= -lowest
    assert found.highest <= highest
    assert (found.lowest, found.highest) == pytest.approx((lowest, highest), abs=0.35)
    assert found.llr(1e6, face_px=100) == found.highest
    assert found.llr(-1e6, face_px=100) == found.lowest
    assert found.groups == genuine + forged
    assert found.c_llr is not None
    assert found.c_llr == pytest.approx(
        (math.log2(1 + math.exp(-found.highest)) + math.log2(1 + math.exp(found.lowest))) / 2, abs=0.02
    )
