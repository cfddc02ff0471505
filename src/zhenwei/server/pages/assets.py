"""Style, scripts and sign of the pages: made once, under addresses that change with their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from zhenwei import pages

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_RENDERED = {"style.css": "service/style.css", "report.js": "report/page.js"}
NAMES = ("style.css", "report.js", "app.js", "viewer.js", "icon.svg")


@dataclass(frozen=True, slots=True)
class Asset:
    address: str
    type: str
    content: bytes


@cache
def asset(name: str) -> Asset:
    """One of ``NAMES``."""
    if name in _RENDERED:
        text = pages.script(_RENDERED[name])
    else:
        text = files("zhenwei.server.pages").joinpath("static", name).read_text(encoding="utf-8")
    content = text.encode()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(f"/static/{digest}/{name}", _TYPES[name.rpartition(".")[2]], content)
