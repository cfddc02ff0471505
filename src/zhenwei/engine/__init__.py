"""Many files, one after another, of which none can end the rest."""

from __future__ import annotations

from zhenwei.engine.barrier import attempt, examine_one

__all__ = ["attempt", "examine_one"]
