"""Pictures beside voices: which of the two is forged, by answers alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zhenwei.evaluation.items import Answer
from zhenwei.fusion.dependence import Dependence
from zhenwei.fusion.operating import OperatingPoints
from zhenwei.training.install import streams
from zhenwei.training.install.thresholds import FileAnswers, MeasuredThresholds
from zhenwei.types import Kind


def answered(kind: Kind, number: int, answer: Answer) -> FileAnswers:
    return FileAnswers(kind, "a", f"{kind} {number}", number % 2 == 1, (answer,), {})


def measured() -> MeasuredThresholds:
    """Ten clips and eighty voices, each told apart by its own witness."""
    rng = np.random.default_rng(0)

    def llr(number: int) -> float:
        return float(rng.normal(1.0 if number % 2 else -1.0, 0.2))

    clips = [answered("video", n, Answer("encoder.blended", 1, llr(n), "altered")) for n in range(10)]
    voices = [answered("audio", n, Answer("speech.variability", None, llr(n), "voice")) for n in range(80)]
    every = (*clips, *voices)
    return MeasuredThresholds(OperatingPoints.load(), Dependence.load(), (), every, ("",) * len(every))


def test_pairs_tell_which_of_the_two_is_forged() -> None:
    found = streams.table(measured())
    areas = {row.what: row.auc.value for row in found.rows if row.auc is not None}
    assert areas["which of the two, where one is"] == 1.0
    assert areas["either forged: four possibilities"] == 1.0
    assert 0.7 < areas["either forged: picture alone"] < 0.95
    assert 0.7 < areas["either forged: voice alone"] < 0.95
    assert "10 clips beside 60 voices" in found.text
    assert "100.0% of 600 pairs" in found.text


def test_media_without_an_answer_are_in_no_pair() -> None:
    whole = measured()
    silent = [replace(one, said=()) if one.group == "video 0" else one for one in whole.answered]
    assert "9 clips beside 60 voices" in streams.table(replace(whole, answered=tuple(silent))).text
