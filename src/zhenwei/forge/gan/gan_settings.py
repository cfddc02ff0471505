"""What a run of one of the picture generators is made of, and its generator at its start."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from zhenwei.forge.checked_settings import checked
from zhenwei.nets.gan import NOISE, DcganGenerator
from zhenwei.nets.stylegan import StyleGenerator

Kind = Literal["dcgan", "wgan-gp", "stylegan"]
Augment = Literal["none", "diffaugment", "ada"]
Generator = DcganGenerator | StyleGenerator
CRITIC_STEPS = {"dcgan": 1, "wgan-gp": 5, "stylegan": 1}


@checked
class GanSettings:
    """``side``: 32 or 64 px, of StyleGAN also 16. ``width``: maps of the layer next to the picture. ``ema``: decay of
    the average. StyleGAN's own: ``augment``, what its critic's pictures go through, and ``penalty``, the weight of R1.
    Raises UsageError for values without meaning."""

    kind: Kind = "dcgan"
    side: int = 32
    width: Annotated[int, Field(ge=1)] = 32
    noise: Annotated[int, Field(ge=1)] = NOISE
    batch: Annotated[int, Field(ge=2)] = 64
    seed: int = 0
    ema: float = 0.995
    augment: Augment = "none"
    penalty: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.augment != "none" and self.kind != "stylegan":
            raise ValueError(f"the augmentation {self.augment} is for stylegan, not for {self.kind}")
        return self


def fresh_generator(kind: Kind, side: int, width: int, noise: int) -> Generator:
    """The generator of a game at its start, by torch's own chance."""
    if kind == "stylegan":
        return StyleGenerator(side, width, noise)
    return DcganGenerator(side, width, noise)
