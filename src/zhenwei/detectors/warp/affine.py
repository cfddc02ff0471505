"""``warp.affine``: traces of a face that was warped and resampled into place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import COMPRESSED, Head, Wording
from zhenwei.detectors._traces import GENERATED, FaceTraces, detector_info
from zhenwei.types import Detector, DetectorInfo, Text


@dataclass(frozen=True, slots=True)
class AffineWarp(FaceTraces):
    """Scores regions of interest over the face for resampling traces; the more suspicious half counts."""

    head: ClassVar[Head] = Head("affine", first=4)
    info: ClassVar[DetectorInfo] = detector_info(
        "warp.affine",
        Text("Was this face warped and resampled into place?", zh="这张脸是否经过变形和重采样后贴入？"),
        "Y. Li, S. Lyu, Exposing DeepFake videos by detecting face warping artifacts, CVPR Workshops 2019",
        (
            GENERATED,
            Text(
                "faces that are soft for an innocent reason: focus, motion, a beauty filter",
                zh="因对焦、运动或美颜而变软的脸",
            ),
            COMPRESSED,
        ),
    )
    wording: ClassVar[Wording] = Wording(
        neither=Text("Whether the face was warped into place cannot be told.", zh="看不出人脸是否经过变形贴合。"),
        forged=Text(
            "The face shows {} traces of being warped and softened into place.",
            zh="人脸带有{}的变形、柔化后贴合的痕迹。",
        ),
        genuine=Text("No traces of warping; {} support.", zh="没有变形痕迹（{}的支持）。"),
        map=Text("Where warping and resampling seem to have softened the face.", zh="疑似经变形和重采样而变软的位置。"),
    )


detector: type[Detector] = AffineWarp
