"""``traditional.exposure``: are the dark and bright ends of the histogram as full as a camera leaves them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.detectors._answers import NO_FACE, abstain, axis, evenly, face_too_small, from_faces, withheld
from zhenwei.detectors._faces import FEW_COLOURS, is_palette
from zhenwei.detectors.traditional._shared import inside
from zhenwei.signals import exposure
from zhenwei.signals.colour import is_grey
from zhenwei.types import (
    Curve,
    Detector,
    DetectorInfo,
    Evidence,
    Face,
    Floats,
    Frame,
    ImageExhibit,
    Pixels,
    Subject,
    Text,
    Track,
)

_MODEL = "exposure"
_MIN_PX = 48
_MIN_LLR = 0.2  # below it, what is said moves nobody's odds
_DARK, _BRIGHT = np.array((40, 110, 255), np.float32), np.array((255, 60, 30), np.float32)
_LOWEST_SHARE = 1e-5

_GENERATED = Text(
    "The darkest and brightest tones are spread more as generators draw them than as cameras record them; a weak hint.",
    zh="最暗和最亮的色调分布更像生成模型所绘，而不像相机所摄；这只是较弱的提示。",
)
_NEITHER = Text("The exposure does not lean either way.", zh="曝光情况看不出倾向。")
_PHOTOGRAPHED = Text(
    "The darkest and brightest tones are spread as cameras record them; a weak hint.",
    zh="最暗和最亮的色调分布与相机所摄相符；这只是较弱的提示。",
)
_NO_TRACE = Text(
    "exposure and saturation do not point to a generator, which says nothing of other kinds of forgery",
    zh="曝光和饱和度没有指向生成模型，但这不能说明有无其他方式的伪造",
)

_ONLY_FACE = Text(
    "only the face can be seen: whole pictures are what it knows", zh="画面中只有人脸，而它只了解完整画面"
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Scores up to ``most`` faces of one person, evenly spread, each with its whole picture; their trimmed mean counts.

    It abstains unless exposure points to a generator: full tails are easily had by raising the contrast. With
    ``always`` it answers all the same, as for measuring it. The score is given either way.
    """

    most: int = 8
    always: bool = False

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="traditional.exposure",
        question=Text(
            "Do the darkest and brightest tones look recorded by a camera, or drawn by a generator?",
            zh="最暗和最亮的色调像是相机拍下的，还是生成模型绘制的？",
        ),
        takes=("image",),
        level="person",
        needs=(
            Text(f"a face of at least {_MIN_PX} px", zh=f"至少 {_MIN_PX} 像素的人脸"),
            Text("surroundings of the face", zh="人脸周围的画面"),
            Text("a picture in more than 256 colours", zh="多于 256 种颜色的彩色画面"),
        ),
        reference="S. McCloskey & M. Albright, Detecting GAN-generated imagery using saturation cues, ICIP 2019 "
        "(arXiv:1812.08247); counts at several thresholds, logistic regression",
        blind_spots=(
            Text(
                "any tone-mapped, re-exposed or filtered picture: brightness, contrast and HDR make or remove the cue",
                zh="任何经过色调映射、重新曝光或滤镜处理的图片：亮度、对比度和 HDR 都会产生或抹去这一线索",
            ),
            Text(
                "soft studio light, fog and matt photographs, which have thin tails without being generated",
                zh="柔和的影棚光、雾景和哑光照片：它们未经生成，两端色调也很少",
            ),
            Text("generators unlike StyleGAN, such as diffusion models", zh="与 StyleGAN 不同的生成模型，如扩散模型"),
            Text("a face swapped into a genuine picture", zh="换入真实图片中的脸"),
        ),
        models=(_MODEL,),
        finds="generated",
    )

    def examine(self, subject: Subject) -> Evidence:
        track = subject.track
        if track is None or not track.faces:
            return abstain(self.info, NO_FACE)
        pairs = [(face, subject.frame(face.frame)) for face in evenly(track.faces, self.most)]
        large = [pair for pair in pairs if _size(*pair) >= _MIN_PX]
        if not large:
            return abstain(self.info, face_too_small(_MIN_PX), person=track.person)
        whole = [pair for pair in large if not pair[0].tight]
        if not whole:
            return abstain(self.info, _ONLY_FACE, person=track.person)
        coloured = [(f, frame) for f, frame in whole if not is_grey(exposure.sampled(_part(frame.pixels, f)))]
        if not coloured:
            return abstain(self.info, Text("the picture has no colours", zh="画面没有颜色"), person=track.person)
        recorded = [(f, frame) for f, frame in coloured if not is_palette(frame.pixels, f.box)]
        if not recorded:  # a palette has no tails
            return abstain(self.info, FEW_COLOURS, person=track.person)
        evidence = self._evidence(track, recorded)
        if self.always or evidence.llr is None or evidence.llr >= _MIN_LLR:
            return evidence
        return withheld(evidence, _NO_TRACE)

    def _evidence(self, track: Track, seen: Sequence[tuple[Face, Frame]]) -> Evidence:
        rows = np.stack([face_features(frame.pixels, face) for face, frame in seen])
        (scores,) = models.load(_MODEL).run(rows)
        evidence = from_faces(self.info, track.person, [face for face, _ in seen], [float(s) for s in scores])
        face, frame = seen[int(np.argsort(scores, kind="stable")[len(seen) // 2])]
        exhibits = _exhibits(face, frame, moving=len(seen) > 1)
        return replace(evidence, finding=_finding(evidence.llr or 0.0), exhibits=exhibits)


def face_features(pixels: Pixels, face: Face) -> Floats:
    """What the classifier is given of one face and its whole picture: ``(72,)`` float32."""
    return np.concatenate([exposure.features(_part(pixels, face)), exposure.features(pixels)])


def _part(pixels: Pixels, face: Face) -> Pixels:
    return pixels[inside(pixels, face.box)]


def _size(face: Face, frame: Frame) -> float:
    """The shorter side of what is seen of the face."""
    return float(min(face.quality.face_px, *_part(frame.pixels, face).shape[:2]))


def _finding(llr: float) -> Text:
    if llr >= _MIN_LLR:
        return _GENERATED
    return _PHOTOGRAPHED if llr <= -_MIN_LLR else _NEITHER


def _exhibits(face: Face, frame: Frame, *, moving: bool) -> tuple[ImageExhibit | Curve, ...]:
    rows = exposure.histograms(exposure.sampled(_part(frame.pixels, face)))[exposure.CHANNELS.index("luma")]
    curve = Curve(
        Text(
            "Histogram of the face: how many pixels (log10 of the share) at each brightness; the ends are its tails",
            zh="人脸的直方图：各亮度的像素占比（以 10 为底的对数）；两端即为尾部",
        ),
        Text("brightness (0 = black, 255 = white)", zh="亮度（0 为黑，255 为白）"),
        Text("log10 of the share of pixels", zh="像素占比的对数（以 10 为底）"),
        axis(range(256), 0),
        axis(np.log10(np.maximum(rows, _LOWEST_SHARE)), 4),
    )
    step = max(1, -(-max(frame.pixels.shape[:2]) // 640))
    small = np.ascontiguousarray(frame.pixels[::step, ::step])
    image = ImageExhibit(
        Text(
            "Where a colour is clipped: blue in the shadows, red in the highlights. It shows exposure, not forgery.",
            zh="颜色被截断之处：阴影为蓝色，高光为红色。此图显示曝光，而非伪造之处。",
        ),
        _clipping(small),
        face.time_s if moving else None,
        small,
    )
    return (curve, image)


def _clipping(small: Pixels) -> Pixels:
    """The picture in grey, clipped shadows in blue and clipped highlights in red."""
    grey = np.repeat(exposure.luma(small)[..., None], 3, axis=2).astype(np.float32)
    dark, bright = exposure.clipped(small)
    grey[dark] = 0.4 * grey[dark] + 0.6 * _DARK
    grey[bright] = 0.4 * grey[bright] + 0.6 * _BRIGHT
    return np.rint(grey).astype(np.uint8)


detector: type[Detector] = Exposure
