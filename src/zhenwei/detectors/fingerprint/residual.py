"""``fingerprint.residual``: does what an autoencoder cannot give back look like a known source's template?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei.detectors._faces import FaceBatch
from zhenwei.detectors.fingerprint._sources import answer, detector_info, look, named
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, ImageExhibit, Pixels, Subject, Text

MODEL = "fingerprint_residual"


@dataclass(frozen=True, slots=True)
class ResidualFingerprint:
    """The picture's fingerprint is what an autoencoder fails to give back; each source has a template that it is
    correlated with. With ``always`` it answers however little it finds, as for measuring it."""

    always: bool = False

    info: ClassVar[DetectorInfo] = detector_info(
        "fingerprint.residual",
        Text(
            "Does the picture's residual match the template of a known camera or of a known generator?",
            zh="画面的残差与哪个来源的模板相符：已知相机还是已知生成器？",
        ),
        "N. Yu, L. Davis, M. Fritz, Attributing fake images to GANs, ICCV 2019 (visualised fingerprints); "
        "templates as of sensors, after F. Marra et al., MIPR 2019",
        (
            Text(
                "faces that lie elsewhere in the picture than in those it learned from", zh="位置与训练图片不同的人脸"
            ),
            Text(
                "pictures shrunk, compressed or filtered until no residual is left",
                zh="缩小、压缩或滤镜处理到残差消失的图片",
            ),
        ),
        MODEL,
        depth="full",
    )

    def examine(self, subject: Subject) -> Evidence:
        batch = look(subject, MODEL)
        shown = () if batch is None else (_exhibit(batch),)
        return answer(self.info, subject, batch, shown, always=self.always)


def _exhibit(batch: FaceBatch) -> ImageExhibit:
    best = int(batch.outputs[1].mean(0).argmax())
    first = named(best)
    caption = Text(
        f"Above: the face, and what the autoencoder could not give back of it. Below: the template of {first}, and "
        "where the two agree (bright) and disagree (dark).",
        zh=f"上：人脸，以及自编码器无法重建的部分。下：{first.zh}的模板，以及两者一致（亮）与不一致（暗）之处。",
    )
    residual, template = _last(batch.outputs[0][0]), _last(batch.outputs[3][best])
    above = np.concatenate([batch.crops[0], _stretched(residual)], axis=1)
    below = np.concatenate([_stretched(template), _stretched(residual * template)], axis=1)
    return ImageExhibit(caption, np.concatenate([above, below], axis=0))


def _last(values: Floats) -> Floats:
    """Channels last, each without its mean."""
    moved = np.moveaxis(values, 0, -1)
    return np.asarray(moved - moved.mean((0, 1)), np.float32)


def _stretched(values: Floats) -> Pixels:
    """About mid grey, to the values' own strength."""
    strength = float(np.quantile(np.abs(values), 0.99)) or 1.0
    return np.asarray(np.clip(127.5 + 127.5 * values / strength, 0, 255), np.uint8)


detector: type[Detector] = ResidualFingerprint
