"""What the four detectors of ``face_traces`` share: one network, one pass a person, an answer and a map for each."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.detectors._faces import SharedHead, head_info
from zhenwei.types import DetectorInfo, InputContract, Text

_MODEL = "face_traces"
_CONTRACT = InputContract(size_px=192, margin=0.0, min_face_px=40)
GENERATED = Text(
    "wholly generated faces: nothing was put in, so there is no trace of putting in",
    zh="整张由模型生成的脸：没有拼入，也就没有拼入的痕迹",
)
ANIMATED = Text(
    "animated portraits and other forgeries without a pasted region",
    zh="整头驱动的动画等没有拼接区域的伪造",
)


@dataclass(frozen=True, slots=True)
class FaceTraces(SharedHead):
    mirrored: bool = True
    enough: int = 8
    most: int = 16

    contract = _CONTRACT


def detector_info(id_: str, question: Text, reference: str, blind_spots: tuple[Text, ...]) -> DetectorInfo:
    """The catalogue entry of one of them."""
    return head_info(id_, question, reference, blind_spots, model=_MODEL, contract=_CONTRACT)
