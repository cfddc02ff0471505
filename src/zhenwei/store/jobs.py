"""Jobs: files that were handed in, by whom, and what became of each. Every method is one transaction."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, false, func, or_, select
from sqlalchemy.orm import Session

from zhenwei.errors import OutputError, UsageError
from zhenwei.store.addresses import DUE, WAITING, call_too, mark_called, to_call
from zhenwei.store.job_tables import JobRow, RequestKeyRow
from zhenwei.store.store import Store
from zhenwei.store.tables import ReportRow
from zhenwei.types import Language

QUEUED, RUNNING, DONE, FAILED, CANCELLED = STATES = ("queued", "running", "done", "failed", "cancelled")
_MAX_NAME = 255  # characters
_TURNS = 10  # for one that is in the way, and gone when it is looked at
_DIGITS = re.compile("[0-9a-f]{1,64}")
_CURSOR = re.compile("([0-9a-f]{32})([0-9a-f]{16})?")  # an id, and its microseconds since 1970
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Job:
    """``id`` is the one that the outside knows. ``state``: one of ``STATES``; "failed" means that the file could not be
    examined, and ``error`` says why. ``reason``: the verdict in a sentence, of lists in one language."""

    id: str
    tenant: str
    actor: str
    name: str
    sha256: str
    size_bytes: int
    format: str
    options: Mapping[str, Any]
    fingerprint: str
    state: str
    stage: str
    fraction: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None
    tries: int
    owner: str | None
    examination_id: int | None
    kind: str | None
    decision: str | None
    llr: float | None
    error_rate: float | None
    seconds: float | None
    error_kind: str | None
    error: str | None
    error_fix: str | None
    callback_url: str | None
    callback_state: str | None
    reason: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def to_call(self) -> list[str]:
        """The addresses that are still to be called."""
        return to_call(self)


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is known of a file when it has arrived. ``same``: the digest by which an equal request is recognised, None
    = examine it anyway. ``idempotency``: digest of the key that the client chose for this request."""

    tenant: str
    actor: str
    name: str
    sha256: str
    size_bytes: int
    format: str
    options: Mapping[str, Any]
    fingerprint: str
    same: str | None = None
    idempotency: str | None = None
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs a list shows; what is empty asks for nothing. ``text``: a part of the name, or the beginning of the
    digest, for which all names are read; ``sha256``: the whole of it, which an index knows."""

    states: Sequence[str] = ()
    decisions: Sequence[str] = ()
    kinds: Sequence[str] = ()
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """``is_new``: False where an equal request had been made, whose job this is."""

    job: Job
    is_new: bool


_COLUMNS = [f.name for f in fields(Job) if f.name not in ("id", "reason")]
Locked = Callable[[], None]


@dataclass(slots=True)
class Jobs:
    """The jobs in a store. ``tenant`` is asked for everywhere: a job of another one is not there."""

    store: Store
    _insert: Any = field(init=False)

    def __post_init__(self) -> None:
        self._insert = self.store._insert

    def add(self, new: NewJob, *, placed: Locked = lambda: None) -> Added:
        """Queue it, unless an equal request is known: then that one's job stands for its idempotency key, too, and
        calls its address as well. ``placed`` puts its bytes where they are kept; it is called once nobody can take
        bytes of this digest away, before the job is there for others.

        Raises UsageError where the idempotency key stands for another request, CrowdedError for one address too many.
        """
        values = {f.name: getattr(new, f.name) for f in fields(NewJob)}
        values |= {"options": dict(new.options), "name": plain_name(new.name), "uid": secrets.token_hex(16)}
        values |= {"state": QUEUED, "stage": "", "fraction": 0.0, "tries": 0, "created_at": now(), "callback_tries": 0}
        values["callback_state"] = WAITING if new.callback_url else None
        with self.store.writing() as session:
            if new.idempotency is not None:
                _locked_key(session, new)
                self._of_key(session, new)
            locked(session, new.sha256)
            placed()
            number = self._of_key(session, new)
            is_repeated = number is not None
            for _ in range(_TURNS):
                row = None if number is None else _held(session, number)
                if row is not None:
                    break
                added = self._insert(JobRow).values(**values).on_conflict_do_nothing().returning(JobRow.id)
                if session.execute(added).scalar_one_or_none() is not None:
                    return Added(job_of(self.own(session, new.tenant, values["uid"])), is_new=True)
                number = self._of_key(session, new)
                is_repeated = number is not None
                number = number or self._of_same(session, new)
            else:
                raise OutputError("the store cannot be read or written", fix="Send it again.")
            if new.idempotency is not None and not is_repeated:
                key = {"tenant": new.tenant, "idempotency": new.idempotency}
                session.add(RequestKeyRow(**key, job_id=row.id, options=dict(new.options)))
            if new.callback_url is not None:
                is_over = row.state in (DONE, FAILED, CANCELLED)
                call_too(row, new.callback_url, now(), is_over=is_over, is_repeated=is_repeated)
            return Added(job_of(row), is_new=False)

    def get(self, tenant: str, uid: str, language: Language = "en", *, hidden: bool = False) -> Job | None:
        """``hidden``: one that was taken out, too."""
        asked = _with_reason(language).where(JobRow.tenant == tenant, JobRow.uid == uid)
        if not hidden:
            asked = asked.where(JobRow.deleted_at.is_(None))
        with self.store.reading() as session:
            row = session.execute(asked).first()
            return None if row is None else job_of(row[0], row[1] or "")

    def several(self, uids: Sequence[str]) -> dict[str, Job]:
        """By id, of whichever tenant: for those who have been told their ids."""
        with self.store.reading() as session:
            rows = session.execute(select(JobRow).where(JobRow.uid.in_(uids), JobRow.deleted_at.is_(None))).scalars()
            return {row.uid: job_of(row) for row in rows}

    def search(
        self, tenant: str, wanted: Wanted = Wanted(), *, after: str = "", limit: int = 50, language: Language = "en"
    ) -> tuple[list[Job], str]:
        """The newest first, and the cursor with which the next page begins, "" where there is none; it leads there
        though its job is deleted meanwhile, and the bare id of a job leads there as long as that is kept. UsageError
        for a cursor that leads nowhere."""
        conditions = _conditions(wanted, self.store.engine.dialect.name)
        asked = select(JobRow.id).where(JobRow.tenant == tenant, JobRow.deleted_at.is_(None), *conditions)
        with self.store.reading() as session:
            if after:
                asked = asked.where(_older(session, tenant, after))
            ids = session.scalars(asked.order_by(JobRow.id.desc()).limit(limit + 1)).all()
            shown = _with_reason(language).where(JobRow.id.in_(ids[:limit])).order_by(JobRow.id.desc())
            found = [job_of(row[0], row[1] or "") for row in session.execute(shown)]
        return found, _cursor(found[-1]) if len(ids) > limit else ""

    def waiting(self) -> int:
        """How many wait, of all tenants."""
        with self.store.reading() as session:
            return session.execute(select(func.count()).where(JobRow.state == QUEUED)).scalar_one()

    def counts(self, tenant: str | None = None) -> dict[str, int]:
        """How many there are in each state; of one tenant, or of all."""
        asked = select(JobRow.state, func.count()).where(JobRow.deleted_at.is_(None)).group_by(JobRow.state)
        if tenant is not None:
            asked = asked.where(JobRow.tenant == tenant)
        with self.store.reading() as session:
            found: dict[str, int] = dict(session.execute(asked).all())
        return {state: found.get(state, 0) for state in STATES}

    def ahead(self, job: Job) -> int:
        """How many of the same tenant wait before it."""
        with self.store.reading() as session:
            own = select(JobRow.id).filter_by(uid=job.id).scalar_subquery()
            waiting = select(func.count()).where(JobRow.tenant == job.tenant, JobRow.state == QUEUED, JobRow.id < own)
            return session.execute(waiting).scalar_one()

    def cancel(self, tenant: str, uid: str) -> Job | None:
        """As it is then: one that is over stays as it is. Who examines it learns of it by the next beat."""
        with self.store.writing() as session:
            row = self.own(session, tenant, uid)
            if row is None or row.deleted_at is not None:
                return None
            if row.state in (QUEUED, RUNNING):
                row.state, row.finished_at, row.same, row.owner = CANCELLED, now(), None, None
                row.callback_state = DUE if row.callback_url else None
                row.callback_at = row.finished_at if row.callback_url else None
            return job_of(row)

    def hide(self, tenant: str, uid: str) -> bool:
        """Take it out of every list; :meth:`show` brings it back until it is erased. One that is open is cancelled."""
        if self.cancel(tenant, uid) is None:
            return False
        with self.store.writing() as session:
            row = self.own(session, tenant, uid)
            if row is not None:
                row.deleted_at, row.same, row.idempotency = now(), None, None
                session.execute(delete(RequestKeyRow).where(RequestKeyRow.job_id == row.id))
            return row is not None

    def show(self, tenant: str, uid: str) -> bool:
        with self.store.writing() as session:
            row = self.own(session, tenant, uid)
            if row is None or row.deleted_at is None:
                return False
            row.deleted_at = None
            return True

    def hidden_for(self, seconds: float) -> list[tuple[str, str, str]]:
        """Tenant, id and actor of those that were taken out at least so long ago."""
        before = now() - timedelta(seconds=seconds)
        with self.store.reading() as session:
            rows = session.execute(select(JobRow.tenant, JobRow.uid, JobRow.actor).where(JobRow.deleted_at <= before))
            return [(row.tenant, row.uid, row.actor) for row in rows]

    def without(self, digests: Sequence[str], act: Callable[[str], None]) -> int:
        """Call ``act``, which takes away the bytes of a digest, for those that no job needs; how often it was called.
        Nothing is written where there are none."""
        asked = select(JobRow.sha256).distinct()
        with self.store.reading() as session:
            unneeded = set(digests) - set(session.scalars(asked.where(JobRow.sha256.in_(digests))))
        if not unneeded:
            return 0
        with self.store.writing() as session:
            for sha256 in sorted(unneeded):  # in one order, so that two who do so wait for each other in none
                locked(session, sha256)
            unneeded -= set(session.scalars(asked.where(JobRow.sha256.in_(unneeded))))
            for sha256 in unneeded:
                act(sha256)
        return len(unneeded)

    def own(self, session: Session, tenant: str, uid: str) -> Any:
        """The row, for who writes to it; None where this tenant has no such job."""
        asked = select(JobRow).filter_by(tenant=tenant, uid=uid).with_for_update()
        return session.execute(asked).scalar_one_or_none()

    def called(self, uid: str, heard: Sequence[str], *, until: datetime | None = None) -> list[str]:
        """These addresses have heard of it; those that are still to be called, by nobody else ``until`` then. Where
        there are none, that is kept."""
        asked = select(JobRow).filter_by(uid=uid).with_for_update()
        with self.store.writing() as session:
            row = session.execute(asked).scalar_one_or_none()
            if row is None:
                return []
            mark_called(row, heard)
            left = to_call(row)
            if left and until is not None:
                row.callback_at = until
            return left

    def _of_key(self, session: Session, new: NewJob) -> int | None:
        """The row of the job that the idempotency key stands for. UsageError where it stands for another request."""
        if new.idempotency is None:
            return None
        given = {"tenant": new.tenant, "idempotency": new.idempotency}
        first = select(JobRow.id, JobRow.sha256, JobRow.options).filter_by(**given)
        further = select(JobRow.id, JobRow.sha256, RequestKeyRow.options).join_from(
            RequestKeyRow, JobRow, JobRow.id == RequestKeyRow.job_id
        )
        further = further.where(RequestKeyRow.tenant == new.tenant, RequestKeyRow.idempotency == new.idempotency)
        found = session.execute(first).first() or session.execute(further).first()
        if found is None:
            return None
        if (found.sha256, dict(found.options)) != (new.sha256, dict(new.options)):
            fix = "Choose a new key for every new request."
            raise UsageError("this idempotency key stands for another request", want="the same file", fix=fix)
        return int(found.id)

    def _of_same(self, session: Session, new: NewJob) -> int | None:
        """The row of the job in whose way an equal one would be."""
        if new.same is None:
            return None
        return session.scalar(select(JobRow.id).filter_by(tenant=new.tenant, same=new.same))


def plain_name(name: str) -> str:
    """The last part of what a client calls a file, without what steers a terminal, at most 255 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join([letter if letter.isprintable() else "�" for letter in last]).strip()
    if len(shown) > _MAX_NAME:
        shown = f"{shown[:180]}…{shown[-(_MAX_NAME - 181) :]}"
    return shown if shown not in ("", ".", "..") else "upload"


def locked(session: Session, sha256: str) -> None:
    """Nobody else puts or takes bytes of this digest until the transaction ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int(sha256[:15], 16))))


def now() -> datetime:
    return datetime.now(UTC)


def _locked_key(session: Session, new: NewJob) -> None:
    """One at a time says what the idempotency key stands for: two tables hold them."""
    locked(session, hashlib.sha256(f"{new.tenant}\0{new.idempotency}".encode()).hexdigest())


def _held(session: Session, number: int) -> JobRow | None:
    """The row as it is now, and stays until the transaction ends; None where it was deleted."""
    return session.scalar(select(JobRow).where(JobRow.id == number, JobRow.deleted_at.is_(None)).with_for_update())


def _cursor(job: Job) -> str:
    """Without the number of its row, which would tell how much others hand in."""
    return f"{job.id}{(job.created_at - _EPOCH) // timedelta(microseconds=1):016x}"


def _older(session: Session, tenant: str, after: str) -> Any:
    """The condition of what comes after that cursor. UsageError where it leads nowhere."""
    parts = _CURSOR.fullmatch(after)
    if parts is not None:
        at = session.execute(select(JobRow.id).filter_by(tenant=tenant, uid=parts[1])).scalar_one_or_none()
        if at is not None:
            return JobRow.id < at
        if parts[2] and (until := _moment_of(int(parts[2], 16))) is not None:
            first = select(JobRow.id).where(JobRow.tenant == tenant, JobRow.created_at <= until)
            at = session.execute(first.order_by(JobRow.id.desc()).limit(1)).scalar_one_or_none()
            return false() if at is None else JobRow.id <= at
    raise UsageError("this cursor leads nowhere", got=after, want="the one of the page before")


def _moment_of(microseconds: int) -> datetime | None:
    """None where the calendar does not reach."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def _with_reason(language: Language) -> Any:
    of_language = and_(ReportRow.examination_id == JobRow.examination_id, ReportRow.language == language)
    return select(JobRow, ReportRow.reason).outerjoin(ReportRow, of_language)


def _conditions(wanted: Wanted, dialect: str) -> list[Any]:
    found: list[Any] = []
    for column, values in (
        (JobRow.state, wanted.states),
        (JobRow.decision, wanted.decisions),
        (JobRow.kind, wanted.kinds),
    ):
        if values:
            found.append(column.in_(values))
    if wanted.sha256:
        found.append(JobRow.sha256 == wanted.sha256)
    if wanted.text:
        found.append(_named(wanted.text, dialect))
    if wanted.since is not None:
        found.append(JobRow.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(JobRow.created_at < wanted.until)
    return found


def _named(text: str, dialect: str) -> Any:
    """All names are read for it, so that it matters what each costs: ``LIKE`` of SQLite takes capitals for small
    letters by itself (those of ASCII, as its ``lower`` does), and a digest is looked for only by what can begin one. No
    name has a NUL, which SQLite takes for the end of a text and PostgreSQL refuses."""
    if "\0" in text:
        return false()
    if dialect == "postgresql":  # a fixed text is found there faster than a pattern
        in_name = func.strpos(func.lower(JobRow.name), func.lower(text)) > 0
    else:
        escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
        in_name = JobRow.name.like(f"%{escaped}%", escape="/")
    digits = text.lower()
    if not _DIGITS.fullmatch(digits):
        return in_name
    return or_(in_name, and_(JobRow.sha256 >= digits, JobRow.sha256 < f"{digits}g"))


def job_of(row: JobRow, reason: str = "") -> Job:
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Job(id=row.uid, reason=reason, **values)
