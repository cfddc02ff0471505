"""What those ask who run the service: is it alive, can it work, and its figures."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from zhenwei.server.auth.gate import Admin
from zhenwei.server.models import HealthBody
from zhenwei.server.problems import ProblemError, problems

router = APIRouter(tags=["operations"])
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", response_model=HealthBody, responses=problems())
async def health() -> HealthBody:
    """The process answers."""
    return HealthBody(status="ok")


@router.get("/readyz", response_model=HealthBody, responses=problems(507))
def ready(request: Request) -> HealthBody:
    """The store answers, uploads can be kept, there is room on the disk, and files are examined."""
    service, runner = request.app.state.service, request.app.state.runner
    service.jobs.counts("")
    service.folder.require_writable()
    if service.folder.free_bytes() < service.settings.min_free_bytes:
        raise ProblemError(507, "disk-full", "there is no room left on the disk of the service", fix="Make room.")
    if runner.trouble:
        raise ProblemError(503, "nothing-examined", "files are not examined for now", fix="See the log of the service.")
    return HealthBody(status="ok")


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "For Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(),
    },
)
def metrics(request: Request, caller: Admin) -> Response:
    """Queue, latency, verdicts and failures. No names."""
    del caller
    return Response(request.app.state.metrics.text(), media_type=_TEXT)
