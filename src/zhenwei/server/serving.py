"""Serving the application with uvicorn: the socket, the browser, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from zhenwei.errors import OutputError, UsageError
from zhenwei.server.app import create_app
from zhenwei.server.settings import Settings

_END_S = 5  # for requests that are under way
_IDLE_S = 20  # a connection without a request
_BACKLOG = 256


def serve(settings: Settings, *, run_jobs: bool = True, started: Callable[[str], None] = lambda _: None) -> None:
    """Serve until Ctrl-C or SIGTERM; ``started`` is called with the address once requests are answered.

    Raises as :func:`create_app`, UsageError for a port that another program has.
    """
    with _bound(settings) as listening:
        app = _made(settings, run_jobs=run_jobs)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.public_url),
            timeout_graceful_shutdown=_END_S,
            timeout_keep_alive=_IDLE_S,
            lifespan="on",
        )
        server = _Server(config, lambda: started(address(settings, listening)), app.state.events.close)
        with contextlib.suppress(KeyboardInterrupt):
            server.run([listening])


def _made(settings: Settings, *, run_jobs: bool) -> FastAPI:
    try:
        return create_app(settings, run_jobs=run_jobs)
    except OSError as error:
        fix = "Check its permissions and the space that is left, or name another with --folder."
        got = f"{settings.folder}: {error.strerror or error}"
        raise OutputError("the folder of the service cannot be used", got=got, fix=fix) from None


class _Server(uvicorn.Server):
    """Says when it has started, and ends streams of events as soon as it is to end."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._started, self._closing = started, closing
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._closing)
        super().handle_exit(sig, frame)


def address(settings: Settings, listening: socket.socket | None = None) -> str:
    """As a browser names it."""
    if settings.public_url:
        return settings.public_url
    port = settings.port if listening is None else listening.getsockname()[1]
    host = settings.host.strip("[]")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - is compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def open_browser(url: str) -> None:
    """In a thread: some browsers stay in the foreground."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _bound(settings: Settings) -> socket.socket:
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, since asyncio turns off the delay of small packets (40 ms) for what says that it is TCP.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, settings.port))
    except OSError as error:
        listening.close()
        got = f"{settings.host}:{settings.port}: {error.strerror or error}"
        raise UsageError("nothing can be served there", got=got, fix="Choose another with --port.") from None
    listening.listen(_BACKLOG)
    listening.set_inheritable(False)
    return listening
