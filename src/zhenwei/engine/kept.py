"""``examine_into``: many files into a store. What is in it is not examined again, so every run can be resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhenwei.engine.objects import Fetched, Given, renamed
from zhenwei.engine.pool import Examined, Limits, Pool
from zhenwei.errors import FaultError, MediaError
from zhenwei.faults import contained
from zhenwei.media.sources import identify
from zhenwei.pipeline import Options, engine_of
from zhenwei.report import Outcome, Unreadable
from zhenwei.store import Fingerprint, Kept, Store, fingerprint_of
from zhenwei.types import Report

if TYPE_CHECKING:
    from zhenwei.engine.ray_pool import RayPool


@dataclass(frozen=True, slots=True)
class Step:
    """One file that is done. ``outcome`` is None for one that was in the store or has the bytes of another of this run.
    ``decision``: that of its verdict, or "unreadable"."""

    path: str
    decision: str
    outcome: Outcome | None


def examine_into(
    store: Store,
    files: Iterable[str],
    options: Options | None = None,
    *,
    workers: int = 0,
    limits: Limits | None = None,
    again: bool = False,
    retry: bool = False,
    at_most: int | None = None,
    keep: Kept | None = None,
    ray: str = "",
) -> Generator[Step, None, None]:
    """Examine those of ``files`` that the store does not hold by this engine, as :func:`examine_many`, and keep each
    outcome as it comes: what was yielded is on the disk. ``again``: all of them; ``retry``: those, too, that could not
    be examined before; ``at_most``: how many are examined, then it ends; ``keep``: what is kept of media and pages;
    ``ray``: the address of a cluster, "auto", or "" for this machine. A run that was ended in whatever way loses what
    was being examined alone, and the next goes on."""
    options = options or Options()
    fingerprint = fingerprint_of(engine_of(options), options.asked)
    with _pool(workers, limits, ray) as pool:
        yield from _Run(store, pool, options, fingerprint, keep, again=again, retry=retry).all(files, at_most)


def _pool(workers: int, limits: Limits | None, ray: str) -> Pool | RayPool:
    if not ray:
        return Pool(workers, limits)
    from zhenwei.engine.ray_pool import RayPool

    return RayPool(workers, limits, address=ray)


class _Run:
    def __init__(
        self,
        store: Store,
        pool: Pool | RayPool,
        options: Options,
        fingerprint: Fingerprint,
        keep: Kept | None,
        *,
        again: bool,
        retry: bool,
    ) -> None:
        self._store, self._pool, self._options, self._fingerprint = store, pool, options, fingerprint
        self._again, self._retry, self._keep = again, retry, keep
        self._open: dict[str, tuple[Given, str, int]] = {}  # with digest and size, by what the pool was given
        self._twins: dict[str, list[Given]] = {}  # further paths by digest
        self._seen: set[str] = set()  # digests of this run, for ``again``

    def all(self, files: Iterable[str], at_most: int | None) -> Iterator[Step]:
        left = at_most
        with Fetched(files, self._pool.count + 1) as given_files:
            for given in given_files:
                step = self._taken_up(given)
                if step is not None:
                    yield step
                elif self._handed_in(given) in self._open:
                    left = None if left is None else left - 1
                yield from self._done(0.0)
                if left == 0:
                    break
                while not self._pool.has_room:
                    yield from self._done(None)
            while self._pool.open_files:
                yield from self._done(None)

    def _handed_in(self, given: Given) -> str:
        """What the pool is given: workers elsewhere fetch for themselves."""
        return given.path if self._pool.fetches else given.local

    def _taken_up(self, given: Given) -> Step | None:
        """Hand the file to a worker, unless it is known: then what is known of it."""
        path = given.path
        try:
            if given.error is not None:
                raise given.error
            sha256, size_bytes = identify(given.local)
        except MediaError as error:
            is_unseen = given.error is not None or isinstance(error.__cause__, OSError)  # gone, closed, or not reached
            self._store.lose(path, error, unseen=is_unseen)
            given.done()
            return Step(path, "unreadable", Unreadable(path, error))
        if sha256 in self._twins:
            self._twins[sha256].append(given)
            return None
        known = self._store.decision(sha256, self._fingerprint)
        is_due = known is None or self._again or (self._retry and known == "unreadable")
        if known is not None and (not is_due or sha256 in self._seen):
            self._store.place(path, sha256, size_bytes)
            if self._keep is not None:
                self._keep.keep_media(given.local, sha256)
            given.done()
            return Step(path, known, None)
        self._seen.add(sha256)
        self._twins[sha256] = []
        self._open[self._handed_in(given)] = given, sha256, size_bytes
        self._pool.give(self._handed_in(given), self._options, sha256)
        return None

    def _done(self, timeout_s: float | None) -> Iterator[Step]:
        for examined in self._pool.wait(timeout_s):
            yield from self._kept(examined)

    def _kept(self, examined: Examined) -> Iterator[Step]:
        given, sha256, size_bytes = self._open.pop(examined.path)
        path, outcome = given.path, renamed(examined.outcome, given.path)
        twins = self._twins.pop(sha256)
        is_same = True
        if isinstance(outcome, Report):  # somebody may have changed it since its digest was taken
            is_same = outcome.media.sha256 == sha256
            sha256, size_bytes = outcome.media.sha256, outcome.media.size_bytes
        outcome = self._recorded(given, sha256, size_bytes, outcome, examined.seconds)
        given.done()
        decision = outcome.verdict.decision if isinstance(outcome, Report) else "unreadable"
        yield Step(path, decision, outcome)
        for twin in twins:
            if is_same:
                self._store.place(twin.path, sha256, size_bytes)
                twin.done()
                yield Step(twin.path, decision, None)
            else:
                step = self._taken_up(twin)
                if step is not None:
                    yield step

    def _recorded(self, given: Given, sha256: str, size_bytes: int, outcome: Outcome, seconds: float) -> Outcome:
        """What is in the store now. What cannot be told, a plug-in's broken answer say, is a fault of this file."""

        path = given.path

        def write() -> None:
            beside = contextlib.nullcontext() if self._keep is None else self._keep.beside(given.local, sha256, outcome)
            with beside as also:
                self._store.record(path, sha256, size_bytes, outcome, self._fingerprint, seconds=seconds, also=also)

        try:
            contained(write)
        except KeyboardInterrupt:  # what is done is not lost: once more, since it may have been cut short
            contained(write)
            raise
        except FaultError as error:
            outcome = Unreadable(path, error)
            write()
        return outcome
