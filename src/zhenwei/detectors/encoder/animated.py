"""``encoder.animated``: was this head set in motion or drawn by a generator of video? A head on the shared encoder."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.detectors._faces import COMPRESSED, Wording
from zhenwei.detectors.encoder._heads import MAP, EncoderHead, detector_info, head_of
from zhenwei.types import Detector, Text


@dataclass(frozen=True, slots=True)
class Animated(EncoderHead):
    """Learned from talking heads of several methods, each of which was left out once to see how it is found unseen."""

    head = head_of("animated", first=2)
    wording = Wording(
        neither=Text("Nothing says whether the head was animated.", zh="看不出这个头像是否由动画驱动。"),
        forged=Text(
            "The head shows {} signs of having been animated by a network.", zh="这个头像带有{}的网络驱动迹象。"
        ),
        genuine=Text(
            "The head looks like one that a camera took; {} support.", zh="这个头像看起来由相机拍摄（{}的支持）。"
        ),
        map=MAP,
    )
    info = detector_info(
        "encoder.animated",
        Text(
            "Was this head animated, or drawn by a generator of video?",
            zh="这个头像是否由网络驱动或由视频生成模型绘制？",
        ),
        "animated",
        (
            Text(
                "heads that were rendered and compressed together with their originals, at low resolution",
                zh="低分辨率下与原片一同渲染并压缩的头像",
            ),
            COMPRESSED,
            Text("a face swapped into a genuine recording", zh="换入真实录像中的脸"),
        ),
    )


detector: type[Detector] = Animated
