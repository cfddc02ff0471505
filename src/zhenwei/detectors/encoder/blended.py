"""``encoder.blended``: was another face put into this one? A head on the shared encoder."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.detectors._faces import COMPRESSED, Wording
from zhenwei.detectors.encoder._heads import MAP, EncoderHead, detector_info, head_of
from zhenwei.types import Detector, Text


@dataclass(frozen=True, slots=True)
class Blended(EncoderHead):
    """Learned from forgeries made of genuine faces and from collected swaps, each source of which was left out once."""

    head = head_of("blended", first=0)
    wording = Wording(
        neither=Text("Nothing says whether the face was put in.", zh="看不出这张脸是否被换入。"),
        forged=Text("The face shows {} signs of having been blended in.", zh="这张脸带有{}的融合拼入迹象。"),
        genuine=Text(
            "The face and its surroundings belong together; {} support.", zh="这张脸与周围浑然一体（{}的支持）。"
        ),
        map=MAP,
    )
    info = detector_info(
        "encoder.blended",
        Text("Was another face put into this one, or parts of it?", zh="这张脸是否被换入了别人的脸或其中一部分？"),
        "altered",
        (
            Text(
                "forgeries in which nothing is put in: animated heads and wholly generated faces",
                zh="没有拼入任何东西的伪造：整头驱动的动画与整张生成的脸",
            ),
            COMPRESSED,
            Text("profiles and faces partly covered", zh="侧脸和被遮挡的脸"),
        ),
    )


detector: type[Detector] = Blended
