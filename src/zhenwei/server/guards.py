"""Around every request: which host it may name, how long its body may be, and what every answer says to browsers."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zhenwei.errors import ZhenweiError
from zhenwei.faults import contained
from zhenwei.server.metrics import Metrics
from zhenwei.server.problems import WHOLE, ProblemError, answer_to, of_error, response
from zhenwei.server.settings import Settings

log = logging.getLogger("zhenwei.server")
CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_MAX_BODY = 1 << 16  # of what is no upload
_SAFE = {"GET", "HEAD", "OPTIONS"}
_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class Guards:
    """``uploads``: paths whose bodies are read in pieces, by who knows their limits."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics, uploads: Iterable[str]) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._hosts = settings.allowed_hosts
        self._uploads = frozenset(uploads)
        self._headers = dict(_HEADERS)
        if settings.is_https:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        answer, body = _Answer(send, self._headers), _Body(receive)
        scope[WHOLE] = body.is_whole
        began = time.perf_counter()
        try:
            self._require_ours(scope)
            if scope["path"] not in self._uploads:
                body.bound(scope)
            await self._app(scope, body.receive, answer.send)
        except Exception as error:
            if not isinstance(error, ProblemError):
                _log(scope, error)
            if answer.status:
                raise
            told = response(of_error(error)) if isinstance(error, ProblemError) else _faulty(scope, error)
            await told(scope, body.receive, answer.send)
        finally:
            self._count(scope, answer, time.perf_counter() - began)

    def _require_ours(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if self._hosts and _without_port(host) not in self._hosts:
            fix = "Name the host in --public-url or hosts, if it is yours."
            raise ProblemError(421, "another-host", "this service is not called so", fix=fix)
        if scope["method"] in _SAFE:
            return
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        is_foreign = site is not None and site not in ("same-origin", "none")
        if origin is not None and not is_foreign:
            is_foreign = origin == "null" or urlsplit(origin).netloc.lower() != host
        if is_foreign:
            raise ProblemError(
                403, "another-site", "a page of another site sent this", fix="Use the pages of the service."
            )

    def _count(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        route = str(getattr(scope.get("route"), "path", "none"))
        method = scope["method"] if scope["method"] in (*_SAFE, "POST", "DELETE", "PUT", "PATCH") else "other"
        self._metrics.requests.labels(method, route, str(answer.status)).observe(answer.seconds or seconds)
        if answer.status >= 400:
            self._metrics.refused.labels(str(answer.status)).inc()


class _Answer:
    """Adds headers that the answer does not have itself."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self._send, self._headers = send, headers
        self._began = time.perf_counter()
        self.status = 0
        self.seconds = 0.0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.seconds = time.perf_counter() - self._began
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


class _Body:
    """The body of a request; once it is bound, of a few kilobytes at most."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._size = receive, 0
        self._is_bound = self._whole = False

    def is_whole(self) -> bool:
        """Whether all of it has come, or its sender is gone."""
        return self._whole

    def bound(self, scope: Scope) -> None:
        said = Headers(scope=scope).get("content-length", "0")
        if said.isascii() and said.isdigit() and int(said) > _MAX_BODY:
            raise _too_long()
        self._is_bound = True

    async def receive(self) -> Message:
        message = await self._receive()
        self._whole = not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        if self._is_bound and self._size > _MAX_BODY:
            self._is_bound = False
            raise _too_long()
        return message


def _too_long() -> ProblemError:
    return ProblemError(413, "too-large", f"the body of this request may have at most {_MAX_BODY} bytes")


def _faulty(scope: Scope, error: Exception) -> Response:
    """What is told of a fault: to people a page, unless that is what failed."""
    try:
        return contained(lambda: answer_to(Request(scope), error))
    except (ZhenweiError, OSError):
        return response(of_error(error))


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _log(scope: Scope, error: Exception) -> None:
    """Where it happened and its kind; its message may quote a file."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    where = f"{last.name}:{last.lineno}" if last is not None else "?"
    route = getattr(scope.get("route"), "path", "none")
    log.error("%s %s: %s in %s", scope["method"], route, type(error).__name__, where)
