"""How motion is learned: two frames of one clip, of which one is to become the other.

After A. Siarohin et al., "First Order Motion Model for Image Animation", NeurIPS 2019. Nobody names a keypoint: they
are what lets the generator draw the driving frame, and what goes along when a picture is bent (equivariance, of places
and of their axes). The distance of pictures is taken in a feature space at two sizes, and in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.animate.clips import MotionClips
from zhenwei.nets.cyclegan import PatchCritic
from zhenwei.nets.first_order import Drawn, FirstOrderMotion, Keypoints, inverse, places_of, warp
from zhenwei.trainer.checkpoints import read_checkpoint, under
from zhenwei.trainer.loop import ema_warmup, take_step, train
from zhenwei.trainer.precision import reduced_precision
from zhenwei.trainer.run import SCHEMA, WEIGHTS, Progress, Run, Schedule, Task, Turn
from zhenwei.trainer.schedule import warmup_cosine

Features = Callable[[Tensor], Sequence[Tensor]]
"""Pictures ``(n, 3, h, w)`` in [0, 1] to maps; what is compared where pictures are."""

KIND = "first-order motion"
_WARM = 100


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """``pixels``, ``equivariance``, ``adversarial``: weights beside that of the feature space, which is 1."""

    points: int = 10
    width: int = 32
    batch: int = 8
    learning_rate: float = 8e-4
    pixels: float = 10.0
    equivariance: float = 2.0
    adversarial: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.points <= 32 or not 8 <= self.width <= 64 or self.width % 4 or self.batch < 2:
            got = f"{self.points} points, width {self.width}, batch {self.batch}"
            raise UsageError("motion is not learned so", got=got, want="1 to 32, 8 to 64 in fours, 2 and up")


@dataclass(frozen=True, slots=True)
class Bend:
    """A smooth change of the plane, of each picture another: affine and two waves. ``affine`` ``(n, 2, 3)``;
    ``height``, ``waves`` ``(n, 2, 2)``; ``phase`` ``(n, 2)``."""

    affine: Tensor
    height: Tensor
    waves: Tensor
    phase: Tensor

    @classmethod
    def draw(cls, n: int, generator: torch.Generator) -> Bend:
        affine = torch.eye(2, 3) + 0.08 * torch.randn(n, 2, 3, generator=generator)
        height = 0.02 * torch.randn(n, 2, 2, generator=generator)
        waves = 3.0 * torch.randn(n, 2, 2, generator=generator)
        return cls(affine, height, waves, 6.3 * torch.rand(n, 2, generator=generator))

    def places(self, at: Tensor) -> Tensor:
        """``(n, ..., 2)`` -> where they come to."""
        straight = torch.einsum("nab,n...b->n...a", self.affine[..., :2], at) + self._to(self.affine[..., 2], at)
        bent = torch.einsum("nwa,n...w->n...a", self.height, self._angles(at).sin())
        return straight + bent

    def slopes(self, at: Tensor) -> Tensor:
        """The derivative there, ``(n, ..., 2, 2)``."""
        bent = torch.einsum("nwa,n...w,nwb->n...ab", self.height, self._angles(at).cos(), self.waves)
        straight = self.affine[..., :2]
        return straight.reshape(len(straight), *[1] * (at.ndim - 2), 2, 2) + bent

    def _angles(self, at: Tensor) -> Tensor:
        return torch.einsum("nwb,n...b->n...w", self.waves, at) + self._to(self.phase, at)

    @staticmethod
    def _to(values: Tensor, at: Tensor) -> Tensor:
        return values.reshape(len(values), *[1] * (at.ndim - 2), 2)


def losses(net: FirstOrderMotion, pair: tuple[Tensor, Tensor], features: Features, settings: MotionSettings,
           generator: torch.Generator) -> tuple[dict[str, Tensor], Drawn]:  # fmt: skip
    """Of source and driving frames ``(n, 3, 64, 64)``, weighted; and what was drawn."""
    source, driving = pair
    bend = Bend.draw(len(source), generator)
    places = places_of(*driving.shape[-2:]).expand(len(driving), -1, -1, 2)
    bent = warp(driving, bend.places(places))
    found = net.detector(torch.cat([source, driving, bent]))
    ours, theirs, there = (Keypoints(at, axes) for at, axes in zip(found.at.chunk(3), found.axes.chunk(3), strict=True))
    drawn = net(source, ours, theirs)
    made = drawn.pixels
    gap = torch.zeros(())
    for scale in (1, 2):
        small, wanted = F.avg_pool2d(made, scale), F.avg_pool2d(driving, scale)
        with torch.no_grad():
            goal = features(wanted)
        for one, other in zip(features(small), goal, strict=True):
            gap = gap + (one - other).abs().mean()
    places_apart = (bend.places(there.at) - theirs.at).abs().mean()
    expected = inverse(theirs.axes) @ bend.slopes(there.at) @ there.axes
    axes_apart = (expected - torch.eye(2)).abs().mean()
    told = {
        "features": 0.1 * gap,
        "pixels": settings.pixels * (made - driving).abs().mean(),
        "equivariance": settings.equivariance * (5 * places_apart + axes_apart),
    }
    return told, drawn


def learn(
    settings: MotionSettings,
    clips: MotionClips,
    features: Features,
    steps: int,
    folder: Path | None = None,
    *,
    save_every: int = 200,
    tell: Callable[[Progress, Run], None] = lambda _progress, _run: None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train for ``steps``, or go on in ``folder``, on the CPU in sixteen bits where it has units for them.

    Raises as :func:`zhenwei.trainer.loop.train`."""
    torch.manual_seed(settings.seed)
    nets = nn.ModuleDict({"net": FirstOrderMotion(settings.points, settings.width)})
    if settings.adversarial:
        nets["critic"] = PatchCritic(settings.width, 2)
    nets.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rates = {name: settings.learning_rate / (4 if name == "critic" else 1) for name in nets}
    optimizers: dict[str, torch.optim.Optimizer] = {
        name: torch.optim.Adam(net.parameters(), rates[name], (0.5, 0.999)) for name, net in nets.items()
    }
    step = _Step(nets, optimizers, [torch.from_numpy(each) for each in clips.frames], features, settings)
    schedule = Schedule(
        steps,
        seed=settings.seed,
        save_every=save_every,
        learning_rate=lambda done, all_: warmup_cosine(done, all_, settings.learning_rate, _WARM),
        ema=lambda made: ema_warmup(0.998, made),
    )
    task = Task(nets, optimizers, step, averaged=("net",))
    about = {"kind": KIND, "settings": asdict(settings), "data": clips.words, "consent": clips.consent}
    return train(task, schedule, folder, about=about, tell=tell, stop=stop)


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    nets: nn.ModuleDict
    optimizers: dict[str, torch.optim.Optimizer]
    frames: list[Tensor]
    features: Features
    settings: MotionSettings

    def __call__(self, turn: Turn) -> dict[str, Tensor]:
        net, generator = self.nets["net"], turn.generator()
        if not isinstance(net, FirstOrderMotion):
            raise TypeError(type(net))
        pair = _pair(self.frames, self.settings.batch, generator)
        with reduced_precision(torch.device("cpu")):
            told, drawn = losses(net, pair, self.features, self.settings, generator)
            if self.settings.adversarial:
                fooled = ((self.nets["critic"](2 * drawn.pixels - 1).float() - 1) ** 2).mean()
                told["fooling"] = self.settings.adversarial * fooled
        take_step(self.optimizers["net"], torch.stack(list(told.values())).sum(), clip_norm=10.0, clipped=net)
        if self.settings.adversarial:
            critic = self.nets["critic"]
            real, made = critic(2 * pair[1] - 1), critic(2 * drawn.pixels.detach() - 1)
            told["critic"] = ((real - 1) ** 2).mean() + (made**2).mean()
            take_step(self.optimizers["critic"], told["critic"])
        return told


def _pair(frames: list[Tensor], count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """``count`` sources and driving frames, ``(count, 3, 64, 64)`` in [0, 1]: two of one clip each, mirrored or not,
    in other colours."""
    pairs = []
    for which in torch.randint(len(frames), (count,), generator=generator).tolist():
        pairs.append(frames[which][torch.randperm(len(frames[which]), generator=generator)[:2]])
    x = torch.stack(pairs).permute(1, 0, 4, 2, 3).float() / 255  # (2, count, 3, h, w)
    mirrored = torch.rand(count, generator=generator) < 0.5
    x = torch.where(mirrored[:, None, None, None], x.flip(4), x)
    gain = 1 + 0.15 * torch.randn(count, 3, 1, 1, generator=generator)
    source, driving = ((x * gain).clamp(0, 1)).flatten(0, 1).contiguous(memory_format=torch.channels_last).chunk(2)
    return source, driving


def open_run(folder: Path) -> tuple[FirstOrderMotion, dict[str, Any]]:
    """The averaged network of a run in ``folder``, ready to draw, and what the run was made of, with its ``step``.

    DataError where there is no run of this kind."""
    document, tensors = read_checkpoint(folder / WEIGHTS, SCHEMA)
    try:
        told = {**document["about"], "step": document["step"]}
        if told["kind"] != KIND:
            raise ValueError(told["kind"])
        settings = MotionSettings(**told["settings"])
        net = FirstOrderMotion(settings.points, settings.width)
        net.load_state_dict(under(tensors, "averages.net."))
    except (UsageError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"there is no readable run of learned motion at {folder}", got=str(error)[:200]) from None
    return net.eval().requires_grad_(False), told
