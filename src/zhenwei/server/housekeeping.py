"""What processes that ended left behind: half uploads, files of workers, bytes that no job tells of."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from zhenwei.server.service import Service
from zhenwei.store.buckets import Buckets
from zhenwei.store.folder import is_digest
from zhenwei.store.jobs import RUNNING

_EVERY_S = 600.0
_AT_ONCE = 500  # files looked at before the caller has its turn again
_STALE_S = 24 * 3600.0  # of uploads: longer than one takes
_ORPHAN_S = 3600.0  # from the arrival of bytes to the job that tells of them it takes milliseconds


class Housekeeper:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._next = 0.0
        self._round: Iterator[None] = iter(())

    def look(self) -> None:
        """To be called now and then; a little is done each time, and nothing is written where all is in order."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_S
            self._round = self._looked_through()
        next(self._round, None)

    def _looked_through(self) -> Iterator[None]:
        folder, jobs, kept = self._service.folder, self._service.jobs, self._service.kept
        for some in _batches(folder.incoming.glob("*.part")):
            for path in some:
                if _age_s(path) > _STALE_S:
                    _remove(path)
            yield
        for some in _batches(folder.work.iterdir()):
            known = jobs.several([path.name for path in some])
            for path in some:
                if path.name not in known or known[path.name].state != RUNNING:
                    _remove(path)
            yield
        for some in _batches(folder.media.glob("??/*")):
            jobs.without(_old(some), folder.remove)
            yield
        for some in _batches(folder.previews.glob("??/*")):  # of bytes that are gone, and those left half made
            for path in some:
                if _age_s(path) > _ORPHAN_S and not folder.medium(path.name).is_file():
                    shutil.rmtree(path, ignore_errors=True)
            yield
        Buckets(jobs.store).drop_full()
        kept.folder.sweep()
        for some in _batches(kept.folder.path.glob("??/*")):
            kept.remove_orphans(_old(some))
            yield


def _batches(paths: Iterator[Path]) -> Iterator[list[Path]]:
    while some := list(islice(paths, _AT_ONCE)):
        yield some


def _old(paths: Sequence[Path]) -> list[str]:
    """The digests of those that are no arrivals any more."""
    return [path.name for path in paths if is_digest(path.name) and _age_s(path) > _ORPHAN_S]


def _age_s(path: Path) -> float:
    """0 of one that is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
