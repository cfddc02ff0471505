"""The robustness ladder: files as they arrive after compression, resampling, filters, services and screenshots."""

from __future__ import annotations

from zhenwei.evaluation.ladder.delivery import Delivery
from zhenwei.evaluation.ladder.rungs import GRADED, families, quick_steps, steps

__all__ = ["GRADED", "Delivery", "families", "quick_steps", "steps"]
