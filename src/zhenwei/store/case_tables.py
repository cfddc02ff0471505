"""The tables of cases, of their log, and of what is kept beside the store. See :mod:`zhenwei.store.tables`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from zhenwei.store.tables import Base, Moment

LOCAL = "local"  # tenant and actor where nobody says who


class Case(Base):
    """``uid`` names it for ever and everywhere, ``salt`` keeps the log's digests of its texts from being guessed."""

    __tablename__ = "case"
    __table_args__ = (Index("ix_case_tenant", "tenant", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), default=LOCAL)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    salt: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(64), default=LOCAL)
    created_at: Mapped[datetime] = mapped_column(Moment)


class CaseFile(Base):
    """A file in a case, and the examination that the case relies on, if any."""

    __tablename__ = "case_file"
    __table_args__ = (UniqueConstraint("case_id", "file_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), index=True)
    examination_id: Mapped[int | None] = mapped_column(ForeignKey("examination.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(64), default=LOCAL)
    added_at: Mapped[datetime] = mapped_column(Moment)


class Note(Base):
    """Of a case, or with ``file_id`` of a file in it."""

    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(64), default=LOCAL)
    written_at: Mapped[datetime] = mapped_column(Moment)


class Tag(Base):
    __tablename__ = "tag"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    actor: Mapped[str] = mapped_column(String(64), default=LOCAL)
    added_at: Mapped[datetime] = mapped_column(Moment)


class LogEntry(Base):
    """One action. ``chain``: the ``uid`` of a case, or "store". ``sha256`` covers all else, ``previous`` that before.

    It outlives what it tells of: ``subject`` (the ``uid`` of a case or the digest of a file) and ``content`` (canonical
    JSON) hold digests, never names or texts.
    """

    __tablename__ = "log_entry"
    __table_args__ = (UniqueConstraint("tenant", "chain", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    chain: Mapped[str] = mapped_column(String(32))
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(Moment)
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    content: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))


class KeptMedia(Base):
    """A file whose bytes lie in the folder of the store, for this tenant; ``until`` None: for ever."""

    __tablename__ = "kept_media"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True, default=LOCAL)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), primary_key=True, index=True)
    kept_at: Mapped[datetime] = mapped_column(Moment)
    until: Mapped[datetime | None] = mapped_column(Moment, index=True)


class PageRow(Base):
    """The packed report of an examination (``report.packed``), which a page is made from: under which digest it lies in
    the folder of the store."""

    __tablename__ = "page"

    examination_id: Mapped[int] = mapped_column(ForeignKey("examination.id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
