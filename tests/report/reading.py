"""A page as a browser would read it, and what must hold of every page."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

from zhenwei.report import to_html
from zhenwei.types import Report

_VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, visible text, and whether tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), "an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text.append(data)

    def has(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and all(a.get(k) == v for k, v in attributes.items())]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def read(report: Report, language: Any = "en", **more: Any) -> Page:
    page = Page(to_html(report, language, **more))
    assert page.open == []
    return page


_ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "div", "span", "p", "b",
    "h1", "h2", "h3", "bdi", "br", "code", "dl", "dt", "dd", "ul", "li", "table", "thead", "tbody", "tr", "th", "td",
    "figure", "figcaption", "img", "svg", "path", "circle", "i", "details", "summary", "nav", "a", "label", "input",
    "script",
}  # fmt: skip


def inert(html: str) -> None:
    """No script but the one that the policy names, no handler, no address but data: and places in the page, nothing
    that a file could have put there."""
    page = Page(html)
    assert page.open == []
    policy = page.has("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"] or ""
    digest = base64.b64encode(hashlib.sha256("".join(page.scripts).encode()).digest()).decode()
    assert [part.strip() for part in policy.split(";") if "script" in part] == [f"script-src 'sha256-{digest}'"]
    assert page.has("script") == [{}]
    names = {str(attributes["id"]) for _, attributes in page.tags if "id" in attributes}
    for tag, attributes in page.tags:
        assert tag in _ALLOWED
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"action", "srcset"}
            if name == "href":
                assert (value or "").removeprefix("#") in names | {"_"}
            if name == "src":
                assert (value or "").startswith("data:image/jpeg;base64,")
    outside = re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", "", html)
    assert not re.search(r"https?:|//|url\(|@import|javascript:", outside)
    assert all(character.isprintable() or character in "\n\u00ad\u200c\u200d" for character in html)
