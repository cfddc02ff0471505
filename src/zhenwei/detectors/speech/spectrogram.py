"""``speech.spectrogram``: does a network that looks at the spectrogram see a machine?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.detectors.speech._hearing import detector_info, examined
from zhenwei.signals.speech import levelled, stft
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, Subject, Text

MODEL = "speech_spectrogram"
FRAMES = 247  # that the network is shown at a time: 2.5 s
_LEAST, _SPARE = 8_000, 1_600  # samples: that are enough, and that may be left at the end
_SIZE, _HOP, _POINTS = 400, 160, 512
SAMPLES = _SIZE + (FRAMES - 1) * _HOP
_BINS = slice(4, 228)  # of 31.25 Hz: 125 Hz to 7.1 kHz; what lies beyond tells recordings apart, not voices
_FLOOR = 1e-7


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """A small residual network over the log spectrum, learned from pairs of recordings and their copies by vocoders
    and from collected synthetic speech."""

    info: ClassVar[DetectorInfo] = detector_info(
        "speech.spectrogram",
        Text("Does a network that looks at the spectrogram see a machine?", zh="观察频谱图的网络是否看出机器合成？"),
        "copy-synthesis pairs after X. Wang & J. Yamagishi, Spoofed training data for speech spoofing countermeasure "
        "can be efficiently created using neural vocoders, ICASSP 2023",
        (
            Text("synthesisers unlike those it learned from", zh="与训练所用不同的合成系统"),
            Text("telephone bands and strong noise", zh="电话频带和强噪声"),
        ),
        MODEL,
    )

    def examine(self, subject: Subject) -> Evidence:
        return examined(self.info, subject.audio, score, _WORDS)


def levels(audio: Floats) -> Floats:
    """``(224, frames)`` float32 log powers of sound ``(samples,)`` at 16 kHz, loudness evened: frames of 25 ms every
    10 ms."""
    power = np.abs(stft(levelled(audio), _SIZE, _HOP, _POINTS)[:, _BINS]) ** 2
    return np.ascontiguousarray(np.log(power + _FLOOR).T, np.float32)


def pieces(audio: Floats) -> Floats | None:
    """``(n, 224, 247)`` float32 of speech ``(samples,)``: half overlapping; what is short is repeated. None below half
    a second."""
    if len(audio) < _LEAST:
        return None
    if len(audio) < SAMPLES:
        return levels(np.resize(audio, SAMPLES))[None]
    more = -(-2 * max(0, len(audio) - SAMPLES - _SPARE) // SAMPLES)
    starts = np.linspace(0, len(audio) - SAMPLES, 1 + more).round().astype(int)
    return np.stack([levels(audio[start : start + SAMPLES]) for start in starts])


def score(audio: Floats) -> float | None:
    """Log odds of one window of speech; None where it is too short."""
    found = pieces(audio)
    return None if found is None else float(models.load(MODEL).run(found)[0].mean())


_WORDS = (
    Text("To the network the voice looks synthetic.", zh="网络认为该语音像合成语音。"),
    Text("To the network the voice looks like a person's.", zh="网络认为该语音像真人语音。"),
    Text("The network sees no clear sign of either.", zh="网络没有看出明显倾向。"),
)


detector: type[Detector] = Spectrogram
