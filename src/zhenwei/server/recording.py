"""What became of a job, into the store: what pages are made from, then the examination; the job is closed last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from zhenwei.errors import FaultError, ZhenweiError
from zhenwei.faults import contained
from zhenwei.report import Outcome, Unreadable
from zhenwei.server.reports import save
from zhenwei.server.service import Service, fingerprint_for, unpacked
from zhenwei.store.jobs import Job
from zhenwei.store.tables import EngineRow, Examination, File
from zhenwei.types import Report

_FOUND = ("kind", "decision", "llr", "error_rate", "seconds", "error_kind", "error", "error_fix")


class Recorder:
    def __init__(self, service: Service) -> None:
        self._service = service

    def record(self, job: Job, outcome: Outcome, seconds: float) -> dict[str, Any]:
        """The columns of the job when it is over. What cannot be told, a plug-in's broken answer say, is a fault of
        this file. In the store the file goes by its digest: others may have handed in the same under another name."""
        if isinstance(outcome, Report):
            own = replace(outcome, media=replace(outcome.media, path=job.name))
            neutral: Outcome = replace(outcome, media=replace(outcome.media, path=job.sha256))
            try:
                contained(lambda: save(own, self._service.folder.report(job.id)))
                contained(lambda: self._write(job, neutral, seconds))
            except FaultError as error:
                outcome = Unreadable(outcome.media.path, error)
        if isinstance(outcome, Unreadable):
            self._write(job, Unreadable(job.sha256, renamed(outcome.error, outcome.path, job.sha256)), seconds)
            return _failed(renamed(outcome.error, outcome.path, job.name), seconds)
        return self.answer(job)

    def has_answer(self, job: Job) -> bool:
        """Whether the process that ended had all but closed it."""
        return self._service.folder.report(job.id).is_file() and self._row(job)["decision"] is not None

    def answer(self, job: Job) -> dict[str, Any]:
        """The columns of the job by what is in the store."""
        return self._row(job)

    def _write(self, job: Job, outcome: Outcome, seconds: float) -> None:
        path = str(self._service.folder.medium(job.sha256))
        fingerprint = fingerprint_for(unpacked(job.options))
        self._service.store.record(path, job.sha256, job.size_bytes, outcome, fingerprint, seconds=seconds)

    def _row(self, job: Job) -> dict[str, Any]:
        fingerprint = fingerprint_for(unpacked(job.options)).sha256
        asked = (
            select(Examination)
            .join(File, Examination.file_id == File.id)
            .join(EngineRow, Examination.engine_id == EngineRow.id)
            .where(File.sha256 == job.sha256, EngineRow.fingerprint == fingerprint)
        )
        with self._service.jobs.reading() as session:
            found = session.execute(asked).scalar_one_or_none()
            if found is None:
                return dict.fromkeys(_FOUND)
            values: dict[str, Any] = {name: getattr(found, name) for name in _FOUND}
            return values | {"examination_id": found.id, "fingerprint": fingerprint}


def renamed(error: ZhenweiError, path: str, name: str) -> ZhenweiError:
    """The error with the name of the file in the place of the worker's path."""
    last = Path(path).name
    said: list[str] = []
    for text in (error.what, error.got, error.want, error.fix):
        said.append(text.replace(path, name).replace(last, name) if last else text)
    return type(error)(said[0], got=said[1], want=said[2], fix=said[3])


def _failed(error: ZhenweiError, seconds: float) -> dict[str, Any]:
    nothing: Mapping[str, Any] = dict.fromkeys(_FOUND)
    said = error.what + (f"; got {error.got}" if error.got else "")
    told = {"error_kind": type(error).__name__, "error": said, "error_fix": error.fix}
    return dict(nothing) | told | {"seconds": round(seconds, 3), "examination_id": None}
