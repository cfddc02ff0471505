"""What every page has: who looks at it, in which language and colours, and the policy under which browsers show it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from zhenwei import pages
from zhenwei.fusion.wording import signed
from zhenwei.report.terms import clock, strength
from zhenwei.server.auth.caller import SUBMIT, Caller
from zhenwei.server.auth.gate import Gate
from zhenwei.server.pages.assets import asset
from zhenwei.server.pages.words import PHRASES, say
from zhenwei.server.problems import ProblemError, SchemaError
from zhenwei.server.service import Service
from zhenwei.server.settings import Settings
from zhenwei.store.cases import Cases
from zhenwei.store.jobs import CANCELLED, Job, Wanted, now
from zhenwei.types import Language
from zhenwei.words import has_chinese, translated

# Without its own site as referrer a form would come with ``Origin: null``, which the guards refuse.
REFERRER = "same-origin"
# Styles stand in one file; reports place marks by attributes. Scripts are files of the service and nothing else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
LANGUAGE_COOKIE, THEME_COOKIE, KEYS_COOKIE = "zhenwei_language", "zhenwei_theme", "zhenwei_keys"
_YEAR_S = 365 * 24 * 3600
_LOCAL = re.compile(r"/(?![/\\])[^\s\\]{0,8000}")
_ID = re.compile("[0-9a-f]{32}")
_TOLD = (
    "undone",
    "undone_cancelled",
    "undo_late",
    "deleted_before",
    "case_deleted",
    "api_key_revoked",
    "settings_saved",
    "choose_some",
    "choose_case",
    "no_file",
    "some_refused",
    "known_before",
    "choose_two",
)
_ONCE = ("told", "undo")  # what an address carries for the page that it leads to
# Kinds of problems of which pages tell in words of their own: those of the problem are for programs.
_FOR_PEOPLE = ("blank", "csrf", "fault", "method-not-allowed", "out-of-range", "schema", "too-many")
Theme = Literal["", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Flash:
    """What was just done, with the ids of what can be undone, for ``seconds``."""

    text: str
    undo: Sequence[str] = ()
    seconds: int = 0


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def gate_of(request: Request) -> Gate:
    found: Gate = request.app.state.gate
    return found


def settings_of(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


def language_of(request: Request) -> Language:
    """As chosen in this browser, else as it asks for, else the service's own."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in ("en", "zh"):
        return "zh" if chosen == "zh" else "en"
    for wanted in request.headers.get("accept-language", "").lower().split(","):
        if wanted.strip().startswith(("zh", "en")):
            return "zh" if wanted.strip().startswith("zh") else "en"
    return settings_of(request).language


def local(address: str) -> str:
    """An address of this service; the first page for every other."""
    return address if _LOCAL.fullmatch(address) else "/"


def shown(
    request: Request,
    caller: Caller | None,
    template: str,
    *,
    title: str,
    here: str = "",
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page for ``caller``, or for nobody who is known. ``here``: its entry in the menu."""
    base = _base(request, caller) | _limits(request, caller)
    html = pages.page(template, title=f"{title} · zhenwei", here=here, **(base | values))
    return HTMLResponse(html, status, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": REFERRER})


def _base(request: Request, caller: Caller | None) -> dict[str, Any]:
    """What every page prints."""
    language = language_of(request)
    return {
        "language": language,
        "say": partial(say, language=language),
        "strength": partial(strength, language=language),
        "clock": clock,
        "signed": signed,
        "translated": partial(translated, language=language),
        "asset": lambda name: asset(name).address,
        "theme": _theme(request),
        "keys": request.cookies.get(KEYS_COOKIE) != "off",
        "at": page_of(request),
        "switched_at": page_of(request, once=True),
        "version": metadata.version("zhenwei"),
        "signed_in": caller is not None,
        "may_submit": caller is not None and caller.may(SUBMIT),
        "is_shared": settings_of(request).auth != "none",
        "person": caller.name if caller is not None and settings_of(request).auth != "none" else "",
        "person_digest": _digest(caller) if caller is not None else "",
        "csrf": caller.csrf if caller is not None else "",
        "flash": _flash(request, caller, language),
        "reload_s": 0,
    }


def _digest(caller: Caller) -> str:
    """Tells people apart in what a browser keeps, without their names."""
    return hashlib.sha256(f"{caller.tenant}\0{caller.name}".encode()).hexdigest()[:16]


def is_case_at_stake(request: Request, caller: Caller, job: Job) -> bool:
    """Whether a case of theirs holds the file of ``job`` and no other examination does, so that it goes with this one,
    which may be deleted already."""
    service = service_of(request)
    if not service.folder.medium(job.sha256).is_file():
        return False
    if not Cases(service.store, tenant=caller.tenant, actor=caller.name).with_file(job.sha256):
        return False
    found, _ = service.jobs.search(caller.tenant, Wanted(sha256=job.sha256), limit=2)
    return all(other.id == job.id for other in found)


def words_of(request: Request) -> partial[str]:
    return partial(say, language=language_of(request))


def moved(address: str, **asked: str) -> RedirectResponse:
    """On to another page, after a form."""
    found = {name: value for name, value in asked.items() if value}
    joined = "&" if "?" in address else "?"
    return RedirectResponse(address + (joined + urlencode(found) if found else ""), 303)


def keep(response: RedirectResponse, request: Request, name: str, value: str) -> RedirectResponse:
    """Remember a choice in this browser; "" forgets it."""
    https = settings_of(request).is_https
    if value:
        response.set_cookie(name, value, max_age=_YEAR_S, path="/", secure=https, httponly=True, samesite="lax")
    else:
        response.delete_cookie(name, path="/", secure=https, httponly=True, samesite="lax")
    return response


def size_words(size_bytes: int) -> str:
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20)):
        if size_bytes >= size:
            return f"{size_bytes / size:.3g} {unit}"
    return f"{size_bytes / 1024:.3g} kB"


def problem_page(request: Request, problem: ProblemError) -> HTMLResponse | RedirectResponse:
    """What was wrong with a request, for people; who is not signed in is led there."""
    caller = _caller_or_none(request)
    if problem.status == 401 and settings_of(request).auth != "none":
        return moved("/login", back=page_of(request))
    told = problem_words(request, problem)
    response = shown(request, caller, "service/problem.html", title=told["headline"], status=problem.status, **told)
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def problem_words(request: Request, problem: ProblemError) -> dict[str, str]:
    """``headline``, ``detail`` and ``cure`` of it for people, in the page's language as far as anybody has told them in
    it."""
    caller, language = _caller_or_none(request), language_of(request)
    limits = _limits(request, caller)
    kind = _kind(problem, caller)
    key = f"error_{problem.status}"
    if key not in PHRASES:
        key = "error_500" if problem.status > 500 else "error_400"
    headline = say(f"error_{kind}" if f"error_{kind}" in PHRASES else key, language)
    is_own = kind != problem.kind or kind in _FOR_PEOPLE
    detail = translated(problem.detail, language)
    is_named = kind == "not-found" and has_chinese(problem.detail)  # it says of what
    if f"kind_{kind}" in PHRASES and (is_own or (language == "zh" and not is_named)):
        detail = say(f"kind_{kind}", language)
    if kind == "no-such-page":
        detail = ""  # the headline says it
    cure = translated(problem.fix, language)
    is_known = bool(problem.fix) and not is_own and (language == "en" or has_chinese(problem.fix))
    own_cure = next((name for name in (f"kind_{kind}_cure", f"{key}_cure") if name in PHRASES), "")
    if own_cure and not is_known:
        cure = say(own_cure, language, size=limits["max_size"], count=limits["max_files"])
    return {"headline": headline, "detail": detail, "cure": cure}


def _kind(problem: ProblemError, caller: Caller | None) -> str:
    """The kind of the problem as pages tell of it."""
    if isinstance(problem, SchemaError):
        return "schema"
    if problem.kind == "not-allowed":
        return "beyond-rights" if caller is not None and caller.may(SUBMIT) else "read-only"
    return problem.kind


def _caller_or_none(request: Request) -> Caller | None:
    """Who looks at a page on which nothing is done; forms are checked where they are taken."""
    gate = gate_of(request)
    if gate.settings.auth == "none":
        return gate.caller(request)
    login = gate.access.login(request.cookies.get(gate.cookie, ""))
    if login is None:
        return None
    try:
        return gate.caller(request, login.csrf)
    except ProblemError:
        return None


def _limits(request: Request, caller: Caller | None) -> dict[str, Any]:
    settings = settings_of(request)
    max_bytes = caller.max_bytes if caller is not None else settings.max_bytes
    return {"max_bytes": max_bytes, "max_files": settings.max_files, "max_size": size_words(max_bytes)}


def _theme(request: Request) -> Theme:
    chosen = request.cookies.get(THEME_COOKIE, "")
    return "dark" if chosen == "dark" else "light" if chosen == "light" else ""


def page_of(request: Request, *, once: bool = False) -> str:
    """The address of this page, ``once``: with what it tells once. The answer to a form has none that could be asked
    for again: then that of the page with the form, else the nearest above it."""
    if request.method in ("GET", "HEAD"):
        return _address(request.url.path, request.url.query, once=once)
    try:
        came = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        came = urlsplit("")
    is_ours = came.netloc.lower() == request.headers.get("host", "").lower()
    if is_ours and _is_shown(request, came.path):
        return local(_address(came.path, came.query, once=once))
    parts = request.url.path.split("/")
    above = ["/".join(parts[:length]) for length in range(len(parts), 1, -1)]
    return next((path for path in above if _is_shown(request, path)), "/")


def _address(path: str, query: str, *, once: bool) -> str:
    asked = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if once or name not in _ONCE]
    return path + (f"?{urlencode(asked)}" if asked else "")


def _is_shown(request: Request, path: str) -> bool:
    """Whether it is a page; /cases/add is none, though it looks like that of a case."""
    routes = [route for route in request.app.state.routes if route.path_regex.match(path)]
    exact = [route for route in routes if route.path == path]
    return not path.startswith("/api/") and any("GET" in (route.methods or ()) for route in exact or routes)


def _flash(request: Request, caller: Caller | None, language: Language) -> Flash | None:
    told, asked = request.query_params.get("told", ""), request.query_params.getlist("undo")
    ids = [id_ for id_ in asked if _ID.fullmatch(id_)][:200]
    if told == "deleted" and ids and caller is not None:
        return _deleted(request, caller, ids, language)
    return Flash(say(told, language)) if told in _TOLD else None


def _deleted(request: Request, caller: Caller, ids: Sequence[str], language: Language) -> Flash:
    """With those that can still be brought back, and for how long all of them can."""
    jobs, kept_s = service_of(request).jobs, settings_of(request).deleted_s
    left: dict[str, float] = {}
    stopped = at_stake = False
    for id_ in ids:
        job = jobs.get(caller.tenant, id_, hidden=True)
        if job is not None and job.deleted_at is not None:
            seconds = kept_s - (now() - job.deleted_at).total_seconds()
            if seconds >= 1:
                left[id_] = seconds
                at_stake = at_stake or is_case_at_stake(request, caller, job)
            stopped = stopped or job.state == CANCELLED
    told = [say("deleted", language) if len(ids) == 1 else say("deleted_many", language, count=len(ids))]
    if left and stopped:
        told.append(say("deleted_open", language))
    if at_stake:
        told.append(say("deleted_in_case", language))
    text = (" " if language == "en" else "").join(told)
    return Flash(text, tuple(left), int(min(left.values(), default=0)))
