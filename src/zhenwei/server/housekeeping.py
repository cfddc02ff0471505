"""What processes that ended left behind: half uploads, files of workers, bytes that no job tells of."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from zhenwei.server.service import Service

_EVERY_S = 600.0
_STALE_S = 24 * 3600.0  # of uploads and workers' files: longer than either takes
_ORPHAN_S = 3600.0  # from the arrival of bytes to the job that tells of them it takes milliseconds


class Housekeeper:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._next = 0.0

    def look(self, busy: Collection[str]) -> None:
        """Now and then: away with it. ``busy``: files of workers that are at it."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        folder, jobs = self._service.folder, self._service.jobs
        for path in (*_older(folder.incoming, "*.part", _STALE_S), *_older(folder.work, "*", _STALE_S)):
            if str(path) not in busy:
                _remove(path)
        for path in _older(folder.media, "??/*", _ORPHAN_S):
            jobs.without(path.name, lambda sha256=path.name: folder.remove(sha256))  # type: ignore[misc]
        for path in _older(folder.previews, "??/*", _ORPHAN_S):  # of bytes that are gone, and those left half made
            if not folder.medium(path.name).is_file():
                shutil.rmtree(path, ignore_errors=True)


def _older(folder: Path, pattern: str, seconds: float) -> Iterator[Path]:
    before = time.time() - seconds
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < before:
                yield path


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
