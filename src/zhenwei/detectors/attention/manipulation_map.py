"""``attention.manipulation_map``: where a face was manipulated, and whether."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei.detectors._faces import Examiner, Wording, needs
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, InputContract, Subject, Text

_MODEL, _PART, _FIRST = "face_traces", "manipulation_map", 0
_CONTRACT = InputContract(size_px=192, margin=0.0, min_face_px=40)
_WORDING = Wording(
    neither=Text("The map of manipulation leans neither way.", zh="篡改区域图看不出倾向。"),
    forged=Text(
        "A part of the face is marked as manipulated; {} support.",
        zh="人脸的一部分被标为篡改（{}的支持）。",
    ),
    genuine=Text(
        "No part of the face is marked as manipulated; {} support.", zh="没有任何区域被标为篡改（{}的支持）。"
    ),
    map=Text(
        "Where the face seems to have been changed: red is marked, clear is not.",
        zh="人脸被改动的位置：红色为标记区域，透明为未标记。",
    ),
)


@dataclass(frozen=True, slots=True)
class ManipulationMap:
    """An attention map over the features, taught by known masks, and the verdict of what it lets through.

    ``mirrored`` also scores the mirrored face, for pictures and short tracks; from ``enough`` faces on it is left out.
    ``most``: faces of a track that are looked at, evenly spread.
    """

    mirrored: bool = True
    enough: int = 8
    most: int = 16

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="attention.manipulation_map",
        question=Text("Which part of this face was changed, if any?", zh="这张脸的哪一部分被改动过？"),
        takes=("image", "video"),
        level="person",
        needs=needs(_CONTRACT),
        reference="H. Dang, F. Liu, J. Stehouwer, X. Liu, A. Jain, On the detection of digital face manipulation, "
        "CVPR 2020",
        blind_spots=(
            Text(
                "forgeries of a kind unlike those it learned from: it may mark nothing",
                zh="与训练所见不同的伪造：可能什么都标不出来",
            ),
            Text(
                "faces that were strongly compressed, filtered or enlarged after forging",
                zh="伪造之后又经过强压缩、滤镜或放大的人脸",
            ),
        ),
        models=(_MODEL,),
        contract=_CONTRACT,
    )

    def examine(self, subject: Subject) -> Evidence:
        return self._examiner().examine(subject)

    def marked(self, subject: Subject) -> Floats | None:
        """The map of the person's first face that can be judged: ``(12, 12)`` float32, shares in [0, 1] of the crop
        that :func:`zhenwei.faces.cut` gives for ``info.contract``; None where ``examine`` abstains."""
        maps = self._examiner().maps(subject)
        return None if maps is None else np.asarray(1 / (1 + np.exp(-np.clip(maps[0], -20, 20))), np.float32)

    def _examiner(self) -> Examiner:
        return Examiner(self.info, _CONTRACT, _WORDING, self.mirrored, self.enough, self.most, _PART, _FIRST)


detector: type[Detector] = ManipulationMap
