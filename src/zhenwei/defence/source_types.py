"""The IPTC's digital source types: what each term says of a file's origin.

The vocabulary is at cv.iptc.org/newscodes/digitalsourcetype, retired terms and C2PA's own two included. A term may be
an address, a code ("digsrctype:print"), a bare word, or schema.org's ("PrintDigitalSource").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from zhenwei.types import Origin, Text

IPTC_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True, slots=True)
class SourceType:
    """``says``: a clause that goes on after "it says that"."""

    word: str
    origin: Origin
    says: Text

    @property
    def says_ai(self) -> bool:
        """Whether it says that a model trained on data made the file, or a part of it. Not whether so."""
        return self.origin in ("ai-generated", "ai-edited")


def _terms(*rows: tuple[str, Origin, str, str]) -> Mapping[str, SourceType]:
    return {word.lower(): SourceType(word, origin, Text(en, zh=zh)) for word, origin, en, zh in rows}


TERMS = _terms(
    ("digitalCapture", "captured", "it was captured by a device", "由设备拍摄或录制"),
    ("computationalCapture", "captured", "a device captured it in several exposures", "由设备多帧合成拍摄"),
    ("negativeFilm", "captured", "it was digitised from a negative on film", "由胶片负片数字化而来"),
    ("positiveFilm", "captured", "it was digitised from a positive on film", "由胶片正片数字化而来"),
    ("print", "captured", "it was digitised from a print", "由印刷品或照片数字化而来"),
    ("humanEdits", "edited", "it was edited by hand", "经过人工编辑"),
    ("minorHumanEdits", "edited", "it was edited a little by hand", "经过少量人工编辑"),
    ("algorithmicallyEnhanced", "edited", "a program enhanced it", "由程序增强"),
    ("compositeCapture", "edited", "it was put together from recordings", "由多个拍摄或录制内容合成"),
    ("composite", "other", "it was put together from several elements", "由多个元素合成"),
    ("compositeSynthetic", "ai-edited", "parts of it were made by AI", "部分内容由人工智能生成"),
    (
        "compositeWithTrainedAlgorithmicMedia",
        "ai-edited",
        "it is a recording that was altered with AI",
        "是经人工智能改动的录制内容",
    ),
    ("trainedAlgorithmicMedia", "ai-generated", "it was made by AI", "由人工智能生成"),
    ("trainedAlgorithmicData", "ai-generated", "it is data that AI made", "是由人工智能生成的数据"),
    ("algorithmicMedia", "synthetic", "a program that learned from nothing made it", "由未经训练的程序生成"),
    ("softwareImage", "synthetic", "a program drew it", "由软件绘制"),
    ("dataDrivenMedia", "synthetic", "it was drawn from data", "由数据绘制"),
    ("digitalArt", "other", "a person drew it on a computer", "由人用计算机绘制"),
    ("digitalCreation", "other", "a person made it with digital tools", "由人用数字工具创作"),
    ("virtualRecording", "other", "it records a virtual event", "是对虚拟活动的录制"),
    ("screenCapture", "other", "it was captured from a screen", "由屏幕截取或录制"),
    ("empty", "other", "it began as an empty canvas", "始于空白画布"),
)
_CODE = re.compile(r"(?:.*[/:#])?([\w-]+)[/\s]*", re.DOTALL)
_SCHEMA = re.compile(r"(.+)DigitalSource", re.IGNORECASE)


def word(written: str) -> str:
    """The last word of however the term is written: of an address, a code or a bare word. "" if there is none."""
    found = _CODE.fullmatch(written.strip())
    last = found[1] if found else ""
    schema = _SCHEMA.fullmatch(last)
    known = TERMS.get(last.lower()) or (TERMS.get(schema[1].lower()) if schema else None)
    return known.word if known else last


def source_type(written: str) -> SourceType | None:
    """What the term says, however it is written; None where it is none of the vocabulary."""
    return TERMS.get(word(written).lower())


def origin_of(written: str) -> Origin:
    """The origin that the term speaks of; "other" for one that is none of the vocabulary."""
    found = source_type(written)
    return found.origin if found else "other"


def says_ai(written: str) -> bool:
    """Whether the term says that AI made the file or a part of it."""
    found = source_type(written)
    return found is not None and found.says_ai
