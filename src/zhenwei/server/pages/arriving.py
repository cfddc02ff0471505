"""The first page, files that come, and how far they are."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from zhenwei import pages
from zhenwei.errors import ZhenweiError
from zhenwei.pipeline import Options
from zhenwei.server.auth.caller import Caller
from zhenwei.server.auth.gate import Reader, same_secret
from zhenwei.server.pages.forms import Form, Submitter
from zhenwei.server.pages.frame import (
    gate_of,
    language_of,
    moved,
    problem_words,
    service_of,
    settings_of,
    shown,
    words_of,
)
from zhenwei.server.pages.previews import previews_of
from zhenwei.server.pages.progress import Progress, progress
from zhenwei.server.pages.words import say
from zhenwei.server.problems import ProblemError, of_error
from zhenwei.server.service import Ask, Service
from zhenwei.server.uploads import Received, receive
from zhenwei.store.jobs import DONE, Added, Job, Wanted, plain_name
from zhenwei.types import DEPTHS, Depth, Language

router = APIRouter(include_in_schema=False)
RECENT = 5
RELOAD_S = 3
_AT_ONCE = 200  # jobs that one page follows


@router.get("/")
def start(request: Request, caller: Reader) -> Response:
    found, _ = service_of(request).search(caller, Wanted(), limit=RECENT, language=language_of(request))
    return shown(request, caller, "service/start.html", title=words_of(request)("examine"), here="examine", jobs=found)


@router.post("/files")
async def take(request: Request) -> Response:
    """Files from a form, or one at a time from the script, which is answered in JSON, in words of the page."""
    try:
        return await _taken(request)
    except ProblemError as error:
        if not _is_script(request):
            raise
        told = problem_words(request, error)
        detail = told["detail"] or told["headline"]
        raise ProblemError(error.status, error.kind, detail, fix=told["cure"], headers=error.headers) from None


def _is_script(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


async def _taken(request: Request) -> Response:
    service = service_of(request)
    caller, is_shown = _sender(request)
    limits = service.upload_limits(caller, settings_of(request).max_files)
    with await receive(request, service.folder, limits) as form:
        if not is_shown and not same_secret(next(iter(form.values("csrf")), ""), caller.csrf):
            raise ProblemError(403, "csrf", "this request did not come from a page of the service")
        depth: Depth = next((depth for depth in DEPTHS if depth in form.values("depth")), "standard")
        case = next(iter(form.values("case")), "")
        ask = Ask(Options(depth=depth))
        jobs: list[Job] = []
        known = False
        refused: list[ProblemError] = []
        for received in form.files:
            if received.name or received.size_bytes:
                outcome = await to_thread.run_sync(_one, service, caller, received, ask)
                if isinstance(outcome, ProblemError):
                    refused.append(outcome)
                else:
                    jobs.append(outcome.job)
                    known = known or not (outcome.is_new or outcome.job.name == plain_name(received.name))
    return _answer(request, jobs, refused, case, known=known)


def _sender(request: Request) -> tuple[Caller, bool]:
    """Who sends files, and whether the token of their session was in a header; else it comes within the form."""
    gate = gate_of(request)
    if gate.settings.auth == "none" or "x-csrf-token" in request.headers or "authorization" in request.headers:
        return gate.caller(request), True
    login = gate.access.login(request.cookies.get(gate.cookie, ""))
    return gate.caller(request, login.csrf if login is not None else ""), False


def _one(service: Service, caller: Caller, received: Received, ask: Ask) -> Added | ProblemError:
    try:
        return service.submit(caller, received, ask)
    except (ProblemError, ZhenweiError, OSError) as error:
        return of_error(error)


def _answer(request: Request, jobs: list[Job], refused: list[ProblemError], case: str, *, known: bool) -> Response:
    """``known``: bytes that came have been examined under another name, which the pages show."""
    ids = list(dict.fromkeys([job.id for job in jobs]))  # the same bytes twice are one examination
    if _is_script(request):
        said = [_sentences(problem_words(request, each), language_of(request)) for each in refused]
        return JSONResponse(
            {"ids": ids, "refused": said, "known": known}, 200 if ids or not refused else refused[0].status
        )
    if not ids:
        if refused:
            raise refused[0]
        return moved("/", told="no_file")
    told = "some_refused" if refused else "known_before" if known else ""
    if case.isdecimal() and len(case) < 19:
        return moved(f"{_following(ids)}&case={case}", told=told)
    return moved(f"/examinations/{ids[0]}" if len(ids) == 1 else _following(ids), told=told)


def _sentences(told: dict[str, str], language: Language) -> str:
    end, between = ("。", "") if language == "zh" else (".", " ")
    parts = [part for part in (told["detail"] or told["headline"], told["cure"]) if part]
    return between.join([part if part[-1] in ".。!?！？" else f"{part}{end}" for part in parts])


def _following(ids: list[str]) -> str:
    return "/progress?" + "&".join([f"id={id_}" for id_ in ids])


@router.get("/progress")
def follow(
    request: Request,
    caller: Reader,
    id: Annotated[list[str], Query()] = [],  # noqa: A002, B006
    case: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """``case``: the one that they go into when all are done."""
    rows = _rows(request, caller, id)
    if not rows:
        return moved("/history")
    return progress_page(request, caller, rows, case)


def progress_page(request: Request, caller: Caller, rows: list[Progress], case: int = 0) -> Response:
    done = len([row for row in rows if row.job.is_over])
    name = rows[0].job.name if len(rows) == 1 else words_of(request)("batch")
    values: dict[str, Any] = {
        "jobs": rows,
        "done": done,
        "ids": [row.job.id for row in rows],
        "case": case,
        "here_again": _following([row.job.id for row in rows]) + (f"&case={case}" if case else ""),
        "reload_s": 0 if done == len(rows) else RELOAD_S,
    }
    return shown(request, caller, "service/progress.html", title=name, here="examine", **values)


@router.get("/progress.json")
def how_far(request: Request, caller: Reader, id: Annotated[list[str], Query()] = []) -> Response:  # noqa: A002, B006
    """What the bars of a page show, in its language."""
    language = language_of(request)
    jobs = []
    for row in _rows(request, caller, id):
        job = row.job
        if job.state == DONE:  # by the time that its page is opened
            previews_of(request).state(job.sha256)
        jobs.append(
            {
                "id": job.id,
                "state": job.state,
                "over": job.is_over,
                "percent": row.percent,
                "stage": row.stage,
                "left": row.left,
                "badge": _badge(job, language) if job.is_over else "",
            }
        )
    return JSONResponse({"jobs": jobs})


def _badge(job: Job, language: Language) -> str:
    from functools import partial

    made = pages.page("service/badge.html", say=partial(say, language=language), job=job)
    return made.split("\n", 1)[1].strip()


def _rows(request: Request, caller: Caller, ids: list[str]) -> list[Progress]:
    service, language = service_of(request), language_of(request)
    rows = []
    for id_ in list(dict.fromkeys(ids))[:_AT_ONCE]:
        job = service.jobs.get(caller.tenant, id_, language)
        if job is not None:
            rows.append(progress(job, service.jobs, language))
    return rows


@router.post("/examinations/{id_}/cancel")
def cancel(request: Request, caller: Submitter, form: Form, id_: str) -> Response:
    service_of(request).cancel(caller, id_)
    return moved(form.back if form.one("back") else f"/examinations/{id_}")
