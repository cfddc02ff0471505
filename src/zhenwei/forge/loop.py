"""One training loop for every game of the lab, most of them adversarial: seeded, watched, and resumed exactly.

A game brings its networks, their optimisers and two functions; the loop brings the rest. Chance is drawn anew for each
step from (seed, step, turn), so a run that goes on from a checkpoint makes the very step that it would have made. What
else a game remembers between steps (an image pool, an augmentation's strength) belongs in buffers of its networks.

Algorithm 1 of I. Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014: k critic steps, one generator step.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn, optim

from zhenwei.errors import DataError, UsageError
from zhenwei.files import make_folder, write_whole

SCHEMA = "zhenwei.gan/1"
WEIGHTS, STATE, LOG = "last.safetensors", "last.json", "log.csv"
_WON, _PATIENCE = 1e-3, 500  # a critic's loss this low for more steps than this teaches the generator nothing more

Turn = Callable[[torch.Generator], Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """``steps`` of the generator, each after ``critic_steps`` of the critic, 0 where nobody judges. ``ema``: decay of
    the averaged generator, 0 for none. ``watch``: the loss that says the critic has won when it stays near 0, "" where
    none does (WGAN)."""

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


@dataclass(slots=True, eq=False)
class Game:
    """``nets``: everything that is trained or remembered, by name. ``optimisers``: by name. ``critic_turn`` and
    ``generator_turn`` each draw what they need from the CPU generator they are given, make one optimiser step, and
    return their losses (scalars) by name. ``averaged``: names of the networks whose running average is kept."""

    nets: nn.ModuleDict
    optimisers: dict[str, optim.Optimizer]
    critic_turn: Turn
    generator_turn: Turn
    averaged: tuple[str, ...] = ("generator",)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step tells: ``step`` of ``steps`` made, its losses, and the watch's warning, "" where there is none."""

    step: int
    steps: int
    losses: Mapping[str, float]
    warning: str = ""


@dataclass(slots=True, eq=False)
class Run:
    """A game under way. ``averages``: the averaged networks, empty without EMA. ``low``: steps for which the watched
    loss has been near 0. ``rows``: the losses of every step made."""

    game: Game
    averages: nn.ModuleDict
    step: int = 0
    low: int = 0
    rows: list[dict[str, float]] | None = None


def begin(game: Game, schedule: Schedule) -> Run:
    """A run at its start."""
    kept = {n: copy.deepcopy(game.nets[n]).requires_grad_(False) for n in game.averaged} if schedule.ema else {}
    return Run(game, nn.ModuleDict(kept), rows=[])


def generator_at(seed: int, step: int, turn: int) -> torch.Generator:
    """The source of chance of one turn of one step, on the CPU whatever the device, so that machines agree."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) * 64 + turn)


def advance(run: Run, schedule: Schedule) -> Step:
    """One generator step after its critic steps. DataError where a loss is not finite: the run must not be saved."""
    losses: dict[str, float] = {}
    for turn in range(schedule.critic_steps):
        losses |= _numbers(run.game.critic_turn(generator_at(schedule.seed, run.step, turn)))
    losses |= _numbers(run.game.generator_turn(generator_at(schedule.seed, run.step, 63)))
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    if bad:
        fix = "Go on from the last checkpoint, which is clean, with a lower learning rate."
        raise DataError(f"the loss is no longer finite at step {run.step + 1}", got=", ".join(bad), fix=fix)
    run.step += 1
    _average(run, schedule.ema)
    if run.rows is not None:
        run.rows.append({"step": run.step, **losses})
    return Step(run.step, schedule.steps, losses, _watch(run, losses, schedule.watch))


def train(
    game: Game,
    schedule: Schedule,
    folder: Path | None = None,
    *,
    about: Mapping[str, Any] | None = None,
    tell: Callable[[Step, Run], None] = lambda _step, _run: None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Play until ``schedule.steps`` or until ``stop()``, going on where ``folder`` holds a run.

    ``about``: what the run was made of (settings, data, consent); one that differs from the folder's is refused with a
    UsageError. ``tell`` is called after every step, for progress, snapshots and measures. Without a folder nothing is
    written. Raises DataError where a loss or weight is no longer finite; what was saved stays clean.
    """
    run = begin(game, schedule)
    known = dict(about or {}) | {k: v for k, v in asdict(schedule).items() if k not in ("steps", "save_every")}
    if folder is not None:
        make_folder(folder)
        if (folder / WEIGHTS).exists():
            restore(run, folder, known)
    while run.step < schedule.steps and not stop():
        said = advance(run, schedule)
        if folder is not None and run.step % schedule.save_every == 0:
            keep(run, folder, known)
        tell(said, run)
    if folder is not None:
        keep(run, folder, known)
    return run


def keep(run: Run, folder: Path, about: Mapping[str, Any]) -> None:
    """Write weights, then what is said of them, then the log, each whole or not at all.

    The weights carry what is said as well, so a run that is cut between the two writes is still read rightly."""
    tensors = _tensors(run)
    if not all(bool(torch.isfinite(v).all()) for v in tensors.values()):
        raise DataError(f"weights are no longer finite at step {run.step}", fix="Go on from the last checkpoint.")
    told = json.dumps({"schema": SCHEMA, "step": run.step, "low": run.low, "about": dict(about)}, sort_keys=True)
    write_whole(folder / WEIGHTS, save(tensors, {"zhenwei": told}))
    write_whole(folder / STATE, (told + "\n").encode())
    write_whole(folder / LOG, _csv(run.rows or []))


def opened(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What the run in ``folder`` was made of, with its ``step``, and its tensors by name, those of networks after
    "nets." and "averages.". DataError where there is none of ours."""
    path = folder / WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            told: Any = json.loads((file.metadata() or {}).get("zhenwei", ""))
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118  # no mapping
        if told["schema"] != SCHEMA:
            raise ValueError(told["schema"])
        if odd := [k for k, v in tensors.items() if not bool(torch.isfinite(v).all())]:
            raise ValueError(f"{odd[0]} is not finite")
        return {**told["about"], "step": int(told["step"]), "low": int(told["low"])}, tensors
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, OverflowError, RuntimeError) as error:
        raise DataError(f"there is no readable checkpoint at {path}", got=str(error)[:200]) from None


def under(tensors: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    """Those whose names begin with ``start``, without it."""
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def restore(run: Run, folder: Path, about: Mapping[str, Any]) -> None:
    """Put the folder's state into ``run``. DataError where it is no checkpoint of ours or does not fit; UsageError
    where it was made of something else than ``about`` says."""
    was, tensors = opened(folder)
    step, low = was.pop("step"), was.pop("low")
    now = json.loads(json.dumps(dict(about)))
    if was != now:
        differ = "; ".join(
            f"{k} {was.get(k)} -> {now.get(k)}" for k in sorted({*was, *now}) if was.get(k) != now.get(k)
        )
        raise UsageError("this folder holds another run", got=differ, fix="Choose another folder, or its settings.")
    try:
        run.game.nets.load_state_dict(under(tensors, "nets."))
        run.averages.load_state_dict(under(tensors, "averages."))
        for name, best in run.game.optimisers.items():
            _give_moments(best, under(tensors, f"best.{name}."))
    except (RuntimeError, KeyError, ValueError) as error:
        raise DataError(f"{WEIGHTS} does not fit the run", got=str(error)[:200]) from None
    run.step, run.low, run.rows = step, low, _rows(folder / LOG, step)


def _numbers(losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {k: float(v.detach()) for k, v in losses.items()}


@torch.no_grad()
def _average(run: Run, decay: float) -> None:
    for name, kept in run.averages.items():
        own = run.game.nets[name]
        for a, b in zip(kept.parameters(), own.parameters(), strict=True):
            a.lerp_(b, 1 - decay)
        for held, now in zip(kept.buffers(), own.buffers(), strict=True):
            held.copy_(now)


def _watch(run: Run, losses: Mapping[str, float], name: str) -> str:
    run.low = run.low + 1 if name and abs(losses.get(name, 1.0)) < _WON else 0
    if run.low <= _PATIENCE:
        return ""
    said = f"the critic's loss has been near 0 for {run.low} steps: it has won, and the generator learns nothing more"
    if run.low == _PATIENCE + 1:
        warnings.warn(said, RuntimeWarning, stacklevel=3)
    return said


def _tensors(run: Run) -> dict[str, Tensor]:
    found = {f"nets.{k}": v for k, v in run.game.nets.state_dict().items()}
    found |= {f"averages.{k}": v for k, v in run.averages.state_dict().items()}
    for name, best in run.game.optimisers.items():
        for number, values in best.state_dict()["state"].items():
            found |= {f"best.{name}.{number}.{key}": torch.as_tensor(v) for key, v in values.items()}
    return {k: v.detach().cpu().clone().contiguous() for k, v in found.items()}


def _give_moments(best: optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, what = key.split(".")
        state.setdefault(int(number), {})[what] = value
    best.load_state_dict({"state": state, "param_groups": best.state_dict()["param_groups"]})


def _csv(rows: list[dict[str, float]]) -> bytes:
    text = io.StringIO()
    names = list(dict.fromkeys(k for row in rows for k in row))
    out = csv.DictWriter(text, names, lineterminator="\n")
    out.writeheader()
    out.writerows(rows)
    return text.getvalue().encode()


def _rows(path: Path, upto: int) -> list[dict[str, float]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
        return [row for row in rows if row["step"] <= upto]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []  # the log is for people: a run goes on without it
