"""What the detectors of the shared encoder have in common: one network, one pass a person, an answer and a map each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zhenwei.detectors._faces import Head, SharedHead, head_info
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
class EncoderHead(SharedHead):
    """Few faces, not mirrored: a pass costs as much as twenty of the small networks."""

    mirrored: bool = False
    enough: int = 2
    most: int = 4

    contract = CONTRACT

    def examine(self, subject: Subject) -> Evidence:
        """What a score is worth is known of pictures and of clips apart: a stream lifts all of them."""
        found = self.examiner()
        part = of_clips(found.part) if subject.media.kind == "video" else found.part
        return replace(found, part=part).examine(subject)


def of_clips(part: str) -> str:
    """The calibration for clips of the head whose calibration for pictures is ``part``."""
    return f"{part}_clips"


def head_of(part: str, first: int) -> Head:
    """Scores of a head are the mean of its map, which has no zero of its own."""
    return Head(part, first, relative=True)


def detector_info(id_: str, question: Text, finds: Forgery, blind_spots: tuple[Text, ...]) -> DetectorInfo:
    """The catalogue entry of one of them."""
    # At every depth: of what looks at single faces it alone tells clips of unknown sources apart.
    return head_info(id_, question, REFERENCE, blind_spots, model=MODEL, contract=CONTRACT, finds=finds, depth="fast")
