"""``warp.boundary``: the seam along which a face was blended in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import Examiner, Wording, needs
from zhenwei.types import Detector, DetectorInfo, Evidence, InputContract, Subject, Text

_MODEL, _PART, _FIRST, _SHIFT = "face_traces", "boundary", 2, 1.2
_CONTRACT = InputContract(size_px=192, margin=0.0, min_face_px=40)
_WORDING = Wording(
    neither=Text("Whether there is a blending seam cannot be told.", zh="看不出是否有融合接缝。"),
    forged=Text(
        "A seam runs through the face, as blending one picture into another leaves; {} support.",
        zh="脸上有一条接缝，像是把一张图融合进另一张图留下的（{}的支持）。",
    ),
    genuine=Text("No blending seam is seen; {} support.", zh="没有发现融合接缝（{}的支持）。"),
    map=Text(
        "Where a blending seam seems to run.",
        zh="疑似融合接缝的位置。",
    ),
)


@dataclass(frozen=True, slots=True)
class Boundary:
    """A map of the blending boundary, 4 m (1 - m) of the blend weight m, and a verdict that sees that map alone.

    ``mirrored`` also scores the mirrored face, for pictures and short tracks; from ``enough`` faces on it is left out.
    ``most``: faces of a track that are looked at, evenly spread.
    """

    mirrored: bool = True
    enough: int = 8
    most: int = 16

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="warp.boundary",
        question=Text("Does a blending seam run through this face?", zh="这张脸上是否有融合接缝？"),
        takes=("image", "video"),
        level="person",
        needs=needs(_CONTRACT),
        reference="L. Li et al., Face X-ray for more general face forgery detection, CVPR 2020",
        blind_spots=(
            Text(
                "wholly generated faces: nothing was put in, so there is no trace of putting in",
                zh="整张由模型生成的脸：没有拼入，也就没有拼入的痕迹",
            ),
            Text(
                "animated portraits and other forgeries without a pasted region",
                zh="整头驱动的动画等没有拼接区域的伪造",
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
        return Examiner(
            self.info, _CONTRACT, _WORDING, self.mirrored, self.enough, self.most, _PART, _FIRST, _SHIFT
        ).examine(subject)


detector: type[Detector] = Boundary
