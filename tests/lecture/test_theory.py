"""Closed forms of the game between critic and generator, and critics that are trained to reach them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from docs.lecture import theory


@pytest.mark.parametrize("mean", [0.0, 1.0, 2.0])
def test_a_trained_critic_is_worth_what_theory_says_and_never_more(mean: float) -> None:
    x = np.linspace(-9, 9 + mean, 6001)
    p, q = theory.normal_density(x, 0.0), theory.normal_density(x, mean)
    want = theory.best_value(theory.jensen_shannon(p, q, float(x[1] - x[0])))
    got = theory.value_on_grid(theory.train_critic(mean, steps=600, seed=0), mean)
    assert want - 0.01 < got <= want + 1e-5


def test_optimal_critic_and_divergence_at_the_ends() -> None:
    same, apart = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.5, 0.5])
    assert theory.optimal_critic(same, apart).tolist() == [1, 1, 0, 0]
    assert theory.jensen_shannon(same, same, 1.0) == pytest.approx(0)
    assert theory.jensen_shannon(same, apart, 1.0) == pytest.approx(math.log(2))
    assert theory.best_value(0) == pytest.approx(-1.3863, abs=1e-4)


def test_clipped_gap_is_linear_in_the_distance() -> None:
    gaps = [theory.point_mass_gap(d, steps=300, seed=0) for d in (0.2, 0.4, 0.8)]
    np.testing.assert_allclose(gaps, [16 * 0.01 * d for d in (0.2, 0.4, 0.8)], rtol=0.05)
