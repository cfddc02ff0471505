"""Names that metadata may hold: generators, tools that alter faces, editors, source types of the IPTC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zhenwei.types import Text


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence on the metadata, and its stated LLR, at least 0."""

    text: Text
    llr: float


GENERATORS = (
    *("Stable Diffusion", "Midjourney", "DALL-E", "DALL·E", "NovelAI", "ComfyUI", "InvokeAI", "Adobe Firefly"),
    *("Ideogram", "Leonardo.Ai", "Made with Google AI", "Bing Image Creator", "Runway Gen", "OpenAI Sora"),
    *("Kling AI", "Jimeng", "即梦", "可灵", "文心一格", "通义万相", "ElevenLabs", "Suno"),
)
FACE_APPS = (
    *("FaceApp", "Reface", "DeepFaceLab", "DeepFaceLive", "FaceSwap", "FaceFusion", "Facetune"),
    *("Avatarify", "HeyGen", "D-ID", "Synthesia", "Wav2Lip"),
)
EDITORS = (
    *("Photoshop", "Lightroom", "GIMP", "Snapseed", "PicsArt", "Paint.NET", "Affinity Photo", "Pixelmator"),
    *("Meitu", "美图秀秀", "美颜相机", "醒图", "剪映", "CapCut", "PhotoScape"),
    *("Capture One", "darktable", "ImageMagick"),
    *("Premiere", "Final Cut", "DaVinci Resolve", "After Effects", "Audacity", "Adobe Audition"),
)
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


def names(known: tuple[str, ...], text: str) -> Iterator[str]:
    """Those of ``known`` that stand in ``text`` as words of their own, in any case."""
    for name in known:
        edge = r"(?<![A-Za-z])" if name.isascii() else ""
        if re.search(f"{edge}{re.escape(name)}(?![a-z])" if edge else re.escape(name), text, re.IGNORECASE):
            yield name
