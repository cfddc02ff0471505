"""``cnn.synthetic_image``: a compact network that looks for the traces of a generator in a whole portrait."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from zhenwei.detectors._answers import withheld
from zhenwei.detectors._faces import Examiner, Wording, needs
from zhenwei.types import Detector, DetectorInfo, Evidence, InputContract, Subject, Text

_MODEL = "synthetic_image"
_CONTRACT = InputContract(size_px=192, margin=0.27, min_face_px=64)
_WORDING = Wording(
    neither=Text("The portrait does not lean either way.", zh="这张人像看不出倾向。"),
    forged=Text("The portrait shows {} traces of a generator.", zh="这张人像带有{}的生成模型痕迹。"),
    genuine=Text("The portrait looks photographed; {} support.", zh="这张人像看起来是拍摄的（{}的支持）。"),
    map=Text(
        "Which parts look generated to the network. A generated picture is generated everywhere: the map shows where "
        "that can be seen, not what was altered.",
        zh="网络认为哪些部分像是生成的。生成的图片处处都是生成的：此图显示何处可见痕迹，而非何处被改动。",
    ),
)

_LEAST = math.log(2)
_NO_TRACE = Text(
    "no clear trace of a generator that it knows; that does not speak against other kinds of forgery",
    zh="没有发现已知生成模型的明显痕迹；这并不能排除其他方式的伪造",
)


@dataclass(frozen=True, slots=True)
class SyntheticImage:
    """Scores up to ``most`` faces of one person, evenly spread, with some of their surroundings; the person's score is
    the trimmed mean. A generator leaves its traces in every frame alike, so that more would only take longer.

    ``mirrored`` also scores the left-right mirrored picture and takes the mean, for pictures and short tracks. From
    ``enough`` faces on it is left out. It abstains unless the traces at least double the odds: to see none of a
    generator that it knows says nothing of other generators, and nothing of swapped faces. With ``always`` it answers
    all the same, as for measuring it. The score is given either way.
    """

    mirrored: bool = True
    enough: int = 8
    most: int = 8
    always: bool = False

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="cnn.synthetic_image",
        question=Text(
            "Was this whole face or picture drawn by a generator?", zh="整张脸或整幅图片是否由生成模型绘制？"
        ),
        takes=("image", "video"),
        level="person",
        needs=needs(_CONTRACT),
        reference="EfficientNet-Lite0 (Tan & Le 2019) trained on StyleGAN faces against the photographs that they were "
        "learned from, with exchanged rectangles (after Yun et al. 2019)",
        blind_spots=(
            Text(
                "generators unlike the one it learned from, above all diffusion models: it may see nothing in them",
                zh="与训练所见不同的生成模型，尤其是扩散模型：可能看不出任何痕迹",
            ),
            Text(
                "pictures that were shrunk to a fraction, strongly compressed or filtered after generation",
                zh="生成之后又经大幅缩小、强压缩或滤镜处理的图片",
            ),
            Text("a face swapped into a genuine picture", zh="换入真实图片中的脸"),
            Text("pictures without a face", zh="没有人脸的图片"),
        ),
        models=(_MODEL,),
        finds="generated",
        contract=_CONTRACT,
    )

    def examine(self, subject: Subject) -> Evidence:
        evidence = Examiner(self.info, _CONTRACT, _WORDING, self.mirrored, self.enough, self.most).examine(subject)
        if self.always or evidence.llr is None or evidence.llr >= _LEAST:
            return evidence
        return withheld(evidence, _NO_TRACE)


detector: type[Detector] = SyntheticImage
