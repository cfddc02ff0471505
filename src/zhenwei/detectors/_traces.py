"""What the four detectors of ``face_traces`` share: one network, one pass a person, an answer and a map for each.

A detector of these is a subclass that says what it asks (``info``), in which words it answers and which outputs are
its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import Examiner, Wording, needs
from zhenwei.types import DetectorInfo, Evidence, InputContract, Subject, Text

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
class Head:
    """Of the network: its calibration is ``part``, its scores are output ``first``, its map the next. ``shift``: see
    ``Examiner``."""

    part: str
    first: int
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class FaceTraces:
    """``mirrored`` also scores the mirrored face, for pictures and short tracks; from ``enough`` faces on it is left
    out. ``most``: faces of a track that are looked at, evenly spread."""

    mirrored: bool = True
    enough: int = 8
    most: int = 16

    info: ClassVar[DetectorInfo]
    wording: ClassVar[Wording]
    head: ClassVar[Head]

    def examine(self, subject: Subject) -> Evidence:
        return self.examiner().examine(subject)

    def examiner(self) -> Examiner:
        way, head = (self.mirrored, self.enough, self.most), self.head
        return Examiner(self.info, _CONTRACT, self.wording, *way, part=head.part, first=head.first, shift=head.shift)


def detector_info(
    id_: str,
    question: Text,
    reference: str,
    blind_spots: tuple[Text, ...],
) -> DetectorInfo:
    """The catalogue entry of one of them."""
    return DetectorInfo(
        id=id_,
        question=question,
        takes=("image", "video"),
        level="person",
        needs=needs(_CONTRACT),
        reference=reference,
        blind_spots=blind_spots,
        models=(_MODEL,),
        contract=_CONTRACT,
    )
