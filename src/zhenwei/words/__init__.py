"""Chinese for what the program says to its user: help, errors, reasons, notes. English is the key; ``zh.json`` owns it.

A key is an English sentence with ``{}`` for each value in it, in order; its Chinese has the same fields, ``{}``, or all
of them numbered from ``{0}`` where the order is another. What was already filled in is recognised by what stands
between its fields, so that who raises an error writes English alone; a key whose own fields are numbered is said and
never recognised, as too much else would look like it. Sentences of detectors and of the fusion carry their own Chinese
(``zhenwei.types.Text``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from zhenwei.errors import ZhenweiError

Language = Literal["en", "zh"]
_SPOKEN: ContextVar[Language] = ContextVar("zhenwei_language", default="en")
_TELLING = 6  # characters between the fields; letters, where nothing stands before the first
_DEPTH = 3  # of sentences within sentences
_STOPS = ("。", "！", "？", "…", "：")


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Within it, pages whose makers are told no language are written in this one."""
    token = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def spoken() -> Language:
    """The language of :func:`speaking`; English outside."""
    return _SPOKEN.get()


@cache
def catalogue() -> dict[str, str]:
    """English template -> Chinese template."""
    loaded: dict[str, str] = json.loads(files("zhenwei.words").joinpath("zh.json").read_text(encoding="utf-8"))
    return loaded


@cache
def _patterns() -> list[tuple[list[str], str]]:
    """What stands between the fields of each template that can be recognised, the most telling first."""
    found = []
    for english, chinese in catalogue().items():
        if "{}" in english:
            found.append((_pieces(english), chinese))
    return sorted(found, key=lambda pair: -len("".join(pair[0])))


def _pieces(template: str) -> list[str]:
    return [piece.replace("{{", "{").replace("}}", "}") for piece in template.split("{}")]


def say(language: Language, template: str, *values: object) -> str:
    """The template in the language, its fields filled in."""
    filled = _filled(template_of(language, template), values)
    return template.format(*values) if filled is None else filled


def template_of(language: Language, template: str) -> str:
    """The template in the language, its fields still empty; itself where nobody has translated it."""
    return catalogue().get(template, template) if language == "zh" else template


def translated(sentence: str, language: Language, depth: int = _DEPTH) -> str:
    """A sentence that was filled in already, or that carries its Chinese; as it is where nobody has translated it."""
    if language != "zh" or not sentence or depth == 0:
        return sentence
    if own := getattr(sentence, "zh", ""):
        return str(own)
    text = sentence.strip()
    known = catalogue().get(text)
    if known is not None and "{" not in text:
        return known.replace("{{", "{").replace("}}", "}")
    for pieces, chinese in _patterns():
        values = _values(text, pieces)
        if values is not None:
            is_name = not pieces[0] and pieces[1].startswith(": ")  # of a file or a set: it stays
            told = values[:1] if is_name else []
            filled = _filled(chinese, [*told, *[_field(value, language, depth) for value in values[len(told) :]]])
            return sentence if filled is None else filled
    apart = _what_was_got(text, language, depth) or _after_a_name(text, language, depth)
    return apart or _by_sentence(text, language, depth)


def _filled(template: str, values: Sequence[object]) -> str | None:
    """None where its fields are not those of ``values``: no work may end because a sentence cannot be told."""
    try:
        return template.format(*values)
    except (ValueError, IndexError, KeyError):
        return None


def has_chinese(sentence: str) -> bool:
    """Whether :func:`translated` knows it."""
    return translated(sentence, "zh") != sentence


def _field(value: str, language: Language, depth: int) -> str:
    """A sentence within another; a single word may be the name of a file."""
    return translated(value, language, depth - 1) if " " in value else value


def _what_was_got(text: str, language: Language, depth: int) -> str:
    """``it is damaged; got nothing``, an error as it is kept on one line; "" for anything else."""
    what, _, got = text.partition("; got ")
    told = translated(what, language, depth - 1)
    return f"{told}；得到：{translated(got, language, depth - 1)}" if got and told != what else ""


def _after_a_name(text: str, language: Language, depth: int) -> str:
    """``photos/a.jpg: Permission denied``: what is known of a file; "" for anything else."""
    name, _, rest = text.partition(": ")
    told = translated(rest, language, depth - 1)
    return f"{name}：{told}" if told != rest and (" " not in name or "/" in name) else ""


def _by_sentence(text: str, language: Language, depth: int) -> str:
    """Several sentences in a row are translated one by one."""
    parts = text.split(". ")
    if len(parts) < 2:
        return text
    whole = [f"{part}." for part in parts[:-1]] + [parts[-1]]
    done = [translated(part, language, depth - 1) for part in whole]
    return "".join(done) if done != whole else text


def _values(text: str, pieces: list[str]) -> list[str] | None:
    """What stands in the fields of ``text``; None where it is of another template."""
    first, *rest = pieces
    if not text.startswith(first) or not text.endswith(rest[-1]) or len(text) < sum(map(len, pieces)):
        return None
    at, values = len(first), []
    for piece in rest[:-1]:
        end = text.find(piece, at)
        if end < 0 or not piece:
            return None
        values.append(text[at:end])
        at = end + len(piece)
    end = len(text) - len(rest[-1])
    if end < at:
        return None
    values.append(text[at:end])
    told = "".join(pieces)
    if not first:
        told = "".join(filter(str.isalpha, told))
    # "{} of {}, and {}" is no sentence: only for single words. "Run: " tells what follows.
    says_little = len(told) < _TELLING and not first.endswith(": ")
    return None if says_little and any(" " in value for value in values) else values


def error_text(error: ZhenweiError, language: Language, *, cure: bool = True) -> str:
    """What an error says: what happened, what was got, what was wanted, and the ``cure``."""
    if language != "zh":
        return str(error) if cure else str(error).removesuffix(f". {error.fix}")
    parts = [translated(error.what, language)]
    if error.got:
        parts.append(f"得到：{translated(error.got, language)}")
    if error.want:
        parts.append(f"应为：{translated(error.want, language)}")
    message = "；".join(parts)
    message = message if message.endswith(_STOPS) else f"{message}。"
    return message + translated(error.fix, language) if cure else message
