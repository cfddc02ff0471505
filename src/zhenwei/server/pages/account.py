"""Signing in and out, and settings: those of this browser, and the keys of one's own programs."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from zhenwei.server.auth.caller import ADMIN, SCOPES, Caller
from zhenwei.server.auth.gate import Anybody
from zhenwei.server.auth.routes import set_cookie
from zhenwei.server.pages.forms import Admin, Form, Sender
from zhenwei.server.pages.frame import (
    KEYS_COOKIE,
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    gate_of,
    keep,
    local,
    moved,
    settings_of,
    shown,
    words_of,
)
from zhenwei.server.problems import ProblemError
from zhenwei.store.jobs import now

router = APIRouter(include_in_schema=False)
_MAX_DAYS = 3650


@router.get("/login")
def login_page(request: Request, back: str = "/") -> Response:
    if settings_of(request).auth == "none":
        return moved("/")
    return _login(request, local(back), "")


def _login(request: Request, back: str, wrong: str, status: int = 200) -> Response:
    title = words_of(request)("sign_in")
    return shown(request, None, "service/login.html", title=title, status=status, back=back, wrong=wrong)


@router.post("/login")
def log_in(request: Request, form: Form) -> Response:
    gate, words = gate_of(request), words_of(request)
    if gate.settings.auth == "none":
        return moved("/")
    try:
        token, _ = gate.log_in(request, form.one("name"), form.one("password"))
    except ProblemError as problem:
        if problem.status not in (401, 429):
            raise
        told = words("sign_in_wrong" if problem.status == 401 else "sign_in_slow")
        return _login(request, form.back, told, problem.status)
    response = moved(form.back)
    set_cookie(response, gate, token)
    return response


@router.post("/logout")
def log_out(request: Request, caller: Sender) -> Response:
    del caller
    gate = gate_of(request)
    gate.log_out(request)
    response = moved("/login")
    response.delete_cookie(gate.cookie, path="/", secure=gate.settings.is_https, httponly=True, samesite="lax")
    return response


@router.get("/language/{language}")
def switch(request: Request, language: str, back: str = "/") -> Response:
    if language not in ("en", "zh"):
        raise ProblemError(404, "no-such-page", "there is no such language", fix="en or zh")
    return keep(moved(local(back)), request, LANGUAGE_COOKIE, language)


@router.get("/settings")
def settings_page(request: Request, caller: Anybody) -> Response:
    return _settings(request, caller)


def _settings(request: Request, caller: Caller, made: str = "") -> Response:
    keys = []
    if settings_of(request).auth != "none" and caller.may(ADMIN):
        moment = now()
        keys = [key for key in gate_of(request).access.all_keys(caller.tenant) if key.is_good(moment)]
    title = words_of(request)("settings")
    return shown(
        request, caller, "service/settings.html", title=title, here="settings", api_keys=keys, made=made,
        may_keys=caller.may(ADMIN), scopes=SCOPES,
    )  # fmt: skip


@router.post("/settings")
def save(request: Request, caller: Sender, form: Form) -> Response:
    del caller
    response = moved("/settings", told="settings_saved")
    if form.one("language") in ("en", "zh"):
        keep(response, request, LANGUAGE_COOKIE, form.one("language"))
    theme = form.one("theme")
    keep(response, request, THEME_COOKIE, theme if theme in ("light", "dark") else "")
    return keep(response, request, KEYS_COOKIE, "off" if form.one("keys") == "off" else "")


@router.post("/settings/keys")
def make_key(request: Request, caller: Admin, form: Form) -> Response:
    """The page that answers is the only one that shows the key."""
    days = form.one("days")
    scopes = [scope for scope in SCOPES if scope in form.all("scopes")]
    name = form.one("name").strip()
    if (
        not scopes
        or not 0 < len(name) <= 64
        or not name.isprintable()
        or not days.isdecimal()
        or len(days) > 4  # as many digits as the most has
        or not 1 <= int(days) <= _MAX_DAYS
    ):
        raise ProblemError(400, "invalid", "a key needs a name, a scope and how many days it is good")
    expires_at = now() + timedelta(days=int(days))
    _, made = gate_of(request).access.add_key(caller.tenant, name, scopes, expires_at=expires_at)
    return _settings(request, caller, made)


@router.post("/settings/keys/revoke")
def revoke(request: Request, caller: Admin, form: Form) -> Response:
    if not gate_of(request).access.revoke_key(form.one("id"), caller.tenant):
        raise ProblemError(404, "not-found", "there is no such key")
    return moved("/settings", told="api_key_revoked")
