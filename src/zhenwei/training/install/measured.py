"""Scores of a detector on made test pictures: how well they part forged from genuine, with an interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from zhenwei.stats.bootstrap import percentile_interval, resampled_rows
from zhenwei.stats.metrics import auc
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
    forged, scores = np.array([s.forged for s in samples], bool), np.array([s.score for s in samples])
    samples_drawn = resampled_rows([s.number for s in samples], forged=forged, seed=seed, resamples=_DRAWS)
    drawn = [auc(forged[rows], scores[rows]) for rows in samples_drawn]
    area = percentile_interval(auc(forged, scores), drawn, len(samples))
    answered = len(samples) / len(answers)
    return Measured(int((~forged).sum()), int(forged.sum()), area.value, area.low, area.high, answered)
