"""What the service does, for REST and pages alike: they parse, call one of these methods, and show what it gave."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from zhenwei import detectors
from zhenwei.errors import DataError, UsageError
from zhenwei.pipeline import Options, engine_of
from zhenwei.report import SCHEMA, as_json, of_path, to_html
from zhenwei.report.annex import Annex, file_now
from zhenwei.report.packed import Packed, unpack
from zhenwei.server.auth import READ, SUBMIT, Caller
from zhenwei.server.comparison import Comparison, compare
from zhenwei.server.printing import Printer
from zhenwei.server.problems import ProblemError, erased, not_found
from zhenwei.server.settings import Settings
from zhenwei.server.uploads import Folder, Received, UploadLimits
from zhenwei.server.webhooks import is_allowed
from zhenwei.store import Fingerprint, Store, fingerprint_of
from zhenwei.store.addresses import CrowdedError
from zhenwei.store.job_erasure import erase_job
from zhenwei.store.jobs import Added, Job, Jobs, NewJob, Wanted
from zhenwei.store.kept import Kept, folder_of
from zhenwei.store.refusals import RefusedError
from zhenwei.types import Language, Report


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked about a file. ``again``: examine it although it is known. ``idempotency``: a word of the client for
    this request; the same word later is the same request. ``callback_url`` is called when it is over, at once where it
    is over already."""

    options: Options = field(default_factory=Options)
    again: bool = False
    idempotency: str = ""
    callback_url: str = ""


class Service:
    """The shape, for who builds on it. Every method takes the :class:`Caller` first and raises :class:`ProblemError`:
    ``not-found`` (404) for what is not there or another tenant's, ``not-allowed`` (403) without the scope.

    - ``submit(caller, received, ask) -> Added(job, is_new)``: a file that :func:`uploads.receive` took in
    - ``get(caller, id) -> Job``, ``search(caller, wanted, after=, limit=) -> (jobs, cursor)``, ``counts(caller)``
    - ``document(caller, id, language) -> str``: the report as JSON, or the record of a file that could not be examined
    - ``found(caller, id) -> Packed``: the report with its pictures; ``page(caller, id, language) -> str``: as HTML,
      ``pdf(caller, id, language) -> bytes``: on paper, with the examiner's annex
    - ``medium(caller, id) -> Path``: the bytes that were handed in. Never served under a type that a client named
    - ``compare(caller, a, b, language) -> Comparison``
    - ``cancel(caller, id) -> Job``, ``delete(caller, id, undo=)``, ``restore(caller, id)``

    ``jobs``, ``store`` and ``kept`` (what pages are made from) are the store's own; ``woken`` is called when there is
    something to do.
    """

    def __init__(self, settings: Settings, store: Store, folder: Folder) -> None:
        self.settings, self.store, self.folder = settings, store, folder
        self.jobs = Jobs(store)
        is_beside = store.engine.dialect.name == "sqlite"  # then the folder of the store lies beside its file
        self.kept = Kept(store, folder_of(store, None if is_beside else folder.root / "kept"))
        self.woken: Callable[[], None] = lambda: None
        self._printer = Printer(settings.printer)

    def upload_limits(self, caller: Caller, max_files: int = 1) -> UploadLimits:
        caller.require(SUBMIT)
        total = caller.max_bytes * min(max_files, 4)
        return UploadLimits(caller.max_bytes, max_files, total, self.settings.min_free_bytes)

    def submit(self, caller: Caller, received: Received, ask: Ask) -> Added:
        caller.require(SUBMIT)
        if received.problem is not None:
            raise received.problem
        if ask.callback_url and not is_allowed(ask.callback_url, self.settings.webhooks):
            fix = "Ask whoever runs the service to add it to its webhooks; or ask for the state instead."
            raise ProblemError(422, "callback-refused", "the service may not call this address", fix=fix)
        if self.jobs.waiting() >= self.settings.max_queued:
            fix = "Send it again later."
            raise ProblemError(503, "queue-full", "too many files wait already", fix=fix, headers={"Retry-After": "60"})
        new = self._new(caller, received, ask)
        try:
            added = self.jobs.add(new, placed=lambda: self.folder.keep(received))
        except CrowdedError as error:
            raise ProblemError(422, "callback-refused", error.what, fix=error.fix) from None
        except UsageError as error:
            raise ProblemError(409, "key-used", error.what, fix=error.fix) from None
        self.woken()
        return added

    def get(self, caller: Caller, id_: str, language: Language = "en") -> Job:
        caller.require(READ)
        job = self.jobs.get(caller.tenant, id_, language)
        if job is None:
            raise not_found()
        return job

    def search(
        self, caller: Caller, wanted: Wanted, *, after: str = "", limit: int = 50, language: Language = "en"
    ) -> tuple[list[Job], str]:
        caller.require(READ)
        return self.jobs.search(caller.tenant, wanted, after=after, limit=limit, language=language)

    def counts(self, caller: Caller) -> dict[str, int]:
        caller.require(READ)
        return self.jobs.counts(caller.tenant)

    def document(self, caller: Caller, id_: str, language: Language = "en") -> str:
        job = self._over(caller, id_)
        if job.error_kind is not None:
            error = {"kind": job.error_kind, "message": job.error or "", "fix": job.error_fix or ""}
            return as_json({"schema": SCHEMA, "file": {"path": job.name}, "error": error})
        written = None
        if job.examination_id is not None:
            written = self.store.document(job.examination_id, language)
        if written is None:
            raise erased()
        return as_json(named(json.loads(written), job))

    def packed(self, caller: Caller, id_: str) -> bytes:
        """What :meth:`found` unpacks."""
        job = self._over(caller, id_)
        if job.error_kind is not None:
            raise ProblemError(
                409, "not-examined", job.error or "the file could not be examined", fix=job.error_fix or ""
            )
        if job.examination_id is None:
            raise erased()
        try:
            return self.kept.packed(job.examination_id)
        except RefusedError:
            raise
        except DataError:  # gone
            raise erased() from None

    def found(self, caller: Caller, id_: str) -> Packed:
        data, name = self.packed(caller, id_), self.get(caller, id_).name
        try:
            found = unpack(data)
        except DataError:  # of a version that packed it in another way
            raise erased() from None
        report = found.report
        return replace(found, report=replace(report, media=replace(report.media, path=name)))

    def page(self, caller: Caller, id_: str, language: Language = "en") -> str:
        return self._page(self.found(caller, id_).report, language)

    def pdf(self, caller: Caller, id_: str, language: Language = "en") -> bytes:
        """As ``zhenwei report --pdf`` prints it."""
        job, report = self.get(caller, id_), self.found(caller, id_).report
        standing = file_now(report.media, self.folder.medium(job.sha256))
        annex = Annex(standing, datetime.now().astimezone(), kept_at=job.finished_at)
        return self._printer.pdf(self._page(report, language, annex))

    def _page(self, report: Report, language: Language, annex: Annex | None = None) -> str:
        known = {name: kind.info for name, kind in detectors.catalogue(strict=False).items()}
        return to_html(report, language, detectors=known, annex=annex)

    def medium(self, caller: Caller, id_: str) -> Path:
        path = self.folder.medium(self.get(caller, id_).sha256)
        if not path.is_file():
            raise erased()
        return path

    def compare(self, caller: Caller, first: str, second: str, language: Language = "en") -> Comparison:
        jobs = self._over(caller, first), self._over(caller, second)
        documents = [json.loads(self.document(caller, job.id, language)) for job in jobs]
        return compare(jobs[0], jobs[1], documents[0], documents[1])

    def cancel(self, caller: Caller, id_: str) -> Job:
        caller.require(SUBMIT)
        job = self.jobs.cancel(caller.tenant, id_)
        if job is None:
            raise not_found()
        self.woken()
        return job

    def delete(self, caller: Caller, id_: str, *, undo: bool = False) -> None:
        """Take it out of every list; with ``undo`` it can be restored for ``settings.deleted_s``, else it is gone."""
        caller.require(SUBMIT)
        if not self.jobs.hide(caller.tenant, id_):
            raise not_found()
        if not undo:
            self.erase(caller.tenant, id_, caller.name)
        self.woken()

    def restore(self, caller: Caller, id_: str) -> Job:
        """One that is back already stays so."""
        caller.require(SUBMIT)
        self.jobs.show(caller.tenant, id_)
        return self.get(caller, id_)

    def erase(self, tenant: str, id_: str, actor: str) -> None:
        """What was found and, where no other job needs them, the bytes."""
        job = self.jobs.get(tenant, id_, hidden=True)
        if job is None:
            return
        medium = self.folder.medium(job.sha256)
        erase_job(self.jobs, self.kept, tenant, actor, id_, media=str(medium))
        self.jobs.without([job.sha256], self.folder.remove)

    def _over(self, caller: Caller, id_: str) -> Job:
        job = self.get(caller, id_)
        if not job.is_over:
            fix = "Ask again later, or follow /events."
            raise ProblemError(
                409, "not-finished", "this examination is not over", fix=fix, headers={"Retry-After": "2"}
            )
        if job.state == "cancelled":
            raise ProblemError(409, "cancelled", "this examination was cancelled", fix="Send the file again.")
        return job

    def _new(self, caller: Caller, received: Received, ask: Ask) -> NewJob:
        fingerprint = fingerprint_for(ask.options).sha256
        same = _digest(caller.tenant, received.sha256, fingerprint)
        return NewJob(
            tenant=caller.tenant,
            actor=caller.name,
            name=received.name,
            sha256=received.sha256,
            size_bytes=received.size_bytes,
            format=received.format,
            options=packed(ask.options),
            fingerprint=fingerprint,
            same=None if ask.again else same,
            idempotency=_digest(caller.tenant, ask.idempotency) if ask.idempotency else None,
            callback_url=ask.callback_url or None,
        )


def named(document: dict[str, Any], job: Job) -> dict[str, Any]:
    """The report under the name that this client gave the file: what is kept has its digest in that place."""
    return of_path(document, job.name)


@functools.lru_cache(maxsize=64)
def fingerprint_for(options: Options) -> Fingerprint:
    for id_ in options.asked:
        detectors.build(id_)  # UsageError for one that is not there
    return fingerprint_of(engine_of(options), options.asked)


def packed(options: Options) -> dict[str, Any]:
    """As they are kept with a job."""
    return {
        "depth": options.depth,
        "frames": options.frames,
        "detectors": list(options.detectors),
        "false_alarm": options.false_alarm,
    }


def unpacked(options: Mapping[str, Any]) -> Options:
    return Options(
        frames=options["frames"],
        detectors=tuple(options["detectors"]),
        false_alarm=options["false_alarm"],
        depth=options["depth"],
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
