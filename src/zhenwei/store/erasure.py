"""Erasure: what is deleted is gone, from tables, folder and journal; the log keeps the fact and the digest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.orm import Session

from zhenwei.errors import NotFoundError, OutputError
from zhenwei.store import log
from zhenwei.store.case_tables import Case, CaseFile, KeptMedia, Note, PageRow
from zhenwei.store.chain import STORE, Entry
from zhenwei.store.job_tables import JobRow
from zhenwei.store.kept import Kept
from zhenwei.store.refusals import told
from zhenwei.store.tables import Base, Examination, File, Place


@dataclass(frozen=True, slots=True)
class Erasure:
    """What ``actor`` erases of the tenant of ``kept``. Each method is one transaction, and gives the digests of the
    files that it erased; :meth:`compact` makes sure that nothing is left in the files of the database. ``missing``:
    digests of copies and pages that were to be erased, and did not lie in the folder.

    What others stand on stays: a file that another tenant has in a case, keeps or handed in goes from this tenant's
    cases alone. Raises NotFoundError for what is not there.
    """

    kept: Kept
    actor: str
    missing: list[str] = field(default_factory=list)

    def file(self, sha256: str) -> tuple[str, ...]:
        """A file with all that was found in it, out of every case, too."""
        with self.kept.store.writing() as session:
            file = session.scalar(select(File).filter_by(sha256=sha256))
            if file is None:
                raise NotFoundError("the store knows no such file", got=sha256, want="its sha256")
            return self._files(session, [file], "asked for")

    def examination(self, examination_id: int) -> None:
        """One examination of a file. Cases that rely on it hold the file without one."""
        with self.kept.store.writing() as session:
            row = session.get(Examination, examination_id)
            if row is None:
                raise NotFoundError("the store knows no such examination", got=str(examination_id))
            sha256 = session.get_one(File, row.file_id).sha256
            held = select(Case).join(CaseFile, CaseFile.case_id == Case.id).where(CaseFile.examination_id == row.id)
            for case in session.scalars(held.order_by(Case.id)).all():  # of whomever: it is gone for all of them
                actor = self.actor if case.tenant == self.kept.tenant else STORE
                log.append(
                    session, tenant=case.tenant, chain=case.uid, actor=actor, action="examination-erased",
                    subject=sha256, content={},
                )  # fmt: skip
            pages = list(session.scalars(select(PageRow.sha256).filter_by(examination_id=row.id)))
            session.delete(row)
            session.flush()
            self._log(session, STORE, "examination-erased", sha256)
            self._remove(session, pages)

    def before(self, moment: datetime, *, in_cases: bool = False) -> tuple[str, ...]:
        """Files that were neither met nor examined since; ``in_cases``: those in cases, too."""
        examined = exists().where(Examination.file_id == File.id, Examination.examined_at >= moment)
        met = exists().where(Place.file_id == File.id, Place.seen_at >= moment)
        asked = select(File).where(File.met_at < moment, ~met, ~examined)
        if not in_cases:
            asked = asked.where(~exists().where(CaseFile.file_id == File.id))
        with self.kept.store.writing() as session:
            return self._files(session, session.scalars(asked).all(), f"before {moment.isoformat(timespec='seconds')}")

    def expired(self) -> int:
        """Copies whose time is over; how many."""
        count, missing = self.kept.drop_expired()
        self.missing.extend(missing)
        return count

    def case(self, case_id: int, *, files: bool = False) -> tuple[str, ...]:
        """A case with its notes, tags and names. ``files``: its files, too, but for those that another case holds."""
        with self.kept.store.writing() as session:
            case = session.scalar(select(Case).filter_by(id=case_id, tenant=self.kept.tenant))
            if case is None:
                raise NotFoundError("there is no such case", got=str(case_id))
            own = session.scalars(select(File).join(CaseFile).where(CaseFile.case_id == case.id)).all()
            entry = self._log(session, case.uid, "erased", case.uid)
            self._log(session, STORE, "case-erased", case.uid, {"log": entry.sha256, "files": len(own)})
            session.delete(case)
            session.flush()
            if not files:
                return ()
            free = []
            for file in own:
                if session.scalar(select(CaseFile.id).filter_by(file_id=file.id).limit(1)) is None:
                    free.append(file)
            return self._files(session, free, f"with case {case.uid}")

    def compact(self) -> None:
        """Rewrite the database without what was erased. OutputError where another process is at it all the time."""
        engine, where = self.kept.store.engine, self.kept.store.where
        if engine.dialect.name == "postgresql":
            with told(where), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for table in Base.metadata.sorted_tables:
                    connection.exec_driver_sql(f'VACUUM (FULL) "{table.name}"')
            return
        with told(where), engine.connect().execution_options(bare=True) as connection:
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        if busy:
            fix = "End what reads from the store, then: zhenwei case erase --compact"
            raise OutputError("what was erased is still in the journal of the store", got="a reader", fix=fix)

    def _files(self, session: Session, files: Iterable[File], why: str) -> tuple[str, ...]:
        erased = []
        for file in files:
            erased.append(file.sha256)
            self._file(session, file, why)
        return tuple(erased)

    def _file(self, session: Session, file: File, why: str) -> None:
        sha256, tenant = file.sha256, self.kept.tenant
        for case in self._cases(session, CaseFile.file_id == file.id):
            self._log(session, case.uid, "file-erased", sha256, {"why": why})
            session.execute(delete(Note).filter_by(case_id=case.id, file_id=file.id))
            session.execute(delete(CaseFile).filter_by(case_id=case.id, file_id=file.id))
        dropped = session.scalars(
            delete(KeptMedia).filter_by(tenant=tenant, file_id=file.id).returning(KeptMedia.file_id)
        ).all()
        session.execute(delete(JobRow).filter_by(tenant=tenant, sha256=sha256))
        pages: list[str] = []
        is_shared = is_needed(session, file)
        if not is_shared:
            of_file = select(PageRow.sha256).join(Examination, Examination.id == PageRow.examination_id)
            pages += session.scalars(of_file.where(Examination.file_id == file.id))
            session.delete(file)
            session.flush()
        self._log(session, STORE, "file-erased", sha256, {"why": why, "stays_for_others": is_shared})
        self._remove(session, [*([sha256] if dropped else []), *pages])

    def _cases(self, session: Session, condition: ColumnElement[bool]) -> list[Case]:
        asked = select(Case).join(CaseFile, CaseFile.case_id == Case.id)
        return list(session.scalars(asked.where(Case.tenant == self.kept.tenant, condition).order_by(Case.id)))

    def _log(
        self, session: Session, chain: str, action: str, subject: str, content: dict[str, Any] | None = None
    ) -> Entry:
        return log.append(
            session, tenant=self.kept.tenant, chain=chain, actor=self.actor, action=action, subject=subject,
            content=content or {},
        )  # fmt: skip

    def _remove(self, session: Session, digests: Iterable[str]) -> None:
        session.flush()
        self.missing.extend([each for each in dict.fromkeys(digests) if not self.kept.remove_unneeded(session, each)])


def is_needed(session: Session, file: File) -> bool:
    """Whether a case, a tenant who keeps it, or a job of anybody stands on the file."""
    in_case = exists().where(CaseFile.file_id == file.id)
    kept = exists().where(KeptMedia.file_id == file.id)
    job = exists().where(JobRow.sha256 == file.sha256)
    return bool(session.scalar(select(or_(in_case, kept, job))))
