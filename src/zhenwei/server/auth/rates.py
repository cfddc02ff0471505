"""How often somebody may ask: a bucket of tokens each, filled evenly. Of this process, or of all on one database."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from zhenwei.server.problems import ProblemError
from zhenwei.store import Store
from zhenwei.store.buckets import Buckets

_MOST = 100_000  # buckets; the one that was not used for longest goes first


class Rates:
    """``clock``: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def take(self, key: str, per_minute: float, burst: float | None = None) -> None:
        """One request of ``key``. Problem 429, with the seconds to wait, where it has none left."""
        most = burst or max(1.0, per_minute)
        with self._lock:
            moment = self._clock()
            tokens, at = self._buckets.pop(key, (most, moment))
            tokens = min(most, tokens + (moment - at) * per_minute / 60)
            is_there = tokens >= 1
            self._buckets[key] = (tokens - 1 if is_there else tokens, moment)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        if not is_there:
            raise _too_often(per_minute, (1 - tokens) * 60 / per_minute)


class SharedRates:
    """As :class:`Rates`, over all processes that share the database of ``buckets``."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def take(self, key: str, per_minute: float, burst: float | None = None) -> None:
        """As :meth:`Rates.take`."""
        wait_s = self._buckets.take(key, per_minute, burst or max(1.0, per_minute))
        if wait_s:
            raise _too_often(per_minute, wait_s)


def rates_of(store: Store) -> Rates | SharedRates:
    """One SQLite file is one process's, in whose memory a token costs nothing; PostgreSQL is for several."""
    return SharedRates(Buckets(store)) if store.engine.dialect.name == "postgresql" else Rates()


def _too_often(per_minute: float, wait_s: float) -> ProblemError:
    seconds = max(1, math.ceil(wait_s))
    detail = f"more than {per_minute:g} requests a minute"
    return ProblemError(429, "too-often", detail, fix=f"Wait {seconds} s.", headers={"Retry-After": str(seconds)})
