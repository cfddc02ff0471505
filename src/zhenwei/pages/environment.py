"""The Jinja2 environment of every page. Whatever a template prints is made legible first, then escaped."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from markupsafe import Markup, escape

from zhenwei import words
from zhenwei.pages.legible import counted, legible

MAX_CHARACTERS = 2000  # of one value; what is foreign and what may be longer states its own limit

_PIECES = re.compile(r"(\{[{%#].*?[}%#]\})|\s*\n\s*", re.DOTALL)


class LinesOfLayout(Extension):
    """A line's end in a template is layout of the template: nothing beside a tag, one space between words.

    So templates are indented freely, and inline elements on lines of their own get no space between them. What is left
    out becomes a comment with as many lines, so that errors name the line of the file.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        def piece(match: re.Match[str]) -> str:
            if match[1]:  # an expression, a statement or a comment
                return match[1]
            before, after = source[max(0, match.start() - 1) : match.start()], source[match.end() : match.end() + 1]
            between_words = before not in ("", ">", "}") and after not in ("", "<", "{")
            return (" " if between_words else "") + "{#" + "\n" * match[0].count("\n") + "#}"

        return _PIECES.sub(piece, source)


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("zhenwei.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        extensions=[LinesOfLayout],
    )
    made.globals["spoken"] = words.spoken
    made.filters.update(
        legible=legible, foreign=_foreign, label=_label, whole=escape, counted=counted, share=_share, clipped=_clipped,
        told=_told,
    )  # fmt: skip
    return made


def _shown(value: object) -> object:
    return value if hasattr(value, "__html__") else legible(str(value), MAX_CHARACTERS)


def _foreign(value: str, limit: int = 400) -> Markup:
    """Text that comes from a file, kept apart from the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(legible(value, limit))


@pass_context  # or Jinja2 would work out what stands in a template once, while compiling it
def _told(_: Context, sentence: str, *values: object) -> str:
    """A sentence of ``zhenwei.words`` in the language that is spoken, filled with ``values``, or filled in already."""
    if not values:
        return words.translated(sentence, words.spoken())
    template = words.template_of(words.spoken(), sentence)
    is_markup = any(hasattr(value, "__html__") for value in values)
    return (Markup(template) if is_markup else template).format(*values)  # noqa: S704 - of this package


def _label(value: str) -> Markup:
    """A name out of the data, in a table of many: of what is too long the middle is left out without a word."""
    return _foreign(value if len(value) <= 160 else f"{value[:106]} … {value[-53:]}")


def _share(value: float) -> str:
    """A share in per cent, exact where it is none or all."""
    return f"{value:.0%}" if value in (0.0, 1.0) else f"{value:.1%}"


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)
