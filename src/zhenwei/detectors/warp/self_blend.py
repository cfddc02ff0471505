"""``warp.self_blend``: the statistics of a face that was blended into its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import Examiner, Wording, needs
from zhenwei.types import Detector, DetectorInfo, Evidence, InputContract, Subject, Text

_MODEL, _PART, _FIRST = "face_traces", "self_blend", 6
_CONTRACT = InputContract(size_px=192, margin=0.0, min_face_px=40)
_WORDING = Wording(
    neither=Text("Whether the face was blended in cannot be told.", zh="看不出人脸是否为融合而成。"),
    forged=Text(
        "The inside of the face departs from its surroundings as blended faces do; {} support.",
        zh="脸的内部与周围不一致，像是融合而成（{}的支持）。",
    ),
    genuine=Text("Inside and surroundings of the face agree; {} support.", zh="脸的内部与周围一致（{}的支持）。"),
    map=Text(
        "Where the face departs from its surroundings.",
        zh="与周围不一致的位置。",
    ),
)


@dataclass(frozen=True, slots=True)
class SelfBlend:
    """Learned from genuine faces blended with slightly altered copies of themselves: what any blending leaves.

    ``mirrored`` also scores the mirrored face, for pictures and short tracks; from ``enough`` faces on it is left out.
    ``most``: faces of a track that are looked at, evenly spread.
    """

    mirrored: bool = True
    enough: int = 8
    most: int = 16

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="warp.self_blend",
        question=Text(
            "Do the inside of this face and its surroundings come from one picture?",
            zh="这张脸的内部与周围是否出自同一幅图？",
        ),
        takes=("image", "video"),
        level="person",
        needs=needs(_CONTRACT),
        reference="K. Shiohara, T. Yamasaki, Detecting deepfakes with self-blended images, CVPR 2022",
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
        return Examiner(self.info, _CONTRACT, _WORDING, self.mirrored, self.enough, self.most, _PART, _FIRST).examine(
            subject
        )


detector: type[Detector] = SelfBlend
