"""What the loop runs: a task, its schedule, and the run itself, which is saved and restored as a checkpoint."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from zhenwei.errors import DataError, UsageError
from zhenwei.trainer.checkpoints import load_tensors, read_checkpoint, state_tensors, write_checkpoint
from zhenwei.trainer.differences import differences, listed
from zhenwei.trainer.distributed import ALONE, World
from zhenwei.trainer.log import read_log, write_log
from zhenwei.trainer.workers import BatchSource

SCHEMA = "zhenwei.run/1"
WEIGHTS, LOG = "last.safetensors", "log.csv"
NEVER = 10**12  # as ``save_every``: only at checks and at the end


@dataclass(frozen=True, slots=True)
class Turn:
    """What one step is given. ``step``: steps made before it, of ``steps``. ``batch``: of the task's source, if any."""

    step: int
    steps: int
    seed: int
    batch: Any = None

    def generator(self, part: int = 0) -> torch.Generator:
        """The source of randomness of ``part`` (0 to 63) of this step, so that a resumed run draws what it would have
        drawn; on the CPU whatever the device, so that machines agree."""
        return torch.Generator().manual_seed((self.seed * 1_000_003 + self.step) * 64 + part)


@dataclass(slots=True, eq=False)
class Task:
    """What is to be trained, and how one step is made.

    ``nets``: everything trained or remembered, by name. ``step`` draws what it needs from its :class:`Turn`, moves the
    weights (``loop.take_step``) and returns scalar losses by name. ``averaged``: networks whose running average is
    kept. ``batches``: a source whose item ``step`` is ``turn.batch``, prepared ahead. ``check``: called every
    ``check_every`` steps and at the end, before saving; a task with a check writes its own log. ``memory``: JSON
    values saved with every checkpoint and restored in place. ``schema``: names the checkpoints of this kind of task.
    ``keep``: saves instead of :func:`save`, for a task whose state has a file format of its own.
    """

    nets: nn.ModuleDict
    optimizers: dict[str, optim.Optimizer]
    step: Callable[[Turn], Mapping[str, Tensor | float]]
    averaged: tuple[str, ...] = ()
    batches: BatchSource[Any] | None = None
    check: Callable[[Run], None] | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    schema: str = SCHEMA
    keep: Callable[[Run], None] | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """``learning_rate``: of (step, steps), for all optimizers, times the ``share`` of a group that has one; None leaves
    them alone. ``ema``: decay of the running
    average after so many steps made, or None. ``ema_buffers``: average statistics of norms too, else copy them.
    ``check_every`` 0: no checks but at the end."""

    steps: int
    seed: int = 0
    save_every: int = 500
    check_every: int = 0
    learning_rate: Callable[[int, int], float] | None = None
    ema: Callable[[int], float] | None = None
    ema_buffers: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.save_every < 1 or self.check_every < 0:
            got = f"{self.steps}, {self.save_every}, {self.check_every}"
            raise UsageError("steps and save_every are at least 1, check_every at least 0", got=got)


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told after a step: ``step`` of ``steps`` made, and its losses."""

    step: int
    steps: int
    losses: Mapping[str, float]


@dataclass(slots=True, eq=False)
class Run:
    """A task under way. ``averages``: running averages by name. ``steps``: at which it ends, fewer than scheduled where
    there is no time for more. ``checked``: the step of the last check. ``rows``: the losses of every step, for the log.
    """

    task: Task
    averages: nn.ModuleDict
    steps: int
    step: int = 0
    checked: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where and for how long a run runs; nothing here changes what it learns, but for a deadline that shortens it.

    ``stop_after``: steps of this call. ``workers``: to prepare batches. ``deadline``: of ``time.monotonic``, with
    checks expected to take ``check_s`` seconds. ``world``: which of several processes this is, on ``device``.
    """

    stop_after: int | None = None
    workers: int = 1
    deadline: float | None = None
    check_s: float = 0.0
    world: World = ALONE
    device: torch.device = torch.device("cpu")  # noqa: RUF009  # immutable


def begin(task: Task, schedule: Schedule) -> Run:
    """A run at its start."""
    averages = nn.ModuleDict()
    if schedule.ema is not None:
        for name in task.averaged:
            averages[name] = copy.deepcopy(task.nets[name]).requires_grad_(False)
    return Run(task, averages, schedule.steps)


def save(run: Run, folder: Path, about: Mapping[str, Any], name: str = "last") -> None:
    """Write the checkpoint, then the log. DataError, and nothing written, where a weight is not finite."""
    task = run.task
    tensors = state_tensors(task.nets, run.averages, task.optimizers)
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise DataError(f"weights are no longer finite at step {run.step}", fix="Go on from the last checkpoint.")
    document = {"schema": task.schema, "step": run.step, "about": dict(about), **task.memory}
    if task.check is not None:
        document["checked"] = run.checked
    write_checkpoint(folder / f"{name}.safetensors", tensors, document)
    if task.check is None:
        write_log(folder / _log_of(name), run.rows)


def restore(run: Run, folder: Path, about: Mapping[str, Any], name: str = "last") -> None:
    """Put the folder's state into ``run``. DataError where it is no checkpoint of this task or does not fit; UsageError
    where it was made of something else than ``about`` says."""
    task = run.task
    document, tensors = read_checkpoint(folder / f"{name}.safetensors", task.schema)
    was, now = document.get("about"), json.loads(json.dumps(dict(about)))
    if not isinstance(was, dict):
        raise DataError(f"{name}.safetensors does not say what it was made of", got=str(was)[:80])
    differ = differences(was, now)
    if differ:
        fix = "Choose another folder, or its settings."
        raise UsageError("this folder holds another run", got=listed(differ), fix=fix)
    try:
        load(run, document, tensors)
    except (RuntimeError, LookupError, ValueError) as error:
        raise DataError(f"{name}.safetensors does not fit the run", got=str(error)[:200]) from None
    with suppress(OSError, ValueError, KeyError, TypeError, csv.Error):  # for people: a run goes on without it
        run.rows = read_log(folder / _log_of(name), run.step)


def _log_of(name: str) -> str:
    return LOG if name == "last" else f"{name}.log.csv"


def load(run: Run, document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Put what was read into ``run``. Raises RuntimeError, LookupError or ValueError where it does not fit."""
    load_tensors(tensors, run.task.nets, run.averages, run.task.optimizers)
    for key in run.task.memory:
        run.task.memory[key] = document[key]
    run.step = document["step"]
    run.checked = document.get("checked", run.step)
