"""Problem details (RFC 9457) for every error: what happened, and the cure. No path of the server, no traceback."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from zhenwei.errors import (
    DataError,
    MediaError,
    MissingExtraError,
    NotFoundError,
    OutputError,
    UsageError,
    ZhenweiError,
)
from zhenwei.store.refusals import RefusedError, UnstorableError

log = logging.getLogger("zhenwei.server")
MEDIA_TYPE = "application/problem+json"
WHOLE = "zhenwei.body_is_whole"  # in the scope of a request: says whether its body has been read to its end
_DRAIN_S = 2.0  # for which an upload that was refused is still read, so that its sender can hear why
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ProblemBody(BaseModel):
    """As it is sent. ``type`` names the kind of problem for programs, ``fix`` says to people what to do."""

    type: str
    title: str
    status: int
    detail: str
    fix: str = ""


class ProblemError(Exception):
    """What a request met. ``kind``: a word that names it for programs."""

    def __init__(
        self, status: int, kind: str, detail: str, *, fix: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.fix = status, kind, detail, fix
        self.headers = dict(headers or {})

    def body(self) -> ProblemBody:
        title = HTTPStatus(self.status).phrase
        return ProblemBody(
            type=f"urn:zhenwei:problem:{self.kind}", title=title, status=self.status, detail=self.detail, fix=self.fix
        )


class SchemaError(ProblemError):
    """Of a request that does not have its form: told in the words of the schema, which are for programs."""


class ProblemResponse(JSONResponse):
    """Says that an upload was refused while it still comes: its sender has to be heard for a while, or the system
    would end the connection before the answer is read."""

    media_type = MEDIA_TYPE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_whole = scope.get(WHOLE, lambda: True)()
        headers = self.raw_headers if is_whole else [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        if not is_whole:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_drain(receive), _DRAIN_S)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    end = time.monotonic() + _DRAIN_S
    while time.monotonic() < end:  # beside the limit around it, which never gets its turn while there is always more
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def not_found() -> ProblemError:
    """Of what is not there, and of what is another tenant's: nobody learns which."""
    return ProblemError(404, "not-found", "there is no such examination", fix="Check its id; it may have been deleted.")


def erased() -> ProblemError:
    """Of an examination of which nothing that can be read is left."""
    return ProblemError(410, "erased", "what was found is not kept any more", fix="Send the file again.")


def of_error(error: Exception) -> ProblemError:
    """The problem that an error of this package, of the framework or of the system is."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, NotFoundError):
        return ProblemError(404, "not-found", error.what)
    if isinstance(error, UsageError):
        return ProblemError(422, "no-meaning", _said(error), fix=error.fix)
    if isinstance(error, MediaError):
        return ProblemError(415, "not-readable", _said(error), fix=error.fix)
    if isinstance(error, UnstorableError):  # what its database said may tell of others
        return ProblemError(422, "no-meaning", error.what, fix=error.fix)
    if isinstance(error, DataError) and not isinstance(
        error, RefusedError
    ):  # of an earlier version, or of which a part is gone
        return erased()
    if isinstance(error, OutputError | RefusedError):
        fix = "Nothing was accepted. Try again later; whoever runs the service looks at its disk and database."
        what = error.what if isinstance(error, OutputError) else "the store cannot be read or written"
        return ProblemError(503, "store-unavailable", what, fix=fix, headers={"Retry-After": "10"})
    if isinstance(error, MissingExtraError):
        return ProblemError(501, "not-installed", error.what, fix=error.fix)
    if isinstance(error, OSError):
        return of_system(error)
    if isinstance(error, OverflowError):  # SQLite has no room for it; PostgreSQL says so by an UnstorableError
        return ProblemError(422, "out-of-range", "a number in this request is too large", fix="Check the address.")
    what = error.what if isinstance(error, ZhenweiError) else "this is a fault of the program, not of the request"
    return ProblemError(
        500, "fault", what, fix="Please report what was asked; the service's log names the kind of fault."
    )


def of_system(error: OSError) -> ProblemError:
    """What the system refuses while something is kept."""
    if error.errno in _FULL:
        fix = "Nothing was accepted. Whoever runs the service makes room; then send it again."
        return ProblemError(507, "disk-full", "there is no room left on the disk of the service", fix=fix)
    fix = "Nothing was accepted. Whoever runs the service checks the folder's permissions; then send it again."
    return ProblemError(503, "cannot-write", "the folder of the service cannot be written", fix=fix)


def response(problem: ProblemError) -> Response:
    return ProblemResponse(problem.body().model_dump(), problem.status, headers=problem.headers)


async def handle(request: Request, error: Exception) -> Response:
    return answer_to(request, error)


def answer_to(request: Request, error: Exception) -> Response:
    """The answer to a request that met ``error``. Pages may show theirs (``app.state.problem_page``)."""
    problem = of_error(error)
    if problem.status == 405:
        problem.headers["Allow"] = ", ".join(sorted(_methods(request)))
    if problem.status == 500:
        log.error("%s %s: %s", request.method, _route(request), type(error).__name__)
    page = getattr(request.app.state, "problem_page", None)
    if page is not None and not request.url.path.startswith("/api/") and _wants_html(request):
        made: Response = page(request, problem)
        return made
    return response(problem)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route says of its errors: those that any request can meet, and its own."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in (400, 401, 403, 413, 421, 422, 429, 500, 503, *statuses):
        found[status] = {
            "description": "A problem (RFC 9457).",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
    return found


def invalid(errors: Any) -> ProblemError:
    """Of a request that does not have the form that it should: where, and what is wrong there."""
    said: list[str] = []
    for one in errors:
        where = ".".join(map(str, one["loc"]))
        said.append(f"{where}: {one['msg']}")
    return SchemaError(422, "invalid", "; ".join(said)[:2000], fix="See /api/v1/openapi.json for what is understood.")


def _of_http(error: HTTPException) -> ProblemError:
    kinds = {404: "no-such-page", 405: "method-not-allowed"}
    detail, headers = str(error.detail), dict(error.headers or {})
    return ProblemError(error.status_code, kinds.get(error.status_code, "refused"), detail, headers=headers)


def _said(error: ZhenweiError) -> str:
    parts = [error.what]
    if error.got:
        parts.append(f"got {error.got}")
    if error.want:
        parts.append(f"want {error.want}")
    return "; ".join(parts)


def _methods(request: Request) -> set[str]:
    """What the path understands: routes of one path have a method each, and the framework names the first alone."""
    found: set[str] = set()
    for route in request.app.state.routes:
        if route.path_regex.match(request.url.path):
            found |= route.methods or set()
    return found


def _route(request: Request) -> str:
    route = request.scope.get("route")
    return str(getattr(route, "path", "(no route)"))


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
