"""``cnn.neuron_coverage``: how strongly a face excites the layers of a network that was not trained to judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zhenwei.detectors._answers import axis
from zhenwei.detectors._faces import Examiner, FaceBatch, Wording, needs
from zhenwei.types import Curve, Detector, DetectorInfo, Evidence, Floats, InputContract, Subject, Text

_MODEL = "neuron_coverage"
_CONTRACT = InputContract(size_px=192, margin=0.0, min_face_px=40)
_BAND = 2.0  # standard deviations of genuine faces
_WORDING = Wording(
    neither=Text(
        "The face excites the network as genuine and forged faces both do.", zh="网络对这张脸的反应看不出倾向。"
    ),
    forged=Text(
        "The face excites the network as forged faces do; {} support.",
        zh="网络对这张脸的反应像是伪造的脸（{}的支持）。",
    ),
    genuine=Text(
        "The face excites the network as genuine faces do; {} support.",
        zh="网络对这张脸的反应像是真实的脸（{}的支持）。",
    ),
    map=Text("", zh=""),
)


@dataclass(frozen=True, slots=True)
class NeuronCoverage:
    """The share of neurons in each layer that are more active than usual, and a linear verdict on these shares.

    ``mirrored`` also asks about the mirrored face, for pictures and short tracks; from ``enough`` faces on it is left
    out. ``most``: faces of a track that are looked at, evenly spread.
    """

    mirrored: bool = True
    enough: int = 4
    most: int = 8

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="cnn.neuron_coverage",
        question=Text(
            "Does this face excite the layers of a network as strongly as genuine faces do?",
            zh="这张脸在网络各层激发的神经元数量与真实人脸相当吗？",
        ),
        takes=("image", "video"),
        level="person",
        needs=needs(_CONTRACT),
        reference="R. Wang et al., FakeSpotter: a simple yet robust baseline for spotting AI-synthesized fake faces, "
        "IJCAI 2020",
        blind_spots=(
            Text("what the excitation is about: it counts neurons, not traces", zh="只数神经元，不看具体痕迹"),
            Text(
                "unusual light, contrast or sharpness, which excite it unusually too",
                zh="异常的光照、对比度或清晰度同样会影响它",
            ),
            Text("strong compression and filters", zh="强压缩和滤镜"),
        ),
        models=(_MODEL,),
        contract=_CONTRACT,
    )

    def examine(self, subject: Subject) -> Evidence:
        way = (self.mirrored, self.enough, self.most)
        return Examiner(self.info, _CONTRACT, _WORDING, *way, draw=_draw).examine(subject)


def _draw(_batch: FaceBatch, departures: Floats) -> tuple[Curve, ...]:
    """The mean departure of each layer, beside the band in which nineteen of twenty genuine faces lie."""
    mean = np.mean(departures, axis=0)
    caption = Text(
        "Neurons excited in each layer, from the first to the last, as departure from genuine faces; most of these lie "
        f"within {_BAND:g} either way",
        zh=f"由浅到深各层被激发的神经元数量与真实人脸的偏差；大多数真实人脸在 ±{_BAND:g} 以内",
    )
    layer, deviations = Text("layer", zh="层"), Text("standard deviations", zh="标准差")
    return (Curve(caption, layer, deviations, axis(range(1, len(mean) + 1), 0), axis(mean, 4), _BAND),)


detector: type[Detector] = NeuronCoverage
