"""Scores of two detectors on the same samples, made by a known model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Made:
    """``truth`` ``(n,)``; ``good`` and ``poor`` ``(n,)`` share part of their noise."""

    truth: NDArray[np.bool_]
    good: NDArray[np.float64]
    poor: NDArray[np.float64]


def paired_scores(n: int = 240, seed: int = 0) -> Made:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2 == 1
    shared = rng.normal(0, 1, n)
    signal = np.where(truth, 1.5, -1.5)
    return Made(truth, signal + shared, 0.3 * signal + shared + rng.normal(0, 1, n))
