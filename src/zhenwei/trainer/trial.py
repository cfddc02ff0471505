"""A few steps on trial: how long a step takes here, how much memory it wants, how many fit into the time there is."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import torch
from torch import nn

from zhenwei.trainer.batch import Batch
from zhenwei.trainer.distributed import ALONE, World, told
from zhenwei.trainer.schedule import OptimizerSettings, peak_gib
from zhenwei.trainer.state import TrainState
from zhenwei.trainer.supervised import train
from zhenwei.trainer.workers import BatchSource

_FOREVER = 10**9
_FOR_CHECKS = 0.85  # of the time; the rest is for checks, and for steps that turn out slower


@dataclass(frozen=True, slots=True)
class Trial:
    """``step_s``: seconds from one step to the next, batches prepared ahead as in a run. ``memory_gib``: the most that
    this process ever held, None where the system does not say; ``gpu_gib``: the most that it held there, 0 on a CPU."""

    step_s: float
    memory_gib: float | None
    gpu_gib: float


def try_out(
    state: TrainState,
    maker: BatchSource[Batch],
    device: torch.device,
    *,
    workers: int,
    steps: int,
    first: int,
    here: World = ALONE,
) -> Trial:
    """Takes ``steps`` steps with the batches from ``first`` on; ``state`` is spoilt. Nothing is kept."""
    moments: list[float] = []

    def clock(_: int, __: dict[str, float]) -> None:
        moments.append(time.perf_counter())

    def unchecked(_: nn.Module) -> dict[str, float]:
        return {"choose": 0.0}

    state.step = first
    state.options = state.options.model_copy(update={"steps": first + _FOREVER, "check_every": _FOREVER})
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with tempfile.TemporaryDirectory(prefix="zhenwei-trial-") as scratch:
        began = time.perf_counter()
        train(
            state,
            maker,
            Path(scratch),
            check=unchecked,
            tell=clock,
            device=device,
            workers=workers,
            stop_after=steps,
            here=here,
        )
    # What was prepared ahead while nothing was learnt yet makes the first steps look quick, libraries warming up slow.
    later = moments[len(moments) // 2 :] if len(moments) > 3 else [began, *moments]
    spans = [b - a for a, b in pairwise(later)]
    gpu = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
    return Trial(told(fmean(spans), here, device), peak_gib(), gpu)


def steps_within(trial: Trial, seconds: float, options: OptimizerSettings) -> int:
    """How many steps of the recipe fit into ``seconds``, checks included; at least one, at most all of them."""
    return max(1, min(options.steps, int(_FOR_CHECKS * seconds / trial.step_s)))
