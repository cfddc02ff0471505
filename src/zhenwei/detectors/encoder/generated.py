"""``encoder.generated``: was this face drawn by a generator of pictures? A head on the shared encoder."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.detectors._faces import COMPRESSED, Wording
from zhenwei.detectors.encoder._heads import EncoderHead, detector_info, head_of
from zhenwei.types import Detector, Text


@dataclass(frozen=True, slots=True)
class Generated(EncoderHead):
    """Learned from pictures of several generators, and from photographs sent through a decoder."""

    head = head_of("generated", first=4)
    wording = Wording(
        neither=Text("Nothing says whether the face was generated.", zh="看不出这张脸是否由模型生成。"),
        forged=Text("The face shows {} signs of a generator.", zh="这张脸带有{}的生成迹象。"),
        genuine=Text("The face looks photographed; {} support.", zh="这张脸看起来是拍摄的（{}的支持）。"),
        map=Text(
            "Which parts add most to the score, compared with the rest of this face. A generated picture is generated "
            "everywhere.",
            zh="与脸的其余部分相比，哪些区域对得分贡献最大。生成的图片处处都是生成的。",
        ),
    )
    info = detector_info(
        "encoder.generated",
        Text("Was this face drawn by a generator of pictures?", zh="这张脸是否由图像生成模型绘制？"),
        "generated",
        (
            Text("generators whose pictures were made much smaller afterwards", zh="生成之后又大幅缩小的图片"),
            COMPRESSED,
            Text("a face swapped into a genuine picture", zh="换入真实图片中的脸"),
        ),
    )


detector: type[Detector] = Generated
