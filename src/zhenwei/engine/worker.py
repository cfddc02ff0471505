"""The process that examines files one after another and keeps its models loaded. Imports nothing heavy at its top."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zhenwei.errors import ZhenweiError
    from zhenwei.pipeline import Options
    from zhenwei.report import Outcome

# What goes through the pipe. To the worker: (path, options, seconds or None). From it: (READY, None), (STAGE, (name,
# fraction)), (DONE, outcome), or (RAISED, error) for what would meet every other file as well.
READY, STAGE, DONE, RAISED = "ready", "stage", "done", "raised"
_GRACE = 1.5  # times the limit: by then the driver has ended this process, unless it is gone itself
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(pipe: Connection, threads: int, memory_bytes: int | None, disk_bytes: int | None, temporary: str) -> None:
    """Examine what comes through ``pipe`` until it is closed. ``temporary``: the folder for temporary files."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver ends its workers
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # what a plug-in prints is no result of the driver's
    threading.Thread(target=_end_with_driver, daemon=True).start()
    for name in _THREADS:
        os.environ.setdefault(name, str(threads))
    tempfile.tempdir = temporary
    _limit("RLIMIT_DATA", memory_bytes)
    _limit("RLIMIT_FSIZE", disk_bytes)  # Python ignores the signal: writing more is an error
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError), open(os.devnull, "w") as nowhere:  # noqa: PTH123
        pipe.send(_prepared(threads))
        while True:
            path, options, seconds = pipe.recv()
            if seconds is not None:  # by a thread that needs no interpreter: a library may hold it for ever
                faulthandler.dump_traceback_later(_GRACE * seconds + 1, exit=True, file=nowhere)
            pipe.send_bytes(_answer(pipe, path, options))
            faulthandler.cancel_dump_traceback_later()


def _prepared(threads: int) -> tuple[str, ZhenweiError | None]:
    """Load now what every file needs, so that the time of the first is its own. Other models are loaded when they are
    first asked, and stay."""
    import cv2

    from zhenwei import detectors, faces, models
    from zhenwei.errors import ZhenweiError

    cv2.setNumThreads(threads)
    try:
        models.set_threads(threads)
        detectors.catalogue(strict=False)
        for name in faces.MODELS:
            models.load(name)
    except ZhenweiError as error:
        return RAISED, error
    return READY, None


def _answer(pipe: Connection, path: str, options: Options) -> bytes:
    """The pickled message on one file."""
    from zhenwei.engine.barrier import attempt, examine_one
    from zhenwei.errors import ZhenweiError

    def tell(stage: str, fraction: float) -> None:
        pipe.send((STAGE, (stage, fraction)))

    message: tuple[str, Outcome | ZhenweiError]
    try:
        outcome = examine_one(path, options=options, progress=tell)
        # What a plug-in answers may not survive the way: a fault of this file, too.
        packed = attempt(path, lambda: pickle.dumps((DONE, outcome)))
        if isinstance(packed, bytes):
            return packed
        message = DONE, packed
    except ZhenweiError as error:
        message = RAISED, error
    return pickle.dumps(message)


def _end_with_driver() -> None:
    """A driver that was killed takes its workers along: nobody is left to hear their answers."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        wait([driver.sentinel])
        os._exit(1)


def _limit(name: str, most: int | None) -> None:
    """At most so much, where the system knows such a limit: ``RLIMIT_DATA`` of its own memory (Linux counts private
    writable pages, not the files that are mapped; elsewhere it may be ignored), ``RLIMIT_FSIZE`` of a file."""
    if most is None or sys.platform == "win32":
        return
    import resource

    kind = getattr(resource, name)
    _, hard = resource.getrlimit(kind)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (limit, hard))
