"""What processes that ended left behind: half uploads, files of workers, bytes that no job tells of."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from zhenwei.server.service import Service
from zhenwei.store.jobs import RUNNING

_EVERY_S = 600.0
_AT_ONCE = 200  # files looked at before the caller has its turn again
_STALE_S = 24 * 3600.0  # of uploads: longer than one takes
_ORPHAN_S = 3600.0  # from the arrival of bytes to the job that tells of them it takes milliseconds


class Housekeeper:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._next = 0.0
        self._round: Iterator[None] = iter(())

    def look(self) -> None:
        """To be called now and then; a little is done each time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_S
            self._round = self._looked_through()
        for _ in islice(self._round, _AT_ONCE):
            pass

    def _looked_through(self) -> Iterator[None]:
        folder, jobs = self._service.folder, self._service.jobs
        for path in folder.incoming.glob("*.part"):
            if _age_s(path) > _STALE_S:
                _remove(path)
            yield
        for path in folder.work.iterdir():
            job = jobs.several([path.name]).get(path.name)
            if job is None or job.state != RUNNING:
                _remove(path)
            yield
        for path in folder.media.glob("??/*"):
            if _age_s(path) > _ORPHAN_S:
                jobs.without(path.name, lambda sha256=path.name: folder.remove(sha256))  # type: ignore[misc]
            yield
        for path in folder.previews.glob("??/*"):  # of bytes that are gone, and those left half made
            if _age_s(path) > _ORPHAN_S and not folder.medium(path.name).is_file():
                shutil.rmtree(path, ignore_errors=True)
            yield


def _age_s(path: Path) -> float:
    """0 of one that is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
