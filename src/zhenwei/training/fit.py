"""Fits a network by one loss on the loop of :mod:`zhenwei.trainer.loop`, its state kept in a file of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn, optim

from zhenwei.errors import DataError
from zhenwei.trainer.checkpoints import UNREADABLE, save_state
from zhenwei.trainer.loop import proceed, take_step
from zhenwei.trainer.run import Run, Runtime, Schedule, Task, Turn, begin
from zhenwei.trainer.workers import BatchSource
from zhenwei.training.resuming import refuse_beyond

N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class FitCheckpoint:
    """Where the state of a training is kept, and what it is ``of``: a state of something else is refused. ``resume``:
    whether a state that is there is gone on from. ``option``: what gives the number of steps."""

    path: Path
    resume: bool = True
    of: int = 0
    option: str = "--steps"


def fit(
    net: N,
    optimizer: optim.Optimizer,
    loss: Callable[[Turn], Tensor],
    schedule: Schedule,
    *,
    state: FitCheckpoint | None = None,
    clip_norm: float = 0.0,
    batches: BatchSource[Any] | None = None,
    stop_after: int | None = None,
    tell: Callable[[int], None] = lambda _step: None,
) -> N:
    """``net``, or its running average where the schedule has one, ready to answer.

    ``loss`` of a turn may draw from ``turn.batch``, item ``turn.step`` of ``batches``. ``tell``: told the steps made.
    Raises :class:`DataError` for a state that is none or of something else, and for a loss that is not finite, and
    :class:`UsageError` for a state of more steps than the schedule has.
    """

    def step(turn: Turn) -> dict[str, Tensor]:
        found = loss(turn)
        take_step(optimizer, found, clip_norm=clip_norm)
        return {"loss": found}

    task = Task(nn.ModuleDict({"net": net}), {"net": optimizer}, step, averaged=("net",), batches=batches)
    run = begin(task, schedule)
    if state is not None:
        task.keep = lambda now: _keep(now, state)
        if state.resume and state.path.is_file():
            _restore(run, state)
            refuse_beyond(run.step, schedule.steps, state.option)
    proceed(run, schedule, tell=lambda progress, _: tell(progress.step), runtime=Runtime(stop_after=stop_after))
    if schedule.ema is None:
        return net.eval()
    average: Any = run.averages["net"]
    fitted: N = average.eval()
    return fitted


def apart_from(some: Sequence[nn.Parameter], everything: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """``everything`` but ``some``, in order: for optimizers whose groups learn at different rates."""
    known = set(map(id, some))
    return [parameter for parameter in everything if id(parameter) not in known]


def _parts(run: Run) -> dict[str, Any]:
    parts: dict[str, Any] = {"net": run.task.nets["net"], "optimizer": run.task.optimizers["net"]}
    return parts | ({"average": run.averages["net"]} if "net" in run.averages else {})


def _keep(run: Run, state: FitCheckpoint) -> None:
    values = {name: part.state_dict() for name, part in _parts(run).items()}
    save_state(values | {"step": run.step, "of": state.of}, state.path)


def _restore(run: Run, state: FitCheckpoint) -> None:
    try:
        held = torch.load(state.path, map_location="cpu", weights_only=True)
        if held["of"] != state.of:
            raise DataError("this state is of other data", got=f"{state.path}: {held['of']}", want=str(state.of))
        for name, part in _parts(run).items():
            part.load_state_dict(held[name])
        run.step = int(held["step"])
    except UNREADABLE as error:
        got, fix = f"{state.path}: {str(error)[:200]}", "Remove it, or leave --resume out."
        raise DataError("the run cannot be resumed: its state cannot be read", got=got, fix=fix) from error
