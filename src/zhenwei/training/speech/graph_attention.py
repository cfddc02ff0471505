"""``speech.graph_attention``: a network of the wave, with graph attention over bands and moments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zhenwei.detectors.speech import graph_attention
from zhenwei.training.data.speech import SEED
from zhenwei.training.install.card import Product
from zhenwei.training.speech import _graph as graph
from zhenwei.training.speech._folds import SHARED, Row, Tell, TrainedVoiceDetector, Way, speech_of, voice_lesson


def learn(rows: Sequence[Row], kept: Path, tell: Tell) -> TrainedVoiceDetector:
    net = graph.learn(rows, kept, tell)
    return TrainedVoiceDetector(lambda audio: graph.score(net, audio), lambda: graph.exported(net))


way = Way(
    Product(
        model=graph_attention.MODEL,
        detector="speech.graph_attention",
        question="Does a voice sound synthetic? The wave in, log odds out.",
        origin="trained with `zhenwei train speech.graph_attention`",
        input=f"speech (n, {graph_attention.SAMPLES}) float32, mono at 16 kHz, root mean square 0.05; gives score (n,)",
        facts=(
            "Network: AASIST-like, sinc filters, residual blocks, graph attention over bands and moments",
            f"Training: {graph.STEPS} steps of {graph.BATCH} windows, running average, seed {SEED}",
        ),
        **{**SHARED, "reference": "PyTorch"},
    ),
    speech_of,
    learn,
)

lesson = voice_lesson(way)
