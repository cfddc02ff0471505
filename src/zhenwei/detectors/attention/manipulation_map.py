"""``attention.manipulation_map``: where a face was manipulated, and whether."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei.detectors._faces import COMPRESSED, Head, Wording
from zhenwei.detectors._traces import FaceTraces, detector_info
from zhenwei.types import Detector, DetectorInfo, Floats, Subject, Text


@dataclass(frozen=True, slots=True)
class ManipulationMap(FaceTraces):
    """An attention map over the features, taught by known masks, and the verdict of what it lets through."""

    head: ClassVar[Head] = Head("manipulation_map", first=0)
    info: ClassVar[DetectorInfo] = detector_info(
        "attention.manipulation_map",
        Text("Which part of this face was changed, if any?", zh="这张脸的哪一部分被改动过？"),
        "H. Dang, F. Liu, J. Stehouwer, X. Liu, A. Jain, On the detection of digital face manipulation, CVPR 2020",
        (
            Text(
                "forgeries of a kind unlike those it learned from: it may mark nothing",
                zh="与训练所见不同的伪造：可能什么都标不出来",
            ),
            COMPRESSED,
        ),
    )
    wording: ClassVar[Wording] = Wording(
        neither=Text("The map of manipulation leans neither way.", zh="篡改区域图看不出倾向。"),
        forged=Text(
            "A part of the face is marked as manipulated; {} support.", zh="人脸的一部分被标为篡改（{}的支持）。"
        ),
        genuine=Text(
            "No part of the face is marked as manipulated; {} support.", zh="没有任何区域被标为篡改（{}的支持）。"
        ),
        map=Text(
            "Where the face seems to have been changed: red is marked, clear is not.",
            zh="人脸被改动的位置：红色为标记区域，透明为未标记。",
        ),
    )

    def marked(self, subject: Subject) -> Floats | None:
        """The map of the person's first face that can be judged: ``(12, 12)`` float32, shares in [0, 1] of the crop
        that :func:`zhenwei.faces.cut` gives for ``info.contract``; None where ``examine`` abstains."""
        maps = self.examiner().maps(subject)
        return None if maps is None else np.asarray(1 / (1 + np.exp(-np.clip(maps[0], -20, 20))), np.float32)


detector: type[Detector] = ManipulationMap
