"""REST, version 1: jobs. Each route parses, calls the service and says what it gave."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.params import Path as PathParameter
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import TypeAdapter, ValidationError

from zhenwei.errors import ZhenweiError
from zhenwei.pipeline import Options
from zhenwei.server.auth import READ
from zhenwei.server.auth.gate import Reader, Submitter
from zhenwei.server.events import Events
from zhenwei.server.models import (
    BatchBody,
    BatchItem,
    ComparisonBody,
    Counts,
    Decision,
    JobBody,
    JobList,
    Kind,
    Lang,
    State,
    comparison_body,
    job_body,
    veiled,
)
from zhenwei.server.parts import answer_with
from zhenwei.server.problems import ProblemError, of_error, problems
from zhenwei.server.service import Ask, Service, fingerprint_for
from zhenwei.server.uploads import Form, Received, receive
from zhenwei.store.jobs import Added, Wanted, plain_name
from zhenwei.types import DEPTHS

UPLOADS = ("/api/v1/jobs", "/api/v1/batches")
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')


router = APIRouter(prefix="/api/v1", tags=["jobs"])
JobId = Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$", description="As it was given when the file came.")]
Format = Literal["json", "html", "pdf"]
Language = Annotated[Lang, Query(description="Of sentences.")]
_FIELDS = {
    "depth": {"type": "string", "enum": list(DEPTHS), "description": "How much is asked; else standard."},
    "frames": {"type": "integer", "minimum": 1, "maximum": 512, "description": "Taken from a clip."},
    "detectors": {"type": "array", "items": {"type": "string"}, "description": "Ask these alone."},
    "false_alarm": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
    "again": {"type": "boolean", "description": "Examine it although it is known."},
    "callback_url": {
        "type": "string",
        "description": "Called when it is over, at once if the file is known and over; if the service may.",
    },
}


def _form(several: bool) -> dict[str, Any]:
    file: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream"}
    files = {"type": "array", "items": file, "minItems": 1} if several else file
    schema = {"type": "object", "required": ["file"], "properties": {"file": files, **_FIELDS}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


_EVENT = {"type": "object", "properties": {"event": {"type": "string"}, "data": {"type": "string"}}}
_IDEMPOTENCY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "description": "A word of your choice for this request: the same again is answered by the same job. Of a batch, "
    "by the same jobs.",
}
_IDEMPOTENT = re.compile("[!-~]+")
_VEILED = "Without the scope `read` the answer leaves out what was found and who handed it in."


@router.post(
    "/jobs",
    status_code=201,
    response_model=JobBody,
    responses={
        200: {"model": JobBody, "description": f"It is known: the job of the earlier, equal request. {_VEILED}"},
        **problems(409, 415, 507),
    },
    openapi_extra={**_form(several=False), "parameters": [_IDEMPOTENCY]},
)
async def submit(request: Request, response: Response, caller: Submitter) -> JobBody:
    """Hand in one file. The same bytes with the same options are examined once: then the answer is 200 with its job."""
    service = _service(request)
    with await receive(request, service.folder, service.upload_limits(caller)) as form:
        if len(form.files) != 1:
            raise ProblemError(422, "invalid", "there is no file in this form", fix="Send it in the field: file.")
        ask = _ask(form, request)
        added = await to_thread.run_sync(lambda: service.submit(caller, form.files[0], ask))
    request.app.state.metrics.uploaded.inc(added.job.size_bytes)
    response.status_code = 201 if added.is_new else 200
    response.headers["Location"] = f"/api/v1/jobs/{added.job.id}"
    return _told_of(caller, added, form.files[0])


@router.post(
    "/batches",
    response_model=BatchBody,
    responses=problems(409, 415, 507),
    openapi_extra={**_form(several=True), "parameters": [_IDEMPOTENCY]},
)
async def submit_batch(request: Request, caller: Submitter) -> BatchBody:
    """Hand in several files with the same options, each in a field ``file``. One that is refused costs itself alone."""
    service = _service(request)
    limits = service.upload_limits(caller, service.settings.max_files)
    with await receive(request, service.folder, limits) as form:
        if not form.files:
            raise ProblemError(422, "invalid", "there is no file in this form", fix="Send them in fields: file.")
        ask = _ask(form, request)
        items: list[BatchItem] = []
        for number, received in enumerate(form.files):
            own = replace(ask, idempotency=f"{ask.idempotency}\0{number}") if ask.idempotency else ask
            items.append(await to_thread.run_sync(_one_of_batch, service, caller, received, own))
    return BatchBody(items=items)


def _one_of_batch(service: Service, caller: Submitter, received: Received, ask: Ask) -> BatchItem:
    try:
        added: Added = service.submit(caller, received, ask)
    except (ProblemError, ZhenweiError, OSError) as error:
        return BatchItem(name=received.name, is_new=False, job=None, problem=of_error(error).body())
    return BatchItem(name=received.name, is_new=added.is_new, job=_told_of(caller, added, received), problem=None)


def _told_of(caller: Submitter, added: Added, received: Received) -> JobBody:
    body = job_body(added.job)
    return body if added.is_new or caller.may(READ) else veiled(body, plain_name(received.name))


@router.get("/jobs", response_model=JobList, responses=problems())
def list_jobs(
    request: Request,
    caller: Reader,
    state: Annotated[list[State] | None, Query(description="Repeat for more.")] = None,
    decision: Annotated[list[Decision] | None, Query(description="Repeat for more.")] = None,
    kind: Annotated[list[Kind] | None, Query(description="Repeat for more.")] = None,
    q: Annotated[str, Query(max_length=255, description="A part of the name, or how the sha256 begins.")] = "",
    since: Annotated[datetime | None, Query(description="Handed in at this time or later.")] = None,
    until: Annotated[datetime | None, Query(description="Handed in before.")] = None,
    after: Annotated[str, Query(max_length=48, pattern="^[0-9a-f]*$", description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    language: Language = "en",
) -> JobList:
    """Search and page, the newest first."""
    wanted = Wanted(state or (), decision or (), kind or (), q, _moment(since), _moment(until))
    found, cursor = _service(request).search(caller, wanted, after=after, limit=limit, language=language)
    return JobList(jobs=[job_body(job) for job in found], next=cursor)


@router.get("/counts", response_model=Counts, responses=problems())
def counts(request: Request, caller: Reader) -> Counts:
    """How many of yours are in each state."""
    return Counts(**_service(request).counts(caller))


@router.get("/compare", response_model=ComparisonBody, responses=problems(404, 409, 410))
def compare_two(
    request: Request,
    caller: Reader,
    first: Annotated[str, Query(pattern="^[0-9a-f]{32}$")],
    second: Annotated[str, Query(pattern="^[0-9a-f]{32}$")],
    language: Language = "en",
) -> ComparisonBody:
    """Two examinations side by side: what each detector said of both, and what the files say of themselves."""
    return comparison_body(_service(request).compare(caller, first, second, language))


@router.get("/jobs/{id}", response_model=JobBody, responses=problems(404))
def status(request: Request, caller: Reader, id: JobId, language: Language = "en") -> JobBody:  # noqa: A002
    """How far it is, and what was found."""
    return job_body(_service(request).get(caller, id, language))


@router.get(
    "/jobs/{id}/report",
    response_class=Response,
    responses={
        200: {
            "description": "zhenwei.report/1, or the report as a page or on paper.",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/html": {"schema": {"type": "string"}},
                "application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}},
            },
        },
        **problems(404, 409, 410, 501),
    },
)
def report(
    request: Request,
    caller: Reader,
    id: JobId,  # noqa: A002
    language: Language = "en",
    format: Annotated[  # noqa: A002
        Format | None, Query(description="Else `pdf` if the header `Accept` names application/pdf first, else `json`.")
    ] = None,
) -> Response:
    """The report by the schema `zhenwei.report/1`; of a file that could not be examined, why. As `html` it is one page
    that needs nothing else; as `pdf` it is printed, A4, with an annex for examiners, one at a time."""
    service = _service(request)
    wanted = format or ("pdf" if _first_accepted(request) == "application/pdf" else "json")
    if wanted == "html":
        return report_page(request, caller, id, language)
    if wanted == "json":
        return Response(service.document(caller, id, language), media_type="application/json")
    headers = {"Content-Disposition": attachment(f"{service.get(caller, id).name}.pdf")}
    return Response(service.pdf(caller, id, language), media_type="application/pdf", headers=headers)


@router.get("/jobs/{id}/report.html", response_class=HTMLResponse, responses=problems(404, 409, 410))
def report_page(request: Request, caller: Reader, id: JobId, language: Language = "en") -> Response:  # noqa: A002
    """The report as one page that needs nothing else."""
    page = _service(request).page(caller, id, language)
    return HTMLResponse(page, headers={"Content-Security-Policy": policy_of(page)})


@router.get(
    "/jobs/{id}/media",
    response_class=Response,
    responses={
        200: {"description": "The bytes.", "content": {"application/octet-stream": {"schema": {"type": "string"}}}},
        206: {
            "description": "Those of them that the header `Range` asks for.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string"}},
                "multipart/byteranges": {"schema": {"type": "string"}},
            },
        },
        304: {"description": "They are those that the header `If-None-Match` names."},
        **problems(404, 410, 416),
    },
)
def media(request: Request, caller: Reader, id: JobId) -> Response:  # noqa: A002
    """The bytes that were handed in, to be saved: never shown by a browser, whatever they are. A `Range` that is not
    understood does not count; 416 if it asks for nothing that is there."""
    service = _service(request)
    path = service.medium(caller, id)
    return answer_with(request, path, service.get(caller, id).name)


@router.get(
    "/jobs/{id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Events.", "content": {"text/event-stream": {"schema": _EVENT}}},
        **problems(404),
    },
)
def follow(request: Request, caller: Reader, id: JobId) -> Response:  # noqa: A002
    """Server-sent events: `progress` with the job as JSON, then `done`, `failed` or `cancelled`; `gone` if deleted."""
    events: Events = request.app.state.events
    job = _service(request).get(caller, id)
    events.admit(caller.key)
    return StreamingResponse(events.follow(job, caller.key), media_type="text/event-stream")


@router.post(
    "/jobs/{id}/cancel",
    response_model=JobBody,
    responses={200: {"description": f"As it is then. {_VEILED}"}, **problems(404)},
)
def cancel(request: Request, caller: Submitter, id: JobId) -> JobBody:  # noqa: A002
    """End it; one that is over stays as it is."""
    body = job_body(_service(request).cancel(caller, id))
    return body if caller.may(READ) else veiled(body, "")


@router.delete("/jobs/{id}", status_code=204, response_class=Response, responses=problems(404))
def delete(request: Request, caller: Submitter, id: JobId) -> Response:  # noqa: A002
    """Away with it for ever: the job, what was found, and the bytes, unless another job of yours has the same."""
    _service(request).delete(caller, id)
    return Response(status_code=204)


def attachment(name: str) -> str:
    """The header that has a browser save it under that name, whatever it is."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _first_accepted(request: Request) -> str:
    return request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower()


def policy_of(page: str) -> str:
    """The policy that a page names itself, which a browser is told before it reads it."""
    found = _POLICY.search(page)
    own = html.unescape(found[1]) if found is not None else "default-src 'none'"
    return f"{own}; frame-ancestors 'none'; sandbox allow-scripts"


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def _moment(given: datetime | None) -> datetime | None:
    from datetime import UTC

    return given.replace(tzinfo=UTC) if given is not None and given.tzinfo is None else given


def _ask(form: Form, request: Request) -> Ask:
    """What the fields of the form ask for. Problem 422 for what has no meaning."""
    known = {*_FIELDS, "file"}
    for name, _ in form.fields:
        if name not in known:
            raise ProblemError(
                422, "invalid", "a field has a name that is not known", fix=f"Known: {', '.join(_FIELDS)}."
            )
    idempotency = request.headers.get("idempotency-key")
    if idempotency is not None and not _IDEMPOTENT.fullmatch(idempotency):
        fix = "Letters, digits and signs of ASCII, without spaces."
        raise ProblemError(422, "invalid", "the idempotency key has characters that none has", fix=fix)
    if idempotency is not None and len(idempotency) > 200:
        raise ProblemError(422, "invalid", "the idempotency key is too long", fix="At most 200 characters.")
    with _told():
        frames, false_alarm = _last(form, "frames", int | None, None), _last(form, "false_alarm", float, 0.05)
        detectors: list[str] = []
        for value in form.values("detectors"):
            detectors += [word for word in value.replace(",", " ").split() if word]
        depth = _last(form, "depth", str, "standard")
        options = Options(frames, tuple(detectors), false_alarm, depth=depth)
        again = _last(form, "again", bool, False)
    fingerprint_for(options)
    return Ask(options, again, idempotency or "", _last(form, "callback_url", str, ""))


def _last(form: Form, name: str, kind: Any, usual: Any) -> Any:
    values = [value for value in form.values(name) if value != ""]
    return TypeAdapter(kind).validate_python(values[-1]) if values else usual


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ProblemError(422, "invalid", error.errors()[0]["msg"], fix="See /api/v1/openapi.json.") from None
