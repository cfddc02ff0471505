"""``cnn.face_forgery``: a compact network trained on face swaps and on forgeries made from genuine faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import COMPRESSED, Examiner, Wording, needs
from zhenwei.types import Detector, DetectorInfo, Evidence, InputContract, Subject, Text

_MODEL = "face_forgery"
_CONTRACT = InputContract(size_px=192, margin=0.0, min_face_px=40)
_WORDING = Wording(
    neither=Text("The face does not lean either way.", zh="这张脸看不出倾向。"),
    forged=Text("The face shows {} traces of forgery.", zh="这张脸带有{}的伪造痕迹。"),
    genuine=Text("The face looks untouched; {} support.", zh="这张脸看起来未经改动（{}的支持）。"),
    map=Text(
        "Where the network finds traces. It shows attention, it is not a map of the forgery.",
        zh="网络在哪些区域发现痕迹。这是关注区域，并不是伪造区域图。",
    ),
)


@dataclass(frozen=True, slots=True)
class FaceForgery:
    """Scores up to ``most`` faces of one person, evenly spread; the person's score is the trimmed mean over time. All
    32 of a clip move the LLR by 0.04 on average (0.11 at most, 27 clips), at twice the cost.

    ``mirrored`` also scores the left-right mirrored face and takes the mean, for pictures and short tracks (it costs
    as much again; over many frames the mean does the same). From ``enough`` faces on it is left out.
    """

    mirrored: bool = True
    enough: int = 8
    most: int = 16

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="cnn.face_forgery",
        question=Text(
            "Does this face carry the traces that face swaps, blending, warping or a generator leave?",
            zh="这张脸是否带有换脸、融合、变形或生成模型留下的痕迹？",
        ),
        takes=("image", "video"),
        level="person",
        needs=needs(_CONTRACT),
        reference="EfficientNet-Lite0 (Tan & Le 2019) trained on face swaps (DFDC), self-blended faces (Shiohara & "
        "Yamasaki 2022), affine-warped faces (Li & Lyu 2019) and StyleGAN faces",
        blind_spots=(
            Text(
                "forgeries of a kind unlike those it learned from, above all whole-head animation and text-to-video",
                zh="与训练所见不同的伪造方式，尤其是整头驱动的动画和文生视频",
            ),
            COMPRESSED,
            Text(
                "profiles, faces partly covered, heavy make-up and beauty filters",
                zh="侧脸、被遮挡的脸、浓妆和美颜滤镜",
            ),
            Text("anything outside the face", zh="人脸以外的一切"),
        ),
        models=(_MODEL,),
        contract=_CONTRACT,
        depth="fast",
    )

    def examine(self, subject: Subject) -> Evidence:
        return Examiner(self.info, _CONTRACT, _WORDING, self.mirrored, self.enough, self.most).examine(subject)


detector: type[Detector] = FaceForgery
