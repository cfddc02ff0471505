"""The gate: from a request to its caller. Without keys everybody who reaches it is the person at this machine."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Depends, Request

from zhenwei.server.auth.caller import ADMIN, LOCAL, READ, SCOPES, SUBMIT, Caller
from zhenwei.server.auth.passwords import Passwords
from zhenwei.server.auth.rates import rates_of
from zhenwei.server.problems import ProblemError
from zhenwei.server.settings import Settings
from zhenwei.store.access import Access, Key
from zhenwei.store.jobs import now

COOKIE = "zhenwei_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_WRONG_PER_MINUTE = 30  # keys that are nobody's, from one address
_LOGINS_PER_MINUTE = 20  # of one address
_LOGINS_OF_NAME = 5  # of one name from one address


class Gate:
    """``access``: keys, people and sessions in the store."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self.settings, self.access = settings, access
        self._rates = rates_of(access.jobs.store)
        self._passwords = Passwords()

    @property
    def cookie(self) -> str:
        """A name with ``__Host-`` is taken by browsers only over https, from this host and for all of it."""
        return f"__Host-{COOKIE}" if self.settings.is_https else COOKIE

    def caller(self, request: Request, csrf: str | None = None) -> Caller:
        """Who asks. ``csrf``: what the form of a session brought along; else it stands in the header. Problem 401 for
        nobody, 403 for a session without it, 429 for who asks too often."""
        if self.settings.auth == "none":
            everything = frozenset(SCOPES)
            return Caller(LOCAL, LOCAL, everything, LOCAL, self.settings.max_bytes, self.settings.per_minute)
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        with_key = kind.lower() == "bearer"
        caller = self._of_key(request, shown.strip()) if with_key else self._of_session(request, csrf)
        self._rates.take(caller.key, caller.per_minute)
        return caller

    def log_in(self, request: Request, name: str, password: str) -> tuple[str, str]:
        """The token for the cookie, and what forms bring along. Problem 401 for a wrong name or password alike."""
        address = _address(request)
        self._rates.take(f"login {address}", _LOGINS_PER_MINUTE)
        self._rates.take(f"login {address} {name}", _LOGINS_OF_NAME)
        person = self.access.person(name) if name.isprintable() else None  # a NUL is no question to a database
        is_right = self._passwords.verify(person.password if person is not None else None, password)
        if person is None or not is_right or person.revoked_at is not None:
            raise ProblemError(401, "wrong-password", "the name or the password is wrong", fix="Try again.")
        return self.access.begin(person, self.settings.session_hours)

    def log_out(self, request: Request) -> None:
        token = request.cookies.get(self.cookie, "")
        if token:
            self.access.end(token)

    def _of_key(self, request: Request, shown: str) -> Caller:
        address = _address(request)
        key = self.access.key(shown)
        if key is None:
            self._rates.take(f"wrong {address}", _WRONG_PER_MINUTE)
            raise _unknown("this key is nobody's", "Check that it is whole; a new one can be made.")
        if not key.is_good(now()):
            raise _unknown("this key has expired or was revoked", "Ask whoever runs the service for a new one.")
        return self._caller(key)

    def _caller(self, key: Key) -> Caller:
        max_bytes = self.settings.max_bytes if key.max_bytes is None else key.max_bytes
        per_minute = self.settings.per_minute if key.per_minute is None else key.per_minute
        return Caller(key.tenant, key.name, frozenset(key.scopes), f"key {key.id}", max_bytes, per_minute)

    def _of_session(self, request: Request, csrf: str | None) -> Caller:
        token = request.cookies.get(self.cookie, "")
        login = self.access.login(token) if token else None
        if login is None:
            raise _unknown("a key or a login is needed", "Send the header Authorization: Bearer KEY, or log in.")
        if request.method not in _SAFE:
            brought = csrf if csrf is not None else request.headers.get(CSRF_HEADER, "")
            if not same_secret(brought, login.csrf):
                fix = "Send X-CSRF-Token with what GET /api/v1/session names."
                raise ProblemError(403, "csrf", "this request did not come from a page of the service", fix=fix)
        person, settings = login.person, self.settings
        scopes = frozenset(person.scopes)
        key = f"person {person.id}"
        return Caller(person.tenant, person.name, scopes, key, settings.max_bytes, settings.per_minute, login.csrf)


def same_secret(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _unknown(detail: str, fix: str) -> ProblemError:
    return ProblemError(401, "unknown", detail, fix=fix, headers={"WWW-Authenticate": 'Bearer realm="zhenwei"'})


def anybody(request: Request) -> Caller:
    gate: Gate = request.app.state.gate
    return gate.caller(request)


def reader(request: Request) -> Caller:
    return _with(request, READ)


def submitter(request: Request) -> Caller:
    return _with(request, SUBMIT)


def admin(request: Request) -> Caller:
    return _with(request, ADMIN)


def _with(request: Request, scope: str) -> Caller:
    caller = anybody(request)
    caller.require(scope)
    return caller


Anybody = Annotated[Caller, Depends(anybody)]
Reader = Annotated[Caller, Depends(reader)]
Submitter = Annotated[Caller, Depends(submitter)]
Admin = Annotated[Caller, Depends(admin)]
