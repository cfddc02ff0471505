"""The tables. What is changed here needs a migration in ``migrations/versions``; a test compares the two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from zhenwei.store.refusals import UnreadableValueError

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite forgets the zone. One without a zone is in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None or value.tzinfo is None:
            return value
        try:
            return value.astimezone(UTC)
        except OverflowError:  # at an end of the calendar, which is beyond every time that is kept
            return datetime.max if value.year > 1 else datetime.min

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        read = super().result_processor(dialect, coltype)

        def checked(value: Any) -> datetime | None:
            try:
                return value if read is None else read(value)
            except (ValueError, TypeError) as error:
                raise UnreadableValueError(str(error)) from None

        return checked


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMES)


class File(Base):
    """Bytes that were met, by their digest, wherever they lie."""

    __tablename__ = "file"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    met_at: Mapped[datetime] = mapped_column(Moment)


class Place(Base):
    """A path under which a file was met; ``path_sha256`` because paths are longer than what an index takes.

    Without ``file_id`` it could not be read, and the three ``error`` columns say why. With both it could not be looked
    at the last time, and ``file_id`` is what lay there before.
    """

    __tablename__ = "place"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    path_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), index=True)
    seen_at: Mapped[datetime] = mapped_column(Moment)
    error_kind: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)
    error_fix: Mapped[str | None] = mapped_column(Text)


class EngineRow(Base):
    """A version, its models and its options: what an answer depends on beside the file."""

    __tablename__ = "engine"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    version: Mapped[str] = mapped_column(String(64))
    models: Mapped[dict[str, Any]] = mapped_column(JSON)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    detectors: Mapped[list[str]] = mapped_column(JSON)


class Examination(Base):
    """What one engine said of one file, once; without ``decision`` the three ``error`` columns say why."""

    __tablename__ = "examination"
    __table_args__ = (UniqueConstraint("file_id", "engine_id"), Index("ix_examination_decision", "decision", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"))
    engine_id: Mapped[int] = mapped_column(ForeignKey("engine.id"), index=True)
    kind: Mapped[str | None] = mapped_column(String(8))
    decision: Mapped[str | None] = mapped_column(String(16))
    llr: Mapped[float | None] = mapped_column(Double)
    error_rate: Mapped[float | None] = mapped_column(Double)
    at_fault: Mapped[str] = mapped_column(String(64), default="")
    people: Mapped[int | None]
    partly: Mapped[bool] = mapped_column(default=False)
    seconds: Mapped[float] = mapped_column(Double)
    examined_at: Mapped[datetime] = mapped_column(Moment, index=True)
    error_kind: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)
    error_fix: Mapped[str | None] = mapped_column(Text)

    file: Mapped[File] = relationship()
    engine: Mapped[EngineRow] = relationship()


class ReportRow(Base):
    """The report as JSON of its schema in one language, apart from what lists show, and the sentences of a list."""

    __tablename__ = "report"

    examination_id: Mapped[int] = mapped_column(ForeignKey("examination.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    declared: Mapped[str] = mapped_column(Text)
    document: Mapped[str] = mapped_column(Text)
