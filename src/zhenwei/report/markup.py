"""HTML and SVG by plain functions: whatever is not markup already is escaped on its way in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from zhenwei.report.legible import legible

_VOID = frozenset({"meta", "img", "br", "hr", "wbr"})


class Markup(str):
    """Text that is already safe HTML. Made here only; everything else is treated as text."""

    __slots__ = ()


def text(value: str, limit: int = 2000) -> Markup:
    """``value`` as HTML text: unseen characters written out, then ``& < > " '`` escaped."""
    return Markup(escape(legible(value, limit), quote=True))


def join(parts: Iterable[str], between: str = "") -> Markup:
    """The parts one after the other; a part that is not ``Markup`` is escaped."""
    return Markup(text(between).join(_safe(part) for part in parts) if between else "".join(map(_safe, parts)))


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """``<name attributes>children</name>``. A keyword's last ``_`` goes, others become ``-``; None is left out."""
    opening = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{join(children)}</{name}>")


def foreign(value: str, limit: int = 400) -> Markup:
    """Text that comes from a file, kept apart from the direction of the text around it."""
    return Markup(f"<bdi>{text(value, limit)}</bdi>")


def _safe(part: str) -> str:
    return part if isinstance(part, Markup) else text(part)


def _attribute(value: str | float) -> str:
    if isinstance(value, Markup):  # a data URI or a path: long on purpose, and made here
        return escape(value, quote=True)
    if isinstance(value, str):
        return text(value)
    return str(value) if isinstance(value, int) else f"{value:.5g}"
