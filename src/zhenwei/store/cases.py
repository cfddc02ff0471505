"""Cases: files under one title, what was found of them, notes and tags, and a log of who did what and when."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from zhenwei.errors import NotFoundError, OutputError, UsageError
from zhenwei.store import chain, log
from zhenwei.store.case_tables import LOCAL, Case, CaseFile, Note, PageRow, Tag
from zhenwei.store.chain import Entry, salted
from zhenwei.store.store import Store, storable
from zhenwei.store.tables import EngineRow, Examination, File, Place, ReportRow
from zhenwei.types import Language

MAX_TITLE, MAX_NOTE, MAX_TAG, MAX_NAME = 500, 100_000, 64, 4_000
_TRIES = 5  # to read a case of which nothing is examined anew meanwhile


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case as lists show it. ``uid`` names it for ever; ``files``: how many."""

    id: int
    uid: str
    title: str
    actor: str
    created_at: datetime
    files: int
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileInCase:
    """``decision``: of the examination that the case relies on; "" without one, "unreadable" where it failed."""

    sha256: str
    size_bytes: int
    name: str
    examination_id: int | None
    kind: str
    decision: str
    llr: float | None
    version: str
    fingerprint: str
    actor: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class NoteInCase:
    """``sha256``: of the file that it is on; "" for the whole case."""

    text: str
    sha256: str
    actor: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class CaseContent:
    line: CaseLine
    salt: str
    files: tuple[FileInCase, ...]
    notes: tuple[NoteInCase, ...]


@dataclass(frozen=True, slots=True)
class CaseAtRest:
    """What :meth:`Cases.at_rest` gives: as long as it is left open, the database seems not to change."""

    _session: Session
    content: CaseContent
    entries: tuple[Entry, ...]

    def document(self, examination_id: int, language: Language) -> str | None:
        """The report as JSON; None for a file that could not be examined."""
        row = self._session.get(ReportRow, (examination_id, language))
        return None if row is None else row.document

    def page_digest(self, examination_id: int) -> str:
        """As :meth:`Cases.page_digest`."""
        row = self._session.get(PageRow, examination_id)
        return "" if row is None else row.sha256

    def engines(self) -> tuple[dict[str, Any], ...]:
        """What stands behind each verdict: version, models, options, detectors."""
        fingerprints = {file.fingerprint for file in self.content.files if file.fingerprint}
        asked = select(EngineRow).where(EngineRow.fingerprint.in_(fingerprints)).order_by(EngineRow.fingerprint)
        names = ("fingerprint", "version", "models", "options", "detectors")
        return tuple([{name: getattr(row, name) for name in names} for row in self._session.scalars(asked)])


class Cases:
    """The cases of ``tenant``, worked on by ``actor``. Each method is one transaction, its entry in the log included.

    A case or file that is not there, or is another tenant's, raises NotFoundError; a text that is too long or empty,
    UsageError. Files are the store's: whether a tenant may know one by its digest is for the caller to decide.
    """

    def __init__(self, store: Store, *, tenant: str = LOCAL, actor: str = LOCAL) -> None:
        self.store, self.tenant, self.actor = store, tenant, actor

    def create(self, title: str) -> CaseLine:
        title = _checked(title, "title", MAX_TITLE)
        case = Case(
            tenant=self.tenant, uid=uuid4().hex, salt=secrets.token_hex(32), title=title, actor=self.actor,
            created_at=datetime.now(UTC),
        )  # fmt: skip
        with self.store.writing() as session:
            session.add(case)
            session.flush()
            case.created_at = self._log(session, case, "opened", content={"title": salted(case.salt, title)}).at
            self._log_in_store(session, "case-opened", case.uid, {})
            return _line(session, case)

    def list(self, *, tag: str = "", before: int | None = None, limit: int = 50) -> tuple[CaseLine, ...]:
        """The newest first; ``before``: those with a smaller number, for the next page."""
        asked = select(Case).filter_by(tenant=self.tenant)
        if tag:
            asked = asked.join(Tag, Tag.case_id == Case.id).where(Tag.name == tag)
        if before is not None:
            asked = asked.where(Case.id < before)
        with self.store.reading() as session:
            found = session.scalars(asked.order_by(Case.id.desc()).limit(limit))
            return tuple([_line(session, case) for case in found])

    def get(self, case_id: int) -> CaseContent:
        with self.store.reading() as session:
            case = self._case(session, case_id)
            return CaseContent(_line(session, case), case.salt, _files(session, case), _notes(session, case))

    def with_file(self, sha256: str) -> tuple[CaseLine, ...]:
        """The cases that hold the file."""
        asked = (
            select(Case)
            .join(CaseFile, CaseFile.case_id == Case.id)
            .join(File, File.id == CaseFile.file_id)
            .where(Case.tenant == self.tenant, File.sha256 == sha256)
        )
        with self.store.reading() as session:
            return tuple([_line(session, case) for case in session.scalars(asked.order_by(Case.id))])

    def add_file(self, case_id: int, sha256: str, *, name: str = "", examination_id: int | None = None) -> str:
        """Put a file of the store into the case, with that examination of it, else the latest there is. A file that is
        in the case already gets the other examination, if it is another. ``name``: what it is called in the case, else
        as where it was met. Returns what it is called there."""
        with self.store.writing() as session:
            case = self._case(session, case_id)
            file = session.scalar(select(File).filter_by(sha256=sha256))
            if file is None:
                fix = "Examine it first: zhenwei scan FILE --store DB"
                raise NotFoundError("the store knows no such file", got=sha256, want="its sha256", fix=fix)
            log.hold(session, self.tenant, case.uid)
            found = _examination(session, file.id, examination_id)
            row = session.scalar(select(CaseFile).filter_by(case_id=case.id, file_id=file.id))
            if row is None:
                shown = _checked(name or _name_of(session, file), "name", MAX_NAME)
                at = self._log(session, case, "file-added", sha256, {"name": salted(case.salt, shown)}).at
                row = CaseFile(case_id=case.id, file_id=file.id, name=shown, actor=self.actor, added_at=at)
                session.add(row)
            if found is not None and row.examination_id != found.id:
                row.examination_id = found.id
                self._log(session, case, "examination-added", sha256, _said(session, found))
            return row.name

    def add_examination(self, case_id: int, examination_id: int, *, name: str = "") -> None:
        """As :meth:`add_file`, of the file that was examined."""
        asked = select(File.sha256).join(Examination, Examination.file_id == File.id)
        with self.store.reading() as session:
            sha256 = session.scalar(asked.where(Examination.id == examination_id))
        if sha256 is None:
            raise NotFoundError("the store knows no such examination", got=str(examination_id))
        self.add_file(case_id, sha256, name=name, examination_id=examination_id)

    def remove_file(self, case_id: int, sha256: str) -> None:
        """Take it out of the case, with the notes on it. It stays in the store."""
        with self.store.writing() as session:
            case = self._case(session, case_id)
            row = self._file(session, case, sha256)
            session.execute(delete(Note).filter_by(case_id=case.id, file_id=row.file_id))
            session.delete(row)
            self._log(session, case, "file-removed", sha256)

    def note(self, case_id: int, text: str, *, sha256: str = "") -> None:
        """On the case, or on the file in it with that digest."""
        text = _checked(text, "note", MAX_NOTE)
        with self.store.writing() as session:
            case = self._case(session, case_id)
            file_id = self._file(session, case, sha256).file_id if sha256 else None
            at = self._log(session, case, "noted", sha256, {"text": salted(case.salt, text)}).at
            session.add(Note(case_id=case.id, file_id=file_id, text=text, actor=self.actor, written_at=at))

    def tag(self, case_id: int, name: str) -> None:
        """Nothing happens where it has the tag."""
        name = _checked(name, "tag", MAX_TAG)
        with self.store.writing() as session:
            case = self._case(session, case_id)
            if session.get(Tag, (case.id, name)) is None:
                at = self._log(session, case, "tagged", content={"tag": salted(case.salt, name)}).at
                session.add(Tag(case_id=case.id, name=name, actor=self.actor, added_at=at))

    def untag(self, case_id: int, name: str) -> None:
        """Nothing happens where it does not have the tag."""
        with self.store.writing() as session:
            case = self._case(session, case_id)
            row = session.get(Tag, (case.id, name))
            if row is not None:
                session.delete(row)
                self._log(session, case, "untagged", content={"tag": salted(case.salt, name)})

    def log(self, case_id: int) -> tuple[Entry, ...]:
        """Of the case, from the first on."""
        with self.store.reading() as session:
            return log.read(session, self.tenant, self._case(session, case_id).uid)

    def store_log(self) -> tuple[Entry, ...]:
        """Of what is no case's."""
        with self.store.reading() as session:
            return log.read(session, self.tenant, chain.STORE)

    def verify_log(self, case_id: int | None = None) -> str:
        """What is wrong with the log of the case, or with that of the store, in words; "" where nothing is."""
        of_store = self.store_log()
        if case_id is None:
            return chain.flaw(of_store)
        uid, entries = self.get(case_id).line.uid, self.log(case_id)
        told = chain.flaw(entries) or chain.flaw(of_store)
        ends = {entry.sha256 for entry in entries}
        for entry in of_store:
            if entry.subject == uid and entry.details.get("log", chain.NOTHING) not in {chain.NOTHING, *ends}:
                told = told or "its end, or all of it, is another than when the case was exported"
        return told

    def record(self, case_id: int, action: str, content: dict[str, Any]) -> Entry:
        """Tell in the log of the store what was done with the whole case, and where its own log ends."""
        with self.store.writing() as session:
            uid = self._case(session, case_id).uid
            last = log.read(session, self.tenant, uid)[-1].sha256
            return self._log_in_store(session, action, uid, {**content, "log": last})

    @contextmanager
    def at_rest(self, case_id: int) -> Iterator[CaseAtRest]:
        """The case as it is at one moment, whoever works on it meanwhile. Its log tells of every examination that was
        made anew; of a row that was changed without one it does not tell."""
        for _ in range(_TRIES):
            with self.store.writing() as session:
                case = self._case(session, case_id)
                log.hold(session, self.tenant, case.uid)
                for sha256, said in _made_anew(session, case, is_writing=True):
                    self._log(session, case, "examination-changed", sha256, said)
            with self.store.reading(at_rest=True) as session:
                case = self._case(session, case_id)
                if not _made_anew(session, case):
                    content = CaseContent(_line(session, case), case.salt, _files(session, case), _notes(session, case))
                    yield CaseAtRest(session, content, log.read(session, self.tenant, case.uid))
                    return
        fix = "Try again when nobody examines its files."
        raise OutputError("the case cannot be read, as it changes all the time", got=str(case_id), fix=fix)

    def page_digest(self, examination_id: int) -> str:
        """Of the packed report; "" where none was kept."""
        with self.store.reading() as session:
            row = session.get(PageRow, examination_id)
            return "" if row is None else row.sha256

    def _case(self, session: Session, case_id: int) -> Case:
        case = session.scalar(select(Case).filter_by(id=case_id, tenant=self.tenant))
        if case is None:
            raise NotFoundError("there is no such case", got=str(case_id), fix="See which there are: zhenwei case list")
        return case

    def _file(self, session: Session, case: Case, sha256: str) -> CaseFile:
        asked = select(CaseFile).join(File, File.id == CaseFile.file_id)
        row = session.scalar(asked.where(CaseFile.case_id == case.id, File.sha256 == sha256))
        if row is None:
            raise NotFoundError("the case holds no such file", got=sha256 or "no digest", want="its sha256")
        return row

    def _log(
        self, session: Session, case: Case, action: str, subject: str = "", content: dict[str, Any] | None = None
    ) -> Entry:
        return log.append(
            session, tenant=self.tenant, chain=case.uid, actor=self.actor, action=action, subject=subject or case.uid,
            content=content or {},
        )  # fmt: skip

    def _log_in_store(self, session: Session, action: str, subject: str, content: dict[str, Any]) -> Entry:
        return log.append(
            session, tenant=self.tenant, chain=chain.STORE, actor=self.actor, action=action, subject=subject,
            content=content,
        )  # fmt: skip


_UNKEPT = {
    "title": "the title cannot be kept",
    "name": "the name cannot be kept",
    "note": "the note cannot be kept",
    "tag": "the tag cannot be kept",
}


def _checked(text: str, what: str, longest: int) -> str:
    text = storable(text).strip()
    if not 0 < len(text) <= longest:
        raise UsageError(_UNKEPT[what], got=f"{len(text):,} characters", want=f"1 to {longest:,}")
    return text


def _line(session: Session, case: Case) -> CaseLine:
    files = session.scalar(select(func.count()).select_from(CaseFile).filter_by(case_id=case.id)) or 0
    tags = session.scalars(select(Tag.name).filter_by(case_id=case.id).order_by(Tag.name))
    return CaseLine(case.id, case.uid, case.title, case.actor, case.created_at, files, tuple(tags))


def _name_of(session: Session, file: File) -> str:
    place = session.scalar(select(Place.path).filter_by(file_id=file.id).order_by(Place.id).limit(1))
    return PurePath(place).name if place is not None else file.sha256[:12]


def _files(session: Session, case: Case) -> tuple[FileInCase, ...]:
    asked = (
        select(CaseFile, File, Examination, EngineRow)
        .join(File, File.id == CaseFile.file_id)
        .outerjoin(Examination, Examination.id == CaseFile.examination_id)
        .outerjoin(EngineRow, EngineRow.id == Examination.engine_id)
        .where(CaseFile.case_id == case.id)
        .order_by(CaseFile.id)
    )
    found = []
    for own, file, examination, engine in session.execute(asked):
        kind, decision, llr = "", "", None
        if examination is not None:
            kind, decision, llr = examination.kind or "", examination.decision or "unreadable", examination.llr
        version, fingerprint = (engine.version, engine.fingerprint) if engine is not None else ("", "")
        found.append(
            FileInCase(
                file.sha256, file.size_bytes, own.name, own.examination_id, kind, decision, llr, version, fingerprint,
                own.actor, own.added_at,
            )
        )  # fmt: skip
    return tuple(found)


def _notes(session: Session, case: Case) -> tuple[NoteInCase, ...]:
    asked = select(Note, File.sha256).outerjoin(File, File.id == Note.file_id).where(Note.case_id == case.id)
    found = []
    for note, sha256 in session.execute(asked.order_by(Note.id)):
        found.append(NoteInCase(note.text, sha256 or "", note.actor, note.written_at))
    return tuple(found)


def _examination(session: Session, file_id: int, examination_id: int | None) -> Examination | None:
    """It is not made anew until the transaction ends."""
    asked = select(Examination).filter_by(file_id=file_id).with_for_update(read=True)
    if examination_id is None:
        latest = asked.order_by(Examination.examined_at.desc(), Examination.id.desc()).limit(1)
        return session.scalar(latest)
    found = session.scalar(asked.filter_by(id=examination_id))
    if found is None:
        raise NotFoundError("this is no examination of the file", got=str(examination_id))
    return found


def _said(session: Session, examination: Examination) -> dict[str, Any]:
    """What the log tells of an examination: enough to see later that neither it nor its reports were changed."""
    reports = {}
    for row in session.scalars(select(ReportRow).filter_by(examination_id=examination.id)):
        reports[row.language] = hashlib.sha256(row.document.encode()).hexdigest()
    engine = session.get_one(EngineRow, examination.engine_id)
    decision = examination.decision or "unreadable"
    page = session.get(PageRow, examination.id)
    packed = {} if page is None else {"page": page.sha256}
    return {"fingerprint": engine.fingerprint, "decision": decision, "reports": reports, **packed}


def _made_anew(session: Session, case: Case, *, is_writing: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """By digest, what the log of the case has to be told of examinations that the same engine made anew after its last
    word on them. ``is_writing``: none is made anew until the transaction ends."""
    told = {}
    for entry in log.read(session, case.tenant, case.uid):
        if entry.action.startswith("examination-"):
            told[entry.subject] = entry
    found = []
    asked = select(Examination, File.sha256).join(CaseFile, CaseFile.examination_id == Examination.id)
    asked = asked.join(File, File.id == CaseFile.file_id).where(CaseFile.case_id == case.id).order_by(CaseFile.id)
    if is_writing:
        asked = asked.with_for_update(read=True, of=Examination)
    for examination, sha256 in session.execute(asked).all():
        last = told.get(sha256)
        if last is not None and examination.examined_at > last.at:
            said, known = _said(session, examination), last.details
            if said != known and said["fingerprint"] == known.get("fingerprint"):
                found.append((sha256, said))
    return found
