"""One training loop for every network: seeded, resumable to the same loss, CPU-fast, chosen by held-out data.

A network is any module that takes ``(n, 3, h, w)`` in [-1, 1] and answers with ``score`` ``(n,)`` and ``regions``
``(n, h / 32, w / 32)``, logits (:class:`Answered`); layers can be frozen if it has a ``backbone`` with a ``stem`` and
``stages``. Batches come from anything whose item ``step`` is a :class:`Batch` (:class:`Maker`), which must depend on
the step alone. The whole is

    state = begin(net, recipe.optimiser, device)
    train(state, maker, folder, check=check, tell=tell, device=device)

The state after step k depends on the recipe, the data and k alone. A checkpoint holds the network, its running average
(EMA), the optimiser and the random state; weights are read back with ``weights_only`` so that a checkpoint is data.
Ctrl-C is heeded between steps, never inside one, so that what it saves is the state after a whole step.
"""

from __future__ import annotations

import csv
import math
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.errors import DataError, UsageError
from zhenwei.training.batches import Batch
from zhenwei.training.recipe import Optimiser

# What reading weights raises for bytes that are none, or are those of another network.
UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
)


class Maker(Protocol):
    """``maker[step]`` is the batch of a step, whoever asks and whatever was asked before."""

    def __getitem__(self, step: int, /) -> Batch: ...


class Answered(Protocol):
    """What a network answers: logits, > 0 leans to forged."""

    @property
    def score(self) -> Tensor: ...
    @property
    def regions(self) -> Tensor: ...


Check = Callable[[nn.Module], dict[str, float]]  # returns named figures; "choose" is the one that selects
Tell = Callable[[int, dict[str, float]], None]


@dataclass(slots=True, eq=False)
class State:
    """Everything that changes from step to step. ``sums``: of both losses and of steps since the last check."""

    net: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    options: Optimiser
    step: int = 0
    best: float = -math.inf
    sums: tuple[float, float, int] = (0.0, 0.0, 0)

    def save(self, path: Path) -> None:
        values = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "best": self.best,
            "sums": self.sums,
            "random": torch.get_rng_state(),
        }
        _save(values, path)

    def restore(self, path: Path) -> None:
        """Raises :class:`DataError` for a file that is no checkpoint of this network."""
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            self.net.load_state_dict(saved["net"])
            self.average.load_state_dict(saved["average"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.step, self.best, self.sums = saved["step"], saved["best"], saved.get("sums", (0.0, 0.0, 0))
            torch.set_rng_state(saved["random"])
        except UNREADABLE as error:
            got, fix = f"{path}: {str(error)[:200]}", "Begin anew in another folder."
            raise DataError("this is no checkpoint of this network", got=got, fix=fix) from error


def begin(net: nn.Module, options: Optimiser, device: torch.device) -> State:
    """A fresh state, the network on ``device``; weight decay on matrices only (norms and biases are left alone)."""
    net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for module in frozen(net, options):
        module.requires_grad_(False)
    decayed = [p for p in net.parameters() if p.ndim > 1 and p.requires_grad]
    free = [p for p in net.parameters() if p.ndim <= 1 and p.requires_grad]
    groups = [{"params": decayed, "weight_decay": options.weight_decay}, {"params": free, "weight_decay": 0.0}]
    average = deepcopy(net).eval().requires_grad_(False)
    return State(net, average, torch.optim.AdamW(groups, lr=options.learning_rate), options)


def frozen(net: nn.Module, options: Optimiser) -> list[nn.Module]:
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


def learning_rate(options: Optimiser, step: int) -> float:
    """Linear warm-up, then a half cosine down to 1 % of the peak."""
    if step < options.warmup_steps:
        return options.learning_rate * (step + 1) / options.warmup_steps
    done = (step - options.warmup_steps) / max(1, options.steps - options.warmup_steps)
    return options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def to_input(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], device: torch.device) -> Tensor:
    """``(n, h, w, 3)`` uint8 -> ``(n, 3, h, w)`` float32 in [-1, 1], channels last in memory."""
    x = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float()
    return x / 127.5 - 1


def loss_of(net: nn.Module, batch: Batch, options: Optimiser, device: torch.device) -> tuple[Tensor, Tensor]:
    """(whole-face loss, regional loss); the second over the faces whose altered regions are known."""
    forged = torch.from_numpy(batch.forged).to(device)
    target = forged * (1 - options.label_smoothing) + 0.5 * options.label_smoothing
    mask, known = torch.from_numpy(batch.mask).to(device), torch.from_numpy(batch.masked).to(device)
    with _mixed(device):
        answer: Answered = net(to_input(batch.pixels, device))
    whole = F.binary_cross_entropy_with_logits(answer.score.float(), target)
    regional = F.binary_cross_entropy_with_logits(answer.regions.float(), mask, reduction="none").mean((1, 2))
    return whole, (regional * known).sum() / known.sum().clamp(min=1)


def _mixed(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where the hardware has it: any recent GPU, CPUs with AMX or AVX512-BF16."""
    if device.type == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def train(
    state: State,
    maker: Maker,
    folder: Path,
    *,
    check: Check,
    tell: Tell,
    device: torch.device,
    workers: int = 1,
    stop_after: int | None = None,
) -> None:
    """Runs from ``state.step`` to the schedule's end, or for ``stop_after`` steps; an interrupt saves first.

    Writes ``last.pt`` at each check and on interrupt, ``best.pt`` (EMA weights) when "choose" improves, ``log.csv``.
    Raises :class:`DataError` when the loss stops being a number: the last checkpoint is from before.
    """
    options = state.options
    end = options.steps if stop_after is None else min(options.steps, state.step + stop_after)
    try:
        if _is_due(state):  # it was interrupted while it was being checked
            _check(state, folder, check, tell)
        for batch in _batches(maker, state.step, end, workers):
            with _whole_step():
                whole, regional = _step(state, batch, device)
            tell(state.step, {"whole": whole, "regional": regional})
            if _is_due(state):
                _check(state, folder, check, tell)
    except KeyboardInterrupt:
        state.save(folder / "last.pt")
        raise
    state.save(folder / "last.pt")


def _is_due(state: State) -> bool:
    ends = state.step % state.options.check_every == 0 or state.step == state.options.steps
    return ends and state.sums[2] > 0


@contextmanager
def _whole_step() -> Iterator[None]:
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


def _batches(maker: Maker, start: int, end: int, workers: int) -> Iterator[Batch]:
    """Batches in order, prepared ahead by threads: their work is in C and lets the interpreter go. No processes are
    forked, since OpenCV's own thread pool does not survive that."""
    ahead = 4 * max(1, workers)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        waiting = deque(pool.submit(maker.__getitem__, step) for step in range(start, min(end, start + ahead)))
        for step in range(start + ahead, end + ahead):
            if not waiting:
                return
            batch = waiting.popleft().result()
            if step < end:
                waiting.append(pool.submit(maker.__getitem__, step))
            yield batch


def _step(state: State, batch: Batch, device: torch.device) -> tuple[float, float]:
    options = state.options
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(options, state.step)
    # Dropout's draw is a function of the step, so that a resumed run repeats an uninterrupted one.
    torch.manual_seed(state.step)
    state.net.train()
    for module in frozen(state.net, options):
        module.eval()
    whole, regional = loss_of(state.net, batch, options, device)
    total = whole + options.map_weight * regional
    if not bool(torch.isfinite(total)):
        raise DataError("the loss is no longer a number", got=f"step {state.step}", fix="Lower the learning rate.")
    state.optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.net.parameters(), options.clip_norm)
    state.optimiser.step()
    state.step += 1
    _average(state.average, state.net, min(options.ema_decay, (1 + state.step) / (10 + state.step)))
    losses = float(whole.detach()), float(regional.detach())
    state.sums = (state.sums[0] + losses[0], state.sums[1] + losses[1], state.sums[2] + 1)
    return losses


@torch.no_grad()
def _average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Exponential running mean of parameters and of the norms' statistics; counters are copied."""
    for ours, theirs in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if ours.dtype.is_floating_point:
            ours.lerp_(theirs, 1 - decay)
        else:
            ours.copy_(theirs)


def _check(state: State, folder: Path, check: Check, tell: Tell) -> None:
    figures = check(state.average)
    whole, regional, steps = state.sums
    row = {"step": float(state.step), "whole": whole / steps, "regional": regional / steps} | figures
    _append(folder / "log.csv", row)
    if figures["choose"] > state.best:
        _save(state.average.state_dict(), folder / "best.pt")
        state.best = figures["choose"]
    state.sums = (0.0, 0.0, 0)
    state.save(folder / "last.pt")
    tell(state.step, row)


def _save(values: dict[str, Any], path: Path) -> None:
    """Whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(values, partial)
    partial.replace(path)


def _append(path: Path, row: dict[str, float]) -> None:
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow([*row, "time"])
        writer.writerow([*(f"{v:.6g}" for v in row.values()), f"{time.time():.0f}"])


@torch.no_grad()
def scores(
    net: nn.Module,
    pixels: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]],
    device: torch.device,
    batch: int = 64,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Scores of faces of ``(size, size, 3)`` uint8, in float32: what the exported network must reproduce."""
    net.eval()
    out = [
        net(to_input(np.stack(pixels[i : i + batch]), device).contiguous(memory_format=torch.channels_last)).score
        for i in range(0, len(pixels), batch)
    ]
    return np.asarray(torch.cat(out).float().cpu().numpy(), np.float32)
