"""What changes from step to step: a network, its running averages, its optimizer; saved and restored as data.

A checkpoint holds all of it and the random state; weights are read back with ``weights_only``, so that it is data.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from zhenwei.errors import DataError, UsageError
from zhenwei.trainer.checkpoints import UNREADABLE, save_state
from zhenwei.trainer.schedule import OptimizerSettings


@dataclass(slots=True, eq=False)
class TrainState:
    """Everything that changes from step to step.

    ``average``: running mean of the weights (EMA). ``sums``: of both losses and of steps since the last check.
    ``mean`` of ``counted`` running means: equal shares of those at the checks since ``swa_from``. ``shortened``: the
    steps that time allows, where those are fewer than the recipe's; else 0.
    """

    net: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    options: OptimizerSettings
    step: int = 0
    best: float = -math.inf
    sums: tuple[float, float, int] = (0.0, 0.0, 0)
    mean: dict[str, Tensor] = field(default_factory=dict)
    counted: int = 0
    counted_at: int = 0
    shortened: int = 0

    def shorten(self, steps: int) -> None:
        """The schedule ends at ``steps`` from now on, which is not later than it would have."""
        self.shortened = steps
        self.options = self.options.model_copy(update={"steps": steps})

    def save(self, path: Path, steps: int) -> None:
        """Into ``path``, the schedule as it is now: shortened where a run is to end sooner, after ``steps``."""
        if steps < self.options.steps:
            self.shorten(steps)
        values = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimizer.state_dict(),
            "step": self.step,
            "best": self.best,
            "sums": self.sums,
            "mean": self.mean,
            "counted": self.counted,
            "counted_at": self.counted_at,
            "shortened": self.shortened,
            "random": torch.get_rng_state(),
        }
        save_state(values, path)

    def restore(self, path: Path) -> None:
        """Raises :class:`DataError` for a file that is no checkpoint of this network."""
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            self.net.load_state_dict(saved["net"])
            self.average.load_state_dict(saved["average"])
            self.optimizer.load_state_dict(saved["optimiser"])
            self.step, self.best, self.sums = saved["step"], saved["best"], saved.get("sums", (0.0, 0.0, 0))
            self.mean, self.counted = saved.get("mean", {}), saved.get("counted", 0)
            self.counted_at = saved.get("counted_at", 0)
            shortened = int(saved.get("shortened", 0))
            torch.set_rng_state(saved["random"])
        except UNREADABLE as error:
            got, fix = f"{path}: {str(error)[:200]}", "Begin anew in another folder."
            raise DataError("this is no checkpoint of this network", got=got, fix=fix) from error
        if 0 < shortened < self.options.steps:
            self.shorten(shortened)


def begin(net: nn.Module, options: OptimizerSettings, device: torch.device) -> TrainState:
    """A fresh state, the network on ``device``; weight decay on matrices only (norms and biases are left alone)."""
    net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for module in frozen(net, options):
        module.requires_grad_(False)
    decayed = [p for p in net.parameters() if p.ndim > 1 and p.requires_grad]
    free = [p for p in net.parameters() if p.ndim <= 1 and p.requires_grad]
    groups = [{"params": decayed, "weight_decay": options.weight_decay}, {"params": free, "weight_decay": 0.0}]
    average = deepcopy(net).eval().requires_grad_(False)
    return TrainState(net, average, torch.optim.AdamW(groups, lr=options.learning_rate), options)


def frozen(net: nn.Module, options: OptimizerSettings) -> list[nn.Module]:
    """The layers that the recipe keeps as they are, norms' statistics included; none for ``frozen_stages`` = 0.

    Raises :class:`UsageError` for a network that has no such stages.
    """
    count = options.frozen_stages
    if not count:
        return []
    backbone = getattr(net, "backbone", None)
    stem, stages = getattr(backbone, "stem", None), getattr(backbone, "stages", None)
    if not isinstance(stem, nn.Module) or not isinstance(stages, nn.ModuleList):
        raise UsageError("this network has no stages to freeze", got=f"frozen_stages {count}", want="0")
    return [stem, *stages[:count]]


@torch.no_grad()
def count_in(state: TrainState) -> None:
    """The running average joins the equal mean of those before (Izmailov et al., UAI 2018); counters are copied.

    Once a step: a check that was interrupted is repeated. Statistics of norms are averaged like weights rather than
    measured anew: they are those of neighbours.
    """
    if state.counted_at == state.step:
        return
    state.counted += 1
    state.counted_at = state.step
    for name, value in state.average.state_dict().items():
        if name not in state.mean or not value.dtype.is_floating_point:
            state.mean[name] = value.detach().cpu().clone()
        else:
            state.mean[name].lerp_(value.detach().cpu(), 1 / state.counted)


def averaged(state: TrainState) -> nn.Module:
    """A network with the equal mean as its weights."""
    net = deepcopy(state.average)
    net.load_state_dict(state.mean)
    return net.eval()
