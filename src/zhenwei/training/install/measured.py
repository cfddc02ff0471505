"""Scores of a detector on made test pictures: how well they part forged from genuine, with an interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from zhenwei.evaluation.metrics import auc
from zhenwei.training.install.calibrate import Ask, Shown

_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """``auc`` of the scores with its 95 % interval (bootstrap over photographs); ``answered``: share with a score."""

    genuine: int
    forged: int
    auc: float
    low: float
    high: float
    answered: float


def measured(shown: Iterable[Shown], ask: Ask, *, seed: int = 0) -> Measured:
    """Asks for every picture; those of one photograph (``Shown.face``) are drawn together."""
    answers = [(each, ask(each)) for each in shown]
    samples = [sample for _, sample in answers if sample is not None]
    forged, scores = np.array([s.forged for s in samples]), np.array([s.score for s in samples])
    faces = np.array([s.number for s in samples])
    rows = [np.flatnonzero(faces == face) for face in np.unique(faces)]
    rng = np.random.default_rng(seed)
    areas: list[float] = []
    while len(areas) < _DRAWS:
        drawn = np.concatenate([rows[int(i)] for i in rng.integers(len(rows), size=len(rows))])
        if forged[drawn].any() and not forged[drawn].all():
            areas.append(auc(forged[drawn], scores[drawn]))
    low, high = (float(v) for v in np.quantile(areas, [0.025, 0.975]))
    of = len(samples) / len(answers)
    return Measured(int((~forged).sum()), int(forged.sum()), float(auc(forged, scores)), low, high, of)
