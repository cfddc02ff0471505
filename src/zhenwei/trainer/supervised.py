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

import csv
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.errors import DataError
from zhenwei.trainer import distributed
from zhenwei.trainer.averages import ema_warmup
from zhenwei.trainer.batch import Batch
from zhenwei.trainer.checkpoints import save_state
from zhenwei.trainer.distributed import ALONE, World
from zhenwei.trainer.loop import NEVER, Progress, Run, Runtime, Schedule, Task, Turn, proceed
from zhenwei.trainer.sam import still_norms, worst_near_by
from zhenwei.trainer.schedule import OptimizerSettings, learning_rate, set_learning_rate
from zhenwei.trainer.state import TrainState, averaged, count_in, frozen
from zhenwei.trainer.workers import BatchSource
from zhenwei.types import Floats, Pixels


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
    with _mixed(device):
        answer: NetworkOutput = net(to_input(batch.pixels, device))
    whole = F.binary_cross_entropy_with_logits(answer.score.float(), target)
    regional = F.binary_cross_entropy_with_logits(answer.regions.float(), mask, reduction="none").mean((1, 2))
    return whole, (regional * known).sum() / known.sum().clamp(min=1)


def _mixed(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where the hardware has it: any recent GPU, CPUs with AMX or AVX512-BF16."""
    if device.type == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


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
    ``deadline``, ``check_s`` and ``here``: as of :class:`zhenwei.trainer.loop.Runtime`. Raises :class:`DataError` when
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
            keep=task.save_last,
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
        ema=lambda made: ema_warmup(options.ema_decay, made),
    )

    def told(progress: Progress, _: Run) -> None:
        tell(progress.step, dict(progress.losses))

    proceed(run, schedule, tell=told, runtime=Runtime(stop_after, workers, deadline, check_s, here, device))


class _Supervised:
    def __init__(
        self, state: TrainState, folder: Path, check: Check, tell: Tell, device: torch.device, here: World
    ) -> None:
        self.state, self.folder, self.check, self.tell = state, folder, check, tell
        self.device, self.here = device, here
        self.model = distributed.wrapped(state.net, device, here)
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32, where bfloat16 is not used anyway
            torch.backends.cudnn.allow_tf32 = True

    def step(self, turn: Turn) -> dict[str, float]:
        """One step; both losses before it."""
        state = self.state
        self._shorten(turn.steps)
        options = state.options
        set_learning_rate(state.optimizer, learning_rate(options, turn.step))
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
        losses = distributed.mean(torch.stack([whole.detach(), regional.detach()]), self.here)
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
        losses = loss_of(self.model, batch, options, self.device)
        whole, regional = distributed.weighted(*losses, batch, self.here)
        self.state.optimizer.zero_grad(set_to_none=True)
        (whole + options.map_weight * regional).backward()  # type: ignore[no-untyped-call]
        return whole, regional

    def _shorten(self, steps: int) -> None:
        if steps < self.state.options.steps:
            self.state.shorten(steps)

    def check_and_keep(self, run: Run) -> None:
        """Measures the running average, and at the end the mean of those at the checks; keeps what is best."""
        self._shorten(run.steps)
        state, options = self.state, self.state.options
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
        _append(self.folder / "log.csv", row)
        if row["choose"] > state.best:
            save_state(net.state_dict(), self.folder / "best.pt")
            state.best = row["choose"]
        self.tell(state.step, row)

    def save_last(self, run: Run) -> None:
        """``last.pt``, from which the run goes on."""
        self._shorten(run.steps)
        self.state.save(self.folder / "last.pt")


def _append(path: Path, row: dict[str, float]) -> None:
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow([*row, "time"])
        writer.writerow([*(f"{v:.6g}" for v in row.values()), f"{time.time():.0f}"])


@torch.no_grad()
def scores(
    net: nn.Module, pixels: Sequence[Pixels], device: torch.device, batch: int = 64, *, mirrored: bool = False
) -> Floats:
    """Scores ``(n,)`` of ``(size, size, 3)`` uint8 pictures, in float32: what the exported network must reproduce.

    ``mirrored``: the mean with the left-right mirrored picture, as detectors take it.
    """
    net.eval()
    out: list[Tensor] = []
    for i in range(0, len(pixels), batch):
        x = to_input(np.stack(pixels[i : i + batch]), device).contiguous(memory_format=torch.channels_last)
        score = net(x).score
        out.append((score + net(x.flip(3)).score) / 2 if mirrored else score)
    return np.asarray(torch.cat(out).float().cpu().numpy(), np.float32)
