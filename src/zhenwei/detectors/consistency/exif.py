"""``consistency.exif``: were all parts of the picture taken and processed alike?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.detectors._answers import NO_STILL_IMAGE, abstain, from_score, image_too_small, withheld
from zhenwei.signals import agreement
from zhenwei.signals.shown import shrunk
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, ImageExhibit, Pixels, Subject, Text

_MODEL = "self_consistency"
_PATCH_PX = 128
_MIN_PX = 192
_MAX_ACROSS = 12
_LARGEST_PX = 640  # nothing larger was calibrated on; places of large photographs differ more, by depth of field alone
_BATCH = 8
_MIN_SPREAD = 4.0  # grey levels: deviation of a patch that shows anything
_MIN_PATCHES = 9
_MIN_SCORE = 0.39
"""Exceeded by 14 % of held-out splices of two cameras and by 2 % of genuine pictures, 9 % of the worst source (stock
portraits, whose backgrounds are blurred). The LLR alone does not part them: half of the splices that it was calibrated
on have another JPEG history only, which the network does not see, so that it stays below 0.2."""
_RED = np.array((255, 40, 0), np.float32)

_FORGED = Text(
    "A part of the picture seems to come from another camera or to have been processed otherwise; a hint of pasting.",
    zh="画面的一部分似乎来自另一台相机或经过不同的处理；这是拼贴的提示。",
)
_ALIKE = Text(
    "All parts of the picture seem to have been taken and processed alike.",
    zh="画面各部分的成像与处理似乎一致。",
)
_TOO_LARGE = Text(
    "larger than the pictures that it was calibrated on; the larger a genuine photograph, the more its places differ",
    zh="图片大于其校准所用的图片：真实照片越大，各处差异越大",
)
_UNDECIDED = Text(
    "no part of the picture stands out from the others more than in genuine pictures; that does not speak against "
    "other kinds of forgery",
    zh="画面没有哪一部分比真实图片中更为突出；这并不能排除其他方式的伪造",
)


@dataclass(frozen=True, slots=True)
class Exif:
    """Compares patches of 128 px with each other, at most 12 along the longer side.

    The score is the paper's, in [0, 1]: by how much patches depart on average from what most of them agree with. With
    ``always`` a finding is given however weak it is and however large the picture, as for measuring; without, only one
    that speaks for pasting, since that all parts agree says nothing of faces swapped or pictures generated.
    """

    always: bool = False

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="consistency.exif",
        question=Text(
            "Were all parts of the picture taken and processed alike?", zh="画面各部分的成像与处理是否一致？"
        ),
        takes=("image",),
        level="file",
        needs=(
            Text(
                f"at least {_MIN_PX} px on each side and at most {_LARGEST_PX}",
                zh=f"每边至少 {_MIN_PX} 像素，至多 {_LARGEST_PX} 像素",
            ),
            Text("parts that are neither flat nor burnt out", zh="既不平坦也不过曝的部分"),
        ),
        reference="M. Huh, A. Liu, A. Owens, A. Efros, Fighting Fake News: Image Splice Detection via Learned "
        "Self-Consistency, ECCV 2018",
        blind_spots=(
            Text("parts pasted from a picture of the same camera and processing, and face swaps that match it",
                 zh="来自相同相机和处理流程的拼贴，以及与其匹配的换脸"),
            Text("small pasted parts: a patch is 128 px wide", zh="较小的拼贴区域：图块宽 128 像素"),
            Text("strong compression or shrinking after pasting", zh="拼贴之后的强压缩或缩小"),
            Text("blurred backgrounds, overlaid text and portrait modes, which genuine pictures have",
                 zh="真实图片中也有的虚化背景、叠加文字和人像模式"),
            Text("video, and pictures generated as a whole", zh="视频，以及整体生成的图片"),
        ),
        models=(_MODEL,),
        depth="full",
    )  # fmt: skip

    def examine(self, subject: Subject) -> Evidence:
        if subject.media.kind != "image" or not subject.frames:
            return abstain(self.info, NO_STILL_IMAGE)
        pixels = subject.frames[0].pixels
        if min(pixels.shape[:2]) < _MIN_PX:
            return abstain(self.info, image_too_small(_MIN_PX))
        if max(pixels.shape[:2]) > _LARGEST_PX and not self.always:
            return abstain(self.info, _TOO_LARGE)
        at = telling(pixels)
        if len(at) < _MIN_PATCHES:
            return abstain(self.info, Text("too few parts of the picture show any detail", zh="画面中有细节的部分太少"))
        evidence = self._evidence(pixels, at, agreement.parted(compared(pixels, at)))
        if self.always or found_enough(evidence.score, evidence.llr):
            return evidence
        return withheld(evidence, _UNDECIDED)

    def _evidence(self, pixels: Pixels, at: NDArray[np.int64], found: agreement.Parted) -> Evidence:
        evidence = from_score(self.info, float(found.odd.mean()))
        finding = _FORGED if (evidence.llr or 0.0) > 0 else _ALIKE
        return replace(evidence, finding=finding, exhibits=(_exhibit(pixels, at, found),))


def found_enough(score: float | None, llr: float | None) -> bool:
    """Whether it is worth telling: much departs, and that speaks for pasting."""
    return score is not None and llr is not None and score >= _MIN_SCORE and llr > 0


def telling(pixels: Pixels) -> NDArray[np.int64]:
    """``(n, 2)`` row and column of the patches of ``(height, width, 3)`` uint8 RGB that show anything."""
    at = agreement.corners(pixels.shape[0], pixels.shape[1], _PATCH_PX, _MAX_ACROSS)
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    kept = [float(grey[r : r + _PATCH_PX, c : c + _PATCH_PX].std()) >= _MIN_SPREAD for r, c in at]
    return at[np.array(kept, bool)] if len(at) else at


def compared(pixels: Pixels, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(n, n)`` logits that the patches at ``at`` share every imaging property."""
    model = models.load(_MODEL)
    points: list[Floats] = []
    margins: list[Floats] = []
    for start in range(0, len(at), _BATCH):
        cut = [pixels[r : r + _PATCH_PX, c : c + _PATCH_PX] for r, c in at[start : start + _BATCH]]
        batch = np.stack(cut).astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
        scaled, margin = model.run(np.ascontiguousarray(batch))
        points.append(scaled)
        margins.append(margin[:, -1])
    return agreement.logits(np.concatenate(points), np.concatenate(margins))


def _exhibit(pixels: Pixels, at: NDArray[np.int64], found: agreement.Parted) -> ImageExhibit:
    share = round(100 * float(found.apart.mean()))
    caption = Text(
        "Consistency map: the redder, the less a place agrees with most of the picture in lens, noise, colour, "
        f"sharpening, scaling and compression. The odd part holds {share} % of {len(at)} patches. Blurred backgrounds "
        "and flat places can differ in genuine pictures too.",
        zh=f"一致性图：越红表示该处在镜头、噪声、色彩、锐化、缩放和压缩方面与画面主体越不一致。"
        f"不一致部分占 {len(at)} 个图块的 {share}%。真实图片中虚化背景和平坦区域也可能不同。",
    )
    return ImageExhibit(caption, consistency_map(pixels, at, found), original=shrunk(pixels))


def consistency_map(pixels: Pixels, at: NDArray[np.int64], found: agreement.Parted) -> Pixels:
    """The picture in grey, redder where it departs from most of itself; at most 640 px a side."""
    height, width = pixels.shape[:2]
    small = shrunk(pixels)
    size = (small.shape[1], small.shape[0])
    cells = agreement.spread_out(found.odd, at, _PATCH_PX, (height, width))
    lean = cv2.resize(np.nan_to_num(cells), size, interpolation=cv2.INTER_LINEAR)
    weight = 0.75 * np.clip(np.asarray(lean, np.float32), 0, 1)[..., None]
    grey = np.repeat(small.mean(axis=2, keepdims=True, dtype=np.float32), 3, axis=2)
    return np.asarray(np.rint(grey * (1 - weight) + _RED * weight), np.uint8)


detector: type[Detector] = Exif
