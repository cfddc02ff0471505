"""``speech.variability``: does the voice vary from moment to moment as those of people do?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.detectors.speech._hearing import detector_info, examined
from zhenwei.signals.voice import variability
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, Subject, Text

MODEL = "speech_variability"


@dataclass(frozen=True, slots=True)
class Variability:
    """A linear classifier on 150 statistics of windows of 2.5 s: how far cepstra, their slopes and curvatures spread,
    how periodic and how rough six bands are, how the spectrum steps from frame to frame."""

    info: ClassVar[DetectorInfo] = detector_info(
        "speech.variability",
        Text("Does the voice vary from moment to moment as those of people do?",
             zh="语音的瞬时变化是否像真人？"),
        "own statistics; over-smooth cepstra after T. Toda & K. Tokuda, A speech parameter generation "
        "algorithm considering global variance, IEICE 2007",
        (
            Text("neural vocoders of the best quality, and voices copied from a recording",
                 zh="高质量神经声码器，以及由录音直接复制的语音"),
            Text("noise, music and strong compression, which hide what is measured",
                 zh="噪声、音乐和强压缩会掩盖被测量的特征"),
            Text("short passages replaced within a genuine recording: see the timeline",
                 zh="真实录音中被替换的短片段：请看时间线"),
        ),
        MODEL,
    )  # fmt: skip

    def examine(self, subject: Subject) -> Evidence:
        return examined(self.info, subject.audio, score, _WORDS)


def score(audio: Floats) -> float | None:
    """Of one window of speech ``(samples,)`` at 16 kHz; None where too little is heard."""
    found = variability(audio)
    return None if found is None else float(models.load(MODEL).run(np.asarray(found[None], np.float32))[0][0])


_WORDS = (
    Text("The voice varies less from moment to moment, or more evenly, than those of people do.",
         zh="语音的瞬时变化比真人更少或更均匀。"),
    Text("The voice varies from moment to moment as those of people do.", zh="语音的瞬时变化与真人相符。"),
    Text("The voice varies about as much as either kind does.", zh="语音的瞬时变化介于两者之间。"),
)  # fmt: skip


detector: type[Detector] = Variability
