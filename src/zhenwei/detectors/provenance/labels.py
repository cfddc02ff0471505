"""``provenance.labels``: does the file say that a generator, or a tool that alters faces, made it?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from zhenwei.defence import labels
from zhenwei.detectors.provenance._content import COMPOSITE_LLR, FACE_APP_LLR, GENERATED_LLR, content
from zhenwei.errors import MediaError
from zhenwei.media.tools import FACE_APPS, GENERATORS, names
from zhenwei.types import Detector, DetectorInfo, Evidence, Media, Subject, Text

_TOOL_FACTS = ("Software", "Created with", "Text: Software", "encoder", "encoded_by", "software", "creation_tool")
_NO_ANSWER = Text("It carries no label and names no generator.", zh="没有标识，也未写明生成工具。")
_NOTHING = Text("labels are easily removed: their absence says nothing", zh="标识很容易被去除：没有标识并不说明真伪")
_UNFIT = Text("a damaged label weighs nothing", zh="损坏的标识不计入证据")
SUSPECTED_LLR = 0.7  # a platform that suspects, by means of its own
GENERATOR_TYPES: Mapping[str, Text] = {
    "trainedAlgorithmicMedia": Text(
        "Its digital source type says that it was made by a generator.", zh="其数字来源类型标明由生成模型制作。"
    ),
    "compositeWithTrainedAlgorithmicMedia": Text(
        "Its digital source type says that parts of it were made by a generator.",
        zh="其数字来源类型标明部分内容由生成模型制作。",
    ),
    "algorithmicMedia": Text(
        "Its digital source type says that it was made by a program, not recorded.",
        zh="其数字来源类型标明由程序制作，而非拍摄。",
    ),
}


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
        "ComfyUI and InvokeAI write them",
        blind_spots=(
            Text("files above 64 MiB, which zhenwei verify reads", zh="大于 64 MiB 的文件（可用 zhenwei verify 读取）"),
            Text("files whose metadata were removed, as most networks do", zh="元数据已被去除的文件：多数平台会这样做"),
            Text("labels that were written to deceive: anybody can", zh="为欺骗而写入的标识：任何人都能做到"),
        ),
        reads_metadata=True,
        finds="generated",
    )

    def examine(self, subject: Subject) -> Evidence:
        block = list(_block(subject.media))
        found = [*_said(subject.media, labelled=any(s.text in (_AIGC, _PERHAPS) for s in block)), *block]
        if not found:
            return Evidence(self.info.id, None, _NO_ANSWER, _NOTHING)
        told = {str(s.text): s.text for s in found}
        finding = Text(" ".join(told), zh="".join(t.in_language("zh") for t in told.values()))
        llr = max(s.llr for s in found)
        if llr <= 0:
            return Evidence(self.info.id, None, finding, _UNFIT)
        return Evidence(self.info.id, llr, finding, score=llr)


def _block(media: Media) -> Iterator[_Statement]:
    """The AIGC block wherever the format has it, and what is wrong with it."""
    data = content(media)
    if isinstance(data, Text):
        return
    try:
        found = labels.read_labels(data)
    except MediaError:
        return
    if found.aigc is not None:
        sure = found.aigc.label == labels.GENERATED
        yield _Statement(_AIGC if sure else _PERHAPS, GENERATED_LLR if sure else SUSPECTED_LLR)
    if found.digital_source_type:
        yield from _of_source(found.digital_source_type.rstrip("/").rsplit("/", 1)[-1])
    for problem in found.problems:
        yield _Statement(problem if isinstance(problem, Text) else Text(str(problem)), 0.0)


_AIGC = Text("It carries a label of AI-generated content.", zh="文件带有人工智能生成内容标识。")
_PERHAPS = Text("It carries a label of content that may be AI-generated.", zh="文件带有“可能为人工智能生成”的标识。")


def _of_source(source: str) -> Iterator[_Statement]:
    if source in GENERATOR_TYPES:
        yield _Statement(GENERATOR_TYPES[source], COMPOSITE_LLR if "composite" in source.lower() else GENERATED_LLR)


def _said(media: Media, *, labelled: bool) -> Iterator[_Statement]:
    """What says outright that a generator, or a tool that alters faces, was at work. ``labelled``: the AIGC block was
    read by itself, so that its mention among the facts adds nothing."""
    facts = dict(media.facts)
    yield from _of_source(facts.get("Digital source type", ""))
    if not labelled and any("aigc" in key.lower() for key in facts):
        yield _Statement(_AIGC, GENERATED_LLR)
    settings = _settings(facts)
    if settings:
        en = f"It holds the settings of an image generator ({settings})."
        yield _Statement(Text(en, zh=f"文件含有图像生成器的参数（{settings}）。"), GENERATED_LLR)
    tools = " ".join(value for key, value in media.facts if key in _TOOL_FACTS)
    for name in names(GENERATORS, tools):
        en, zh = f"It names {name}, a generator, as its maker.", f"文件标明由生成工具 {name} 制作。"
        yield _Statement(Text(en, zh=zh), GENERATED_LLR)
    for name in names(FACE_APPS, tools):
        en, zh = f"It names {name}, a tool that alters faces.", f"文件标明使用了可改动人脸的工具 {name}。"
        yield _Statement(Text(en, zh=zh), FACE_APP_LLR)


def _settings(facts: Mapping[str, str]) -> str:
    """Where a generator has left its settings, "" if nowhere."""
    if "Generation settings" in facts:
        return "user comment"
    parameters = facts.get("Text: parameters", "")
    if re.search(r"\b(Steps|Sampler|CFG scale|Negative prompt): ", parameters) or '"sui_image_params"' in parameters:
        return "parameters"
    for key in ("Text: workflow", "Text: prompt"):
        if re.search(r'"(nodes|class_type|last_node_id|inputs)"', facts.get(key, "")):
            return key.removeprefix("Text: ")
    return next((k.removeprefix("Text: ") for k in ("Text: invokeai_metadata", "Text: sd-metadata") if k in facts), "")


detector: type[Detector] = Labels
