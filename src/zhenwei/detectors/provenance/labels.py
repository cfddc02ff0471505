"""``provenance.labels``: does the file say that a generator, or a tool that alters faces, made it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from zhenwei.defence import labels, source_types
from zhenwei.defence.declare import of_labels
from zhenwei.detectors._answers import abstain, joined
from zhenwei.detectors.provenance._content import COMPOSITE_LLR, FACE_APP_LLR, GENERATED_LLR, TOO_LARGE, statements
from zhenwei.types import Detector, DetectorInfo, Evidence, Media, Subject, Text

_NONE = Text("It carries no label and names no generator.", zh="没有标识，也未写明生成工具。")
_NOTHING = Text("labels are easily removed: their absence says nothing", zh="标识很容易被去除：没有标识并不说明真伪")
_UNFIT = Text("a damaged label weighs nothing", zh="损坏的标识不计入证据")
_NEITHER = Text("that speaks neither for nor against a forgery", zh="这既不支持也不反对伪造")
SUSPECTED_LLR = 0.7  # a platform that suspects, by means of its own


@dataclass(frozen=True, slots=True)
class _Statement:
    """One sentence on what the file says, and its stated LLR, at least 0."""

    text: Text
    llr: float


@dataclass(frozen=True, slots=True)
class Labels:
    """Reads the AIGC block, the IPTC's digital source type, settings that generators leave and names of tools. What
    says that a generator was at work speaks for a forgery; nothing here ever speaks for a genuine file."""

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="provenance.labels",
        question=Text("Does the file say that a generator made it?", zh="文件是否写明由生成工具制作？"),
        takes=("image", "video", "audio"),
        level="file",
        needs=(Text("labels or metadata in the file", zh="文件中的标识或元数据"),),
        reference="GB 45438-2025 (AIGC labels); IPTC digital source types; settings as Stable Diffusion web UI, "
        "ComfyUI, Fooocus, SwarmUI, InvokeAI, NovelAI, Draw Things and Midjourney write them",
        blind_spots=(
            Text("files above 64 MiB, which zhenwei verify reads", zh="大于 64 MiB 的文件（可用 zhenwei verify 读取）"),
            Text("files whose metadata were removed, as most networks do", zh="元数据已被去除的文件：多数平台会这样做"),
            Text("labels that were written to deceive: anybody can", zh="为欺骗而写入的标识：任何人都能做到"),
        ),
        reads_metadata=True,
        finds="generated",
        depth="fast",
    )

    def examine(self, subject: Subject) -> Evidence:
        said, whole = _read(subject.media)
        found = list(_said(said))
        if not found:
            return self._nothing(said, whole)
        finding = joined(dict.fromkeys(s.text for s in found))
        llr = max(s.llr for s in found)
        says = of_labels(said)
        if llr <= 0:
            return abstain(self.info, _NEITHER if said.any else _UNFIT, finding=finding, declares=says)
        return Evidence(self.info.id, llr, finding, score=llr, declares=says)

    def _nothing(self, said: labels.Labels, whole: bool) -> Evidence:
        """Why there is no answer: the format has no place for labels that is looked at, only what is known of the file
        could be looked through, or there is no label."""
        if not said.read:
            return abstain(self.info, labels.NOT_READ)
        if not whole:
            return abstain(self.info, TOO_LARGE)
        return abstain(self.info, _NOTHING, finding=_NONE)


def _read(media: Media) -> tuple[labels.Labels, bool]:
    """The labels, and whether all of the file was looked through: of a very large one only its facts are."""
    found = statements(media)
    if isinstance(found, Text):
        return labels.labels_in_facts(media.facts), found is not TOO_LARGE
    return found.labels, True


_AIGC = Text("It carries a label of AI-generated content.", zh="文件带有人工智能生成内容标识。")
_PERHAPS = Text("It carries a label of content that may be AI-generated.", zh="文件带有“可能为人工智能生成”的标识。")
_TYPE_LLR = {"ai-generated": GENERATED_LLR, "ai-edited": COMPOSITE_LLR}


def _said(said: labels.Labels) -> Iterator[_Statement]:
    """Label by label, and what is wrong with them."""
    if said.aigc is not None:
        sure = said.aigc.label == labels.GENERATED
        yield _Statement(_AIGC if sure else _PERHAPS, GENERATED_LLR if sure else SUSPECTED_LLR)
    kind = source_types.source_type(said.source_type)
    if kind is not None:
        en = f"Its digital source type says that {kind.says}."
        yield _Statement(
            Text(en, zh=f"其数字来源类型标明：{kind.says.in_language('zh')}。"), _TYPE_LLR.get(kind.origin, 0.0)
        )
    for settings in said.settings:
        shown = settings.tool or settings.where
        en = f"It holds the settings of an image generator ({shown})."
        yield _Statement(Text(en, zh=f"文件含有图像生成器的参数（{shown}）。"), GENERATED_LLR)
    for name in said.generators:
        en, zh = f"It names {name}, a generator, as its maker.", f"文件标明由生成工具 {name} 制作。"
        yield _Statement(Text(en, zh=zh), GENERATED_LLR)
    for name in said.face_apps:
        en, zh = f"It names {name}, a tool that alters faces.", f"文件标明使用了可改动人脸的工具 {name}。"
        yield _Statement(Text(en, zh=zh), FACE_APP_LLR)
    if said.read:
        for problem in said.problems:
            yield _Statement(problem, 0.0)


detector: type[Detector] = Labels
