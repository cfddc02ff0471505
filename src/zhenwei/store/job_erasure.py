"""Erasing a job: with what was found, unless others stand on it. The log keeps the fact and the digest."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from zhenwei.store import log
from zhenwei.store.case_tables import CaseFile, PageRow
from zhenwei.store.chain import STORE
from zhenwei.store.erasure import is_needed
from zhenwei.store.job_tables import JobRow
from zhenwei.store.jobs import Job, Jobs, job_of, locked
from zhenwei.store.kept import Kept
from zhenwei.store.tables import Examination, File, Place


def erase_job(jobs: Jobs, kept: Kept, tenant: str, actor: str, uid: str, *, media: str) -> Job | None:
    """Take it out for ever; what it was, or None. ``media``: the path under which the service kept the bytes; a file
    that was met elsewhere, too, stays known."""
    with jobs.store.writing() as session:
        row = jobs.own(session, tenant, uid)
        if row is None:
            return None
        job = job_of(row)
        locked(session, job.sha256)
        session.delete(row)
        session.flush()
        content = {"job": job.id, "why": "asked for"}
        log.append(
            session, tenant=tenant, chain=STORE, actor=actor, action="job-erased", subject=job.sha256, content=content
        )
        for page in _erased(session, job, media):
            kept.remove_unneeded(session, page)
        return job


def _erased(session: Session, job: Job, media: str) -> Iterable[str]:
    """Away with the file, or with the examination alone; the digests of their pages."""
    file = session.scalar(select(File).filter_by(sha256=job.sha256))
    if file is None:
        return ()
    pages = select(PageRow.sha256).join(Examination, Examination.id == PageRow.examination_id)
    met_elsewhere = exists().where(Place.file_id == file.id, Place.path != media)
    if not is_needed(session, file) and not session.scalar(select(met_elsewhere)):
        found = list(session.scalars(pages.where(Examination.file_id == file.id)))
        session.delete(file)
    else:
        number = job.examination_id
        others = or_(
            exists().where(JobRow.examination_id == number),
            exists().where(CaseFile.examination_id == number),
            met_elsewhere,
        )
        if number is None or session.scalar(select(others)):
            return ()
        found = list(session.scalars(pages.where(Examination.id == number)))
        examination = session.get(Examination, number)
        if examination is not None:
            session.delete(examination)
    session.flush()
    return found
