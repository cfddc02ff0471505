"""``warp.self_blend``: the statistics of a face that was blended into its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import COMPRESSED, Head, Wording
from zhenwei.detectors._traces import ANIMATED, GENERATED, FaceTraces, detector_info
from zhenwei.types import Detector, DetectorInfo, Text


@dataclass(frozen=True, slots=True)
class SelfBlend(FaceTraces):
    """Learned from genuine faces blended with slightly altered copies of themselves: what any blending leaves."""

    head: ClassVar[Head] = Head("self_blend", first=6)
    info: ClassVar[DetectorInfo] = detector_info(
        "warp.self_blend",
        Text(
            "Do the inside of this face and its surroundings come from one picture?",
            zh="这张脸的内部与周围是否出自同一幅图？",
        ),
        "K. Shiohara, T. Yamasaki, Detecting deepfakes with self-blended images, CVPR 2022",
        (
            GENERATED,
            ANIMATED,
            COMPRESSED,
        ),
    )
    wording: ClassVar[Wording] = Wording(
        neither=Text("Whether the face was blended in cannot be told.", zh="看不出人脸是否为融合而成。"),
        forged=Text(
            "The inside of the face departs from its surroundings as blended faces do; {} support.",
            zh="脸的内部与周围不一致，像是融合而成（{}的支持）。",
        ),
        genuine=Text("Inside and surroundings of the face agree; {} support.", zh="脸的内部与周围一致（{}的支持）。"),
        map=Text("Where the face departs from its surroundings.", zh="与周围不一致的位置。"),
    )


detector: type[Detector] = SelfBlend
