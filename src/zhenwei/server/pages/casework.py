"""Cases: files with their verdicts under one title, notes, tags, the log, and the bundle to take along."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from zhenwei.server.auth.caller import Caller
from zhenwei.server.auth.gate import Reader
from zhenwei.server.pages.forms import Form, Submitter
from zhenwei.server.pages.frame import language_of, moved, service_of, shown, words_of
from zhenwei.server.pages.words import PHRASES, say
from zhenwei.store.bundle import export
from zhenwei.store.cases import Cases, FileInCase
from zhenwei.store.erasure import Erasure
from zhenwei.store.jobs import Wanted
from zhenwei.store.kept import Kept
from zhenwei.words import translated

router = APIRouter(include_in_schema=False)
PAGE = 30


def cases_of(request: Request, caller: Caller) -> Cases:
    return Cases(service_of(request).store, tenant=caller.tenant, actor=caller.name)


@router.get("/cases")
def all_cases(
    request: Request,
    caller: Reader,
    tag: Annotated[str, Query(max_length=64)] = "",
    after: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    found = cases_of(request, caller).list(tag=tag, before=after or None, limit=PAGE + 1)
    older = ""
    if len(found) > PAGE:
        older = f"/cases?after={found[PAGE - 1].id}" + (f"&tag={tag}" if tag else "")
    values: dict[str, Any] = {"cases": found[:PAGE], "tag": tag, "after": after, "older": older}
    return shown(request, caller, "service/cases.html", title=words_of(request)("cases"), here="cases", **values)


@router.post("/cases")
def create(request: Request, caller: Submitter, form: Form) -> Response:
    made = cases_of(request, caller).create(form.one("title"))
    return moved(f"/cases/{made.id}")


@router.post("/cases/add")
def add(request: Request, caller: Submitter, form: Form) -> Response:
    """Examinations into a case, or into a new one with that title."""
    ids = form.all("id")
    if not ids:
        return moved(form.back, told="choose_some")
    cases = cases_of(request, caller)
    case = form.one("case")
    if case.isdecimal() and len(case) < 19:  # what a database counts to
        case_id = int(case)
    elif form.one("title").strip():
        case_id = cases.create(form.one("title")).id
    else:
        return moved(form.back if form.one("back") else f"/examinations/{ids[0]}", told="choose_case")
    for id_ in ids:
        job = service_of(request).get(caller, id_)
        if job.examination_id is not None:
            cases.add_examination(case_id, job.examination_id, name=job.name)
    return moved(f"/cases/{case_id}")


@router.get("/cases/{case_id}")
def one_case(request: Request, caller: Reader, case_id: int) -> Response:
    cases = cases_of(request, caller)
    case = cases.get(case_id)
    rows: list[dict[str, Any]] = []
    kept = _kept(request, caller)
    for file in case.files:
        has_media = kept.has_media(file.sha256)
        rows.append({"file": file, "job_id": _job_of(request, caller, file), "has_media": has_media})
    language = language_of(request)
    values: dict[str, Any] = {
        "case": case,
        "files": rows,
        "gone": len([row for row in rows if not row["has_media"]]),
        "names": {file.sha256: file.name for file in case.files},
        "log": cases.log(case_id),
        "flaw": translated(cases.verify_log(case_id), language),
        "action": partial(_action, language=language),
    }
    return shown(request, caller, "service/case.html", title=case.line.title[:100], here="cases", **values)


def _action(name: str, language: Any) -> str:
    return say(f"log_{name}", language) if f"log_{name}" in PHRASES else name


def _job_of(request: Request, caller: Caller, file: FileInCase) -> str:
    """The id of the examination that the case relies on, "" where it is in nobody's history any more."""
    found, _ = service_of(request).search(caller, Wanted(sha256=file.sha256), limit=50)
    for job in found:
        if job.examination_id == file.examination_id:
            return job.id
    return ""


@router.post("/cases/{case_id}/remove")
def remove(request: Request, caller: Submitter, form: Form, case_id: int) -> Response:
    cases_of(request, caller).remove_file(case_id, form.one("sha256"))
    return moved(f"/cases/{case_id}")


@router.post("/cases/{case_id}/note")
def note(request: Request, caller: Submitter, form: Form, case_id: int) -> Response:
    cases_of(request, caller).note(case_id, form.one("text"), sha256=form.one("sha256"))
    return moved(f"/cases/{case_id}#notes")


@router.post("/cases/{case_id}/tag")
def tag(request: Request, caller: Submitter, form: Form, case_id: int) -> Response:
    cases_of(request, caller).tag(case_id, form.one("name"))
    return moved(f"/cases/{case_id}")


@router.post("/cases/{case_id}/untag")
def untag(request: Request, caller: Submitter, form: Form, case_id: int) -> Response:
    cases_of(request, caller).untag(case_id, form.one("name"))
    return moved(f"/cases/{case_id}")


@router.post("/cases/{case_id}/export")
def bundle(request: Request, caller: Submitter, form: Form, case_id: int) -> Response:
    """The case as one file. It is made on the disk, and gone when it was sent. One that lacks what was kept, or does
    not agree with the log, is sent when that was read."""
    cases, folder = cases_of(request, caller), service_of(request).folder
    title = cases.get(case_id).line.title
    path, language = folder.work / f"{secrets.token_hex(16)}.zip", language_of(request)
    made = export(cases, _kept(request, caller), case_id, path, language=language)
    lost = [one for one in made.left_out if one.is_lost]
    if (made.flaws or lost) and not form.one("as_it_is"):
        path.unlink(missing_ok=True)
        wrong = [say(f"case_lost_{one.what}", language, name=one.name) for one in lost]
        wrong += [translated(flaw, language) for flaw in made.flaws]
        values = {"id_": case_id, "wrong": wrong, "is_changed": bool(made.flaws)}
        name = "service/case_export.html"
        return shown(request, caller, name, title=title[:100], here="cases", status=409, **values)
    plain = re.sub(r"[^\w.-]+", "-", title).strip("-.")[:80] or f"case-{case_id}"
    gone = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="application/zip", filename=f"{plain}.zip", background=gone)


@router.post("/cases/{case_id}/erase")
def erase(request: Request, caller: Submitter, case_id: int) -> Response:
    """The case with its notes and tags; what was examined stays in the history."""
    Erasure(_kept(request, caller), caller.name).case(case_id)
    return moved("/cases", told="case_deleted")


def _kept(request: Request, caller: Caller) -> Kept:
    return replace(service_of(request).kept, tenant=caller.tenant)
