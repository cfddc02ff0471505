"""Worker processes with limits: whatever a file does to its process costs that file and nothing else.

Each worker has a pipe of its own, so that a worker that dies, even while it answers, leaves nothing locked or half
written for the others (``ARCHITECTURE.md`` says why no pool of a library is used).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from typing import Self

from zhenwei.engine import worker
from zhenwei.errors import FaultError, OutOfMemoryError, TimeLimitError, UsageError, WorkerDiedError
from zhenwei.pipeline import Options
from zhenwei.report import Outcome, Unreadable

_GIB = 1 << 30
_LEAST_MEMORY = 2 * _GIB
_START_S = 300.0  # importing takes seconds; on a machine that is out of memory, minutes
_DYING_S = 2.0  # from the end of its pipe to that of a process
_STARTS = 3  # workers in a row that die before they are ready, or another is not tried
_TRIES = 2  # of a file whose worker was killed from outside, as the system does when memory runs out
_FROM_OUTSIDE = {-9, -15}
Tell = Callable[[str, str, float], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take. ``seconds``: None = no limit. ``memory_bytes`` of a worker's own memory: 0 = four fifths
    of the machine's divided among the workers, at least 2 GiB; None = no limit. ``disk_bytes``: of a temporary file."""

    seconds: float | None = 300.0
    memory_bytes: int | None = 0
    disk_bytes: int | None = 4 * _GIB

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError("the time limit makes no sense", got=f"{self.seconds:g} s", want="more than 0 s")
        if self.memory_bytes is not None and self.memory_bytes < 0:
            raise UsageError("the memory limit makes no sense", got=f"{self.memory_bytes} bytes", want="0 or more")
        if self.disk_bytes is not None and self.disk_bytes < 0:
            raise UsageError("the disk limit makes no sense", got=f"{self.disk_bytes} bytes", want="0 or more")


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of ``path``, and how long it took in the worker."""

    path: str
    outcome: Outcome
    seconds: float


@dataclass(slots=True)
class _Job:
    path: str
    options: Options
    tries: int = 0


class _Worker:
    """One process, and the file that it has."""

    def __init__(self, threads: int, memory_bytes: int | None, disk_bytes: int | None, temporary: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._temporary = tempfile.mkdtemp(dir=temporary)  # what a worker that dies leaves is not left for long
        given = (threads, memory_bytes, disk_bytes, self._temporary)
        self.pipe, theirs = context.Pipe()
        self.job: _Job | None = None
        self.ready = False
        self.began = time.monotonic()
        self.deadline = self.began + _START_S
        self.process = context.Process(target=worker.serve, args=(theirs, *given), daemon=True, name="zhenwei-worker")
        with _ctrl_c_held_back():
            self.process.start()
        theirs.close()  # only the worker has that end now, so its death is the end of the pipe

    def begin(self, job: _Job, seconds: float | None) -> None:
        job.tries += 1
        self.job, self.began = job, time.monotonic()
        self.deadline = float("inf") if seconds is None else self.began + seconds
        with contextlib.suppress(OSError):  # one that died meanwhile is found out by the end of its pipe
            self.pipe.send((job.path, job.options, seconds))

    def kill(self, *, dying_s: float = 0.0) -> int | None:
        """End it, at once or after ``dying_s``; the exit code that it had, or has now."""
        self.pipe.close()
        self.process.join(dying_s)
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        shutil.rmtree(self._temporary, ignore_errors=True)
        return code


class Pool:
    """``count`` workers (0 = one a core), started as files come and kept until :meth:`close`; use it in a ``with``.

    :meth:`give` hands in a file, :meth:`wait` gives what has become of those that are done. Threads of the machine are
    divided among the workers, unless the options name a number. ``tell(path, stage, fraction)`` is called within
    :meth:`wait` as files proceed. Not to be used by several threads. As everything that starts processes by spawning,
    a script that uses it does so under ``if __name__ == "__main__"``. ``beside``: how many workers this machine has in
    all, where other pools share it.
    """

    fetches = False  # whether workers fetch files by URL themselves

    def __init__(
        self, count: int = 0, limits: Limits | None = None, *, tell: Tell | None = None, beside: int = 0
    ) -> None:
        if count < 0:
            raise UsageError("the number of workers makes no sense", got=str(count), want="1 or more; 0 = one a core")
        cores = _cores()
        self.count = count or cores
        self._limits = limits or Limits()
        self._threads = max(1, cores // max(self.count, beside))
        self._memory = self._limits.memory_bytes
        if self._memory == 0:
            self._memory = max(_LEAST_MEMORY, int(0.8 * _memory_bytes() / max(self.count, beside)))
        self._tell = tell
        self._workers: list[_Worker] = []
        self._waiting: deque[_Job] = deque()
        self._failed_starts = 0
        self._temporary = tempfile.TemporaryDirectory(prefix="zhenwei-", ignore_cleanup_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def open_files(self) -> int:
        """How many were handed in and are not done."""
        return len(self._waiting) + sum([worker.job is not None for worker in self._workers])

    @property
    def has_room(self) -> bool:
        """Whether a further file would be begun at once, or be the one that waits for the next free worker."""
        return self.open_files <= self.count

    def processes(self) -> tuple[int, ...]:
        """The process numbers of the workers that there are now."""
        return tuple([worker.process.pid or 0 for worker in self._workers])

    def give(self, path: str, options: Options | None = None, sha256: str = "") -> None:
        """``sha256``: of the file, for pools of several machines; not asked for here."""
        del sha256
        options = options or Options()
        if not options.threads:
            options = replace(options, threads=self._threads)
        self._waiting.append(_Job(path, options))
        self._begin()

    def wait(self, timeout_s: float | None = None) -> list[Examined]:
        """Those that are done, in the order in which they were; without ``timeout_s`` at least one, if any is open.

        Raises what would meet every other file as well: UsageError, ModelError, a missing extra, and FaultError where
        no worker can be started.
        """
        end = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        done: list[Examined] = []
        while not done and self.open_files:
            self._begin()
            now = time.monotonic()
            nearest = min([end, *[worker.deadline for worker in self._workers]])
            left_s = None if nearest == float("inf") else max(0.0, nearest - now)
            ready = set(wait([worker.pipe for worker in self._workers], left_s))
            for one in list(self._workers):
                done += self._heard(one) if one.pipe in ready else self._overdue(one)
            if time.monotonic() >= end:
                break
        self._begin()
        return done

    def cancel(self, path: str) -> bool:
        """End the examination of ``path``, which is then told of no more; whether it was open."""
        before = len(self._waiting)
        self._waiting = deque([job for job in self._waiting if job.path != path])
        at_it = [one for one in self._workers if one.job is not None and one.job.path == path]
        for one in at_it:
            self._drop(one)
        return bool(at_it) or len(self._waiting) < before

    def close(self) -> None:
        """End all workers at once, whatever they are at."""
        for one in list(self._workers):
            self._drop(one)
        self._waiting.clear()
        self._temporary.cleanup()

    def _begin(self) -> None:
        """Give free workers what waits, and start workers where all are busy."""
        for one in self._workers:
            if self._waiting and one.ready and one.job is None:
                one.begin(self._waiting.popleft(), self._limits.seconds)
        starting = sum([not one.ready for one in self._workers])
        while len(self._workers) < self.count and starting < len(self._waiting):
            self._workers.append(_Worker(self._threads, self._memory, self._limits.disk_bytes, self._temporary.name))
            starting += 1

    def _heard(self, one: _Worker) -> Iterator[Examined]:
        try:
            kind, content = one.pipe.recv()
        except (EOFError, OSError):  # OSError: it died in the middle of a message
            yield from self._died(one)
            return
        if kind == worker.READY:
            one.ready, one.deadline = True, float("inf")
            self._failed_starts = 0
        elif kind == worker.STAGE and self._tell is not None and one.job is not None:
            self._tell(one.job.path, *content)
        elif kind == worker.RAISED:
            raise content
        elif kind == worker.DONE:
            yield self._finished(one, content)

    def _finished(self, one: _Worker, outcome: Outcome) -> Examined:
        path = one.job.path if one.job is not None else ""
        seconds = time.monotonic() - one.began
        one.job, one.deadline = None, float("inf")
        if isinstance(outcome, Unreadable) and isinstance(outcome.error, OutOfMemoryError):
            self._drop(one)  # a library that found no memory may be left in any state
        return Examined(path, outcome, seconds)

    def _died(self, one: _Worker) -> Iterator[Examined]:
        job, seconds = one.job, time.monotonic() - one.began
        code = self._drop(one, dying_s=_DYING_S)
        if job is None:
            self._failed_starts += not one.ready
            if self._failed_starts >= _STARTS:
                raise FaultError(
                    "no worker can be started",
                    got=str(WorkerDiedError.of(code).what),
                    fix="Allow a worker more memory, or use fewer; what it said is above.",
                )
        elif code in _FROM_OUTSIDE and job.tries < _TRIES:
            self._waiting.appendleft(job)
        else:
            yield Examined(job.path, Unreadable(job.path, WorkerDiedError.of(code)), seconds)

    def _overdue(self, one: _Worker) -> Iterator[Examined]:
        if time.monotonic() < one.deadline:
            return
        job, seconds = one.job, time.monotonic() - one.began
        if job is None:  # it never got ready
            yield from self._died(one)
            return
        self._drop(one)
        yield Examined(job.path, Unreadable(job.path, TimeLimitError.after(self._limits.seconds or 0.0)), seconds)

    def _drop(self, one: _Worker, *, dying_s: float = 0.0) -> int | None:
        self._workers.remove(one)
        return one.kill(dying_s=dying_s)


@contextlib.contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """A process that starts meanwhile inherits it: it would die with a traceback before it can look away."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_bytes() -> int:
    """Of the machine; where it does not say, what most have."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 * _GIB
