"""``examine_many``: one outcome a file, in the order in which they are done."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from zhenwei.engine.pool import Examined, Limits, Pool, Tell
from zhenwei.pipeline import Options


def examine_many(
    files: Iterable[str],
    options: Options | None = None,
    *,
    workers: int = 0,
    limits: Limits | None = None,
    tell: Tell | None = None,
) -> Generator[Examined, None, None]:
    """Examine each of ``files`` in a worker process, at most ``workers`` at a time (0 = one a core).

    A file that crashes its worker, takes too long or too much memory is an ``Unreadable`` whose error says so, and the
    worker is replaced. ``files`` is read as workers become free, one ahead. ``tell(path, stage, fraction)`` hears how
    far files are. Closing the iterator ends what is being examined. Raises as :meth:`Pool.wait`.
    """
    with Pool(workers, limits, tell=tell) as pool:
        for path in files:
            while not pool.has_room:
                yield from pool.wait()
            pool.give(path, options)
        while pool.open_files:
            yield from pool.wait()
