"""The one optimizer loop: seeded, resumed exactly, with running averages, checks and checkpoints.

A :class:`Task` brings networks, their optimizers and a function that makes one step; the loop brings the rest. Random
numbers are drawn anew for each step from (seed, step, part), so a run that goes on from a checkpoint makes the very
step that it would have made. What else a task remembers between steps belongs in buffers of its networks (tensors) or
in ``memory`` (JSON). Training a network of your own::

    import torch

    from zhenwei.trainer.loop import ema_warmup, take_step, train
    from zhenwei.trainer.run import Schedule, Task, Turn
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

import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from zhenwei.errors import DataError
from zhenwei.files import make_folder
from zhenwei.trainer import distributed
from zhenwei.trainer.run import Progress, Run, Runtime, Schedule, Task, Turn, begin, restore, save
from zhenwei.trainer.workers import prepared

_FIRST = 20  # steps that are not counted: libraries warm up in them
_WINDOW = 200
_MARGIN = 0.97
_USUAL = Runtime()


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


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, decay: float, *, buffers: bool = True) -> None:
    """Move ``average`` towards ``net`` by ``1 - decay``, in place.

    ``buffers``: floating-point buffers (statistics of norms) are averaged like weights, otherwise copied. Integer
    buffers are always copied.
    """
    followed = [average.parameters(), *([average.buffers()] if buffers else [])]
    is_followed = {id(value) for values in followed for value in values if value.is_floating_point()}
    ours: list[torch.Tensor] = []
    theirs: list[torch.Tensor] = []
    for kept, now in zip(average.state_dict(keep_vars=True).values(), net.state_dict().values(), strict=True):
        if id(kept) in is_followed:
            ours.append(kept)
            theirs.append(now)
        else:
            kept.copy_(now)
    # All of them at once: on a GPU three hundred small launches would take longer than the work.
    torch._foreach_lerp_(ours, theirs, 1 - decay)


def ema_warmup(decay: float, made: int) -> float:
    """``decay`` after ``made`` steps, less at the beginning so that the first weights are soon forgotten."""
    return min(decay, (1 + made) / (10 + made))


def advance(run: Run, schedule: Schedule, batch: Any = None) -> Progress:
    """One step. DataError where a loss is not finite: the run must not be saved."""
    task = run.task
    if schedule.learning_rate is not None:
        for optimizer in task.optimizers.values():
            rate = schedule.learning_rate(run.step, run.steps)
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("share", 1.0)
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
    runtime: Runtime = _USUAL,
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
    runtime: Runtime = _USUAL,
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
        if run.checked < run.step:  # it may have been interrupted while it was being checked
            _checked(run, schedule, clock, runtime)
        with _batches(task, run.step, end, runtime) as batches:
            while run.step < min(end, run.steps) and not stop():
                batch = next(batches)
                with whole_step():
                    progress = advance(run, schedule, batch)
                _pace(run, schedule, clock, runtime)
                if _checked(run, schedule, clock, runtime) or run.step % schedule.save_every == 0:
                    keep()
                tell(progress, run)
    except KeyboardInterrupt:
        keep()
        raise
    keep()
    return run


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

    def checked(self, began: float) -> None:
        """To be called after a check that ``began`` then: its time is not that of steps."""
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


def _pace(run: Run, schedule: Schedule, clock: Clock, runtime: Runtime) -> None:
    """Shorten the run where time would not be enough for it; for every process alike."""
    clock.stepped()
    if runtime.deadline is None:
        return
    allowed = clock.allows(run.step, run.steps, schedule.check_every or run.steps)
    allowed = round(distributed.told(allowed, runtime.world, runtime.device))
    run.steps = min(run.steps, max(allowed, run.step))


def _checked(run: Run, schedule: Schedule, clock: Clock, runtime: Runtime) -> bool:
    """Whether a check was due; it was made, by the process that leads while the others wait."""
    is_due = run.step == run.steps or (schedule.check_every > 0 and run.step % schedule.check_every == 0)
    if run.task.check is None or not is_due:
        return False
    if runtime.world.leads:
        began = time.monotonic()
        run.task.check(run)
        clock.checked(began)
    run.checked = run.step
    if runtime.world.size > 1:
        distributed.wait()
    return True
