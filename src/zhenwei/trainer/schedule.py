"""How fast a network learns and for how long: learning rates by step, and the steps that fit into the time there is."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field

_FIRST = 20  # steps that are not counted: libraries warm up in them
_WINDOW = 200
_MARGIN = 0.97


class OptimizerSettings(BaseModel):
    """The part of a recipe that says how the weights are moved, and when they are checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    steps: int = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    label_smoothing: Annotated[float, Field(ge=0, le=1)] = 0.0
    map_weight: float = Field(ge=0)
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    clip_norm: float = 5.0
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


def learning_rate(settings: OptimizerSettings, step: int) -> float:
    """Linear warm-up, then a half cosine down to 1 % of the peak."""
    return warmup_cosine(step, settings.steps, settings.learning_rate, settings.warmup_steps)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """``rate`` for every parameter group, times the group's own ``share`` where it has one."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("share", 1.0)


class Clock:
    """Measures steps and checks of a run; says how many steps a deadline (of ``time.monotonic``) allows."""

    def __init__(self, deadline: float | None = None, check_s: float = 0.0) -> None:
        self.deadline = deadline
        self._last = time.monotonic()
        self._seen = 0
        self._steps: deque[float] = deque(maxlen=_WINDOW)
        self._check_s = check_s  # as expected, until one was seen to take longer

    def stepped(self) -> None:
        """To be called after every step."""
        now = time.monotonic()
        self._seen += 1
        if self._seen > _FIRST:
            self._steps.append(now - self._last)
        self._last = now

    @contextmanager
    def checking(self) -> Iterator[None]:
        """Around a check: its time is not that of steps."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._last = time.monotonic()
            self._check_s = max(self._check_s, self._last - began)

    def allows(self, step: int, steps: int, check_every: int) -> int:
        """The steps after which a run must end, at most ``steps``; a check on the way costs what the last one did."""
        if self.deadline is None:
            return steps
        left = self.deadline - time.monotonic() - self._check_s  # the check at the end
        if left <= 0:
            return min(step, steps)
        if not self._steps:
            return steps
        each = sum(self._steps) / len(self._steps) + self._check_s / check_every
        return min(steps, step + int(_MARGIN * left / each))


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
