"""Translators between two kinds of small faces, trained without pairs: runs of :mod:`zhenwei.forge.gan.cyclegan`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.adversarial import SCHEMA, GameProgress, GameSchedule, train
from zhenwei.forge.checked_settings import checked, one_of
from zhenwei.forge.gan import cyclegan
from zhenwei.forge.gan.faces import TrainingFaces, mirrored
from zhenwei.forge.gan.samples import levels
from zhenwei.forge.puppet import any_look, any_puppet, draw
from zhenwei.nets.cyclegan import Translator
from zhenwei.trainer.checkpoints import read_checkpoint, under
from zhenwei.trainer.run import WEIGHTS, Run
from zhenwei.types import Pixels

Way = Literal["a_to_b", "b_to_a"]
KIND = "cyclegan"


@checked
class TranslatorSettings:
    """``width``, ``blocks``, ``halvings``: the translators' (:mod:`zhenwei.nets.cyclegan`). ``identity``: weight of
    leaving alone what belongs to the other kind already."""

    side: Annotated[int, one_of(32, 64)] = 32
    width: Annotated[int, Field(ge=1, le=128)] = 24
    blocks: Annotated[int, Field(ge=1, le=12)] = 3
    halvings: Annotated[int, Field(ge=1, le=3)] = 1
    batch: Annotated[int, Field(ge=1, le=256)] = 8
    rate: Annotated[float, Field(gt=0, lt=1)] = 5e-4
    identity: float = 5.0
    seed: int = 0

    def rules(self) -> cyclegan.CycleRules:
        return cyclegan.CycleRules(
            self.batch, self.rate, 10.0, self.identity, self.width, self.blocks, self.halvings, critic_halvings=2
        )


@dataclass(frozen=True, slots=True, eq=False)
class Translators:
    """Both ways, on the CPU; ``side`` of their pictures in px; ``consent``: SHA-256 of the manifest, "" for puppets."""

    nets: dict[Way, Translator]
    side: int
    consent: str
    subjects: tuple[str, str]
    step: int
    data: str


def moods(count: int, side: int, seed: int, *, same: bool = False) -> tuple[TrainingFaces, TrainingFaces]:
    """Drawn puppets that look stern, and puppets that smile: other ones, or, where ``same``, the same in the same pose
    and light, which are the hidden pairs that a translator is measured by."""
    heaps: tuple[list[Pixels], list[Pixels]] = ([], [])
    for k in range(count):
        for number, heap in enumerate(heaps):
            who = np.random.default_rng([seed, k, 0 if same else number])
            puppet, look = any_puppet(who), any_look(who)
            far = float(who.uniform(0, 1))
            look = replace(look, blink=0.0, smile=-0.8 + 0.4 * far, open=0.0)
            if number:
                look = replace(look, smile=0.6 + 0.4 * far, open=0.4 + 0.4 * far)
            heap.append(draw(puppet, look, 5 * side // 2).pixels[side // 4 : -side // 4, side // 4 : -side // 4])
    stern, smiling = (
        np.stack(heap).reshape(count, side, 2, side, 2, 3).mean((2, 4)).round().astype(np.uint8) for heap in heaps
    )
    return TrainingFaces(stern, f"{count} stern puppets, seed {seed}"), TrainingFaces(smiling, f"{count} smiling ones")


def learn(
    settings: TranslatorSettings,
    a: TrainingFaces,
    b: TrainingFaces,
    steps: int,
    folder: Path | None = None,
    *,
    device: torch.device,
    subjects: tuple[str, str] = ("a", "b"),
    save_every: int = 200,
    tell: Callable[[GameProgress, Run], None] = lambda _step, _run: None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train for ``steps`` in all, or go on in ``folder``; see :func:`zhenwei.forge.adversarial.train`."""
    for faces in (a, b):
        if faces.pixels.shape[1] != settings.side:
            raise UsageError("faces have another size", got=str(faces.pixels.shape[1]), want=f"{settings.side} px")
    game = cyclegan.play(
        mirrored(a), mirrored(b), settings.side, settings.rules(), seed=settings.seed, device=device
    )  # fmt: skip
    schedule = GameSchedule(steps, seed=settings.seed, save_every=save_every, watch="")
    digest = hashlib.sha256(a.pixels.tobytes() + b.pixels.tobytes()).hexdigest()
    about = {"kind": KIND, "settings": asdict(settings), "data": f"{a.words}; {b.words}", "pixels": digest,
             "consent": a.consent, "subjects": list(subjects)}  # fmt: skip
    return train(game, schedule, folder, about=about, tell=tell, stop=stop)


def open_run(folder: Path) -> Translators:
    """The translators of a run in ``folder``. DataError where there is none."""
    document, tensors = read_checkpoint(folder / WEIGHTS, SCHEMA)
    try:
        about = document["about"]
        if about["kind"] != KIND:
            raise ValueError(about["kind"])
        settings = TranslatorSettings(**about["settings"])
        nets: dict[Way, Translator] = {"a_to_b": _fresh(settings), "b_to_a": _fresh(settings)}
        for way, net in nets.items():
            net.load_state_dict(under(tensors, f"nets.{way}."))
        one, other = (str(name) for name in about["subjects"])
        consent, step, data = str(about["consent"]), int(document["step"]), str(about["data"])
    except (UsageError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"there is no readable run of translators at {folder}", got=str(error)[:200]) from None
    return Translators(nets, settings.side, consent, (one, other), step, data)


@torch.no_grad()
def translate(net: nn.Module, images: Pixels) -> Pixels:
    """(n, side, side, 3) uint8 of one kind -> of the other."""
    device = next(net.parameters()).device
    held = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    made: list[Tensor] = [net(part.to(device)).cpu() for part in torch.split(held, 64)]
    return levels(torch.cat(made))


def _fresh(settings: TranslatorSettings) -> Translator:
    return Translator(settings.width, settings.blocks, settings.halvings).requires_grad_(False)
