"""Evidence -> verdict: calibration, dependence, thresholds from wanted error rates. Knows no detector."""

from __future__ import annotations

from zhenwei.fusion.caution import careful
from zhenwei.fusion.dependence import unheard
from zhenwei.fusion.operating import OperatingPoints
from zhenwei.fusion.verdict import contributions, decide, fuse

__all__ = ["OperatingPoints", "careful", "contributions", "decide", "fuse", "unheard"]
