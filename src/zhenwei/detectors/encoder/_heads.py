"""What the detectors of the shared encoder have in common: one network, one pass a person, an answer and a map each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._faces import Examiner, Wording, needs
from zhenwei.types import DetectorInfo, Evidence, Forgery, InputContract, Subject, Text

MODEL = "face_encoder"
CONTRACT = InputContract(size_px=224, margin=0.2, min_face_px=48)
REFERENCE = (
    "CLIP ViT-B/16 (Radford et al. 2021), its first blocks with norms and biases tuned (after Yermakov et al. 2025) on "
    "self-made forgeries: self-blends (Shiohara & Yamasaki 2022) and round trips through a latent autoencoder"
)

MAP = Text(
    "Which parts add most to the score, compared with the rest of this face; no map of what was altered.",
    zh="与脸的其余部分相比，哪些区域对得分贡献最大；这并不是改动区域图。",
)


@dataclass(frozen=True, slots=True)
class EncoderHead:
    """``most``: faces of a person that are looked at, evenly spread: a pass costs as much as twenty of the small
    networks. ``mirrored`` also looks at the mirrored face and takes the mean, for twice the cost; from ``enough`` faces
    on it is left out."""

    mirrored: bool = False
    enough: int = 2
    most: int = 4

    info: ClassVar[DetectorInfo]
    wording: ClassVar[Wording]
    part: ClassVar[str]
    first: ClassVar[int]

    def examine(self, subject: Subject) -> Evidence:
        return self.examiner().examine(subject)

    def examiner(self) -> Examiner:
        way = (self.mirrored, self.enough, self.most)
        return Examiner(self.info, CONTRACT, self.wording, *way, part=self.part, first=self.first, relative=True)


def detector_info(id_: str, question: Text, finds: Forgery, blind_spots: tuple[Text, ...]) -> DetectorInfo:
    """The catalogue entry of one of them."""
    return DetectorInfo(
        id=id_,
        question=question,
        takes=("image", "video"),
        level="person",
        needs=needs(CONTRACT),
        reference=REFERENCE,
        blind_spots=blind_spots,
        models=(MODEL,),
        contract=CONTRACT,
        finds=finds,
    )
