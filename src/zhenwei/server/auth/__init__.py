"""Who somebody is, and what they may: API keys for programs, names and passwords for people, and their sessions."""

from __future__ import annotations

from zhenwei.server.auth.caller import ADMIN, READ, SCOPES, SUBMIT, Caller

__all__ = ["ADMIN", "READ", "SCOPES", "SUBMIT", "Caller"]
