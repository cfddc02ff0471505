"""``warp.boundary``: the seam along which a face was blended in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import COMPRESSED, Head, Wording
from zhenwei.detectors._traces import ANIMATED, GENERATED, FaceTraces, detector_info
from zhenwei.types import Detector, DetectorInfo, Text


@dataclass(frozen=True, slots=True)
class Boundary(FaceTraces):
    """A map of the blending boundary, 4 m (1 - m) of the blend weight m, and a verdict that sees that map alone."""

    head: ClassVar[Head] = Head("boundary", first=2, shift=1.2)
    info: ClassVar[DetectorInfo] = detector_info(
        "warp.boundary",
        Text("Does a blending seam run through this face?", zh="这张脸上是否有融合接缝？"),
        "L. Li et al., Face X-ray for more general face forgery detection, CVPR 2020",
        (
            GENERATED,
            ANIMATED,
            COMPRESSED,
        ),
    )
    wording: ClassVar[Wording] = Wording(
        neither=Text("Whether there is a blending seam cannot be told.", zh="看不出是否有融合接缝。"),
        forged=Text(
            "A seam runs through the face, as blending one picture into another leaves; {} support.",
            zh="脸上有一条接缝，像是把一张图融合进另一张图留下的（{}的支持）。",
        ),
        genuine=Text("No blending seam is seen; {} support.", zh="没有发现融合接缝（{}的支持）。"),
        map=Text("Where a blending seam seems to run.", zh="疑似融合接缝的位置。"),
    )


detector: type[Detector] = Boundary
