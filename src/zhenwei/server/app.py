"""The application: everything put together. Whatever serves ASGI can run it; ``zhenwei serve`` does so with uvicorn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zhenwei.errors import ZhenweiError
from zhenwei.server import api, operations
from zhenwei.server.auth import routes
from zhenwei.server.auth.gate import Gate
from zhenwei.server.events import Events
from zhenwei.server.guards import Guards
from zhenwei.server.metrics import Metrics
from zhenwei.server.problems import ProblemError, handle, invalid
from zhenwei.server.runner import Runner
from zhenwei.server.service import Service
from zhenwei.server.settings import Settings
from zhenwei.server.uploads import Folder
from zhenwei.server.webhooks import Webhooks
from zhenwei.store import open_store
from zhenwei.store.access import Access
from zhenwei.store.callbacks import Callbacks

_PAGES = "zhenwei.server.pages.router"  # a module with ``router`` and ``set_up(app)``
_PAGE_UPLOADS = ("/files",)  # of the pages: bodies that are read in pieces
_ABOUT = "Tells forged faces and voices from real ones. Every error is a problem of RFC 9457 with the cure in `fix`."


def create_app(settings: Settings, *, run_jobs: bool = True) -> FastAPI:
    """The service with these settings. Opens its folder and its store at once: raises as :func:`open_store`, OSError
    for the folder. ``run_jobs``: examine what is queued in this process; else others do.

    On ``app.state``: ``settings``, ``service`` (what pages call), ``gate`` (who calls), ``events``, ``metrics``,
    ``runner``, ``routes``.
    """
    folder = Folder(settings.folder)
    folder.make()
    service = Service(settings, open_store(settings.database), folder)
    metrics = Metrics(service.jobs.counts)
    events = Events(service.jobs, settings.max_streams)
    runner = Runner(service, metrics)
    threads: list[Runner | Webhooks] = [runner] if run_jobs else []
    if settings.webhooks:
        threads.append(Webhooks(settings, Callbacks(service.jobs), metrics))
    app = FastAPI(
        title="zhenwei",
        version=metadata.version("zhenwei"),
        description=_ABOUT,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(service, events, threads),
    )
    app.state.settings, app.state.service, app.state.events = settings, service, events
    app.state.metrics, app.state.runner = metrics, runner
    app.state.gate = Gate(settings, Access(service.jobs))
    app.state.routes = []
    for router in (api.router, routes.router, operations.router):
        _include(app, router)
    _add_pages(app)
    _add_handlers(app)
    app.add_middleware(Guards, settings=settings, metrics=metrics, uploads=(*api.UPLOADS, *_PAGE_UPLOADS))
    return app


def _lifespan(service: Service, events: Events, threads: Sequence[Runner | Webhooks]) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        events.start()
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            await events.stop()
            for thread in threads:
                thread.stop()
            service.store.close()

    return lifespan


def _include(app: FastAPI, router: APIRouter) -> None:
    app.include_router(router)
    app.state.routes += _routes(router)


def _routes(router: APIRouter) -> Iterator[Route]:
    """Those of routers in it, too, which FastAPI keeps together from some version on."""
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if isinstance(route, Route):
            yield route
        elif isinstance(inner, APIRouter):
            yield from _routes(inner)


def _add_pages(app: FastAPI) -> None:
    """The pages, where they are installed."""
    if find_spec(_PAGES) is None:
        return
    pages = import_module(_PAGES)
    _include(app, pages.router)
    pages.set_up(app)


def _add_handlers(app: FastAPI) -> None:
    async def invalid_request(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        return await handle(request, invalid(found))

    for kind in (ProblemError, HTTPException, ZhenweiError, OSError):
        app.add_exception_handler(kind, handle)
    app.add_exception_handler(RequestValidationError, invalid_request)
