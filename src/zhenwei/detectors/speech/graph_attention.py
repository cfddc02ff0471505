"""``speech.graph_attention``: does a network that hears bands and moments together hear a machine?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.detectors.speech._hearing import detector_info, examined
from zhenwei.signals.speech import levelled, without_rumble
from zhenwei.signals.voice import RATE_HZ
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, Subject, Text

MODEL = "speech_graph_attention"
SAMPLES = 40_000  # that the network hears at a time
_LEAST = 8_000


@dataclass(frozen=True, slots=True)
class GraphAttention:
    """A small network on the wave: sinc filters, residual blocks, graph attention over bands and moments."""

    info: ClassVar[DetectorInfo] = detector_info(
        "speech.graph_attention",
        Text("Does a network that hears bands and moments together hear a machine?",
             zh="同时关注频带与时刻的网络是否听出机器合成？"),
        "J. Jung et al., AASIST: audio anti-spoofing using integrated spectro-temporal graph attention "
        "networks, ICASSP 2022",
        (
            Text("synthesisers unlike those it learned from", zh="与训练所用不同的合成系统"),
            Text("telephone bands and strong noise", zh="电话频带和强噪声"),
        ),
        MODEL,
    )  # fmt: skip

    def examine(self, subject: Subject) -> Evidence:
        return examined(self.info, subject.audio, score, _WORDS)


def pieces(audio: Floats) -> Floats | None:
    """``(n, 40000)`` float32 of speech ``(samples,)``, loudness evened: half overlapping; what is short is repeated,
    as AASIST does. None below half a second."""
    if len(audio) < _LEAST:
        return None
    even = np.asarray(levelled(without_rumble(audio, RATE_HZ)), np.float32)
    if len(even) < SAMPLES:
        return np.resize(even, SAMPLES)[None]
    starts = np.linspace(0, len(even) - SAMPLES, 1 + -(-2 * (len(even) - SAMPLES) // SAMPLES)).round().astype(int)
    return np.stack([even[start : start + SAMPLES] for start in starts])


def score(audio: Floats) -> float | None:
    """Log odds of one window of speech; None where it is too short."""
    found = pieces(audio)
    return None if found is None else float(models.load(MODEL).run(found)[0].mean())


_WORDS = (
    Text("To the network the voice sounds synthetic.", zh="网络认为该语音像合成语音。"),
    Text("To the network the voice sounds like a person's.", zh="网络认为该语音像真人语音。"),
    Text("The network hears no clear sign of either.", zh="网络没有听出明显倾向。"),
)


detector: type[Detector] = GraphAttention
