"""Many machines: a pool of actors of a Ray cluster, with the same outcomes as :class:`zhenwei.engine.Pool`.

Ray places the actors and starts them again when they or their machine die. It has no limits for one task and loses an
actor with a crash, so each actor has one worker process of the pool of one machine, and what a file does to that is
told as it is there. Ray's own retries wait for the very actor that was lost, which may never find a machine again; here
the file goes to another one.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from zhenwei.engine.objects import fetched, is_url, renamed
from zhenwei.engine.pool import Examined, Limits, Pool
from zhenwei.errors import FaultError, MediaError, MissingExtraError, UsageError, WorkerDiedError, install_extra
from zhenwei.media.sources import identify
from zhenwei.pipeline import Options
from zhenwei.report import Unreadable

_TRIES = 5  # of a file after the first, each time that its actor or machine was lost
_AHEAD = 1  # files that wait at an actor, so that it never waits
_START_S = 300.0  # for the first actor
_ANSWER_S = 5.0  # for a cluster that is there to take a connection
_ELSEWHERE = "elsewhere"  # what an actor answers where its machine has another file at that path, or none


@dataclass(slots=True)
class _Task:
    """A file, and the actor that has it."""

    path: str
    options: Options
    sha256: str
    tries: int = 0
    actor: int = 0
    began: float = 0.0


class Examiner:
    """What an actor does: one file after another, in a process with limits. ``beside``: actors on its machine."""

    def __init__(self, limits: Limits, beside: int) -> None:
        self._pool = Pool(1, limits, beside=beside)

    def ready(self) -> None:
        """Answered when it has started."""

    def examine(self, path: str, options: Options, sha256: str) -> Examined | str:
        """What became of the file that the driver sees at ``path``, by its digest."""
        if not is_url(path):
            return self._examined(path, path, options) if _is_there(path, sha256) else _ELSEWHERE
        with tempfile.TemporaryDirectory(prefix=f"zhenwei-objects-{os.getpid()}-") as folder:
            given = fetched(path, Path(folder))
            if given.error is not None:
                return Examined(path, Unreadable(path, given.error), 0.0)
            return self._examined(given.local, path, options)

    def _examined(self, local: str, path: str, options: Options) -> Examined:
        self._pool.give(local, options)
        (done,) = self._pool.wait()
        return Examined(path, renamed(done.outcome, path), done.seconds)


class RayPool:
    """As :class:`zhenwei.engine.Pool`, on the cluster at ``address``; "auto": the one that this machine belongs to, or
    a new one of this machine alone. ``count``: actors, one CPU each; 0 = one less than the CPUs of the cluster, which
    is also the most: Ray itself needs to run.

    Machines of the cluster have to see files under the same paths as this one, or get them by URL. Raises
    MissingExtraError without Ray, UsageError for a cluster that is not there or too small.
    """

    fetches = True

    def __init__(self, count: int = 0, limits: Limits | None = None, *, address: str = "auto") -> None:
        self._ray, self._is_own_connection = _connected(address)
        most = max(1, int(self._ray.cluster_resources().get("CPU", 1)) - 1)
        if count > most:
            fix = "Use fewer workers, or add machines to the cluster."
            raise UsageError("the cluster has too few CPUs", got=f"{count} workers", want=f"at most {most}", fix=fix)
        self.count = count or most
        self._ray.method(max_task_retries=-1)(Examiner.ready)  # answered when it is there again
        kind = self._ray.remote(num_cpus=1, max_restarts=-1)(Examiner)
        beside = max(1, self.count // max(1, len(self._ray.nodes())))
        self._actors: list[Any] = []
        for _ in range(self.count):
            self._actors.append(kind.remote(limits or Limits(), beside))
        self._load = [0] * self.count
        self._open: dict[Any, _Task] = {}
        self._waiting: deque[_Task] = deque()  # for any actor at all
        self._lost: dict[Any, int] = {}  # actors that are started again, by what they answer then
        self._await_first()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def open_files(self) -> int:
        return len(self._open) + len(self._waiting)

    @property
    def has_room(self) -> bool:
        return not self._waiting and self._load[self._freest()] <= _AHEAD and len(self._lost) < self.count

    def processes(self) -> tuple[int, ...]:
        """None of this machine's own."""
        return ()

    def give(self, path: str, options: Options | None = None, sha256: str = "") -> None:
        """``sha256``: of the file, so that an actor knows whether it sees the same one."""
        options = options or Options()
        if not options.threads:
            options = replace(options, threads=1)  # an actor has one CPU
        self._waiting.append(_Task(path, options, sha256))
        self._hand_out()

    def wait(self, timeout_s: float | None = None) -> list[Examined]:
        """As :meth:`zhenwei.engine.Pool.wait`. Raises UsageError where a machine does not see the files, too."""
        end = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        found: list[Examined] = []
        while not found and self.open_files:
            left = None if timeout_s is None else max(0.0, end - time.monotonic())
            if not self._open:  # all are lost
                left = _START_S if left is None else min(left, _START_S)
            done, _ = self._ray.wait([*self._open, *self._lost], num_returns=1, timeout=left)
            if not done and timeout_s is None:
                raise FaultError("no actor is left", got=f"none in {_START_S:.0f} s", fix="Is the cluster there?")
            for answer in done:
                if answer in self._lost:
                    self._returned(answer)
                else:
                    found += self._heard(answer, self._open.pop(answer))
            self._hand_out()
            if time.monotonic() >= end:
                break
        return found

    def cancel(self, path: str) -> bool:
        """Tell no more of ``path``; whether it was open. What an actor has begun it ends all the same."""
        before = self.open_files
        self._waiting = deque([task for task in self._waiting if task.path != path])
        for answer in [answer for answer, task in self._open.items() if task.path == path]:
            self._load[self._open.pop(answer).actor] -= 1
            self._ray.cancel(answer)
        return self.open_files < before

    def close(self) -> None:
        """End the actors at once."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors, self._open, self._lost = [], {}, {}
        self._waiting.clear()

    def _freest(self) -> int:
        """The actor with the least to do, of those that are there."""
        lost = set(self._lost.values())
        return min(range(self.count), key=lambda number: (number in lost, self._load[number]))

    def _hand_out(self) -> None:
        while self._waiting and len(self._lost) < self.count:
            task = self._waiting.popleft()
            task.actor, task.began = self._freest(), time.monotonic()
            answer = self._actors[task.actor].examine.remote(task.path, task.options, task.sha256)
            self._load[task.actor] += 1
            self._open[answer] = task

    def _heard(self, answer: Any, task: _Task) -> list[Examined]:
        """What has become of the file; nothing where it goes to another actor."""
        self._load[task.actor] -= 1
        try:
            found: Examined | str = self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, Exception) and type(cause).__module__ == "zhenwei.errors":
                raise cause from None
            raise FaultError("an actor failed", got=str(cause)[:300], trace=str(error)) from None
        except self._ray.exceptions.RayError as error:
            return self._moved(task, type(error).__name__)
        return [found] if isinstance(found, Examined) else [_elsewhere(task)]

    def _moved(self, task: _Task, why: str) -> list[Examined]:
        """The actor, or its machine, was lost."""
        if task.actor not in self._lost.values():
            self._lost[self._actors[task.actor].ready.remote()] = task.actor
        task.tries += 1
        if task.tries <= _TRIES:
            self._waiting.appendleft(task)
            return []
        lost = WorkerDiedError(
            "the actor died again and again", got=why, fix="Look into the logs of Ray; --retry tries it once more."
        )
        return [Examined(task.path, Unreadable(task.path, lost), time.monotonic() - task.began)]

    def _returned(self, answer: Any) -> None:
        """An actor was started again; it never is where this machine itself has lost the cluster. FaultError then, so
        that nobody takes it for the files' fault."""
        del self._lost[answer]
        try:
            self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            if self._is_own_connection:
                self._ray.shutdown()  # who tries again connects anew
            self._actors = []
            raise FaultError("no actor is left", got=type(error).__name__, fix="Is the cluster there?") from None

    def _await_first(self) -> None:
        waiting = [actor.ready.remote() for actor in self._actors]
        ready, _ = self._ray.wait(waiting, num_returns=1, timeout=_START_S)
        if not ready:
            self.close()
            raise FaultError("no actor could be started", got=f"none in {_START_S:.0f} s", fix="Is the cluster busy?")
        try:
            self._ray.get(ready[0])
        except self._ray.exceptions.RayError as error:
            self.close()
            fix = "Every machine of the cluster needs the same version of Python and of zhenwei."
            raise FaultError("no actor could be started", got=" ".join(str(error).split())[:300], fix=fix) from None


def _connected(address: str) -> tuple[Any, bool]:
    """Ray, and whether it was connected here."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        fix = f"Run: {install_extra('scale')}"
        raise MissingExtraError("a cluster needs Ray", got=str(error), fix=fix) from None
    is_own = not ray.is_initialized()
    if is_own:
        try:
            _require_answer(address)
            ray.init(
                address=None if address == "auto" else address,
                include_dashboard=None if address != "auto" else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (OSError, ValueError, RuntimeError) as error:
            got = f"{address}: {' '.join(str(error).split())[:200]}"
            fix = "Start one: ray start --head, or name its address."
            raise UsageError(
                "there is no such cluster", got=got, want="the address of a Ray cluster", fix=fix
            ) from None
    return ray, is_own


def _require_answer(address: str) -> None:
    """OSError where nobody listens at HOST:PORT: Ray itself would try for minutes, without a word."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()


def _elsewhere(task: _Task) -> Examined:
    """A machine has other bytes at that path, or none: whose fault it is shows on this one."""
    try:
        identify(task.path)
    except MediaError as gone:
        return Examined(task.path, Unreadable(task.path, gone), 0.0)
    raise UsageError(
        "a machine of the cluster does not see the same files as this one",
        got=task.path,
        want="a folder that all of them share under one path",
        fix="Mount it everywhere, or scan objects by URL (s3://...).",
    )


def _is_there(path: str, sha256: str) -> bool:
    try:
        return not sha256 or identify(path)[0] == sha256
    except MediaError:
        return False
