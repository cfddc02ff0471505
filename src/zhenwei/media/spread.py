"""Which pictures of a clip stand for the whole of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


def nearest(times: Sequence[int], count: int) -> list[int]:
    """Places in ``times`` (ascending) nearest to the middles of ``count`` equal parts of first to last time.

    All places if there are no more than ``count``. A place nearest to several wanted times comes once; of two equally
    near ones it is the earlier. Integer arithmetic, so it is exact for any unit of time. How long the last picture
    is shown plays no part: files do not agree on where they keep it.
    """
    if len(times) <= count:
        return list(range(len(times)))
    scale = 2 * count
    picked = []
    for part in range(count):
        wanted = scale * times[0] + (2 * part + 1) * (times[-1] - times[0])
        after = min(bisect_left(times, wanted, key=lambda time: scale * time), len(times) - 1)
        before = max(after - 1, 0)
        earlier_is_nearer = abs(wanted - scale * times[before]) <= abs(scale * times[after] - wanted)
        picked.append(before if earlier_is_nearer else after)
    return list(dict.fromkeys(picked))
