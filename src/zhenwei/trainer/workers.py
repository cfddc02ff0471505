"""Batches in order, prepared ahead by threads or by processes: the same ones, whoever prepares them.

Up to two workers are threads: the work is in C, which lets the interpreter go. More are processes, each an interpreter
of its own, *spawned*, since OpenCV's thread pool does not survive a fork. Large arrays of the source (its pack) are put
into files that every process maps, so that sixteen of them share one copy. Step k is always prepared by process
k mod n and read from it in turn, so nothing depends on who is faster. A process ends when its pipe is closed: it
outlives neither the run nor a parent that was killed. (torch.utils.data.DataLoader copies the source into every
process, and forks where it can.)
"""

from __future__ import annotations

import io
import itertools
import multiprocessing
import os
import pickle
import queue
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from zhenwei.errors import DataError, ZhenweiError

MAX_THREADS = 2  # more workers than these are processes
_LARGE = 1 << 18  # bytes from which an array is shared rather than copied into every process
_DEPTH = 2  # batches that a process holds ready
_PATIENCE_S = 5.0


BatchT = TypeVar("BatchT")
BatchT_co = TypeVar("BatchT_co", covariant=True)


class BatchSource(Protocol[BatchT_co]):
    """``source[step]`` is the batch of a step: a function of the step alone. Pickled for processes."""

    def __getitem__(self, step: int, /) -> BatchT_co: ...


@dataclass(frozen=True, slots=True, eq=False)
class OfStep(Generic[BatchT]):
    """The batches that a function of the step makes."""

    make: Callable[[int], BatchT]

    def __getitem__(self, step: int, /) -> BatchT:
        return self.make(step)


@contextmanager
def prepared(
    source: BatchSource[BatchT], start: int, end: int, workers: int, *, processes: bool | None = None
) -> Iterator[Iterator[BatchT]]:
    """The batches of steps ``start`` to ``end - 1``; on leaving, whoever prepared them is gone.

    ``processes``: None decides by ``workers``. Raises, while iterating, what preparing raises of the package's errors,
    and :class:`DataError` when a process dies.
    """
    if (workers > MAX_THREADS) if processes is None else processes:
        with tempfile.TemporaryDirectory(prefix="zhenwei-workers-", ignore_cleanup_errors=True) as scratch:
            crew = _Crew(share(source, Path(scratch)), start, end, workers)
            try:
                yield crew.batches()
            finally:
                crew.close()
    else:
        yield _by_threads(source, start, end, max(1, workers))


def _by_threads(source: BatchSource[BatchT], start: int, end: int, workers: int) -> Iterator[BatchT]:
    with ThreadPoolExecutor(workers) as pool:
        steps = iter(range(start, end))
        waiting = deque(pool.submit(source.__getitem__, step) for step in itertools.islice(steps, 4 * workers))
        try:
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(source.__getitem__, step) for step in itertools.islice(steps, 1))
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)


def share(value: object, folder: Path) -> bytes:
    """``value`` pickled, its large arrays in files of ``folder`` that every reader maps; they come back read-only."""
    stream = io.BytesIO()
    _Sharing(stream, folder).dump(value)
    return stream.getvalue()


class _Sharing(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, folder: Path) -> None:
        super().__init__(stream, protocol=5)
        self.folder = folder

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray) or value.dtype.hasobject or value.nbytes < _LARGE:
            return NotImplemented
        name = getattr(value, "filename", None)
        if isinstance(value, np.memmap) and name is not None and value.flags.c_contiguous:
            return _mapped, (str(name), value.dtype.str, value.shape, value.offset)
        path = self.folder / f"{len(list(self.folder.iterdir()))}.bin"
        np.ascontiguousarray(value).tofile(path)
        return _mapped, (str(path), value.dtype.str, value.shape, 0)


def _mapped(path: str, dtype: str, shape: tuple[int, ...], offset: int) -> np.memmap[Any, Any]:
    return np.memmap(path, dtype=np.dtype(dtype), mode="r", offset=offset, shape=shape)


class _Crew:
    """The processes of one run, and a thread that reads their batches in order."""

    def __init__(self, source: bytes, start: int, end: int, workers: int) -> None:
        self._steps = range(start, end)
        self._closing = threading.Event()
        self._ready: queue.Queue[Any] = queue.Queue(maxsize=4)
        context = multiprocessing.get_context("spawn")
        self._hired: list[tuple[BaseProcess, Connection]] = []
        for number in range(min(workers, max(1, len(self._steps)))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), name=f"batches-{number}", daemon=True)
            process.start()
            theirs.close()
            self._hired.append((process, ours))
        self._reader = threading.Thread(target=self._read, args=(source,), name="batches", daemon=True)
        self._reader.start()

    def batches(self) -> Iterator[Any]:
        while True:
            arrived = self._ready.get()
            if arrived is None:
                return
            if isinstance(arrived, ZhenweiError):
                raise arrived
            yield arrived

    def _read(self, source: bytes) -> None:
        number = 0
        try:
            for number, (_, pipe) in enumerate(self._hired):
                pipe.send_bytes(source)
                pipe.send((self._steps.start + number, self._steps.stop, len(self._hired)))
            for step in self._steps:
                number = (step - self._steps.start) % len(self._hired)
                arrived = self._hired[number][1].recv()
                if not self._put(arrived) or isinstance(arrived, ZhenweiError):
                    return
            self._put(None)
        except (EOFError, OSError):  # its end of the pipe is closed
            if not self._closing.is_set():
                self._put(_died(self._hired[number][0]))

    def _put(self, arrived: Any) -> bool:
        while not self._closing.is_set():
            with suppress(queue.Full):
                self._ready.put(arrived, timeout=0.2)
                return True
        return False

    def close(self) -> None:
        """Closes the pipes, which ends the processes; what does not end by itself is ended."""
        self._closing.set()
        for process, _ in self._hired:
            process.terminate()  # nothing is lost: batches are functions of their step
        self._reader.join(_PATIENCE_S)
        for process, pipe in self._hired:
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()
            pipe.close()


def _died(process: BaseProcess) -> DataError:
    process.join(_PATIENCE_S)
    code = process.exitcode
    got = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
    fix = "What it said stands above; where memory ran out, take fewer --workers."
    return DataError("a process that prepares batches died", got=f"{process.name}: {got}", fix=fix)


def _work(pipe: Connection) -> None:
    """The life of one process: its share of the steps, each sent as soon as it is wanted."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run to heed
    cv2.setNumThreads(1)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        source: BatchSource[Any] = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from the parent process
        first, end, stride = pipe.recv()
        outbox: queue.Queue[Any] = queue.Queue(maxsize=_DEPTH)
        sender = threading.Thread(target=_send, args=(pipe, outbox), daemon=True)
        sender.start()
        try:
            for step in range(first, end, stride):
                outbox.put(source[step])
        except ZhenweiError as error:
            outbox.put(error)
        outbox.put(None)
        sender.join()


def _send(pipe: Connection, outbox: queue.Queue[Any]) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        while (arrived := outbox.get()) is not None:
            pipe.send(arrived)
        return
    os._exit(0)  # nobody reads any more: the run has ended, or its process was killed
