"""The store: what is written after each file, and what is asked before it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from zhenwei.errors import ZhenweiError
from zhenwei.report import Outcome, Unreadable, to_json
from zhenwei.report.outcome import numbers_of_people
from zhenwei.report.tabular import declares, why
from zhenwei.store.case_tables import LogEntry
from zhenwei.store.fingerprint import Fingerprint
from zhenwei.store.refusals import told
from zhenwei.store.results import Result, results
from zhenwei.store.tables import Base, EngineRow, Examination, File, Place, ReportRow
from zhenwei.store.where import Condition
from zhenwei.types import Language, Report

UNREADABLE = "unreadable"
_LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Store:
    """Made by ``zhenwei.store.open_store``. Each method is one transaction: done and on the disk when it returns, or
    not begun. Several processes may write to one store; what two of them examined at once is kept once."""

    def __init__(self, engine: Engine, where: str) -> None:
        self.engine, self.where = engine, where
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.engine.dispose()

    def decision(self, sha256: str, fingerprint: Fingerprint) -> str | None:
        """What the engine said of the file: a decision or ``UNREADABLE``; None where it has not been asked."""
        with self.reading() as session:
            found = _examination(session, sha256, fingerprint)
            return None if found is None else found.decision or UNREADABLE

    def examination_id(self, sha256: str, fingerprint: Fingerprint) -> int | None:
        """The number of the examination of the file by that engine, failed or not."""
        with self.reading() as session:
            found = _examination(session, sha256, fingerprint)
            return None if found is None else found.id

    def record(
        self,
        path: str,
        sha256: str,
        size_bytes: int,
        outcome: Outcome,
        fingerprint: Fingerprint,
        *,
        seconds: float,
        also: Callable[[Session, int], None] | None = None,
    ) -> int:
        """Keep what became of the file with that digest, which lies at ``path``; the number of its examination. An
        answer takes the place of an earlier one by the same engine, a failure only that of an earlier failure.
        ``also`` is called with that number in the same transaction, unless the earlier one stays."""
        values, reports = _values(outcome), _reports(outcome)
        with self.writing() as session:
            file_id = self._placed(session, path, sha256, size_bytes)
            engine_id = self._engine_id(session, fingerprint)
            key = {"file_id": file_id, "engine_id": engine_id}
            own = select(Examination.id, Examination.decision, Examination.examined_at).filter_by(**key)
            earlier = session.execute(own.with_for_update()).first()
            known = [] if earlier is None else [earlier.examined_at]
            values |= {"seconds": round(seconds, 3), "examined_at": _after(session, sha256, known)}
            if earlier is not None and earlier.decision is not None and values["decision"] is None:
                return int(earlier.id)
            self._put(session, Examination, key, values)
            id_ = session.execute(own).one().id
            for language, texts in reports.items():
                self._put(session, ReportRow, {"examination_id": id_, "language": language}, texts)
            if also is not None:
                also(session, id_)
        return int(id_)

    def place(self, path: str, sha256: str, size_bytes: int) -> None:
        """The file with that digest lies at ``path``, too."""
        with self.writing() as session:
            self._placed(session, path, sha256, size_bytes)

    def lose(self, path: str, error: ZhenweiError, *, unseen: bool = False) -> None:
        """Nothing can be read at ``path``, not even its digest. ``unseen``: it could not be looked at, as where a disk
        is away, so that the answer on what lay there stays, with the error beside it."""
        values = {"path": storable(path), "seen_at": _now(), "file_id": None, **_error(error)}
        kept = {"seen_at", "file_id"} if unseen else set()
        with self.writing() as session:
            row = self._insert(Place).values(path_sha256=_path_sha256(path), **values)
            changed = {name: value for name, value in values.items() if name not in kept}
            session.execute(row.on_conflict_do_update(index_elements=["path_sha256"], set_=changed))

    def results(self, conditions: Sequence[Condition] = (), language: Language = "en") -> Iterator[Result]:
        """One for each path that fulfils all ``conditions``, in the order of the paths, with the latest answer on its
        file. Read as they are asked for."""
        with self.reading() as session:
            yield from results(session, conditions, language)

    def document(self, examination_id: int, language: Language = "en") -> str | None:
        """The report as JSON; None for a file that could not be examined."""
        with self.reading() as session:
            row = session.get(ReportRow, (examination_id, language))
            return None if row is None else row.document

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction that writes, for the modules of this room: done when it is left without an error."""
        with told(self.where), Session(self.engine.execution_options(writes=True)) as session, session.begin():
            yield session

    @contextmanager
    def reading(self, *, at_rest: bool = False) -> Iterator[Session]:
        """One that reads. ``at_rest``: all of it as it was at one moment, as SQLite always reads."""
        engine = self.engine
        if at_rest and engine.dialect.name == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with told(self.where), Session(engine) as session:
            yield session

    def _placed(self, session: Session, path: str, sha256: str, size_bytes: int) -> int:
        first = self._insert(File).values(sha256=sha256, size_bytes=size_bytes, met_at=_now())
        session.execute(first.on_conflict_do_nothing())
        file_id = session.execute(select(File.id).filter_by(sha256=sha256)).scalar_one()
        nothing = dict.fromkeys(("error_kind", "error", "error_fix"))
        values = {"path": storable(path), "seen_at": _now(), "file_id": file_id, **nothing}
        self._put(session, Place, {"path_sha256": _path_sha256(path)}, values)
        return file_id

    def _engine_id(self, session: Session, fingerprint: Fingerprint) -> int:
        first = self._insert(EngineRow).values(
            fingerprint=fingerprint.sha256,
            version=fingerprint.version,
            models=dict(fingerprint.models),
            options=dict(fingerprint.options),
            detectors=list(fingerprint.detectors),
        )
        session.execute(first.on_conflict_do_nothing())
        return session.execute(select(EngineRow.id).filter_by(fingerprint=fingerprint.sha256)).scalar_one()

    def _put(self, session: Session, table: type[Base], key: dict[str, Any], values: dict[str, Any]) -> None:
        """A row with that key, new or in the place of the earlier one."""
        row = self._insert(table).values(**key, **values)
        session.execute(row.on_conflict_do_update(index_elements=list(key), set_=values))


def _values(outcome: Outcome) -> dict[str, Any]:
    """The columns that say what became of the file."""
    found: dict[str, Any] = dict.fromkeys(
        ("kind", "decision", "llr", "error_rate", "people", "error_kind", "error", "error_fix")
    )
    found |= {"at_fault": "", "partly": False}
    if isinstance(outcome, Unreadable):
        return found | _error(outcome.error)
    verdict = outcome.verdict
    return found | {
        "kind": outcome.media.kind,
        "decision": verdict.decision,
        "llr": None if verdict.llr is None else float(verdict.llr),
        "error_rate": None if verdict.error_rate is None else float(verdict.error_rate),
        "at_fault": " ".join(verdict.at_fault),
        "people": len(numbers_of_people(outcome)),
        "partly": any(item.fault for item in outcome.evidence),
    }


def _reports(outcome: Outcome) -> dict[Language, dict[str, str]]:
    """By language: the columns of the report."""
    found: dict[Language, dict[str, str]] = {}
    if isinstance(outcome, Report):
        for language in _LANGUAGES:
            reason, declared = storable(why(outcome, language)), storable(declares(outcome, language))
            found[language] = {"reason": reason, "declared": declared, "document": to_json(outcome, language)}
    return found


def said_of(error: ZhenweiError) -> str:
    """All but the cure, as one sentence that is recognised when it is told in Chinese."""
    if error.got and error.want:
        return f"{error.what}; got {error.got}; want {error.want}"
    return error.what + (f"; got {error.got}" if error.got else "")


def _error(error: ZhenweiError) -> dict[str, str]:
    return {"error_kind": type(error).__name__, "error": storable(said_of(error)), "error_fix": storable(error.fix)}


def storable(value: str) -> str:
    """As databases take it: valid Unicode without NUL."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _path_sha256(path: str) -> str:
    whole = path if "://" in path else os.path.abspath(path)  # noqa: PTH100 - links are not followed
    return hashlib.sha256(os.fsencode(whole)).hexdigest()


def _examination(session: Session, sha256: str, fingerprint: Fingerprint) -> Examination | None:
    """That of the file by that engine."""
    asked = (
        select(Examination)
        .join(File, Examination.file_id == File.id)
        .join(EngineRow, Examination.engine_id == EngineRow.id)
        .where(File.sha256 == sha256, EngineRow.fingerprint == fingerprint.sha256)
    )
    return session.scalar(asked)


def _now() -> datetime:
    return datetime.now(UTC)


def _after(session: Session, sha256: str, known: Sequence[datetime]) -> datetime:
    """Now, and after ``known`` and all that logs tell of the file: the clock of another machine may be ahead."""
    told = session.scalar(select(func.max(LogEntry.at)).filter_by(subject=sha256))
    return max([_now(), *[moment + timedelta(microseconds=1) for moment in [told, *known] if moment is not None]])
