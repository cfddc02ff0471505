"""The one optimizer loop: seeded, resumed exactly, with running averages, checks and checkpoints.

A :class:`Task` brings networks, their optimizers and a function that makes one step; the loop brings the rest. Random
numbers are drawn anew for each step from (seed, step, part), so a run that goes on from a checkpoint makes the very
step that it would have made. What else a task remembers between steps belongs in buffers of its networks (tensors) or
in ``memory`` (JSON). Training a network of your own::

    import torch

    from zhenwei.trainer.averages import ema_warmup
    from zhenwei.trainer.loop import Schedule, Task, Turn, take_step, train
    from zhenwei.trainer.schedule import warmup_cosine

    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(net.parameters())

    def step(turn: Turn) -> dict[str, torch.Tensor]:
        x = torch.randn(64, 2, generator=turn.generator())
        loss = ((net(x)[:, 0] - x.sum(1)) ** 2).mean()
        take_step(optimizer, loss)
        return {"loss": loss}

    task = Task(torch.nn.ModuleDict({"net": net}), {"net": optimizer}, step, averaged=("net",))
    schedule = Schedule(
        steps=500,
        save_every=100,
        learning_rate=lambda step, steps: warmup_cosine(step, steps, peak=3e-2, warmup_steps=20),
        ema=lambda made: ema_warmup(0.99, made),
    )
    run = train(task, schedule, folder, about={"data": "sums"}, tell=lambda progress, _: print(progress.losses))
    trained = run.averages["net"]

``folder``, a ``Path``, then holds ``last.safetensors``, ``last.json`` and ``log.csv``; the same call with more steps
goes on there.
"""

from __future__ import annotations

import copy
import csv
import json
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from zhenwei.errors import DataError, UsageError
from zhenwei.files import make_folder
from zhenwei.trainer import distributed
from zhenwei.trainer.averages import follow
from zhenwei.trainer.checkpoints import load_tensors, read_checkpoint, state_tensors, write_checkpoint
from zhenwei.trainer.distributed import ALONE, World
from zhenwei.trainer.log import read_log, write_log
from zhenwei.trainer.schedule import Clock, set_learning_rate
from zhenwei.trainer.seeds import generator_at
from zhenwei.trainer.workers import BatchSource, prepared

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
        """The source of randomness of ``part`` (0 to 63) of this step."""
        return generator_at(self.seed, self.step, part)


@dataclass(slots=True, eq=False)
class Task:
    """What is to be trained, and how one step is made.

    ``nets``: everything trained or remembered, by name. ``step`` draws what it needs from its :class:`Turn`, moves the
    weights (:func:`take_step`) and returns scalar losses by name. ``averaged``: networks whose running average is
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
    """``learning_rate``: of (step, steps), for all optimizers; None leaves them alone. ``ema``: decay of the running
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


def take_step(
    optimizer: optim.Optimizer, loss: Tensor, *, clip_norm: float = 0.0, clipped: nn.Module | None = None
) -> None:
    """Gradients of ``loss``, clipped to ``clip_norm`` where it is given, and one step of ``optimizer``.

    ``clipped``: the network whose gradients are clipped together; None for all parameters of ``optimizer``.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if clip_norm:
        everything = [p for group in optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(everything if clipped is None else clipped.parameters(), clip_norm)
    optimizer.step()


def advance(run: Run, schedule: Schedule, batch: Any = None) -> Progress:
    """One step. DataError where a loss is not finite: the run must not be saved."""
    task = run.task
    if schedule.learning_rate is not None:
        for optimizer in task.optimizers.values():
            set_learning_rate(optimizer, schedule.learning_rate(run.step, run.steps))
    told = task.step(Turn(run.step, run.steps, schedule.seed, batch))
    losses = {name: float(value.detach() if isinstance(value, Tensor) else value) for name, value in told.items()}
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    if bad:
        fix = "Go on from the last checkpoint, which is clean, with a lower learning rate."
        raise DataError(f"the loss is no longer finite at step {run.step + 1}", got=", ".join(bad), fix=fix)
    run.step += 1
    if schedule.ema is not None:
        for name, average in run.averages.items():
            follow(average, task.nets[name], schedule.ema(run.step), buffers=schedule.ema_buffers)
    if task.check is None:
        run.rows.append({"step": run.step, **losses})
    return Progress(run.step, run.steps, losses)


def train(
    task: Task,
    schedule: Schedule,
    folder: Path | None = None,
    *,
    about: Mapping[str, Any] | None = None,
    tell: Callable[[Progress, Run], None] = lambda _progress, _run: None,
    stop: Callable[[], bool] = lambda: False,
    runtime: Runtime = Runtime(),
    name: str = "last",
) -> Run:
    """Train to ``schedule.steps`` or until ``stop()``, going on where ``folder`` holds a run; nothing is written
    without a folder.

    ``about``: what the run is made of (settings, data, consent); a run in ``folder`` that differs in it is refused with
    a UsageError. ``name``: of the checkpoint files, where several runs share a folder. Otherwise as :func:`proceed`.
    """
    run = begin(task, schedule)
    if folder is not None:
        make_folder(folder)
        if (folder / f"{name}.safetensors").exists():
            restore(run, folder, about or {}, name)
    return proceed(run, schedule, folder, about=about, tell=tell, stop=stop, runtime=runtime, name=name)


def proceed(
    run: Run,
    schedule: Schedule,
    folder: Path | None = None,
    *,
    about: Mapping[str, Any] | None = None,
    tell: Callable[[Progress, Run], None] = lambda _progress, _run: None,
    stop: Callable[[], bool] = lambda: False,
    runtime: Runtime = Runtime(),
    name: str = "last",
) -> Run:
    """Make the steps that are left of ``run``. ``tell`` is called after every step, and after what the step was due to
    check and save. Ctrl-C is heeded between steps and saves first.

    Raises DataError where a loss or weight is no longer finite; what was saved stays clean.
    """
    task, saved_at = run.task, -1

    def keep() -> None:
        nonlocal saved_at
        if saved_at == run.step or not runtime.world.leads:
            return
        if task.keep is not None:
            task.keep(run)
        elif folder is not None:
            save(run, folder, about or {}, name)
        saved_at = run.step

    clock = Clock(runtime.deadline, runtime.check_s)
    end = run.steps if runtime.stop_after is None else min(run.steps, run.step + runtime.stop_after)
    try:
        if run.checked < run.step and _is_check_due(run, schedule):  # it was interrupted while it was being checked
            _check(run, clock, runtime)
        with _batches(task, run.step, end, runtime) as batches:
            while run.step < min(end, run.steps) and not stop():
                batch = next(batches)
                with whole_step():
                    progress = advance(run, schedule, batch)
                _pace(run, schedule, clock, runtime)
                if _is_check_due(run, schedule):
                    _check(run, clock, runtime)
                    keep()
                elif run.step % schedule.save_every == 0:
                    keep()
                tell(progress, run)
    except KeyboardInterrupt:
        keep()
        raise
    keep()
    return run


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
    differ = [f"{key} {was.get(key)} -> {now[key]}" for key in sorted(now) if was.get(key) != now[key]]
    if differ:
        fix = "Choose another folder, or its settings."
        raise UsageError("this folder holds another run", got="; ".join(differ), fix=fix)
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


@contextmanager
def whole_step() -> Iterator[None]:
    """Holds Ctrl-C back until the end: half a step is neither the state before it nor the one after."""
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual is not signal.default_int_handler:
        yield  # only the main thread is interrupted, and a handler of somebody else's is not ours to put off
        return
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if pressed:
        raise KeyboardInterrupt


def _batches(task: Task, start: int, end: int, runtime: Runtime) -> AbstractContextManager[Iterator[Any]]:
    if task.batches is None:
        return nullcontext(iter([None] * (end - start)))
    return prepared(task.batches, start, end, runtime.workers)


def _pace(run: Run, schedule: Schedule, clock: Clock, runtime: Runtime) -> None:
    """Shorten the run where time would not be enough for it; for every process alike."""
    clock.stepped()
    if runtime.deadline is None:
        return
    allowed = clock.allows(run.step, run.steps, schedule.check_every or run.steps)
    allowed = round(distributed.told(allowed, runtime.world, runtime.device))
    run.steps = min(run.steps, max(allowed, run.step))


def _is_check_due(run: Run, schedule: Schedule) -> bool:
    if run.task.check is None:
        return False
    return run.step == run.steps or (schedule.check_every > 0 and run.step % schedule.check_every == 0)


def _check(run: Run, clock: Clock, runtime: Runtime) -> None:
    if run.task.check is not None and runtime.world.leads:
        with clock.checking():
            run.task.check(run)
    run.checked = run.step
    distributed.wait(runtime.world)
