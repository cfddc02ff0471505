"""``provenance.watermark``: does it carry the watermark of a generator, or of zhenwei's own lab?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhenwei.defence import keys, watermark
from zhenwei.defence.declare import of_foreign, of_marks
from zhenwei.defence.marks import Mark
from zhenwei.defence.watermark.foreign import read_foreign
from zhenwei.detectors._answers import abstain, evenly
from zhenwei.detectors.provenance._content import MARK_LLR
from zhenwei.types import Audio, Detector, DetectorInfo, Evidence, Frame, Subject, Text

_FRAMES = 12
_NOTHING = Text("no mark is found, which says nothing either way", zh="未发现水印，这并不说明真伪")
_ANYBODY = Text(
    "the key is published: anybody can put this mark into a genuine file", zh="密钥公开：任何人都可将此水印加入真实文件"
)


@dataclass(frozen=True, slots=True)
class Watermark:
    """Looks for the mark of zhenwei's forgery lab in up to a dozen frames and in the sound, and in pictures for those
    that Stable Diffusion and FLUX write by default. Found, it speaks for a forgery, less than a signed statement does;
    not found, it says nothing."""

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="provenance.watermark",
        question=Text("Does it carry the watermark of a generator?", zh="是否带有生成工具的水印？"),
        takes=("image", "video", "audio"),
        level="file",
        needs=(Text("a picture of 128 px or a few seconds of sound", zh="不小于 128 像素的画面或数秒声音"),),
        reference="quantisation index modulation (Chen & Wornell 2001); the invisible-watermark package",
        blind_spots=(
            Text("forgeries of any other origin", zh="其他来源的伪造"),
            Text(
                "marked files that were turned, cut much or compressed hard", zh="被旋转、大幅裁剪或强压缩的带水印文件"
            ),
            Text("genuine files into which somebody put the mark", zh="被人加入该水印的真实文件"),
        ),
        finds="generated",
        depth="fast",
    )

    def examine(self, subject: Subject) -> Evidence:
        marks = tuple(filter(None, (_in_frames(subject.frames), _in_audio(subject.audio))))
        if not marks:
            return self._of_others(subject.frames)
        ident = marks[0].ident
        en, zh = f"It carries the mark of zhenwei's forgery lab ({ident}).", f"带有本项目伪造实验室的水印（{ident}）。"
        says = of_marks(marks)
        return Evidence(self.info.id, MARK_LLR, Text(en, zh=zh), _ANYBODY, score=MARK_LLR, declares=says)

    def _of_others(self, frames: tuple[Frame, ...]) -> Evidence:
        """Marks that a new size takes away: only a still picture at its own size can carry one."""
        found = read_foreign(frames[0].pixels) if len(frames) == 1 else None
        if found is None:
            return abstain(self.info, _NOTHING)
        en = f"It carries the invisible watermark that {found.tool} writes ({found.agreement:.0%} of its bits)."
        zh = f"带有 {found.tool} 默认写入的隐形水印（{found.agreement:.0%} 的比特相符）。"
        says = of_foreign(found)
        return Evidence(self.info.id, MARK_LLR, Text(en, zh=zh), _ANYBODY, score=MARK_LLR, declares=says)


def _in_frames(frames: tuple[Frame, ...]) -> Mark | None:
    """The search for cuts and turns takes a while, and is made for still pictures only."""
    chosen = [frame.pixels for frame in evenly(frames, _FRAMES)]
    mark = watermark.read_frames(chosen, keys.PUBLIC_KEY, search=len(frames) == 1)
    return Mark("picture", mark.ident.hex(), mark.agreement, published=True) if mark else None


def _in_audio(audio: Audio | None) -> Mark | None:
    mark = watermark.read_audio(audio.samples, audio.rate_hz, keys.PUBLIC_KEY) if audio else None
    return Mark("sound", mark.ident.hex(), mark.agreement, published=True) if mark else None


detector: type[Detector] = Watermark
