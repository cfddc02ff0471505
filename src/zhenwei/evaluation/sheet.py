"""HTML for the pages with charts: small functions that escape everything on its way in, and the sheet they are set on.

Names of files, sets and methods come from whoever made the data: nothing of theirs becomes markup, and nothing unseen
stays unseen. Every element is closed, so that a page is well-formed XML after its first line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from itertools import islice
from typing import Protocol

_VOID = frozenset({"meta", "br"})
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_LONGEST = 160
_MOST_ROWS = 1000


class Markup(str):
    """Text that is safe HTML already; everything else is escaped."""

    __slots__ = ()


class Ranged(Protocol):
    """A figure with its interval."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def text(value: str, limit: int = 2000) -> Markup:
    """``value`` as HTML text: the middle of what is too long left out, unseen characters written as ``<U+202E>``."""
    value = _cut(value, limit)
    if not value.isprintable():
        value = _cut("".join(f"<U+{ord(c):04X}>" if _unseen(c) else c for c in " ".join(value.split())), limit)
    return Markup(escape(value))


def foreign(value: str) -> Markup:
    """A name out of the data, cut to a bearable length; its direction of writing does not reach its neighbours."""
    return Markup(f"<bdi>{text(value, _LONGEST)}</bdi>")


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """``<name attributes>children</name>``. A keyword's last ``_`` goes, others become ``-``; None is left out."""
    opening = "".join(f" {_key(k)}={_quoted(v)}" for k, v in attributes.items() if v is not None)
    if name in _VOID:
        return Markup(f"<{name}{opening}/>")
    return Markup(f"<{name}{opening}>{join(children)}</{name}>")


def join(parts: Iterable[str], between: str = "") -> Markup:
    return Markup(text(between).join(part if isinstance(part, Markup) else text(part) for part in parts))


def page(title: str, kind: str, *sections: str) -> str:
    """A whole page. ``title``: of the window; ``kind``: what stands beside the name of the toolkit."""
    style = files("zhenwei.evaluation").joinpath("sheet.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", text(title, _LONGEST)),
        element("style", Markup(style)),
    )
    masthead = element("header", element("b", "真伪 zhenwei"), element("span", kind), class_="masthead")
    footer = element("footer", "This page is one file. It loads nothing and sends nothing.")
    body = element("body", element("main", masthead, *sections, footer))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def section(title: str, *children: str, id_: str | None = None) -> Markup:
    return element("section", element("h2", title), *children, id_=id_)


def picture(svg: Markup, title: str, reading: str, legend: str = "") -> Markup:
    """A chart with its title, its legend, and how to read it in plain words."""
    caption = element("figcaption", element("span", reading))
    return element("figure", element("p", title, class_="title"), legend, svg, caption, class_="chart")


def legend(entries: Sequence[str]) -> Markup:
    """The names of the lines of a chart, each beside its stroke and mark; as ``charts`` cycles through them."""
    items = [element("li", stroke(i), foreign(name)) for i, name in enumerate(entries)]
    return element("ul", *items, class_="legend")


_DASHES = ("", "5 2", "2 2", "7 2 2 2", "9 3", "1 3")
_MARKS = (
    '<circle cx="14" cy="6" r="3.5"/>',
    '<rect x="11" y="3" width="6" height="6"/>',
    '<path d="M14 2L18 9.5H10Z"/>',
    '<path d="M14 1.5L18 6L14 10.5L10 6Z"/>',
    '<path d="M14 10L10 2.5H18Z"/>',
    '<path d="M10.5 2.5L17.5 9.5M17.5 2.5L10.5 9.5"/>',
)


def stroke(index: int) -> Markup:
    """The line and mark of the series ``index``, as in a legend."""
    place, dash = index % len(_MARKS), _DASHES[index % len(_DASHES)]
    line = f'<path d="M0 6H28" fill="none" stroke-dasharray="{dash}"/>' if dash else '<path d="M0 6H28" fill="none"/>'
    return Markup(
        f'<svg class="stroke k{place + 1}" viewBox="0 0 28 12" width="28" height="12" aria-hidden="true">'
        f"{line}{_MARKS[place]}</svg>"
    )


def bar(figure: Ranged | None, *, chance: float | None = None, digits: int = 3, percent: bool = False) -> Markup:
    """A figure between 0 and 1 as a dot on its interval, with the numbers beside; a dash where there is none."""
    if figure is None:
        return element("span", "—", class_="none", title="not measured: a class or too many groups are missing")
    low, value, high = (100 * min(max(v, 0.0), 1.0) for v in (figure.low, figure.value, figure.high))
    middle = "" if chance is None else f'<path class="chance" d="M{100 * chance:g} 0V12"/>'
    drawn = Markup(
        '<svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="rail" d="M0 6H100"/>{middle}<path class="reach" d="M{low:.1f} 6H{max(high, low + 0.5):.1f}"/>'
        f'<path class="dot" d="M{value:.1f} 6h.01"/></svg>'
    )
    return element("span", drawn, numbers(figure, digits=digits, percent=percent), class_="forest")


def numbers(figure: Ranged | None, *, digits: int = 3, percent: bool = False) -> Markup:
    """``0.913 [0.882, 0.938]``, or in per cent."""
    if figure is None:
        return element("span", "—", class_="none")
    value, low, high = (share(v) if percent else f"{v:.{digits}f}" for v in (figure.value, figure.low, figure.high))
    return element("span", element("b", value), " ", element("small", f"{low} – {high}"), class_="number")


def share(value: float) -> str:
    """A share in per cent, exact where it is none or all."""
    return f"{value:.0%}" if value in (0.0, 1.0) else f"{value:.1%}"


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], class_: str | None = None, most: int = _MOST_ROWS
) -> Markup:
    """A table whose cells know their column's name, which a narrow screen shows instead of the header row.

    After ``most`` rows it ends, and says so: a page must open.
    """
    shown = list(islice(rows, most + 1))
    if len(shown) > most:
        caption = f"{caption} The first {most:,} rows; the rest is in the file that this page was made from."
    header = element("thead", element("tr", *(element("th", h, scope="col") for h in heads)))
    body = element("tbody", *(_row(heads, row) for row in shown[:most]))
    return element("table", element("caption", caption), header, body, class_=class_)


def details(summary: str, *children: str) -> Markup:
    return element("details", element("summary", summary), *children)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Names and values, one pair a line."""
    return element("dl", *(element(tag, part) for pair in pairs for tag, part in zip(("dt", "dd"), pair, strict=True)))


def count(n: int, one: str, many: str = "") -> str:
    """``1,204 files``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _row(heads: Sequence[str], cells: Sequence[str]) -> Markup:
    first, *others = cells
    named = [element("td", cell, data_label=head) for head, cell in zip(heads[1:], others, strict=True)]
    return element("tr", element("th", first, scope="row"), *named)


def _cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else f"{value[: limit * 2 // 3]} … {value[-(limit // 3) :]}"


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN


def _key(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _quoted(value: str | float) -> str:
    return f'"{value if isinstance(value, Markup) else text(str(value))}"'
