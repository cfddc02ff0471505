"""What is in a store, one result for each path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from zhenwei.store.tables import EngineRow, Examination, File, Place, ReportRow
from zhenwei.store.where import Condition
from zhenwei.types import Language

_AT_ONCE = 500  # rows fetched


@dataclass(frozen=True, slots=True)
class Result:
    """``decision`` is "forged", "genuine", "inconclusive" or "unreadable", which ``error`` then explains. Beside an
    answer ``error`` says that the path could not be looked at the last time; the answer is on what lay there."""

    path: str
    sha256: str
    size_bytes: int | None
    kind: str
    decision: str
    at_fault: str
    llr: float | None
    error_rate: float | None
    people: int | None
    partly: bool
    reason: str
    declared: str
    error_kind: str
    error: str
    error_fix: str
    seconds: float | None
    examined_at: datetime | None
    version: str
    fingerprint: str
    examination_id: int | None


def results(session: Session, conditions: Sequence[Condition], language: Language) -> Iterator[Result]:
    columns = _columns()
    asked = _joined(select(*[column.label(name) for name, column in columns.items()]), language)
    for condition in conditions:
        asked = asked.where(condition.on(columns[condition.column]))
    for row in session.execute(asked.order_by(Place.path).execution_options(yield_per=_AT_ONCE)):
        yield Result(*row)


def _columns() -> dict[str, Any]:
    """By the name of a field of :class:`Result`, in their order."""
    return {
        "path": Place.path,
        "sha256": func.coalesce(File.sha256, ""),
        "size_bytes": File.size_bytes,
        "kind": func.coalesce(Examination.kind, ""),
        "decision": func.coalesce(Examination.decision, "unreadable"),
        "at_fault": func.coalesce(Examination.at_fault, ""),
        "llr": Examination.llr,
        "error_rate": Examination.error_rate,
        "people": Examination.people,
        "partly": func.coalesce(Examination.partly, False),
        "reason": func.coalesce(ReportRow.reason, ""),
        "declared": func.coalesce(ReportRow.declared, ""),
        "error_kind": func.coalesce(Place.error_kind, Examination.error_kind, ""),
        "error": func.coalesce(Place.error, Examination.error, ""),
        "error_fix": func.coalesce(Place.error_fix, Examination.error_fix, ""),
        "seconds": Examination.seconds,
        "examined_at": Examination.examined_at,
        "version": func.coalesce(EngineRow.version, ""),
        "fingerprint": func.coalesce(EngineRow.fingerprint, ""),
        "examination_id": Examination.id,
    }


def _joined(asked: Select[Any], language: Language) -> Select[Any]:
    """Each path with the latest examination of its file; places without a file have none."""
    other = aliased(Examination)
    latest = (
        select(other.id)
        .where(other.file_id == Place.file_id)
        .order_by(other.examined_at.desc(), other.id.desc())
        .limit(1)
        .correlate(Place)
        .scalar_subquery()
    )
    of_language = and_(ReportRow.examination_id == Examination.id, ReportRow.language == language)
    return (
        asked.select_from(Place)
        .outerjoin(File, File.id == Place.file_id)
        .outerjoin(Examination, Examination.id == latest)
        .outerjoin(EngineRow, EngineRow.id == Examination.engine_id)
        .outerjoin(ReportRow, of_language)
    )
