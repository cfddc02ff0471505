"""``speech.variability``: a classifier of how a voice varies from moment to moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zhenwei.detectors.speech.variability import MODEL
from zhenwei.signals.voice import NAMES, variability
from zhenwei.training.data.speech import SEED, balanced
from zhenwei.training.install.boosted import DEPTH, TREES, export_boosted, fit_boosted
from zhenwei.training.install.card import Product
from zhenwei.training.speech._folds import SHARED, Row, Tell, TrainedVoiceDetector, Way, speech_of, voice_lesson
from zhenwei.types import Floats

_L2 = 300.0


def spreads(audio: Floats) -> Floats | None:
    speech = speech_of(audio)
    found = None if speech is None else variability(speech)
    return None if found is None else np.asarray(found, np.float32)


def learn(rows: Sequence[Row], _kept: Path, _tell: Tell) -> TrainedVoiceDetector:
    """Regression penalised strongly, since there are few sources, and boosted trees."""
    statistics, utterances = zip(*rows, strict=True)
    forged = np.array([u.forged for u in utterances])
    fitted = fit_boosted(np.stack(statistics), forged, balanced(utterances), l2=_L2, seed=SEED)
    return TrainedVoiceDetector(lambda row: float(fitted(row[None])[0]), lambda: export_boosted(fitted))


way = Way(
    Product(
        model=MODEL,
        detector="speech.variability",
        question="Does a voice vary from moment to moment as those of people do? 150 statistics in, a score out.",
        origin="trained with `zhenwei train speech.variability`",
        input=f"statistics (n, {len(NAMES)}) float32 of zhenwei.signals.voice.variability; gives score (n,)",
        facts=(
            f"Classifier: logistic regression, L2 penalty {_L2:.0f}, and {TREES} boosted trees of depth {DEPTH}, each "
            f"of unit spread, seed {SEED}",
        ),
        **SHARED,
    ),
    spreads,
    learn,
)

lesson = voice_lesson(way)
