"""The thread that brings queued jobs to worker processes, and what they found into the store.

It can end at any moment. A job is its owner's as long as that is alive, and is closed in the transaction that keeps its
answer; what an owner that is gone had is examined by the next.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from zhenwei.engine import Examined, Limits, Pool
from zhenwei.errors import DataError, MediaError, WorkerDiedError, ZhenweiError
from zhenwei.faults import contained
from zhenwei.report import Unreadable
from zhenwei.server.alive import Alive
from zhenwei.server.housekeeping import Housekeeper
from zhenwei.server.metrics import Metrics
from zhenwei.server.recording import Recorder
from zhenwei.server.service import Service, unpacked
from zhenwei.store.jobs import Job, now
from zhenwei.store.queue import Queue

if TYPE_CHECKING:
    from zhenwei.engine import RayPool
    from zhenwei.server.settings import Settings

log = logging.getLogger("zhenwei.server")
_TRIES = 10  # of a job whose server process ended, before it is held to be the reason
_WAIT_S = 0.2
_BEAT_S = 1.0
_SWEEP_S = 5.0
_TROUBLE_S = 5.0
_GIB = 1 << 30


class Runner(threading.Thread):
    """Started once; :meth:`stop` ends it and hands back what it had. ``trouble`` says why nothing is examined, "" while
    all is well."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        super().__init__(name="zhenwei-runner", daemon=True)
        self._service, self._metrics = service, metrics
        self._alive = Alive(service.folder.alive)
        self._queue = Queue(service.jobs, self._alive.owner)
        self._recorder, self._housekeeper = Recorder(service, self._queue), Housekeeper(service)
        self._open: dict[str, Job] = {}  # by path of the worker's file
        self._progress: dict[str, tuple[str, float]] = {}
        self._told: dict[str, tuple[str, float]] = {}
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._next_beat = self._next_sweep = 0.0
        self.trouble = ""
        service.woken = self._wake.set

    def processes(self) -> tuple[int, ...]:
        """Of the workers, for who wants to end them in a test."""
        pool = getattr(self, "_pool", None)
        return () if pool is None else pool.processes()

    def stop(self) -> None:
        self._ending.set()
        self._wake.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                contained(self._serve)
                self.trouble = ""
            except (ZhenweiError, OSError) as error:
                self.trouble = error.what if isinstance(error, ZhenweiError) else "the system refuses something"
                log.error("nothing is examined for now: %s", type(error).__name__)
                self._release()
                self._ending.wait(_TROUBLE_S)
        self._release()
        self._alive.end()

    def _release(self) -> None:
        with contextlib.suppress(ZhenweiError, OSError):  # else others take them when their lease has ended
            self._queue.release()

    def _serve(self) -> None:
        settings = self._service.settings
        limits = Limits(settings.seconds, int(settings.memory * _GIB))
        with self._pool_of(settings, limits) as self._pool:
            try:
                while not self._ending.is_set():
                    self._round()
            finally:
                self._open.clear()
                self._progress.clear()

    def _pool_of(self, settings: Settings, limits: Limits) -> Pool | RayPool:
        if not settings.ray:
            return Pool(settings.workers, limits, tell=self._heard)
        from zhenwei.engine.ray_pool import RayPool

        return RayPool(settings.workers, limits, address=settings.ray)

    def _round(self) -> None:
        self._now_and_then()
        room = self._pool.count - self._pool.open_files
        for job in self._queue.take(room) if room > 0 else ():
            self._begin(job)
        if not self._pool.open_files:
            self._wake.wait(_WAIT_S)
            self._wake.clear()
            self.trouble = ""
            return
        for examined in self._pool.wait(_WAIT_S):
            self._finish(examined)
            self.trouble = ""

    def _begin(self, job: Job) -> None:
        self._metrics.waited.observe(max(0.0, (now() - job.created_at).total_seconds()))
        path = self._service.folder.work / job.id
        error: MediaError | None = None
        if job.tries > _TRIES:
            error = WorkerDiedError(f"the service ended {_TRIES} times while it examined this file")
        else:
            error = _laid_out(self._service.folder.medium(job.sha256), path)
        self._open[str(path)] = job
        self._progress[job.id] = ("waiting", 0.0)
        if error is not None:
            self._finish(Examined(str(path), Unreadable(str(path), error), 0.0))
        else:
            self._pool.give(str(path), unpacked(job.options), job.sha256)

    def _heard(self, path: str, stage: str, fraction: float) -> None:
        job = self._open.get(path)
        if job is not None:
            self._progress[job.id] = (stage, round(fraction, 3))

    def _finish(self, examined: Examined) -> None:
        job = self._open.pop(examined.path, None)
        if job is None:
            return
        self._progress.pop(job.id, None)
        try:
            became = self._recorder.record(job, examined.outcome, examined.seconds)
        except DataError as error:  # not even its failure could be told: it must not come again and again
            told = {"error_kind": type(error).__name__, "error": error.what, "error_fix": error.fix}
            became = told["error_kind"] if self._queue.finish(job.id, told, again=True) else None
        self._metrics.examined.observe(examined.seconds)
        if isinstance(examined.outcome, Unreadable):
            self._metrics.failures.labels(type(examined.outcome.error).__name__).inc()
        elif became is not None:
            self._metrics.verdicts.labels(became).inc()
        log.info("job %s: %s", job.id, became or "was no longer ours")
        with contextlib.suppress(OSError):
            Path(examined.path).unlink(missing_ok=True)

    def _now_and_then(self) -> None:
        moment = time.monotonic()
        if moment >= self._next_beat:
            self._next_beat = moment + _BEAT_S
            self._beat()
        if moment >= self._next_sweep:
            self._next_sweep = moment + _SWEEP_S
            self._sweep()

    def _beat(self) -> None:
        """Say how far each is, now and then that this process is alive, and end what was cancelled."""
        if not self._open:
            return
        kept = self._queue.kept([job.id for job in self._open.values()])
        for path, job in list(self._open.items()):
            if job.id not in kept:
                self._pool.cancel(path)
                del self._open[path]
                self._progress.pop(job.id, None)
                Path(path).unlink(missing_ok=True)
        moment = time.monotonic()
        due = moment >= self._alive.next_lease
        changed = {uid: seen for uid, seen in self._progress.items() if due or self._told.get(uid) != seen}
        if changed:
            self._queue.beat(changed)
        if due:
            self._alive.next_lease = moment + self._queue.lease_s / 3
        self._told = dict(self._progress)

    def _sweep(self) -> None:
        """Take over from processes that ended, erase what was deleted, and clear what nobody needs."""
        dead = self._alive.dead_among(self._queue.owners())
        if dead:
            count = self._queue.release(dead)
            self._alive.forget(dead)
            log.info("%d jobs of processes that ended wait again", count)
        for tenant, uid, actor in self._service.jobs.hidden_for(self._service.settings.deleted_s):
            self._service.erase(tenant, uid, actor)
        self._housekeeper.look()


def _laid_out(medium: Path, path: Path) -> MediaError | None:
    """The bytes under a path of the job's own, since two may be at the same file."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    try:
        try:
            os.link(medium, path)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without such links
            shutil.copyfile(medium, path)
    except FileNotFoundError:
        return MediaError("the file is not there any more", fix="Send it again.")
    return None
