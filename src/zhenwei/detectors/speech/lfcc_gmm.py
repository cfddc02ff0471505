"""``speech.lfcc_gmm``: are the movements of the spectrum likelier of people or of machines, by Gaussian mixtures?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.detectors.speech._hearing import detector_info, examined
from zhenwei.signals.speech import deltas, levelled, without_rumble
from zhenwei.signals.voice import RATE_HZ, frame_cepstra
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, Subject, Text

MODEL = "speech_lfcc_gmm"
COEFFICIENTS = 20
_MIN_FRAMES = 40
_HEARD = 7.0  # nepers of the first cepstrum's energy below the loudest frames


@dataclass(frozen=True, slots=True)
class LfccGmm:
    """Two Gaussian mixtures, of genuine and of synthetic speech, on curvatures (second deltas) of linear-frequency
    cepstra. The score is the mean log-likelihood ratio of a frame.

    Levels are left out, since they tell microphones apart; slopes too, which did worse on sources left out.
    """

    info: ClassVar[DetectorInfo] = detector_info(
        "speech.lfcc_gmm",
        Text("Are the movements of the spectrum likelier of people or of machines?",
             zh="频谱的变化更像人还是机器？"),
        "M. Sahidullah, T. Kinnunen & C. Hanilçi, A comparison of features for synthetic speech detection, "
        "Interspeech 2015",
        (
            Text("synthesisers unlike those it learned from", zh="与训练所用不同的合成系统"),
            Text("noise, reverberation and compression", zh="噪声、混响和压缩"),
        ),
        MODEL,
        depth="full",
    )  # fmt: skip

    def examine(self, subject: Subject) -> Evidence:
        return examined(self.info, subject.audio, score, _WORDS)


def frames(audio: Floats) -> Floats | None:
    """``(n, 20)``: curvatures of 20 LFCC of the frames that are heard; None if there are too few."""
    cepstra = frame_cepstra(levelled(without_rumble(audio, RATE_HZ)))[:, :COEFFICIENTS]
    if len(cepstra) < _MIN_FRAMES:
        return None
    energy = cepstra[:, 0]
    heard = energy > np.percentile(energy, 95) - _HEARD * np.sqrt(40)
    if heard.sum() < _MIN_FRAMES:
        return None
    return np.asarray(deltas(deltas(cepstra))[heard], np.float32)


def score(audio: Floats) -> float | None:
    """Mean log-likelihood ratio of the frames of one window; None where too little is heard."""
    found = frames(audio)
    return None if found is None else float(models.load(MODEL).run(found)[0].mean())


_WORDS = (
    Text("The spectrum moves as that of synthetic voices does.", zh="频谱的变化与合成语音相似。"),
    Text("The spectrum moves as that of people does.", zh="频谱的变化与真人语音相似。"),
    Text("The movements of the spectrum are as usual for either.", zh="频谱的变化对两者都属常见。"),
)


detector: type[Detector] = LfccGmm
