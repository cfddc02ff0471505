"""``traditional.colour_noise``: is the noise of the three colours as much alike as a camera leaves it?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.detectors._answers import NO_STILL_IMAGE, abstain, from_score, image_too_small
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, Pixels, Subject, Text

MODEL = "colour_noise"
MIN_PX = 32


@dataclass(frozen=True, slots=True)
class ColourNoise:
    """Compares what is left of each colour beside its neighbours: how strong it is, and how much two colours share."""

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="traditional.colour_noise",
        question=Text("Is the noise of the colours that of a camera?", zh="各颜色的噪声是否像相机所留？"),
        takes=("image",),
        level="file",
        needs=(Text(f"a picture of at least {MIN_PX} px", zh=f"至少 {MIN_PX} 像素的图片"),),
        reference="after C. McCloskey and M. Albright, Detecting GAN-generated imagery using color cues, 2018",
        blind_spots=(Text("pictures without colour", zh="没有颜色的图片"),),
        models=(MODEL,),
    )

    def examine(self, subject: Subject) -> Evidence:
        if subject.media.kind != "image" or not subject.frames:
            return abstain(self.info, NO_STILL_IMAGE)
        pixels = subject.frames[0].pixels
        if min(pixels.shape[:2]) < MIN_PX:
            return abstain(self.info, image_too_small(MIN_PX))
        (scores,) = models.load(MODEL).run(features(pixels)[None])
        finding = Text("The noise of the colours was compared.", zh="已比较各颜色的噪声。")
        return replace(from_score(self.info, float(scores[0])), finding=finding)


def features(pixels: Pixels) -> Floats:
    """``(6,)``: the log of the noise of red, green and blue in grey levels, and the correlations of each two."""
    values = pixels.astype(np.float64)
    noise = values[1:, 1:] - values[:-1, 1:] - values[1:, :-1] + values[:-1, :-1]  # (height - 1, width - 1, 3)
    spread = noise.std(axis=(0, 1)) + 1.0
    standard = (noise - noise.mean(axis=(0, 1))) / spread
    shared = [float((standard[..., a] * standard[..., b]).mean()) for a, b in combinations(range(3), 2)]
    return np.array([*np.log(spread), *shared], np.float32)


detector: type[Detector] = ColourNoise
