"""Text out of a file, made fit to be shown: nothing in it can steer a terminal, a page or the reader's eye."""

from __future__ import annotations

import re
import unicodedata

_JOINERS = frozenset("\u00ad\u200c\u200d")  # soft hyphen and the joiners that scripts and emoji need
_SPACES = re.compile(r"\s+")
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def legible(text: str, limit: int = 400) -> str:
    """``text`` on one line of at most about ``limit`` characters, with every unseen character written out.

    Controls, direction overrides, lone surrogates and the like become ``<U+202E>``; white space becomes single
    spaces; of what is too long the middle is left out, with the number of characters missing.
    """
    line = " ".join(_SPACES.split(_cut(text, limit)))
    if line.isprintable():  # true of nearly everything, and then there is nothing to do
        return line
    return "".join(map(_shown, line))


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]} … ({len(text) - head - tail} characters left out) … {text[len(text) - tail :]}"


def _shown(character: str) -> str:
    if unicodedata.category(character) in _UNSEEN and character not in _JOINERS:
        return f"<U+{ord(character):04X}>"
    return character


def counted(n: int, one: str, many: str = "") -> str:
    """``1,204 files``; ``many`` where the plural is no ``s``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
