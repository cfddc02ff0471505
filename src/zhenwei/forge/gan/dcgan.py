"""Faces of 32 or 64 px out of noise: DCGAN, and WGAN with a gradient penalty on the same convolutions.

A. Radford et al., "Unsupervised Representation Learning with DCGANs", ICLR 2016; I. Gulrajani et al., "Improved
Training of Wasserstein GANs", NeurIPS 2017. The critic of the latter has no batch norm, as the penalty is of each
sample alone. Both start from N(0, 0.02); what is sampled is the running average of the generator.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import Consent, check_files
from zhenwei.forge.gan.gan import Rules, play
from zhenwei.forge.gan.loop import SCHEMA, WEIGHTS, Game, Run, Schedule, Step, train
from zhenwei.forge.puppet import any_puppet, portraits
from zhenwei.forge.swap.sides import of_portraits
from zhenwei.nets.gan import NOISE, DcganCritic, DcganGenerator
from zhenwei.types import Pixels

Kind = Literal["dcgan", "wgan-gp"]
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
LEAST_PICTURES = 32
CRITIC_STEPS = {"dcgan": 1, "wgan-gp": 5}


@dataclass(frozen=True, slots=True)
class Settings:
    """``side``: 32 or 64 px. ``width``: maps of the layer next to the picture. ``ema``: decay of the average."""

    kind: Kind = "dcgan"
    side: int = 32
    width: int = 32
    noise: int = NOISE
    batch: int = 64
    seed: int = 0
    ema: float = 0.995

    def __post_init__(self) -> None:
        if self.kind not in CRITIC_STEPS:
            raise UsageError("no such game", got=repr(self.kind), want=" or ".join(CRITIC_STEPS))
        if self.width < 1 or self.noise < 1 or self.batch < 2:
            got = f"{self.width}, {self.noise}, {self.batch}"
            raise UsageError("width and noise are at least 1, a batch at least 2", got=got)


@dataclass(frozen=True, slots=True)
class Faces:
    """``pixels`` (n, side, side, 3) uint8 RGB to learn from. ``words``: what they are. ``consent``: SHA-256 of the
    manifest that covers them, "" for puppets, which are nobody."""

    pixels: Pixels
    words: str
    consent: str = ""

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or self.pixels.dtype != np.uint8:
            raise UsageError("these are no faces", got=f"{shape} {self.pixels.dtype}", want="(n, side, side, 3) uint8")
        if len(self.pixels) < LEAST_PICTURES:
            raise UsageError("too few pictures to learn from", got=str(len(self.pixels)), want=f">= {LEAST_PICTURES}")


def puppets(count: int, side: int, seed: int) -> Faces:
    """``count`` drawn puppets, each another one."""
    drawn = [portraits(any_puppet(np.random.default_rng([seed, k])), 1, 2 * side, seed + k)[0] for k in range(count)]
    large = of_portraits("puppets", drawn, 1.25).pixels
    small = large.reshape(count, side, 2, side, 2, 3).mean((2, 4)).round().astype(np.uint8)
    return Faces(small, f"{count} drawn puppets, seed {seed}")


def faces_of(files: Iterable[Path], side: int, consent: Consent, subject: str, today: datetime.date) -> Faces:
    """Square middles of pictures of faces, after ``consent`` was found to cover every file for ``subject``'s face.

    Raises DataError where consent does not cover a file, or one cannot be read as a picture."""
    held = sorted(files)
    check_files(consent, subject, held, today, "face")
    if not held:
        raise UsageError("there are no pictures to learn from", want=f"a folder with {', '.join(SUFFIXES)}")
    return Faces(np.stack([_read(path, side) for path in held]), f"{len(held)} pictures of {subject}", consent.sha256)


def game_of(settings: Settings, faces: Faces, device: torch.device) -> Game:
    """The game over ``faces``; its first weights are the same for the same seed, whatever the device."""
    if faces.pixels.shape[1] != settings.side:
        raise UsageError("faces have another size", got=str(faces.pixels.shape[1]), want=f"{settings.side} px")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        generator = DcganGenerator(settings.side, settings.width, settings.noise)
        critic = DcganCritic(settings.side, settings.width, normed=settings.kind == "dcgan")
    for net in (generator, critic):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third to a half less time on CPUs
    return play(generator, critic, settings.noise, _mirrored(faces.pixels), rules_of(settings), device)


def rules_of(settings: Settings) -> Rules:
    """Each paper's own rates."""
    if settings.kind == "dcgan":
        return Rules("non-saturating", settings.batch, 2e-4, 2e-4, (0.5, 0.999))
    return Rules("wgan-gp", settings.batch, 2e-4, 2e-4, (0.0, 0.9), penalty=10.0)


def learn(
    settings: Settings,
    faces: Faces,
    steps: int,
    folder: Path | None = None,
    *,
    device: torch.device,
    save_every: int = 500,
    tell: Callable[[Step, Run], None] = lambda _step, _run: None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train for ``steps`` generator steps in all, or go on in ``folder``; see :func:`zhenwei.forge.gan.loop.train`."""
    watch = "critic" if settings.kind == "dcgan" else ""
    schedule = Schedule(steps, CRITIC_STEPS[settings.kind], settings.seed, settings.ema, save_every, watch)
    game = game_of(settings, faces, device)
    return train(game, schedule, folder, about=about(settings, faces), tell=tell, stop=stop)


def about(settings: Settings, faces: Faces) -> dict[str, Any]:
    """What a run is made of: its settings, and its pictures by words, digest and consent."""
    digest = hashlib.sha256(faces.pixels.tobytes()).hexdigest()
    return {"settings": asdict(settings), "data": faces.words, "pixels": digest, "consent": faces.consent}


def generator_of(run: Run) -> DcganGenerator:
    """The averaged generator, or the generator itself where none is averaged."""
    found = run.averages["generator"] if "generator" in run.averages else run.game.nets["generator"]
    if not isinstance(found, DcganGenerator):
        raise UsageError("this run has no DCGAN generator", got=type(found).__name__)
    return found


def open_run(folder: Path) -> tuple[DcganGenerator, dict[str, Any]]:
    """The averaged generator of a run in ``folder``, on the CPU, and what the run was made of, with its ``step``.

    DataError where there is no run of this lab."""
    path = folder / WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            told: Any = json.loads((file.metadata() or {}).get("zhenwei", ""))
            start = "averages.generator." if told["about"]["ema"] else "nets.generator."
            names = [name for name in file.keys() if name.startswith(start)]  # noqa: SIM118  # no mapping
            held = {name.removeprefix(start): file.get_tensor(name) for name in names}
        if told["schema"] != SCHEMA:
            raise ValueError(told["schema"])
        settings = Settings(**told["about"]["settings"])
        generator = DcganGenerator(settings.side, settings.width, settings.noise)
        generator.load_state_dict(held)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"there is no readable run at {folder}", got=str(error)[:200]) from None
    return generator.eval().requires_grad_(False), {**told["about"], "step": told["step"]}


def noise_for(count: int, noise: int, seed: int) -> Tensor:
    """(count, noise) numbers of N(0, 1), the same for the same seed."""
    return torch.randn(count, noise, generator=torch.Generator().manual_seed(seed))


def imagine(generator: DcganGenerator, noise: Tensor) -> Pixels:
    """Noise (n, noise) -> pictures (n, side, side, 3) uint8, by the statistics of training (no batch decides)."""
    was, device = generator.training, next(generator.parameters()).device
    generator.eval()
    with torch.no_grad():
        made = [generator(part.to(device)).float().cpu() for part in torch.split(noise, 256)]
    generator.train(was)
    levels = ((torch.cat(made) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())


def walk(stops: Tensor, between: int) -> Tensor:
    """A closed walk through ``stops`` (n, noise): (n * between, noise), ``between`` steps from each to the next.

    Along the sphere (T. White, "Sampling Generative Networks", 2016): straight lines pass through lengths that N(0, 1)
    hardly ever has, where the generator learned nothing. UsageError under 2 stops or 1 step."""
    if len(stops) < 2 or between < 1:
        raise UsageError("a walk goes somewhere", got=f"{len(stops)} stops, {between} steps", want="2 and 1 at least")
    path = []
    for a, b in zip(stops, stops.roll(-1, 0), strict=True):
        angle = torch.arccos(torch.clamp((a / a.norm()) @ (b / b.norm()), -1, 1))
        for share in torch.arange(between) / between:
            if float(angle.sin()) < 1e-4:
                path.append(a + share * (b - a))
            else:
                path.append(((1 - share) * angle).sin() / angle.sin() * a + (share * angle).sin() / angle.sin() * b)
    return torch.stack(path)


def roughness(frames: Pixels) -> float:
    """Largest change from a frame (n, h, w, 3) to the next over the mean one: 1 is even, the length a jump."""
    change = np.abs(np.diff(frames.astype(np.float64), axis=0)).mean((1, 2, 3))
    if len(change) == 0 or change.mean() == 0:
        raise UsageError("nothing moves in these frames", got=f"{len(frames)} frames")
    return float(change.max() / change.mean())


def rows_of(pictures: Pixels, columns: int) -> list[list[Pixels]]:
    """Tiles of a sheet, enlarged to 96 px at least, as a watermark drowns among small ones."""
    factor = -(-96 // pictures.shape[1])
    large: list[Pixels] = [p.repeat(factor, axis=0).repeat(factor, axis=1) for p in pictures]
    return [large[k : k + columns] for k in range(0, len(large), columns)]


def _mirrored(pixels: Pixels) -> Callable[[int, torch.Generator], Tensor]:
    """Draws with replacement, one half mirrored."""
    held = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()

    def draw(n: int, chance: torch.Generator) -> Tensor:
        drawn = held[torch.randint(len(held), (n,), generator=chance)].float() / 127.5 - 1
        flip = torch.rand(n, generator=chance) < 0.5
        return torch.where(flip[:, None, None, None], drawn.flip(3), drawn)

    return draw


def _read(path: Path, side: int) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * side, 2 * side))
            whole = image.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read {path.name} as a picture", got=str(error)[:200]) from None
    edge = min(whole.size)
    left, top = (whole.width - edge) // 2, (whole.height - edge) // 2
    middle = whole.crop((left, top, left + edge, top + edge))
    return np.asarray(
        middle.resize((side, side), Image.Resampling.BOX if edge >= 2 * side else Image.Resampling.BICUBIC)
    )
