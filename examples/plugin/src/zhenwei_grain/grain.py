"""How strong the finest grain of a picture is, read by a network of one layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.models.calibration import Calibration
from zhenwei.types import Detector, DetectorInfo, Evidence, Subject, Text

STORE = Path(__file__).parent / "models"  # manifest.json, weights/ and cards/, as in zhenwei itself
MODEL = "grain"
MIN_PX = 3  # the size of the filter


@dataclass(frozen=True, slots=True)
class Grain:
    """The mean size of the Laplacian of the luma, in grey levels: 0 for a flat picture, more for a noisy one.

    It has not been calibrated, so it shows a score and gives no likelihood ratio.
    """

    max_px: int = 2048  # options are fields: bool, int, float or str, each with a default

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="texture.grain",  # the name of the entry point; of a file in zhenwei, its path
        question=Text("How strong is the finest grain of the picture?", zh="画面最细的颗粒有多强？"),
        takes=("image", "video"),
        level="file",
        needs=(),
        reference="Marr and Hildreth 1980",
        blind_spots=(Text("says nothing of forgery until it is calibrated", zh="未经校准，不能说明是否伪造"),),
        models=(MODEL,),
    )
    store: ClassVar[Path] = STORE  # where zhenwei finds the models of this detector

    def examine(self, subject: Subject) -> Evidence:
        if not subject.frames:
            return self._without(Text("there is no picture", zh="没有画面"))
        pixels = subject.frames[0].pixels[: self.max_px, : self.max_px]
        if min(pixels.shape[:2]) < MIN_PX:
            return self._without(Text("the picture is too small", zh="画面太小"))
        model = models.load(MODEL, store=STORE)
        luma = (pixels @ np.array([0.299, 0.587, 0.114])).astype(np.float32)
        (grain,) = model.run(luma[None, None])
        score, calibration = round(float(grain.item()), 4), models.calibration_path(MODEL, STORE)
        llr = Calibration.load(calibration).llr(score) if calibration.is_file() else None
        return Evidence(
            self.info.id,
            llr=llr,
            finding=Text("The strength of the finest grain was read.", zh="已测得最细颗粒的强度。"),
            reason=Text("its score has not been calibrated", zh="其分数尚未校准") if llr is None else "",
            score=score,
            weights=model.weights,
        )

    def _without(self, reason: Text) -> Evidence:
        return Evidence(self.info.id, llr=None, finding=Text("No answer.", zh="没有结论。"), reason=reason)


detector: type[Detector] = Grain
