"""The queue: jobs are taken by one server process each, which says again and again that it is alive.

Several processes, on several machines where the database is PostgreSQL, take from one queue. Each row is taken under
its lock; who finds it locked goes on to the next (``FOR UPDATE SKIP LOCKED``). SQLite has one writer at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from zhenwei.store.addresses import DUE
from zhenwei.store.job_tables import JobRow
from zhenwei.store.jobs import DONE, FAILED, QUEUED, RUNNING, Job, Jobs, job_of, now

_OPEN = (QUEUED, RUNNING)


@dataclass(frozen=True, slots=True)
class Queue:
    """What the server process ``owner`` takes and brings back. ``lease_s``: a job whose owner has not been heard of for
    so long is taken by another; clocks of several machines have to agree within a fraction of it."""

    jobs: Jobs
    owner: str
    lease_s: float = 30.0

    def take(self, count: int = 1) -> list[Job]:
        """The oldest that wait, or whose owner is gone; they are this owner's now."""
        moment = now()
        lost = and_(JobRow.state == RUNNING, JobRow.lease_until < moment)
        waiting = or_(JobRow.state == QUEUED, lost)
        asked = select(JobRow).where(waiting).order_by(JobRow.id).limit(count).with_for_update(skip_locked=True)
        found: list[Job] = []
        if not self._any(waiting):
            return found
        with self.jobs.store.writing() as session:
            for row in session.execute(asked).scalars():
                row.state, row.owner, row.tries = RUNNING, self.owner, row.tries + 1
                row.lease_until, row.started_at = moment + timedelta(seconds=self.lease_s), moment
                row.stage, row.fraction = "waiting", 0.0
                found.append(job_of(row))
        return found

    def beat(self, progress: Mapping[str, tuple[str, float]]) -> None:
        """Keep what is this owner's, and say how far it is: stage and fraction by id."""
        until = now() + timedelta(seconds=self.lease_s)
        with self.jobs.store.writing() as session:
            for uid, (stage, fraction) in progress.items():
                values = {"lease_until": until, "stage": stage, "fraction": fraction}
                session.execute(update(JobRow).where(*self._own(uid)).values(**values))

    def kept(self, uids: Collection[str]) -> set[str]:
        """Those of ``uids`` that still are this owner's: not cancelled, deleted or taken by another."""
        if not uids:
            return set()
        asked = select(JobRow.uid).where(JobRow.uid.in_(uids), JobRow.owner == self.owner, JobRow.state == RUNNING)
        with self.jobs.store.reading() as session:
            return set(session.execute(asked.where(JobRow.deleted_at.is_(None))).scalars())

    def finish(self, uid: str, values: Mapping[str, Any], *, again: bool) -> bool:
        """As :meth:`close`, in a transaction of its own."""
        with self.jobs.store.writing() as session:
            return self.close(session, uid, values, again=again)

    def close(self, session: Session, uid: str, values: Mapping[str, Any], *, again: bool) -> bool:
        """It is over, with these columns; whether it still was this owner's. ``again``: an equal request is examined
        anew, since it failed of what may not meet it the next time."""
        moment = now()
        closing = dict(values) | {"state": FAILED if values.get("error_kind") else DONE, "finished_at": moment}
        closing |= {"owner": None, "lease_until": None, "stage": "done", "fraction": 1.0}
        if again:
            closing["same"] = None
        row = session.execute(select(JobRow).where(*self._own(uid)).with_for_update()).scalar_one_or_none()
        if row is None:
            return False
        for name, value in closing.items():
            setattr(row, name, value)
        if row.callback_url:
            row.callback_state, row.callback_at = DUE, moment
        return True

    def release(self, owners: Sequence[str] = ()) -> int:
        """Back into the queue with what is this owner's, or what dead ``owners`` had; how many. One that was handed
        back does not count as tried."""
        given = list(owners) or [self.owner]
        mine = JobRow.owner.in_(given), JobRow.state == RUNNING
        with self.jobs.store.writing() as session:
            values: dict[str, Any] = {"state": QUEUED, "owner": None, "lease_until": None, "stage": "", "fraction": 0.0}
            if not owners:
                values["tries"] = JobRow.tries - 1
            done: Any = session.execute(update(JobRow).where(*mine).values(**values))
            return int(done.rowcount)

    def owners(self) -> set[str]:
        """Who has jobs now."""
        with self.jobs.store.reading() as session:
            asked = select(JobRow.owner).where(JobRow.state == RUNNING, JobRow.owner.is_not(None)).distinct()
            return {owner for owner in session.execute(asked).scalars() if owner}

    def _own(self, uid: str) -> tuple[Any, ...]:
        return JobRow.uid == uid, JobRow.owner == self.owner, JobRow.state == RUNNING

    def _any(self, waiting: Any) -> bool:
        """Whether there is something to take: reading does not keep others from writing."""
        with self.jobs.store.reading() as session:
            return session.execute(select(JobRow.id).where(waiting).limit(1)).first() is not None
