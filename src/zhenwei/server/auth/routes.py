"""REST, version 1: who one is, logging in and out, and the keys of one's tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Path as PathParameter

from zhenwei.server.auth.gate import Admin, Anybody, Gate
from zhenwei.server.models import AskKeyBody, KeyBody, KeyList, LoginBody, NewKeyBody, WhoBody
from zhenwei.server.problems import ProblemError, problems
from zhenwei.store.access import Key
from zhenwei.store.jobs import now

router = APIRouter(prefix="/api/v1", tags=["access"])


@router.get("/session", response_model=WhoBody, responses=problems())
def who(caller: Anybody) -> WhoBody:
    """Who you are, and what you may."""
    return WhoBody(tenant=caller.tenant, name=caller.name, scopes=sorted(caller.scopes), csrf=caller.csrf)


@router.post("/session", response_model=WhoBody, responses=problems(409))
def log_in(request: Request, response: Response, body: LoginBody) -> WhoBody:
    """Log in with a name and a password; the answer sets the cookie of the session."""
    gate = _gate(request)
    if gate.settings.auth == "none":
        raise ProblemError(409, "no-logins", "this service is for this machine alone; nobody logs in")
    token, csrf = gate.log_in(request, body.name, body.password)
    set_cookie(response, gate, token)
    person = gate.access.person(body.name)
    if person is None:
        raise ProblemError(401, "wrong-password", "the name or the password is wrong")
    return WhoBody(tenant=person.tenant, name=person.name, scopes=sorted(person.scopes), csrf=csrf)


@router.delete("/session", status_code=204, response_class=Response, responses=problems())
def log_out(request: Request, caller: Anybody) -> Response:
    """End the session."""
    del caller
    gate = _gate(request)
    gate.log_out(request)
    response = Response(status_code=204)
    response.delete_cookie(gate.cookie, path="/", secure=gate.settings.is_https, httponly=True, samesite="lax")
    return response


@router.get("/keys", response_model=KeyList, responses=problems())
def list_keys(request: Request, caller: Admin) -> KeyList:
    """The keys of your tenant."""
    return KeyList(keys=[_body(key) for key in _gate(request).access.all_keys(caller.tenant)])


@router.post("/keys", status_code=201, response_model=NewKeyBody, responses=problems())
def add_key(request: Request, caller: Admin, body: AskKeyBody) -> NewKeyBody:
    """Make a key for your tenant. The answer is the only time that it is shown."""
    expires_at = None if body.days is None else now() + timedelta(days=body.days)
    key, shown = _gate(request).access.add_key(
        caller.tenant,
        body.name,
        body.scopes,
        expires_at=expires_at,
        max_bytes=body.max_bytes,
        per_minute=body.per_minute,
    )
    return NewKeyBody(**_body(key).model_dump(), key=shown)


@router.delete("/keys/{id}", status_code=204, response_class=Response, responses=problems(404))
def revoke_key(
    request: Request,
    caller: Admin,
    id: Annotated[str, PathParameter(pattern="^[0-9a-f]{16}$")],  # noqa: A002
) -> Response:
    """It opens nothing any more."""
    if not _gate(request).access.revoke_key(id, caller.tenant):
        raise ProblemError(404, "not-found", "there is no such key")
    return Response(status_code=204)


def set_cookie(response: Response, gate: Gate, token: str) -> None:
    """Of a session that :meth:`Gate.log_in` began."""
    seconds = int(gate.settings.session_hours * 3600)
    https = gate.settings.is_https
    response.set_cookie(gate.cookie, token, max_age=seconds, path="/", secure=https, httponly=True, samesite="lax")


def _gate(request: Request) -> Gate:
    found: Gate = request.app.state.gate
    return found


def _body(key: Key) -> KeyBody:
    return KeyBody(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        max_bytes=key.max_bytes,
        per_minute=key.per_minute,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
