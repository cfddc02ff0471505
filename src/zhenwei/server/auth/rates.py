"""How often somebody may ask: a bucket of tokens each, filled evenly. Of one process; several have one each."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from zhenwei.server.problems import ProblemError

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
            wait_s = math.ceil((1 - tokens) * 60 / per_minute)
            detail = f"more than {per_minute:g} requests a minute"
            raise ProblemError(
                429, "too-often", detail, fix=f"Wait {wait_s} s.", headers={"Retry-After": str(max(1, wait_s))}
            )
