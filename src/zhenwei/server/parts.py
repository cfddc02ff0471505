"""A file as an answer, or the parts of it that are asked for (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from zhenwei.server.problems import ProblemError, erased

_RANGES = re.compile(
    r"bytes=[ \t]*((?:\d{1,4000}-\d{0,4000}|-\d{1,4000})(?:[ \t]*,[ \t]*(?:\d{1,4000}-\d{0,4000}|-\d{1,4000}))*)"
)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


class _Parts(FileResponse):
    """``asked``: the header ``Range`` as far as it counts, "" for the whole; the framework is stricter."""

    asked = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        if self.asked:
            headers.append((b"range", self.asked.encode()))
        await super().__call__({**scope, "headers": headers}, receive, send)


def answer_with(request: Request, path: Path, name: str) -> Response:
    """The bytes at ``path``, to be saved under that name. Problem 410 where they are gone, 416 for a range that has
    nothing of them."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise erased() from None
    whole = _Parts(path, media_type="application/octet-stream", filename=name, stat_result=found)
    tag, changed = whole.headers["etag"], whole.headers["last-modified"]
    known = request.headers.get("if-none-match")
    if known is not None and (known.strip() == "*" or tag in _TAG.findall(known)):
        return Response(status_code=304, headers={"ETag": tag, "Last-Modified": changed})
    if request.headers.get("if-range", tag) in (tag, changed):
        whole.asked = _counting(request.headers.get("range", ""), found.st_size)
    return whole


def _counting(asked: str, size: int) -> str:
    """Those ranges of the header of which something is there; "" where it is not understood."""
    understood = _RANGES.fullmatch(asked.strip())
    if understood is None:
        return ""
    left: list[str] = []
    for part in re.split(r"[ \t]*,[ \t]*", understood[1]):
        first, _, last = part.partition("-")
        if first and last and int(last) < int(first):
            return ""
        if int(first) < size if first else int(last) > 0:
            left.append(part)
    if not left:
        headers = {"Content-Range": f"bytes */{size}"}
        raise ProblemError(
            416, "no-such-part", f"the file has {size} bytes", fix="Ask for some of them.", headers=headers
        )
    return f"bytes={','.join(left)}"
