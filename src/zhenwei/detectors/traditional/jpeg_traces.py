"""``traditional.jpeg_traces``: does a part of the picture have another JPEG history than the rest?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.detectors._answers import NO_STILL_IMAGE, abstain, from_score, image_too_small, withheld
from zhenwei.detectors.traditional._shared import heated
from zhenwei.signals import jpeg
from zhenwei.signals.shown import shrunk
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, ImageExhibit, Pixels, Subject, Text

_MODEL = "jpeg_traces"
_MIN_PX = 128
_MAX_PX = 400  # camera originals of several megapixels were called spliced, four of 26
_MIN_PLACES = 60
_MIN_DIP = 0.3  # octaves: less, and nothing says that the picture ever was a JPEG
_MIN_GRID = 0.15  # grey levels of lead from which the grid is where it seems to be
_MIN_TAIL = 0.01  # added before the logarithm
_TAIL = 7.0  # per cent of the places that may be unlike the rest
_MIN_LLR = math.log(2)
_STRONG = 3.0  # robust deviations that the map shows in full colour

_FORGED = Text(
    "A part of the picture seems to have been compressed otherwise than the rest, as pasted parts are.",
    zh="画面的一部分似乎与其余部分经历了不同的压缩，如同拼贴所致。",
)
_EVEN = Text("The whole picture seems to have been compressed alike.", zh="整幅画面似乎经历了相同的压缩。")
_NO_TRACE = Text(
    "no part stands out by its compression, which says nothing of forgeries made and saved as one",
    zh="没有哪个部分的压缩痕迹与众不同，但这不能排除整体制作并保存的伪造",
)

_TOO_LARGE = Text(
    f"the picture is larger than those it was calibrated on, {_MAX_PX} px a side",
    zh=f"图片大于校准所用的尺寸（每边 {_MAX_PX} 像素）",
)


@dataclass(frozen=True, slots=True)
class JpegTraces:
    """Looks for a region with another block grid, without the rest's double quantisation, or with another quality.

    It abstains unless some region stands out so far that it at least doubles the odds; that the picture as a whole was
    saved twice is no reason. With ``always`` it answers all the same, as for measuring it. The score is given either
    way.
    """

    always: bool = False

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="traditional.jpeg_traces",
        question=Text(
            "Was a part of the picture compressed otherwise than the rest?",
            zh="画面中是否有一部分与其余部分经历了不同的压缩？",
        ),
        takes=("image",),
        level="file",
        needs=(
            Text(f"at least {_MIN_PX} px on each side", zh=f"每边至少 {_MIN_PX} 像素"),
            Text("traces of JPEG compression, and some detail", zh="JPEG 压缩痕迹和一定的细节"),
        ),
        reference="H. Farid, Exposing digital forgeries from JPEG ghosts, TIFS 2009; Z. Lin et al., tampered JPEG "
        "detection via DCT coefficient analysis, Pattern Recognition 2009; block grid after W. Li et al. 2009",
        blind_spots=(
            Text("a strong last compression, or resizing after forging, which wipe out what came before",
                 zh="伪造之后的强压缩或缩放，会抹去此前的痕迹"),
            Text("parts pasted from pictures of the same history, and face swaps saved as one with their picture",
                 zh="历史相同的图片之间的拼贴，以及与整图一同保存的换脸"),
            Text("very unequal texture, overlaid text and frames, which can look like another history",
                 zh="纹理极不均匀、叠加文字和边框，可能看似不同的压缩历史"),
            Text("anything but small still pictures", zh="小尺寸静态图片以外的一切"),
        ),
        models=(_MODEL,),
    )  # fmt: skip

    def examine(self, subject: Subject) -> Evidence:
        if subject.media.kind != "image" or not subject.frames:
            return abstain(self.info, NO_STILL_IMAGE)
        pixels = subject.frames[0].pixels
        if min(pixels.shape[:2]) < _MIN_PX:
            return abstain(self.info, image_too_small(_MIN_PX))
        if min(pixels.shape[:2]) > _MAX_PX and not self.always:
            return abstain(self.info, _TOO_LARGE)
        traces = trace(pixels)
        if traces is None:
            return abstain(self.info, Text("too few parts of the picture hold detail", zh="画面中有细节的部分太少"))
        if traces.dip < _MIN_DIP:
            return abstain(
                self.info, Text("nothing shows that the picture ever was a JPEG", zh="没有迹象表明图片曾是 JPEG")
            )
        evidence = self._evidence(pixels, traces)
        if self.always or evidence.llr is None or evidence.llr >= _MIN_LLR:
            return evidence
        return withheld(evidence, _NO_TRACE)

    def _evidence(self, pixels: Pixels, traces: Traces) -> Evidence:
        (scores,) = models.load(_MODEL).run(traces.features[None])
        evidence = from_score(self.info, float(scores[0]))
        finding = _FORGED if (evidence.llr or 0.0) >= _MIN_LLR else _EVEN
        return replace(evidence, finding=finding, exhibits=_exhibits(pixels, traces))


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """What compression left.

    ``features``: log10 of what ``FEATURES`` names. Maps are by place, in robust deviations from the usual: ``ghost`` at
    ``quality``, the quality that divides the picture most; ``single`` where it was not saved twice as the rest, None if
    the rest was not either; ``other_grid`` where there is a second grid. ``dip``: of the last saving, octaves.
    """

    features: Floats
    ghost: Floats
    quality: int
    single: Floats | None
    other_grid: Floats
    dip: float
    offset: tuple[int, int]


def trace(pixels: Pixels) -> Traces | None:
    """The traces in ``(height, width, 3)`` uint8 RGB; None if too little of it holds any detail."""
    plane = jpeg.luma(pixels)
    steps = jpeg.grid_steps(plane)
    row, column, lead = jpeg.grid_offset(steps)
    blocks = jpeg.coefficients(plane, (row, column) if lead > _MIN_GRID else (0, 0))
    ghosts = jpeg.ghosts(blocks)
    if np.isfinite(ghosts[..., 0]).sum() < _MIN_PLACES:
        return None
    quality, dip = jpeg.last_quality(blocks)
    single, _ = jpeg.double_quantised(blocks, quality)
    other = jpeg.other_grid(steps, (row, column))
    low, high, spread = _tails(ghosts)
    below, above, deviation = _tails(single[..., None])
    del below
    _, grid, _ = _tails(other[..., None])
    features = [low.max(), high.max(), spread.max(), spread.sum(), grid[0], above[0], deviation[0]]
    most = int(spread.argmax())
    return Traces(
        features=np.log10(np.asarray(features, np.float32) + np.float32(_MIN_TAIL)),
        ghost=jpeg.unlike(ghosts[..., most]),
        quality=jpeg.QUALITIES[most + 1],
        single=jpeg.unlike(single) if deviation[0] > 0 else None,
        other_grid=jpeg.unlike(other),
        dip=dip,
        offset=(row, column),
    )


FEATURES = ("ghost below", "ghost above", "ghost spread", "ghost spreads", "other grid", "single", "single spread")


def _tails(maps: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For each map of ``(rows, columns, n)``: how far its lower and upper tails lie from its middle; its deviation."""
    known = maps[np.isfinite(maps).all(axis=2)].astype(np.float64)
    if len(known) < _MIN_PLACES:
        nothing = np.zeros(maps.shape[2])
        return nothing, nothing, nothing
    low, middle, high = np.percentile(known, [_TAIL, 50, 100 - _TAIL], axis=0)
    return middle - low, high - middle, known.std(axis=0)


def _exhibits(pixels: Pixels, traces: Traces) -> tuple[ImageExhibit, ...]:
    ghost = Text(
        f"JPEG ghost at quality {traces.quality}: yellow and red parts react to this quality otherwise than the rest. "
        "Even walls and fine texture can do so in genuine pictures.",
        zh=f"质量 {traces.quality} 的 JPEG 重影：黄色和红色部分对该质量的反应与其余部分不同。"
        "真实图片中的平整墙面和细密纹理也可能如此。",
    )
    single = Text(
        "Double compression: the picture was saved twice; yellow and red parts do not show it.",
        zh="双重压缩：图片曾保存两次；黄色和红色部分没有这种痕迹。",
    )
    small = shrunk(pixels)
    shown = [ImageExhibit(ghost, _laid_over(small, np.abs(traces.ghost)), original=small)]
    if traces.single is not None:
        shown.append(ImageExhibit(single, _laid_over(small, traces.single), original=small))
    return tuple(shown)


def _laid_over(small: Pixels, deviations: Floats) -> Pixels:
    size = (small.shape[1], small.shape[0])
    share = np.clip((np.nan_to_num(deviations) - 1) / (_STRONG - 1), 0, 1).astype(np.float32)
    return heated(small, np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR), np.float32))


detector: type[Detector] = JpegTraces
