"""Statistics on arrays of labels and scores: figures of merit, intervals, the bootstrap, paired tests, regression."""

from __future__ import annotations

from zhenwei.stats.estimate import Estimate

__all__ = ["Estimate"]
