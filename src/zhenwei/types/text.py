"""``Text``: sentences in two languages."""

from __future__ import annotations

from typing import Literal, Self

Language = Literal["en", "zh"]


class Text(str):
    """An English sentence that knows its Chinese: ``Text("no face found", zh="没有找到人脸")``.

    It *is* the English string wherever a string is wanted; ``in_language("zh")`` gives the other, or English if none.
    """

    __slots__ = ("zh",)
    zh: str

    def __new__(cls, en: str, zh: str = "") -> Self:
        text = super().__new__(cls, en)
        text.zh = zh
        return text

    def in_language(self, language: Language) -> str:
        return self.zh if language == "zh" and self.zh else str(self)

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return str(self), self.zh


def in_language(text: str, language: Language) -> str:
    """``text`` in ``language`` where it knows it; plain strings are returned unchanged."""
    return text.in_language(language) if isinstance(text, Text) else text
