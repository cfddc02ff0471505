"""History with search, comparison, deletion and what undoes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from zhenwei.server.auth.caller import Caller
from zhenwei.server.auth.gate import Reader
from zhenwei.server.pages.forms import Form, Sender, Submitter
from zhenwei.server.pages.frame import language_of, moved, service_of, shown, words_of
from zhenwei.server.pages.sight import ServedAlbum
from zhenwei.server.pages.words import PHRASES, say
from zhenwei.server.problems import ProblemError
from zhenwei.store.cases import Cases
from zhenwei.store.jobs import CANCELLED, DONE, STATES, Job, Wanted
from zhenwei.types import Language

router = APIRouter(include_in_schema=False)
PAGE = 30
MAX_NAME = 255  # characters of a name, as it is kept
_DECISIONS, _KINDS = ("forged", "genuine", "inconclusive"), ("image", "video", "audio")
_MAX_CASES = 100
_SAME_SHAPE = 0.02  # by how much two pictures may differ in shape to be laid over each other


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for, as it stands in the form."""

    text: str
    verdict: str
    kind: str
    state: str
    since: str
    until: str

    def wanted(self) -> Wanted:
        return Wanted(
            (self.state,) if self.state in STATES else (),
            (self.verdict,) if self.verdict in _DECISIONS else (),
            (self.kind,) if self.kind in _KINDS else (),
            self.text.strip(),
            _day(self.since),
            _day_after(self.until),
        )

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the text is asked for."""
        return not (self.verdict or self.kind or self.state or self.since or self.until)

    def address(self, **more: str) -> str:
        found = {name: getattr(self, name) for name in self.__dataclass_fields__} | more
        filled = {name: value for name, value in found.items() if value}
        return "/history" + (f"?{urlencode(filled)}" if filled else "")


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None


def _day_after(text: str) -> datetime | None:
    """None after the last day of the calendar, too: nothing is later."""
    day = _day(text)
    try:
        return None if day is None else day + timedelta(days=1)
    except OverflowError:
        return None


@router.get("/history")
def history(
    request: Request,
    caller: Reader,
    text: Annotated[str, Query(max_length=MAX_NAME)] = "",
    verdict: str = "",
    kind: str = "",
    state: str = "",
    since: str = "",
    until: str = "",
    after: Annotated[str, Query(max_length=48)] = "",
) -> Response:
    asked, service = Asked(text, verdict, kind, state, since, until), service_of(request)
    found, cursor = service.search(caller, asked.wanted(), after=after, limit=PAGE, language=language_of(request))
    cases = Cases(service.store, tenant=caller.tenant, actor=caller.name)
    values: dict[str, Any] = {
        "jobs": found,
        "asked": asked,
        "is_filtered": asked.address() != "/history",
        "max_text": MAX_NAME,
        "after": after,
        "newest": asked.address(),
        "older": asked.address(after=cursor) if cursor else "",
        "cases": cases.list(limit=_MAX_CASES) if found else (),
    }
    return shown(request, caller, "service/history.html", title=words_of(request)("history"), here="history", **values)


@router.post("/history/delete")
def delete(request: Request, caller: Submitter, form: Form) -> Response:
    ids = form.all("id")
    if not ids:
        return moved(form.back, told="choose_some")
    taken_out: list[str] = []
    for id_ in ids:
        try:
            service_of(request).delete(caller, id_, undo=True)
        except ProblemError as problem:
            if problem.status != 404:
                raise
        else:
            taken_out.append(id_)
    if not taken_out:  # another page was faster
        return moved(form.back, told="deleted_before")
    back = moved(form.back, told="deleted")
    joined = "&".join([f"undo={id_}" for id_ in taken_out])
    back.headers["location"] += f"&{joined}"
    return back


@router.post("/undo")
def undo(request: Request, caller: Submitter, form: Form) -> Response:
    jobs: list[Job] = []
    is_late = False
    for id_ in form.all("id"):
        try:
            jobs.append(service_of(request).restore(caller, id_))
        except ProblemError as problem:
            if problem.status != 404:
                raise
            is_late = True
    is_open = any(job.state == CANCELLED for job in jobs)
    return moved(form.back, told="undo_late" if is_late else "undone_cancelled" if is_open else "undone")


@router.post("/compare/chosen")
def compare_chosen(caller: Sender, form: Form) -> Response:
    del caller
    ids = form.all("id")
    if len(ids) != 2:
        return moved(form.back, told="choose_two")
    return moved("/compare", a=ids[0], b=ids[1])


@router.get("/compare")
def compare(
    request: Request,
    caller: Reader,
    a: str = "",
    b: str = "",
    text: Annotated[str, Query(max_length=MAX_NAME)] = "",
    after: Annotated[str, Query(max_length=48)] = "",
) -> Response:
    """``a`` beside ``b``; without ``b`` a list to choose it from, of names with ``text``, from ``after`` on."""
    service, language = service_of(request), language_of(request)
    if not a:
        return moved("/history")
    if not b:
        return _pick(request, caller, service.get(caller, a, language), text.strip(), after)
    found = service.compare(caller, a, b, language)
    sides = [_side(request, caller, job) for job in (found.first, found.second)]
    values: dict[str, Any] = {"found": found, "sides": sides, "are_alike": _are_alike(sides)}
    values["facts"] = [(_fact_words(name, language), one, other) for name, one, other in found.facts]
    title = words_of(request)("compare")
    return shown(request, caller, "service/compare.html", title=title, here="history", **values)


def _fact_words(name: str, language: Language) -> str:
    return say(f"fact_{name}", language) if f"fact_{name}" in PHRASES else name


def _pick(request: Request, caller: Caller, job: Job, text: str, after: str) -> Response:
    """Those of the same file first, unless a name is looked for."""
    service, language = service_of(request), language_of(request)
    found, cursor = service.search(caller, Wanted((DONE,), text=text), after=after, limit=PAGE, language=language)
    same: list[Job] = []
    if not text:
        same, _ = service.search(caller, Wanted((DONE,), sha256=job.sha256), limit=PAGE, language=language)
    told = {job.id} | {other.id for other in same}
    rows = [other for other in same if other.id != job.id and not after]
    rows += [other for other in found if other.id not in told]
    own = {"a": job.id} | ({"text": text} if text else {})
    values: dict[str, Any] = {
        "job": job,
        "jobs": rows,
        "text": text,
        "max_text": MAX_NAME,
        "after": after,
        "newest": f"/compare?{urlencode(own)}",
        "older": f"/compare?{urlencode(own | {'after': cursor})}" if cursor else "",
    }
    title = words_of(request)("compare")
    return shown(request, caller, "service/compare_pick.html", title=title, here="history", **values)


def _side(request: Request, caller: Caller, job: Job) -> dict[str, Any]:
    """One of the two. ``ratio``: width over height of its poster, 0 without one."""
    service = service_of(request)
    document = json.loads(service.document(caller, job.id, language_of(request)))
    poster, ratio = "", 0.0
    try:
        packed = service.found(caller, job.id)
        if packed.report.poster is not None:
            pixels = packed.report.poster.pixels
            poster = ServedAlbum(packed, f"/examinations/{job.id}/pictures").address(pixels)
            ratio = pixels.shape[1] / max(1, pixels.shape[0])
    except ProblemError:
        pass  # what was found is told all the same
    explanation = document["verdict"]["explanation"] if "verdict" in document else document["error"]["message"]
    version = document["engine"]["version"] if "engine" in document else ""
    return {"job": job, "poster": poster, "ratio": ratio, "explanation": explanation, "version": version}


def _are_alike(sides: list[dict[str, Any]]) -> bool:
    """Whether one can be laid over the other: both are pictures of one shape, and not the same file."""
    first, second = sides
    are_pictures = first["job"].kind == second["job"].kind == "image" and bool(first["ratio"])
    is_one = first["job"].sha256 == second["job"].sha256
    return are_pictures and not is_one and abs(first["ratio"] / max(second["ratio"], 1e-6) - 1) < _SAME_SHAPE
