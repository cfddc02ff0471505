"""A training recipe: everything that, with the data and the code, fixes the weights. Read from TOML, typed."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zhenwei.errors import UsageError

Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pairs(_Section):
    """How many (genuine, forged) pairs of each kind stand in one batch."""

    collected: int = Field(ge=0)  # a published forgery beside its original
    self_blend: int = Field(ge=0)  # made on the fly from a genuine face
    affine_warp: int = Field(ge=0)
    generated: int = Field(ge=0)  # a wholly synthetic face beside a genuine one of the same source family

    @property
    def total(self) -> int:
        return self.collected + self.self_blend + self.affine_warp + self.generated


class Augmentation(_Section):
    """Probabilities of each degradation; the same draw is applied to both faces of a pair."""

    zoom: Annotated[float, Field(ge=0.5, le=1)] = 0.85
    rotate_deg: float = 8.0
    downscale: Share = 0.3
    colour: Share = 0.5
    grey: Share = 0.03
    blur: Share = 0.15
    sharpen: Share = 0.08
    noise: Share = 0.15
    jpeg: Share = 0.7
    webp: Share = 0.05
    jpeg_quality: tuple[int, int] = (35, 95)


class Optimiser(_Section):
    steps: int = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    label_smoothing: Share = 0.0
    map_weight: float = Field(ge=0)
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    clip_norm: float = 5.0
    check_every: int = Field(gt=0)
    frozen_stages: Annotated[int, Field(ge=0, le=7)] = 0  # with the stem: kept as ImageNet left them


class Recipe(_Section):
    detector: str
    seed: int
    backbone: Literal["lite0", "lite1", "lite2"]
    size_px: int = Field(gt=0, multiple_of=32)
    pairs: Pairs
    augmentation: Augmentation
    optimiser: Optimiser
    genuine_sources: dict[str, float]  # how often each source gives the genuine face of a self-made pair
    held_out_identities: Share  # of the training identities, kept for choosing and calibrating
    held_out_sources: tuple[str, ...]  # never trained on at all


def load_recipe(name: str | Path) -> Recipe:
    """The recipe in a TOML file, or the packaged one of that name (``"face_forgery"``)."""
    path = Path(name)
    packaged = resources.files("zhenwei.training") / "recipes" / f"{name}.toml"
    if path.is_file():
        text = path.read_text(encoding="utf-8")
    elif packaged.is_file():
        text = packaged.read_text(encoding="utf-8")
    else:
        folder = resources.files("zhenwei.training") / "recipes"
        known = sorted(p.name.removesuffix(".toml") for p in folder.iterdir())
        raise UsageError("no such recipe", got=str(name), want=f"a TOML file or one of {', '.join(known)}")
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError("the recipe cannot be read", got=str(error), fix=f"Correct {name}.") from error
