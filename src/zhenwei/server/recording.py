"""What became of a job, into the store: examination, page and the end of the job in one transaction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from zhenwei.errors import (
    DataError,
    FaultError,
    OutOfMemoryError,
    TimeLimitError,
    WorkerDiedError,
    ZhenweiError,
)
from zhenwei.faults import contained
from zhenwei.report import Outcome, Unreadable
from zhenwei.server.service import Service, fingerprint_for, unpacked
from zhenwei.store.jobs import Job
from zhenwei.store.queue import Queue
from zhenwei.store.store import said_of
from zhenwei.store.tables import Examination
from zhenwei.types import Report

_FOUND = ("kind", "decision", "llr", "error_rate", "seconds")
_ONCE_MORE = (WorkerDiedError, TimeLimitError, OutOfMemoryError, FaultError)  # may go well the next time


class Recorder:
    """``queue``: whose jobs they are."""

    def __init__(self, service: Service, queue: Queue) -> None:
        self._service, self._queue = service, queue

    def record(self, job: Job, outcome: Outcome, seconds: float) -> str | None:
        """The decision, or what kind of error it was; None where the job was no longer this process's. In the store
        the file goes by its digest: others may have handed in the same under another name."""
        if isinstance(outcome, Report):
            neutral = replace(outcome, media=replace(outcome.media, path=job.sha256))
            try:
                is_ours = contained(lambda: self._written(job, neutral, seconds, {}))
                return outcome.verdict.decision if is_ours else None
            except (FaultError, DataError) as error:  # what cannot be told, a plug-in's broken answer say
                outcome = Unreadable(outcome.media.path, error)
        neutral_error = Unreadable(job.sha256, renamed(outcome.error, outcome.path, job.sha256))
        values = _failed(renamed(outcome.error, outcome.path, job.name), seconds)
        is_ours = self._written(job, neutral_error, seconds, values)
        return type(outcome.error).__name__ if is_ours else None

    def _written(self, job: Job, outcome: Outcome, seconds: float, values: dict[str, Any]) -> bool:
        """Whether the job was still ours. ``values``: its columns; empty: those of the examination."""
        path = str(self._service.folder.medium(job.sha256))
        fingerprint = fingerprint_for(unpacked(job.options))
        again = isinstance(outcome, Unreadable) and isinstance(outcome.error, _ONCE_MORE)
        closed: list[bool] = []

        def close(session: Session, number: int) -> None:
            keep(session, number)
            own = values or _columns(session, number)
            own |= {"examination_id": number, "fingerprint": fingerprint.sha256}
            closed.append(self._queue.close(session, job.id, own, again=again))

        with self._service.kept.beside(path, job.sha256, outcome) as keep:
            self._service.store.record(
                path, job.sha256, job.size_bytes, outcome, fingerprint, seconds=seconds, also=close
            )
        if not closed:  # an earlier answer stays, and this failure is the job's alone
            closed.append(self._queue.finish(job.id, values, again=again))
        return closed[0]


def renamed(error: ZhenweiError, path: str, name: str) -> ZhenweiError:
    """The error with the name of the file in the place of the worker's path."""
    last = Path(path).name
    said: list[str] = []
    for text in (error.what, error.got, error.want, error.fix):
        said.append(text.replace(path, name).replace(last, name) if last else text)
    return type(error)(said[0], got=said[1], want=said[2], fix=said[3])


def _columns(session: Session, number: int) -> dict[str, Any]:
    found = session.get_one(Examination, number)
    return {name: getattr(found, name) for name in _FOUND}


def _failed(error: ZhenweiError, seconds: float) -> dict[str, Any]:
    return {
        "error_kind": type(error).__name__,
        "error": said_of(error),
        "error_fix": error.fix,
        "seconds": round(seconds, 3),
    }
