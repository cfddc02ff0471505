"""Scores on made pictures: the AUC is that of the metrics, and what is not answered is left out and counted."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.on_photographs import measured

from zhenwei.training.data.shown import Shown
from zhenwei.training.install.calibrate import Sample

PIXELS = np.zeros((1, 1, 3), np.uint8)


def shown(count: int) -> list[Shown]:
    return [Shown(PIXELS, forged, i, str(i), "made", False) for i in range(count) for forged in (False, True)]


def answer(score: float, each: Shown) -> Sample:
    return Sample.of(each, score, None)


def test_separated_scores_have_all_and_chance_has_half_inside_its_interval() -> None:
    sure = measured(shown(20), lambda s: answer(float(s.forged), s))
    assert (sure.genuine, sure.forged, sure.auc, sure.low, sure.high, sure.answered) == (20, 20, 1, 1, 1, 1)
    rng = np.random.default_rng(1)
    lost = measured(shown(60), lambda s: answer(rng.random(), s))
    assert lost.low < 0.5 < lost.high
    assert lost.low < lost.auc < lost.high


def test_silence_is_left_out_and_counted() -> None:
    found = measured(shown(20), lambda s: answer(float(s.forged), s) if s.face < 5 else None)
    assert (found.genuine, found.forged) == (5, 5)
    assert found.answered == pytest.approx(0.25)
