"""Calls of webhooks that are due. Several processes share them as they share the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from zhenwei.store.addresses import DUE, GIVEN_UP
from zhenwei.store.job_tables import JobRow
from zhenwei.store.jobs import Job, Jobs, job_of, now

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

    def heard(self, call: Call, url: str) -> None:
        """One of its addresses has heard it; for the others there is time again."""
        self.jobs.called(call.job.id, [url], until=now() + timedelta(seconds=self.patience_s))

    def close(self, call: Call, asked: Sequence[str]) -> None:
        """All that were ``asked`` have been called. Who has not heard it is called again, after twice as long as
        before, and in the end given up. An address that was named meanwhile is called at once."""
        left = self.jobs.called(call.job.id, ())
        if not left:
            return
        values: dict[str, object] = {"callback_at": now()}
        if set(left) <= set(asked) and call.tries >= _MAX_TRIES:
            values = {"callback_state": GIVEN_UP}
        elif set(left) & set(asked):
            wait_s = min(_MOST_S, _FIRST_S * 2 ** (call.tries - 1))
            values = {"callback_at": now() + timedelta(seconds=wait_s)}
        # Of another number of tries it is another call: an address came meanwhile, or somebody else makes it.
        mine = JobRow.uid == call.job.id, JobRow.callback_state == DUE, JobRow.callback_tries == call.tries
        with self.jobs.store.writing() as session:
            session.execute(update(JobRow).where(*mine).values(**values))
