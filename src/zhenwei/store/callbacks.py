"""Calls of webhooks that are due. Several processes share them as they share the queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from zhenwei.store.job_tables import JobRow
from zhenwei.store.jobs import Job, Jobs, job_of, now

DUE, DELIVERED, GIVEN_UP = "due", "delivered", "given up"
_MAX_TRIES = 10
_FIRST_S, _MOST_S = 5.0, 3600.0


@dataclass(frozen=True, slots=True)
class Call:
    """``tries``: with this one."""

    job: Job
    tries: int


@dataclass(frozen=True, slots=True)
class Callbacks:
    """``patience_s``: a call that was taken and of which nothing is heard is made again after so long."""

    jobs: Jobs
    patience_s: float = 60.0

    def take(self, count: int = 10) -> list[Call]:
        moment = now()
        due = JobRow.callback_state == DUE, JobRow.callback_at <= moment, JobRow.deleted_at.is_(None)
        asked = select(JobRow).where(*due).order_by(JobRow.callback_at).limit(count).with_for_update(skip_locked=True)
        with self.jobs.store.reading() as session:
            if session.execute(select(JobRow.id).where(*due).limit(1)).first() is None:
                return []
        found: list[Call] = []
        with self.jobs.store.writing() as session:
            for row in session.execute(asked).scalars():
                row.callback_tries += 1
                row.callback_at = moment + timedelta(seconds=self.patience_s)
                found.append(Call(job_of(row), row.callback_tries))
        return found

    def close(self, call: Call, *, is_delivered: bool) -> None:
        """What became of it. After a failure it waits twice as long as before; in the end it is given up."""
        values: dict[str, object] = {"callback_state": DELIVERED}
        if not is_delivered and call.tries >= _MAX_TRIES:
            values = {"callback_state": GIVEN_UP}
        elif not is_delivered:
            wait_s = min(_MOST_S, _FIRST_S * 2 ** (call.tries - 1))
            values = {"callback_at": now() + timedelta(seconds=wait_s)}
        with self.jobs.store.writing() as session:
            session.execute(update(JobRow).where(JobRow.uid == call.job.id).values(**values))
