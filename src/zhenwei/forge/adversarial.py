"""Adversarial training: steps of a critic and of a generator in turn, as a task for the one loop.

Algorithm 1 of I. Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014: k critic steps, one generator step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from zhenwei.errors import UsageError
from zhenwei.trainer import loop
from zhenwei.trainer.run import Progress, Run, Schedule, Task, Turn

SCHEMA = "zhenwei.gan/1"
_WON, _PATIENCE = 1e-3, 500  # a critic's loss this low for more steps than this teaches the generator nothing more

NetworkStep = Callable[[torch.Generator], Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True)
class GameSchedule:
    """``steps`` of the generator, each after ``critic_steps`` of the critic. ``ema``: decay of the averaged generator,
    0 for none. ``watch``: the loss that says the critic has won when it stays near 0, "" where none does (WGAN)."""

    steps: int
    critic_steps: int = 1
    seed: int = 0
    ema: float = 0.0
    save_every: int = 500
    watch: str = "critic"

    def __post_init__(self) -> None:
        if self.steps < 1 or self.critic_steps < 0 or self.save_every < 1:
            got = f"{self.steps}, {self.critic_steps}, {self.save_every}"
            raise UsageError("steps and save_every are at least 1, critic_steps at least 0", got=got)
        if not 0 <= self.ema < 1:
            raise UsageError("ema is a decay", got=str(self.ema), want="0 (none) up to below 1")

    def of_loop(self) -> Schedule:
        """The part that the loop heeds."""
        decay = self.ema
        average = (lambda _made: decay) if decay else None
        return Schedule(self.steps, self.seed, self.save_every, ema=average, ema_buffers=False)


@dataclass(slots=True, eq=False)
class Game:
    """``nets``: everything that is trained or remembered, by name. ``optimizers``: by name. ``critic_step`` and
    ``generator_step`` each draw what they need from the CPU generator they are given, make one optimizer step, and
    return their losses (scalars) by name. ``averaged``: names of the networks whose running average is kept."""

    nets: nn.ModuleDict
    optimizers: dict[str, optim.Optimizer]
    critic_step: NetworkStep
    generator_step: NetworkStep
    averaged: tuple[str, ...] = ("generator",)


@dataclass(frozen=True, slots=True)
class GameProgress:
    """``step`` of ``steps`` made, its losses, and a warning where the critic has won, else ""."""

    step: int
    steps: int
    losses: Mapping[str, float]
    warning: str = ""


def task_of(game: Game, schedule: GameSchedule) -> Task:
    """The game as a task. Its memory ``low`` counts the steps for which the watched loss has been near 0."""
    memory = {"low": 0}

    def step(turn: Turn) -> dict[str, float]:
        losses: dict[str, float] = {}
        for part in range(schedule.critic_steps):
            losses |= _numbers(game.critic_step(turn.generator(part)))
        losses |= _numbers(game.generator_step(turn.generator(63)))
        is_low = schedule.watch != "" and abs(losses.get(schedule.watch, 1.0)) < _WON
        memory["low"] = memory["low"] + 1 if is_low else 0
        return losses

    return Task(game.nets, game.optimizers, step, game.averaged, memory=memory, schema=SCHEMA)


def train(
    game: Game,
    schedule: GameSchedule,
    folder: Path | None = None,
    *,
    about: Mapping[str, Any] | None = None,
    tell: Callable[[GameProgress, Run], None] = lambda _progress, _run: None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Play to ``schedule.steps`` or until ``stop()``, going on where ``folder`` holds a run.

    ``about``: what the run was made of (settings, data, consent); see :func:`zhenwei.trainer.loop.train`.
    """
    known = {**(about or {}), "critic_steps": schedule.critic_steps, "seed": schedule.seed, "ema": schedule.ema,
             "watch": schedule.watch}  # fmt: skip

    def told(progress: Progress, run: Run) -> None:
        warning = _warning(run.task.memory["low"])
        tell(GameProgress(progress.step, progress.steps, progress.losses, warning), run)

    return loop.train(task_of(game, schedule), schedule.of_loop(), folder, about=known, tell=told, stop=stop)


def _numbers(losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in losses.items()}


def _warning(low: int) -> str:
    if low <= _PATIENCE:
        return ""
    said = f"the critic's loss has been near 0 for {low} steps: it has won, and the generator learns nothing more"
    if low == _PATIENCE + 1:
        warnings.warn(said, RuntimeWarning, stacklevel=4)
    return said
