"""The log in the database: entries of :mod:`zhenwei.store.chain`, put in and read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from zhenwei.store.case_tables import LogEntry
from zhenwei.store.chain import NOTHING, Entry, canonical


def append(
    session: Session, *, tenant: str, chain: str, actor: str, action: str, subject: str, content: Mapping[str, Any]
) -> Entry:
    """A further entry of that chain, in the transaction of ``session``, which writes."""
    hold(session, tenant, chain)
    own = select(LogEntry.number, LogEntry.sha256).filter_by(tenant=tenant, chain=chain)
    last = session.execute(own.order_by(LogEntry.number.desc()).limit(1)).first()
    number, previous = (last.number + 1, last.sha256) if last is not None else (1, NOTHING)
    now = datetime.now(UTC)
    entry = Entry(tenant, chain, number, now, actor, action, subject, canonical(content), previous, "")
    entry = replace(entry, sha256=entry.digest())
    session.add(LogEntry(**{name: getattr(entry, name) for name in Entry.__dataclass_fields__}))
    session.flush()
    return entry


def hold(session: Session, tenant: str, chain: str) -> None:
    """Nobody else appends to it until the transaction ends. Before rows are locked that others lock after an entry."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time
        lock = int.from_bytes(hashlib.sha256(f"{tenant}\0{chain}".encode()).digest()[:8], signed=True)
        session.execute(select(func.pg_advisory_xact_lock(lock)))


def read(session: Session, tenant: str, chain: str, *, subject: str = "") -> tuple[Entry, ...]:
    """In their order; with ``subject`` those on it alone."""
    asked = select(LogEntry).filter_by(tenant=tenant, chain=chain)
    if subject:
        asked = asked.filter_by(subject=subject)
    found = []
    for row in session.scalars(asked.order_by(LogEntry.number)):
        found.append(Entry(**{name: getattr(row, name) for name in Entry.__dataclass_fields__}))
    return tuple(found)
