"""The tables of the service: jobs, and who may give them. See :mod:`zhenwei.store.tables`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from zhenwei.store.tables import Base, Moment


class JobRow(Base):
    """A file that somebody handed in to be examined, and what became of it.

    ``uid`` is what the outside knows it by. ``same``: digest of tenant, file, options and engine, NULL where a further
    one is to be examined anyway. ``owner``: the server process that examines it, as long as ``lease_until``. Without
    ``file_id`` nothing has been recorded, or it was erased. ``callback_url``: the addresses that are called when it is
    over, a line each; a ``-`` before one says that it was called.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_tenant", "tenant", "id", "name", "sha256", "deleted_at"),  # all that a search looks at
        Index("ix_job_tenant_state", "tenant", "state", "id", "deleted_at"),
        Index("ix_job_tenant_decision", "tenant", "decision", "id"),
        Index("ix_job_state", "state", "id", "deleted_at"),
        Index("ix_job_tenant_sha256", "tenant", "sha256"),
        UniqueConstraint("tenant", "idempotency", name="uq_job_tenant"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    tenant: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[str] = mapped_column(String(64))
    same: Mapped[str | None] = mapped_column(String(64), unique=True)
    idempotency: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(64), default="")
    fraction: Mapped[float] = mapped_column(Double, default=0.0)
    created_at: Mapped[datetime] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    deleted_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    tries: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    examination_id: Mapped[int | None] = mapped_column(ForeignKey("examination.id", ondelete="SET NULL"), index=True)
    kind: Mapped[str | None] = mapped_column(String(8))
    decision: Mapped[str | None] = mapped_column(String(16))
    llr: Mapped[float | None] = mapped_column(Double)
    error_rate: Mapped[float | None] = mapped_column(Double)
    seconds: Mapped[float | None] = mapped_column(Double)
    error_kind: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)
    error_fix: Mapped[str | None] = mapped_column(Text)
    callback_url: Mapped[str | None] = mapped_column(Text)
    callback_state: Mapped[str | None] = mapped_column(String(16))
    callback_tries: Mapped[int] = mapped_column(default=0)
    callback_at: Mapped[datetime | None] = mapped_column(Moment, index=True)


class RequestKeyRow(Base):
    """A further word that a client chose for its request (``job.idempotency`` holds the one with which a job came):
    what it handed in was known, so that ``job_id`` is its job. ``options``: as that request named them."""

    __tablename__ = "request_key"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    idempotency: Mapped[str] = mapped_column(String(64), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), index=True)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)


class KeyRow(Base):
    """An API key, of which only the digest is kept. ``limits``: bytes of an upload, requests a minute; NULL = usual."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(16), unique=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(64))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    max_bytes: Mapped[int | None] = mapped_column(BigInteger)
    per_minute: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class PersonRow(Base):
    """Somebody who logs in with a name and a password, kept as argon2 makes of it."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class SessionRow(Base):
    """A login in one browser; its cookie is kept as a digest."""

    __tablename__ = "login_session"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)


class BucketRow(Base):
    """How often somebody may ask. ``name``: digest of whose it is; ``full_at``: seconds since 1970."""

    __tablename__ = "rate_bucket"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    full_at: Mapped[float] = mapped_column(Double, index=True)
