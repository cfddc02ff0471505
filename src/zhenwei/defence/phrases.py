"""Sentences in two languages that are put together of parts."""

from __future__ import annotations

from zhenwei.types import Text, in_language


def phrase(en: str, zh: str, *parts: str) -> Text:
    """``en`` and ``zh`` with ``parts`` where ``{}`` stands, each part in the language of its sentence."""
    return Text(en.format(*parts), zh=zh.format(*(in_language(part, "zh") for part in parts)))
