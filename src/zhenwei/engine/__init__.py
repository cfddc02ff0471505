"""Many files, of which none can end the rest: one after another in this process, or each in a process with limits.

Names are loaded when they are first used: a worker sets its threads before anything heavy is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zhenwei.engine.barrier import attempt, examine_one
    from zhenwei.engine.kept import Step, examine_into
    from zhenwei.engine.many import examine_many
    from zhenwei.engine.pool import Examined, Limits, Pool
    from zhenwei.engine.ray_pool import RayPool

_HOME = {
    "attempt": "barrier",
    "examine_one": "barrier",
    "Step": "kept",
    "examine_into": "kept",
    "examine_many": "many",
    "Examined": "pool",
    "Limits": "pool",
    "Pool": "pool",
    "RayPool": "ray_pool",
}

__all__ = ["Examined", "Limits", "Pool", "RayPool", "Step", "attempt", "examine_into", "examine_many", "examine_one"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'zhenwei.engine' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"zhenwei.engine.{_HOME[name]}"), name)
    globals()[name] = value
    return value
