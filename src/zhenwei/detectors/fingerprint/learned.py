"""``fingerprint.learned``: whose fingerprint is in this picture, a known camera's or a known generator's?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from zhenwei import models
from zhenwei.detectors._faces import FaceBatch
from zhenwei.detectors.fingerprint import _sources
from zhenwei.detectors.fingerprint._sources import answer, look, named
from zhenwei.signals.spectrum import log_spectrum, noise_residual, peaks
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, ImageExhibit, Pixels, Subject, Text

MODEL = "fingerprint_learned"
_ENLARGED = 2
_RING = (255, 170, 0)
_SPECTRUM = Text(
    "Spectrum of what is left when the content is taken out, mean over the faces; zero frequency in the middle. "
    "Ringed: frequencies that stand out. At a half or a quarter of the width they are what repeated enlargement "
    "leaves; JPEG leaves a grid of them at eighths, too.",
    zh="去除内容后残差的平均频谱，中心为零频；圆圈标出突出的频率。位于宽度一半或四分之一处的是反复放大留下的痕迹；"
    "JPEG 压缩也会在八分之一的倍数处留下网格。",
)


@dataclass(frozen=True, slots=True)
class LearnedFingerprint:
    """The last features of a network that tells sources apart are the picture's fingerprint, the rows of its
    classifier those of the sources. With ``always`` it answers however little it finds, as for measuring it."""

    always: bool = False

    info: ClassVar[DetectorInfo] = _sources.detector_info(
        "fingerprint.learned",
        Text(
            "Whose fingerprint does the picture bear: a known camera's or a known generator's?",
            zh="画面带有谁的指纹：已知相机还是已知生成器？",
        ),
        "N. Yu, L. Davis, M. Fritz, Attributing fake images to GANs: learning and analyzing GAN "
        "fingerprints, ICCV 2019",
        (
            Text(
                "pictures shrunk, compressed or filtered until no fingerprint is left",
                zh="缩小、压缩或滤镜处理到指纹消失的图片",
            ),
            Text("a face swapped into a genuine picture", zh="换入真实图片中的脸"),
        ),
        MODEL,
    )

    def examine(self, subject: Subject) -> Evidence:
        batch = look(subject, MODEL)
        shown = () if batch is None else (ImageExhibit(_SPECTRUM, spectrum_of(batch)),)
        return answer(self.info, subject, batch, shown, always=self.always)


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Of one person, mean over at most four faces. ``fingerprint``: ``(128,)``; ``sources``: names of those that the
    network knows; ``cosines``, ``least``: ``(sources,)``, how like each, and how like at least its own pictures are;
    ``weights``: whose fingerprint this is."""

    fingerprint: Floats
    sources: tuple[Text, ...]
    cosines: Floats
    least: Floats
    weights: str


def fingerprint_of(subject: Subject) -> Described | None:
    """The fingerprint of the subject's person, for a bank of one's own; None where no face is fit for it."""
    batch = look(subject, MODEL)
    if batch is None:
        return None
    fingerprint, cosines = batch.outputs[0].mean(0), batch.outputs[1].mean(0)
    known = tuple(named(number) for number in range(len(cosines)))
    return Described(fingerprint, known, cosines, batch.outputs[2][0], weights())


def weights() -> str:
    """ "id @ sha256" of the network that makes the fingerprints."""
    return models.load(MODEL).weights


def spectrum_of(batch: FaceBatch) -> Pixels:
    """Mean log spectrum of the crops' residuals, doubled in size, dark to bright, with its peaks ringed."""
    spectrum = log_spectrum(np.stack([noise_residual(crop) for crop in batch.crops]))
    low, high = np.quantile(spectrum, [0.02, 0.998])
    grey = np.clip(255 * (spectrum - low) / max(float(high - low), 1e-6), 0, 255).astype(np.uint8)
    shown = np.repeat(np.repeat(grey, _ENLARGED, 0), _ENLARGED, 1)[..., None].repeat(3, axis=2)
    side = len(grey)
    for peak in peaks(spectrum):
        for sign in (1, -1):  # a peak has its opposite
            x = (round(sign * peak.across * side) + side // 2) % side
            y = (round(sign * peak.down * side) + side // 2) % side
            centre = (int((x + 0.5) * _ENLARGED), int((y + 0.5) * _ENLARGED))
            cv2.circle(shown, centre, 4 * _ENLARGED, _RING, 1, cv2.LINE_AA)
    return np.asarray(shown, np.uint8)


detector: type[Detector] = LearnedFingerprint
