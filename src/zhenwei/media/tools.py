"""Names of tools that metadata may hold: generators, tools that alter faces, editors."""

from __future__ import annotations

import re
from collections.abc import Iterator

GENERATORS = (
    *("Stable Diffusion", "Midjourney", "DALL-E", "DALL·E", "NovelAI", "ComfyUI", "InvokeAI", "Adobe Firefly"),
    *("Ideogram", "Leonardo.Ai", "Made with Google AI", "Bing Image Creator", "Runway Gen", "OpenAI Sora"),
    *("Fooocus", "SwarmUI", "Draw Things", "Easy Diffusion", "Imagined with AI", "Dreamina", "Hailuo AI"),
    *("Luma Dream Machine", "Kling AI", "Jimeng", "即梦", "可灵", "文心一格", "通义万相", "ElevenLabs", "Suno"),
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


def names(known: tuple[str, ...], text: str) -> Iterator[str]:
    """Those of ``known`` that stand in ``text`` as words of their own, in any case."""
    for name in known:
        edge = r"(?<![A-Za-z])" if name.isascii() else ""
        if re.search(f"{edge}{re.escape(name)}(?![a-z])" if edge else re.escape(name), text, re.IGNORECASE):
            yield name
