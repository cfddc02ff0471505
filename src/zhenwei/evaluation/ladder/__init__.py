"""The robustness ladder: files as they arrive after compression, resampling, filters, services and screenshots."""

from __future__ import annotations

from zhenwei.evaluation.ladder.degradation import Degradation
from zhenwei.evaluation.ladder.rungs import GRADED, families, quick_steps, steps

__all__ = ["GRADED", "Degradation", "families", "quick_steps", "steps"]
