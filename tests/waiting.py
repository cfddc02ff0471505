"""Patience: until something holds, on a machine that may stand still for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

_EVERY_S = 0.05


def until(holds: Callable[[], object], seconds: float = 120) -> None:
    """AssertionError where it never does. Looks are counted, not seconds: while the machine stands still the clock
    goes on, and whoever is waited for has no turn either."""
    for _ in range(round(seconds / _EVERY_S)):
        if holds():
            return
        time.sleep(_EVERY_S)
    assert holds()
