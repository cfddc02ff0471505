"""What a run of one of the picture generators is made of, and its generator at its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zhenwei.errors import UsageError
from zhenwei.nets.gan import NOISE, DcganGenerator
from zhenwei.nets.stylegan import StyleGenerator

Kind = Literal["dcgan", "wgan-gp", "stylegan"]
Augment = Literal["none", "diffaugment", "ada"]
Generator = DcganGenerator | StyleGenerator
CRITIC_STEPS = {"dcgan": 1, "wgan-gp": 5, "stylegan": 1}
AUGMENTS = ("none", "diffaugment", "ada")


@dataclass(frozen=True, slots=True)
class Settings:
    """``side``: 32 or 64 px, of StyleGAN also 16. ``width``: maps of the layer next to the picture. ``ema``: decay of
    the average. StyleGAN's own: ``augment``, what its critic's pictures go through, and ``penalty``, the weight of R1.
    """

    kind: Kind = "dcgan"
    side: int = 32
    width: int = 32
    noise: int = NOISE
    batch: int = 64
    seed: int = 0
    ema: float = 0.995
    augment: Augment = "none"
    penalty: float = 0.1

    def __post_init__(self) -> None:
        if self.kind not in CRITIC_STEPS:
            raise UsageError("no such game", got=repr(self.kind), want=" or ".join(CRITIC_STEPS))
        if self.width < 1 or self.noise < 1 or self.batch < 2:
            got = f"{self.width}, {self.noise}, {self.batch}"
            raise UsageError("width and noise are at least 1, a batch at least 2", got=got)
        if self.augment not in AUGMENTS or (self.augment != "none" and self.kind != "stylegan"):
            got = f"{self.augment} for {self.kind}"
            raise UsageError("this augmentation is not had", got=got, want=f"{', '.join(AUGMENTS)}, for stylegan")
        if not 0 <= self.penalty < float("inf"):
            raise UsageError("the weight of R1 is a number from 0 up", got=str(self.penalty))


def fresh_generator(kind: Kind, side: int, width: int, noise: int) -> Generator:
    """The generator of a game at its start, by torch's own chance."""
    if kind == "stylegan":
        return StyleGenerator(side, width, noise)
    return DcganGenerator(side, width, noise)
