"""Runs of the picture generators: begun or gone on with, opened again, and what is sampled of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.adversarial import SCHEMA, Game, GameProgress, GameSchedule, train
from zhenwei.forge.gan import dcgan, stylegan
from zhenwei.forge.gan.faces import TrainingFaces
from zhenwei.forge.gan.gan_settings import CRITIC_STEPS, GanSettings, Generator, fresh_generator
from zhenwei.trainer.checkpoints import read_checkpoint, under
from zhenwei.trainer.run import WEIGHTS, Run


def game_of(settings: GanSettings, faces: TrainingFaces, device: torch.device) -> Game:
    """The game over ``faces``; its first weights are the same for the same seed, whatever the device."""
    if faces.pixels.shape[1] != settings.side:
        raise UsageError("faces have another size", got=str(faces.pixels.shape[1]), want=f"{settings.side} px")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        made = stylegan.game_of if settings.kind == "stylegan" else dcgan.game_of
        return made(settings, faces, device)


def learn(
    settings: GanSettings,
    faces: TrainingFaces,
    steps: int,
    folder: Path | None = None,
    *,
    device: torch.device,
    save_every: int = 500,
    tell: Callable[[GameProgress, Run], None] = lambda _step, _run: None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train for ``steps`` generator steps, or go on in ``folder``, as :func:`zhenwei.forge.adversarial.train`."""
    watch = "critic" if settings.kind != "wgan-gp" else ""
    schedule = GameSchedule(steps, CRITIC_STEPS[settings.kind], settings.seed, settings.ema, save_every, watch)
    game = game_of(settings, faces, device)
    return train(game, schedule, folder, about=about(settings, faces), tell=tell, stop=stop)


def about(settings: GanSettings, faces: TrainingFaces) -> dict[str, Any]:
    """What a run is made of: its settings, and its pictures by words, digest and consent."""
    digest = hashlib.sha256(faces.pixels.tobytes()).hexdigest()
    return {"settings": asdict(settings), "data": faces.words, "pixels": digest, "consent": faces.consent}


def generator_of(run: Run) -> Generator:
    """The averaged generator, or the generator itself where none is averaged."""
    found = run.averages["generator"] if "generator" in run.averages else run.task.nets["generator"]
    if not isinstance(found, Generator):
        raise UsageError("this run has no generator of pictures", got=type(found).__name__)
    return found


def open_run(folder: Path) -> tuple[Generator, dict[str, Any]]:
    """The averaged generator of a run in ``folder``, on the CPU, and what the run was made of, with its ``step``.

    DataError where there is no run of this lab."""
    document, tensors = read_checkpoint(folder / WEIGHTS, SCHEMA)
    try:
        told = {**document["about"], "step": document["step"], "low": document["low"]}
        settings = GanSettings(**told["settings"])
        generator = fresh_generator(settings.kind, settings.side, settings.width, settings.noise)
        generator.load_state_dict(under(tensors, "averages.generator." if told["ema"] else "nets.generator."))
    except (UsageError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"there is no readable run of a generator at {folder}", got=str(error)[:200]) from None
    return generator.eval().requires_grad_(False), told
