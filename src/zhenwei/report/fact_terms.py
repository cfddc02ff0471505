"""Names and values that this package gives the facts of a file, in Chinese. What the file says stays as it says it."""

from __future__ import annotations

import re

from zhenwei.types import Language

_NAMES = {
    "AIGC label": "AIGC 标识",
    "Artist": "作者",
    "Colour primaries": "色彩原色",
    "Colour profile": "色彩配置文件",
    "Colour space": "色彩空间",
    "Comment": "注释",
    "Copyright": "版权",
    "Created with": "创建工具",
    "Date and time": "日期和时间",
    "Date and time digitised": "数字化日期和时间",
    "Date and time taken": "拍摄日期和时间",
    "Digital source type": "数字来源类型",
    "Exposure time": "曝光时间",
    "F number": "光圈值",
    "Flash": "闪光灯",
    "Focal length": "焦距",
    "Generation settings": "生成参数",
    "Height by EXIF": "EXIF 中的高度",
    "Image description": "图像说明",
    "JPEG quality": "JPEG 质量",
    "JPEG scan": "JPEG 扫描方式",
    "Lens make": "镜头厂商",
    "Lens model": "镜头型号",
    "Make": "厂商",
    "Model": "型号",
    "Orientation": "方向",
    "Pixel aspect ratio": "像素宽高比",
    "Pixel format": "像素格式",
    "Scan": "扫描方式",
    "Software": "软件",
    "Sound track": "音轨",
    "Thumbnail": "缩略图",
    "Thumbnail in 8 x 8": "8 x 8 缩略图",
    "Time zone taken": "拍摄时区",
    "Transfer curve": "传递曲线",
    "Video profile": "视频规格",
    "Video track": "视频轨",
    "Width by EXIF": "EXIF 中的宽度",
}
_THERE = {"present": "有", "damaged": "已损坏"}
_COMMENTED = {"in the user comment": "在用户注释中"}
_WAYS = {"interlaced": "隔行", "progressive": "渐进式"}
# By the name of the fact: values that are words of this package, whatever a file says elsewhere.
_VALUES = {
    "AIGC label": _COMMENTED,
    "Colour profile": _THERE,
    "EXIF": _THERE,
    "GPS": _THERE,
    "Generation settings": _COMMENTED,
    "JPEG scan": _WAYS,
    "Scan": _WAYS,
    "Thumbnail": _THERE,
    "XMP": _THERE,
}
_SPAN = (re.compile(r"([\d.-]+) to ([\d.-]+) s, clock (\d+/\d+)"), r"\1 至 \2 秒，时钟 \3")
_PATTERNS = {
    "JPEG quality": (
        (re.compile(r"(\d+) \(standard tables\)"), r"\1（标准量化表）"),
        (re.compile(r"about (\d+) \(tables of its own\)"), r"约 \1（自有量化表）"),
    ),
    "Sound track": (_SPAN,),
    "Video track": (_SPAN,),
}
_TEXT = "Text: "  # before the name that the file itself gives one of its texts


def fact_words(name: str, value: str, language: Language) -> tuple[str, str]:
    """A fact as it is shown."""
    if language != "zh":
        return name, value
    shown = _VALUES.get(name, {}).get(value, value)
    for pattern, words in _PATTERNS.get(name, ()):
        if pattern.fullmatch(value):
            shown = pattern.sub(words, value)
    told = f"文本：{name.removeprefix(_TEXT)}" if name.startswith(_TEXT) else _NAMES.get(name, name)
    return told, shown
