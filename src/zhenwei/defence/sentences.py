"""How findings are told: sentences in two languages for people, plain JSON values for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from zhenwei.types import Text, in_language


def phrase(en: str, zh: str, *parts: str) -> Text:
    """``en`` and ``zh`` with ``parts`` where ``{}`` stands, each part in the language of its sentence."""
    return Text(en.format(*parts), zh=zh.format(*(in_language(part, "zh") for part in parts)))


def json_value(value: Any) -> Any:
    """``value`` as JSON holds it: a dataclass as an object of its fields, tuples as lists, sentences in English."""
    if is_dataclass(value):
        return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return [json_value(each) for each in value]
    return str(value) if isinstance(value, str) else value
