"""Supervised training of a network that tells forged faces from genuine ones, as a task for the loop.

A network is any module that takes ``(n, 3, h, w)`` in [-1, 1] and answers with ``score`` ``(n,)`` and ``regions``
``(n, h / 32, w / 32)``, logits (:class:`NetworkOutput`); layers can be frozen if it has a ``backbone`` with a ``stem``
and ``stages``. Batches come from anything whose item ``step`` is a :class:`Batch` that depends on the step alone
(:class:`BatchSource`). The whole is

    state = begin(net, recipe.optimiser, device)
    train(state, source, folder, check=check, tell=tell, device=device)

The state after step k depends on the recipe, the data and k alone (on a GPU: but for the order of its sums). Ctrl-C is
heeded between steps, never inside one, so that what it saves is the state after a whole step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.errors import DataError
from zhenwei.trainer import distributed
from zhenwei.trainer.batch import Batch
from zhenwei.trainer.checkpoints import save_state
from zhenwei.trainer.distributed import ALONE, World
from zhenwei.trainer.log import append_row
from zhenwei.trainer.loop import ema_warmup, proceed
from zhenwei.trainer.precision import reduced_precision
from zhenwei.trainer.run import NEVER, Run, Runtime, Schedule, Task, Turn
from zhenwei.trainer.sam import still_norms, worst_near_by
from zhenwei.trainer.schedule import OptimizerSettings, warmup_cosine
from zhenwei.trainer.state import TrainState, averaged, count_in, frozen
from zhenwei.trainer.workers import BatchSource
from zhenwei.types import Pixels


class NetworkOutput(Protocol):
    """What a network answers: logits, > 0 leans to forged."""

    @property
    def score(self) -> Tensor: ...
    @property
    def regions(self) -> Tensor: ...


Check = Callable[[nn.Module], dict[str, float]]  # returns named figures; "choose" is the one that selects
Tell = Callable[[int, dict[str, float]], None]


def to_input(pixels: Pixels, device: torch.device) -> Tensor:
    """``(n, h, w, 3)`` uint8 -> ``(n, 3, h, w)`` float32 in [-1, 1], channels last in memory."""
    x = _there(pixels, device).permute(0, 3, 1, 2).float()
    return x / 127.5 - 1


def _there(values: np.ndarray[tuple[int, ...], np.dtype[Any]], device: torch.device) -> Tensor:
    """On the device; to a GPU from pinned memory, so that nobody waits for the copy."""
    here = torch.from_numpy(values)
    return here.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else here.to(device)


def loss_of(net: nn.Module, batch: Batch, options: OptimizerSettings, device: torch.device) -> tuple[Tensor, Tensor]:
    """(whole-face loss, regional loss); the second over the faces whose altered regions are known."""
    forged = _there(batch.forged, device)
    target = forged * (1 - options.label_smoothing) + 0.5 * options.label_smoothing
    mask, known = _there(batch.mask, device), _there(batch.masked, device)
    with reduced_precision(device):
        answer: NetworkOutput = net(to_input(batch.pixels, device))
    whole = F.binary_cross_entropy_with_logits(answer.score.float(), target)
    regional = F.binary_cross_entropy_with_logits(answer.regions.float(), mask, reduction="none").mean((1, 2))
    return whole, (regional * known).sum() / known.sum().clamp(min=1)


def train(
    state: TrainState,
    source: BatchSource[Batch],
    folder: Path,
    *,
    check: Check,
    tell: Tell,
    device: torch.device,
    workers: int = 1,
    stop_after: int | None = None,
    deadline: float | None = None,
    check_s: float = 0.0,
    here: World = ALONE,
) -> None:
    """Runs from ``state.step`` to the schedule's end, or for ``stop_after`` steps; an interrupt saves first.

    Writes ``last.pt`` at each check and on interrupt, ``best.pt`` (EMA weights) when "choose" improves, ``log.csv``.
    ``deadline``, ``check_s`` and ``here``: as of :class:`zhenwei.trainer.run.Runtime`. Raises :class:`DataError` when
    loss, gradient or average stop being numbers.
    """
    task = _Supervised(state, folder, check, tell, device, here)
    nets, averages = nn.ModuleDict({"net": state.net}), nn.ModuleDict({"net": state.average})
    options = state.options
    run = Run(
        Task(
            nets,
            {"net": state.optimizer},
            task.step,
            batches=source if here.size == 1 else distributed.Share(source, here.rank, here.size),
            check=task.check_and_keep,
            keep=lambda run: state.save(folder / "last.pt", run.steps),
        ),
        averages,
        options.steps,
        state.step,
        checked=0 if state.sums[2] else state.step,
    )
    schedule = Schedule(
        options.steps,
        save_every=NEVER,
        check_every=options.check_every,
        learning_rate=lambda step, steps: warmup_cosine(step, steps, options.learning_rate, options.warmup_steps),
        ema=lambda made: ema_warmup(options.ema_decay, made),
    )
    runtime = Runtime(stop_after, workers, deadline, check_s, here, device)
    proceed(run, schedule, tell=lambda progress, _: tell(progress.step, dict(progress.losses)), runtime=runtime)


class _Supervised:
    def __init__(
        self, state: TrainState, folder: Path, check: Check, tell: Tell, device: torch.device, here: World
    ) -> None:
        self.state, self.folder, self.check, self.tell = state, folder, check, tell
        self.device, self.here = device, here
        self.model = state.net if here.size == 1 else distributed.wrapped(state.net, device)
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32, where bfloat16 is not used anyway
            torch.backends.cudnn.allow_tf32 = True

    def step(self, turn: Turn) -> dict[str, float]:
        """One step; both losses before it."""
        state = self.state
        if turn.steps < state.options.steps:
            state.shorten(turn.steps)
        options = state.options
        # Dropout's draw is a function of the step, so that a resumed run repeats an uninterrupted one.
        torch.manual_seed(turn.step if self.here.size == 1 else turn.step * self.here.size + self.here.rank)
        state.net.train()
        for module in frozen(state.net, options):
            module.eval()
        whole, regional = self._gradient(turn.batch)
        if options.sam_rho:
            torch.manual_seed(turn.step)
            with worst_near_by(state.net.parameters(), options.sam_rho), still_norms(state.net):
                self._gradient(turn.batch)
        norm = nn.utils.clip_grad_norm_(state.net.parameters(), options.clip_norm)
        losses = torch.stack([whole.detach(), regional.detach()])
        if self.here.size > 1:
            losses = distributed.mean(losses, self.here)
        told = torch.cat([losses, norm.detach().reshape(1)]).tolist()  # a GPU is waited for once a step
        if not all(math.isfinite(value) for value in told):
            got = f"losses {told[0]:.3g}, {told[1]:.3g} and gradient {told[2]:.3g} at step {turn.step}"
            raise DataError("the loss is no longer a number", got=got, fix="Lower the learning rate.")
        state.optimizer.step()
        state.step = turn.step + 1
        state.sums = (state.sums[0] + told[0], state.sums[1] + told[1], state.sums[2] + 1)
        return {"whole": told[0], "regional": told[1]}

    def _gradient(self, batch: Batch) -> tuple[Tensor, Tensor]:
        options = self.state.options
        whole, regional = loss_of(self.model, batch, options, self.device)
        if self.here.size > 1:
            whole, regional = distributed.weighted(whole, regional, batch, self.here)
        self.state.optimizer.zero_grad(set_to_none=True)
        (whole + options.map_weight * regional).backward()  # type: ignore[no-untyped-call]
        return whole, regional

    def check_and_keep(self, run: Run) -> None:
        """Measures the running average, and at the end the mean of those at the checks; keeps what is best."""
        state = self.state
        if run.steps < state.options.steps:
            state.shorten(run.steps)
        options = state.options
        values = [v for v in state.average.state_dict().values() if v.dtype.is_floating_point]
        if not all(bool(torch.isfinite(v).all()) for v in values):
            raise DataError("the average of the weights is no longer a number", fix="Lower the learning rate.")
        self._keep_best(state.average, 1)
        if options.swa_from and state.step >= options.swa_from:
            count_in(state)
            if state.step == options.steps and state.counted > 1:
                self._keep_best(averaged(state), state.counted)
        state.sums = (0.0, 0.0, 0)

    def _keep_best(self, net: nn.Module, counted: int) -> None:
        state = self.state
        whole, regional, steps = state.sums
        row = {"step": float(state.step), "whole": whole / steps, "regional": regional / steps} | self.check(net)
        if state.options.swa_from:
            row["averaged"] = float(counted)  # checks that the weights are the mean of
        append_row(self.folder / "log.csv", row)
        if row["choose"] > state.best:
            save_state(net.state_dict(), self.folder / "best.pt")
            state.best = row["choose"]
        self.tell(state.step, row)
