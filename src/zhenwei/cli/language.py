"""Which language the command line speaks: ``--lang``, wherever it stands, else the locale."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import typer

from zhenwei import words
from zhenwei.errors import UsageError
from zhenwei.words import Language

FLAG = "--lang"
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides, as in gettext
_CHINESE_WINDOWS = 0x04  # primary language of a Windows language identifier


@dataclass(slots=True)
class _Setting:
    language: Language = "en"
    chosen: Language | None = None


_setting = _Setting()


def current() -> Language:
    """The language of this command line."""
    return _setting.language


def chosen() -> Language | None:
    """The language that was asked for with ``--lang``, if any."""
    return _setting.chosen


def say(template: str, *values: object) -> str:
    """A sentence in the language of this command line, its fields filled in. The English one is its key in
    ``zhenwei.words``."""
    return words.say(_setting.language, template, *values)


def told(sentence: str) -> str:
    """A sentence that was filled in already, in the language of this command line."""
    return words.translated(sentence, _setting.language)


def tell(sentence: str, *, err: bool = False) -> None:
    """Print it in the language of this command line; ``err``: to standard error."""
    typer.echo(told(sentence), err=err)


def without_language(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The words without ``--lang en`` or ``--lang=zh``, which may stand anywhere before a ``--`` and is remembered."""
    _setting.language, _setting.chosen = of_locale(environ), None
    left: list[str] = []
    given = iter(arguments)
    for word in given:
        if word == "--":
            return [*left, word, *given]
        name, is_joined, value = word.partition("=")
        if name != FLAG:
            left.append(word)
            continue
        _setting.chosen = _setting.language = _known(value if is_joined else next(given, ""))
    return left


def _known(value: str) -> Language:
    if value == "en":
        return "en"
    if value == "zh":
        return "zh"
    raise UsageError("there is no such language", got=f"{FLAG} {value}".strip(), want="en or zh")


def of_locale(environ: Mapping[str, str]) -> Language:
    """Chinese where the user's settings say so."""
    for name in _VARIABLES:
        value = environ.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "zh" if sys.platform == "win32" and _windows_is_chinese() else "en"


def _windows_is_chinese() -> bool:
    import ctypes

    try:
        identifier = int(ctypes.windll.kernel32.GetUserDefaultUILanguage())  # type: ignore[attr-defined, unused-ignore]
    except (AttributeError, OSError):
        return False
    return identifier & 0x3FF == _CHINESE_WINDOWS
