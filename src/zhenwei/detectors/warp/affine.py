"""``warp.affine``: traces of a face that was warped and resampled into place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import Examiner, Wording, needs
from zhenwei.types import Detector, DetectorInfo, Evidence, InputContract, Subject, Text

_MODEL, _PART, _FIRST = "face_traces", "affine", 4
_CONTRACT = InputContract(size_px=192, margin=0.0, min_face_px=40)
_WORDING = Wording(
    neither=Text("Whether the face was warped into place cannot be told.", zh="看不出人脸是否经过变形贴合。"),
    forged=Text(
        "The face shows {} traces of being warped and softened into place.", zh="人脸带有{}的变形、柔化后贴合的痕迹。"
    ),
    genuine=Text("No traces of warping; {} support.", zh="没有变形痕迹（{}的支持）。"),
    map=Text(
        "Where warping and resampling seem to have softened the face.",
        zh="疑似经变形和重采样而变软的位置。",
    ),
)


@dataclass(frozen=True, slots=True)
class AffineWarp:
    """Scores regions of interest over the face for resampling traces; the more suspicious half counts, as in the paper.

    ``mirrored`` also scores the mirrored face, for pictures and short tracks; from ``enough`` faces on it is left out.
    ``most``: faces of a track that are looked at, evenly spread.
    """

    mirrored: bool = True
    enough: int = 8
    most: int = 16

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="warp.affine",
        question=Text("Was this face warped and resampled into place?", zh="这张脸是否经过变形和重采样后贴入？"),
        takes=("image", "video"),
        level="person",
        needs=needs(_CONTRACT),
        reference="Y. Li, S. Lyu, Exposing DeepFake videos by detecting face warping artifacts, CVPR Workshops 2019",
        blind_spots=(
            Text(
                "wholly generated faces: nothing was put in, so there is no trace of putting in",
                zh="整张由模型生成的脸：没有拼入，也就没有拼入的痕迹",
            ),
            Text(
                "faces that are soft for an innocent reason: focus, motion, a beauty filter",
                zh="因对焦、运动或美颜而变软的脸",
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


detector: type[Detector] = AffineWarp
