"""What every page has: who looks at it, in which language and colours, and the policy under which browsers show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from zhenwei import pages
from zhenwei.fusion.wording import signed
from zhenwei.report.terms import clock, strength
from zhenwei.server.auth.caller import Caller
from zhenwei.server.auth.gate import Gate
from zhenwei.server.pages.assets import asset
from zhenwei.server.pages.words import PHRASES, say
from zhenwei.server.problems import ProblemError
from zhenwei.server.service import Service
from zhenwei.server.settings import Settings
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
_LOCAL = re.compile(r"/(?![/\\])[^\s\\]{0,2000}")
_ID = re.compile("[0-9a-f]{32}")
_TOLD = (
    "undone",
    "undo_late",
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
        "at": _at(request),
        "version": metadata.version("zhenwei"),
        "signed_in": caller is not None,
        "person": caller.name if caller is not None and settings_of(request).auth != "none" else "",
        "csrf": caller.csrf if caller is not None else "",
        "flash": _flash(request, language),
        "reload_s": 0,
    }


def words_of(request: Request) -> partial[str]:
    return partial(say, language=language_of(request))


def moved(address: str, **asked: str) -> RedirectResponse:
    """On to another page, after a form."""
    from urllib.parse import urlencode

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
        return moved("/login", back=_at(request) if request.method == "GET" else "/")
    told = _problem(problem, language_of(request), _limits(request, caller))
    response = shown(request, caller, "service/problem.html", title=told["headline"], status=problem.status, **told)
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def _problem(problem: ProblemError, language: Language, limits: dict[str, Any]) -> dict[str, Any]:
    """``headline``, ``detail`` and ``cure`` of it, in the language as far as anybody has told them in it."""
    key = f"error_{problem.status}"
    if key not in PHRASES:
        key = "error_500" if problem.status > 500 else "error_400"
    cure = translated(problem.fix, language)
    is_known = bool(problem.fix) and (language == "en" or has_chinese(problem.fix))
    if f"{key}_cure" in PHRASES and not is_known:
        cure = say(f"{key}_cure", language, size=limits["max_size"], count=limits["max_files"])
    kind = f"kind_{problem.kind}"
    detail = translated(problem.detail, language)
    if language == "zh" and kind in PHRASES:
        detail = say(kind, language)
    if problem.kind == "no-such-page":
        detail = ""  # the headline says it
    return {"headline": say(key, language), "detail": detail, "cure": cure}


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


def _at(request: Request) -> str:
    """The address of this page, without what it told once."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name not in ("told", "undo")]
    from urllib.parse import urlencode

    return request.url.path + (f"?{urlencode(asked)}" if asked else "")


def _flash(request: Request, language: Language) -> Flash | None:
    told, asked = request.query_params.get("told", ""), request.query_params.getlist("undo")
    seconds = int(settings_of(request).deleted_s)
    ids = [id_ for id_ in asked if _ID.fullmatch(id_)][:200]
    if told == "deleted" and ids:
        text = say("deleted", language) if len(ids) == 1 else say("deleted_many", language, count=len(ids))
        return Flash(text, ids, seconds)
    return Flash(say(told, language)) if told in _TOLD else None
