"""How fast a network learns: learning rates by step, and the settings of an optimizer."""

from __future__ import annotations

import math
import sys
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class OptimizerSettings(BaseModel):
    """The part of a recipe that says how the weights are moved, and when they are checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    steps: int = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    label_smoothing: Annotated[float, Field(ge=0, le=1)] = 0.0
    map_weight: float = Field(ge=0)
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    clip_norm: float = Field(default=5.0, gt=0)
    check_every: int = Field(gt=0)
    frozen_stages: Annotated[int, Field(ge=0, le=7)] = 0  # with the stem: kept as ImageNet left them
    swa_from: int = Field(default=0, ge=0)  # from this step on the weights at checks are averaged as well; 0 = never
    sam_rho: Annotated[float, Field(ge=0)] = 0.0  # radius of sharpness-aware steps, each twice the work; 0 = plain


def warmup_cosine(step: int, steps: int, peak: float, warmup_steps: int = 0, floor: float = 0.01) -> float:
    """Learning rate of a step: linear warm-up, then a half cosine from ``peak`` down to ``floor`` of it."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def peak_gib() -> float | None:
    """The most memory that this process ever held, in GiB; None where the system does not say."""
    if sys.platform == "win32":
        return _peak_on_windows()
    import resource

    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _peak_on_windows() -> float | None:
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", wintypes.DWORD),
            ("faults", wintypes.DWORD),
            *((name, ctypes.c_size_t) for name in ("peak", "now", "a", "b", "c", "d", "pagefile", "peak_pagefile")),
        )

    counters = Counters(cb=ctypes.sizeof(Counters))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - there is none elsewhere, and mypy knows
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    asked = kernel.K32GetProcessMemoryInfo(
        wintypes.HANDLE(kernel.GetCurrentProcess()), ctypes.byref(counters), counters.cb
    )
    return float(counters.peak) / 2**30 if asked else None
