"""Server-sent events: how far examinations are. One reading of the store twice a second serves all who listen."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator

from anyio import to_thread

from zhenwei.errors import ZhenweiError
from zhenwei.server.models import job_body
from zhenwei.server.problems import ProblemError
from zhenwei.store.jobs import Job, Jobs

_LOOK_S = 0.5
_ALIVE_S = 15.0
_QUEUE = 16  # news that a slow listener has not heard; then the oldest are left out


class Events:
    """Started and stopped with the application; it needs a running loop."""

    def __init__(self, jobs: Jobs, max_streams: int) -> None:
        self._jobs, self._max = jobs, max_streams
        self._listeners: dict[str, set[asyncio.Queue[Job | None]]] = {}
        self._by_key: Counter[str] = Counter()
        self._seen: dict[str, Job] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.close()

    def close(self) -> None:
        """All streams end; who listens comes back."""
        self._closing = True
        for queues in self._listeners.values():
            for queue in queues:
                _put(queue, None)

    def admit(self, key: str) -> None:
        """Problem for who listens to too many already."""
        if self._by_key[key] >= self._max:
            fix = "Close some; one page needs one."
            raise ProblemError(429, "too-many-streams", f"at most {self._max} streams at once", fix=fix)

    async def follow(self, job: Job, key: str) -> AsyncIterator[str]:
        """The events of one job, the last of which says that it is over; ``gone`` where it was deleted meanwhile."""
        queue: asyncio.Queue[Job | None] = asyncio.Queue(_QUEUE)
        self._listeners.setdefault(job.id, set()).add(queue)
        self._by_key[key] += 1
        try:
            yield _event(job)
            while not job.is_over and not self._closing:
                try:
                    news = await asyncio.wait_for(queue.get(), _ALIVE_S)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if news is None:
                    if not self._closing:
                        yield "event: gone\ndata: {}\n\n"
                    return
                job = news
                yield _event(job)
        finally:
            self._by_key[key] -= 1
            self._listeners[job.id].discard(queue)
            if not self._listeners[job.id]:
                del self._listeners[job.id]
                self._seen.pop(job.id, None)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            ids = list(self._listeners)
            if not ids:
                continue
            with contextlib.suppress(ZhenweiError):  # a database that is away for a while
                found = await to_thread.run_sync(self._jobs.several, ids)
                self._tell(ids, found)

    def _tell(self, ids: list[str], found: dict[str, Job]) -> None:
        for id_ in ids:
            job = found.get(id_)
            if job is not None and job == self._seen.get(id_):
                continue
            if job is not None:
                self._seen[id_] = job
            for queue in self._listeners.get(id_, ()):
                _put(queue, job)


def _put(queue: asyncio.Queue[Job | None], news: Job | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(news)


def _event(job: Job) -> str:
    name = job.state if job.is_over else "progress"
    data = json.dumps(job_body(job).model_dump(mode="json"), ensure_ascii=False)
    return f"event: {name}\ndata: {data}\n\n"
