"""Forms of the pages: what stands in them, and who sent them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from zhenwei.server.auth.caller import ADMIN, SUBMIT, Caller
from zhenwei.server.pages.frame import gate_of, local
from zhenwei.server.problems import ProblemError

# By the path of a route: the field in which something has to stand.
_FILLED = {"/cases": "title", "/cases/{case_id}/tag": "name", "/cases/{case_id}/note": "text"}


@dataclass(frozen=True, slots=True)
class Fields:
    values: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str:
        """ "" where it is missing."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.values if known == name]

    @property
    def back(self) -> str:
        return local(self.one("back"))


async def fields(request: Request) -> Fields:
    """Of a form without files."""
    async with request.form(max_files=0, max_fields=1000) as form:
        return Fields(tuple([(name, value) for name, value in form.multi_items() if isinstance(value, str)]))


def sender(request: Request, form: Annotated[Fields, Depends(fields)]) -> Caller:
    """Who sent a form; that of a session has to bring its token along."""
    return gate_of(request).caller(request, form.one("csrf"))


def submitter(
    request: Request, caller: Annotated[Caller, Depends(sender)], form: Annotated[Fields, Depends(fields)]
) -> Caller:
    caller.require(SUBMIT)
    must = _FILLED.get(str(getattr(request.scope.get("route"), "path", "")))
    if must is not None and not form.one(must).strip():
        raise ProblemError(422, "blank", "nothing was written", fix="Go back, write something, and send it again.")
    return caller


def admin(caller: Annotated[Caller, Depends(sender)]) -> Caller:
    caller.require(ADMIN)
    return caller


Form = Annotated[Fields, Depends(fields)]
Sender = Annotated[Caller, Depends(sender)]
Submitter = Annotated[Caller, Depends(submitter)]
Admin = Annotated[Caller, Depends(admin)]
