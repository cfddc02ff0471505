"""Whoever asks for something."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.server.problems import ProblemError

READ, SUBMIT, ADMIN = SCOPES = ("read", "submit", "admin")
LOCAL = "local"  # tenant and name of whoever sits at a machine without keys


@dataclass(frozen=True, slots=True)
class Caller:
    """``tenant``: whose files they see, and nobody else's. ``key``: by what their requests are counted. ``csrf``: what
    a form of their session has to bring along, "" for who has no session. ``max_bytes`` of one file."""

    tenant: str
    name: str
    scopes: frozenset[str]
    key: str
    max_bytes: int
    per_minute: int
    csrf: str = ""

    def may(self, scope: str) -> bool:
        return scope in self.scopes or ADMIN in self.scopes

    def require(self, scope: str) -> None:
        if not self.may(scope):
            fix = f"Ask whoever runs the service for a key with the scope {scope}."
            raise ProblemError(403, "not-allowed", f"this needs the scope {scope}", fix=fix)
