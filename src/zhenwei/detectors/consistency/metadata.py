"""``consistency.metadata``: does what the file says of itself hold together?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.detectors._answers import abstain, joined
from zhenwei.media.tools import EDITORS, names
from zhenwei.signals.colour import is_grey
from zhenwei.types import Detector, DetectorInfo, Evidence, Media, Pixels, Subject, Text

# Stated, not measured: no data at hand tells how often genuine and forged files carry these. The page says why.
THUMBNAIL_LLR = 0.5

_DATE = re.compile(r"(\d{4})[:-](\d{2})[:-](\d{2})[ T](\d{2}):(\d{2}):(\d{2})")
_ALIKE = 0.3  # correlation of thumbnail and picture below which they show different things
_MIN_CONTRAST = 10.0  # grey levels: deviation of a thumbnail that shows anything
_TOOL_FACTS = ("Software", "Created with", "Text: Software", "encoder", "encoded_by", "software", "creation_tool")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Reads the facts of the file, and compares the thumbnail with the picture. Speaks only where the thumbnail shows
    something else; what else does not fit is told, and weighs nothing."""

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="consistency.metadata",
        question=Text("Does what the file says of itself hold together?", zh="文件对自身的描述是否前后一致？"),
        takes=("image", "video", "audio"),
        level="file",
        needs=(Text("metadata in the file", zh="文件中的元数据"),),
        reference="EXIF 2.32; thumbnails after E. Kee & H. Farid, Digital image authentication from thumbnails, "
        "SPIE 2010",
        blind_spots=(
            Text("files without metadata: most networks remove it", zh="没有元数据的文件：多数平台会将其删除"),
            Text("metadata that was written to deceive: anybody can", zh="为欺骗而写入的元数据：任何人都能做到"),
            Text("genuine files that an editor or a converter saved again", zh="被编辑或转换软件重新保存的真实文件"),
        ),
        reads_metadata=True,
        finds="generated",
        depth="fast",
    )

    def examine(self, subject: Subject) -> Evidence:
        media = subject.media
        pixels = subject.frames[0].pixels if media.kind == "image" and subject.frames else None
        found = [*_edited(media), *_contradictions(media), *_thumbnail(media, pixels)]
        if not found:
            finding = Text("The metadata holds no contradiction.", zh="元数据没有矛盾。")
            if not dict(media.facts).keys() - _ALWAYS:
                finding = Text("The file holds hardly any metadata.", zh="文件几乎没有元数据。")
            return abstain(self.info, _NOTHING, finding=finding)
        finding = joined(s.text for s in found)
        llr = max(s.llr for s in found)
        if llr <= 0:
            return abstain(self.info, _HARMLESS, finding=finding)
        return Evidence(self.info.id, llr, finding, score=llr)


_ALWAYS = {"Pixel format", "JPEG quality", "JPEG scan", "Video profile", "Video track", "Sound track"}
_NOTHING = Text("missing or consistent metadata says nothing either way", zh="元数据缺失或一致，并不说明真伪")
_HARMLESS = Text(
    "traces of editing or saving again are common in genuine files and are no forgery",
    zh="编辑或重新保存的痕迹在真实文件中很常见，并不等于伪造",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence on the metadata, and its stated LLR, at least 0."""

    text: Text
    llr: float


def _edited(media: Media) -> Iterator[Statement]:
    tools = " ".join(value for key, value in media.facts if key in _TOOL_FACTS)
    for name in names(EDITORS, tools):
        en, zh = f"It was saved by {name}, an editor.", f"文件由编辑软件 {name} 保存。"
        yield Statement(Text(en, zh=zh), 0.0)


def _contradictions(media: Media) -> Iterator[Statement]:
    """What does not fit together. Camera originals show all of it at times, so none of it weighs anything."""
    facts = dict(media.facts)
    stated = [_number(facts.get(name, "")) for name in ("Width by EXIF", "Height by EXIF")]
    if all(stated) and media.width and media.height and set(stated) != {media.width, media.height}:
        said = f"{stated[0]} x {stated[1]}"
        en = f"EXIF says {said}, the picture has {media.width} x {media.height}: it was scaled or cut."
        zh = f"EXIF 标明 {said}，而图片为 {media.width} x {media.height}：曾被缩放或裁剪。"
        yield Statement(Text(en, zh=zh), 0.0)
    taken, changed = _moment(facts.get("Date and time taken", "")), _moment(facts.get("Date and time", ""))
    if taken and changed and taken != changed:
        order = ("before", "早于") if changed < taken else ("after", "晚于")
        en = f"By its dates it was last changed {order[0]} it was taken ({changed}; {taken})."
        yield Statement(Text(en, zh=f"按其日期，最后修改{order[1]}拍摄（{changed}；{taken}）。"), 0.0)
    if "standard tables" in facts.get("JPEG quality", "") and facts.get("Make"):
        en = "It names a camera but is compressed with the standard tables of software: perhaps saved again."
        yield Statement(Text(en, zh="文件标明了相机，却使用软件的标准量化表压缩：可能曾重新保存。"), 0.0)
    encoder = facts.get("encoder", "")
    if encoder.startswith(("Lavf", "HandBrake")):
        en = f"The container was written by software ({encoder}), not by a camera."
        yield Statement(Text(en, zh=f"容器由软件（{encoder}）写成，而非相机。"), 0.0)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _moment(text: str) -> str:
    """A date as text that sorts, "" where there is none; cameras whose clock was never set write zeros."""
    match = _DATE.match(text)
    if match is None or "00" in match.groups()[1:3] or match[1] == "0000":
        return ""
    year, month, day, hour, minute, second = match.groups()
    return f"{year}-{month}-{day} {hour}:{minute}:{second}"


def _thumbnail(media: Media, pixels: Pixels | None) -> Iterator[Statement]:
    """A thumbnail is made when the picture is taken, and many tools forget it when they change the picture."""
    code = dict(media.facts).get("Thumbnail in 8 x 8", "")
    if pixels is None or not re.fullmatch(r"[0-9a-f]{128}", code):
        return
    shown = np.frombuffer(bytes.fromhex(code), np.uint8).reshape(8, 8).astype(np.float64)
    likeness = resemblance(shown, pixels)
    if likeness is not None and likeness < _ALIKE:
        en = f"Its thumbnail shows something else than the picture (correlation {likeness:.2f})."
        zh = f"其缩略图与图片内容不符（相关系数 {likeness:.2f}）。"
        yield Statement(Text(en, zh=zh), THUMBNAIL_LLR)


def resemblance(thumbnail: NDArray[np.float64], pixels: Pixels) -> float | None:
    """Correlation of an 8 x 8 thumbnail with the picture, turned or mirrored so that it is highest; None if either is
    flat.

    Thumbnails are often left as they were when a picture is turned, and the picture is seen as its orientation says,
    which may mirror it; hence all eight ways.
    """
    plane = pixels[..., 0] if is_grey(pixels) else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = np.asarray(cv2.resize(plane, (8, 8), interpolation=cv2.INTER_AREA), np.float64)
    if min(small.std(), thumbnail.std()) < _MIN_CONTRAST:
        return None
    ways = [np.rot90(side, k) for side in (small, np.fliplr(small)) for k in range(4)]
    return max(float(np.corrcoef(way.ravel(), thumbnail.ravel())[0, 1]) for way in ways)


detector: type[Detector] = Metadata
