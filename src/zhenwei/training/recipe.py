"""A training recipe: everything that, with the data and the code, fixes the weights. Read from TOML, typed."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from zhenwei.errors import UsageError
from zhenwei.evaluation.documents import first_of
from zhenwei.trainer.schedule import OptimizerSettings

Share = Annotated[float, Field(ge=0, le=1)]
Often = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what every source of randomness takes
R = TypeVar("R", bound=BaseModel)


class RecipeSection(BaseModel):
    """A recipe, or a part of one: what is not given has its default, and what it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Pairs(RecipeSection):
    """How many (genuine, forged) pairs of each kind stand in one batch."""

    collected: int = Field(ge=0)  # a published forgery beside its original
    self_blend: int = Field(ge=0)  # made on the fly from a genuine face
    affine_warp: int = Field(ge=0)
    generated: int = Field(ge=0)  # a wholly synthetic face beside a genuine one of the same source family
    mesh_swap: int = Field(default=0, ge=0)  # another person's face drawn over this one, on the fly
    cross_blend: int = Field(default=0, ge=0)  # another person's face aligned and blended in, on the fly
    splice: int = Field(default=0, ge=0)  # a region of another picture, or of this one, pasted in, on the fly
    regenerated: int = Field(default=0, ge=0)  # the same picture drawn anew as generators draw, on the fly
    animated: int = Field(default=0, ge=0)  # the same still, its head turned, mouth and lids moved, on the fly
    rendered: int = Field(default=0, ge=0)  # the same head drawn by the learned network of motion, on the fly
    decoded: int = Field(default=0, ge=0)  # the same face or a part of it through a latent autoencoder, on the fly

    @property
    def total(self) -> int:
        made = self.self_blend + self.affine_warp + self.mesh_swap + self.cross_blend + self.splice + self.regenerated
        return self.collected + self.generated + made + self.animated + self.rendered + self.decoded


class Augmentation(RecipeSection):
    """Probabilities of each degradation; the same draw is applied to both faces of a pair."""

    zoom: Annotated[float, Field(ge=0.5, le=1)] = 0.85
    rotate_deg: float = 8.0
    downscale: Share = 0.3
    downscale_to: Annotated[float, Field(gt=0, lt=1)] = 0.3  # of the side, at the smallest
    colour: Share = 0.5
    grey: Share = 0.03
    blur: Share = 0.15
    blur_sigma: tuple[float, float] = (0.3, 1.6)  # px of the network's picture; no forgery survives the strongest
    sharpen: Share = 0.08
    noise: Share = 0.15
    noise_sigma: tuple[float, float] = (1.0, 9.0)  # grey levels
    jpeg: Share = 0.7
    webp: Share = 0.05
    jpeg_quality: tuple[int, int] = (35, 95)
    h264: Share = 0.0
    h264_crf: tuple[int, int] = (20, 40)
    h264_from_step: int = Field(default=0, ge=0)  # a harder diet once the easy one is learned

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.jpeg_quality
        if not 1 <= low <= high <= 100:
            raise ValueError(f"jpeg_quality is {low} to {high}, want a range within 1 to 100")
        low, high = self.h264_crf
        if not 0 <= low <= high <= 51:
            raise ValueError(f"h264_crf is {low} to {high}, want a range within 0 to 51")
        for name, (least, most) in (("blur_sigma", self.blur_sigma), ("noise_sigma", self.noise_sigma)):
            if not 0 < least <= most < 100:
                raise ValueError(f"{name} is {least} to {most}, want a range above 0 and below 100")
        if self.jpeg + self.webp > 1:
            raise ValueError("jpeg and webp exclude each other: together at most 1")
        return self


class Recipe(RecipeSection):
    detector: str
    seed: Seed
    backbone: Literal["lite0", "lite1", "lite2"]
    size_px: int = Field(gt=0, multiple_of=32)
    small_px: int = Field(default=0, ge=0, multiple_of=32)  # learn at this size at first: it costs less
    small_until_step: int = Field(default=0, ge=0)
    pairs: Pairs
    augmentation: Augmentation
    optimiser: OptimizerSettings
    genuine_sources: dict[str, Often]  # how often each source gives the genuine face of a self-made pair
    held_out_identities: Share  # of the training identities, kept for choosing and calibrating
    held_out_sources: tuple[str, ...]  # never trained on at all
    choose: dict[str, Often] = {"people": 0.5, "sources": 0.5}  # weights of the held-out AUCs that select, by name
    latents: str = ""  # the folder with the latent autoencoder's weights, which decoded pairs need
    start: str = ""  # the weights (or of which the mean) it began with, "name @ sha256", by --from; "" = ImageNet

    def scaled(self, steps: int) -> Recipe:
        """The same schedule in ``steps`` steps: everything that happens at a step happens at its share of them."""
        share, old = steps / self.optimiser.steps, self.optimiser
        times = {
            "steps": steps,
            "check_every": max(1, round(old.check_every * share)),
            "warmup_steps": round(old.warmup_steps * share),
            "swa_from": round(old.swa_from * share),
        }
        optimiser = old.model_copy(update=times)
        later = {"h264_from_step": round(self.augmentation.h264_from_step * share)}
        parts = {"optimiser": optimiser, "augmentation": self.augmentation.model_copy(update=later)}
        return self.model_copy(update=parts | {"small_until_step": round(self.small_until_step * share)})

    def size_at(self, step: int) -> int:
        """The side of the faces that are shown at a step, in px."""
        return self.small_px if self.small_px and step < self.small_until_step else self.size_px

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.pairs.total:
            raise ValueError("pairs: a batch needs at least one")
        if self.pairs.decoded and not self.latents:
            raise ValueError("latents: decoded pairs need the folder with the latent autoencoder's weights")
        if not self.genuine_sources:
            raise ValueError("genuine_sources: at least one is needed")
        both = sorted(set(self.genuine_sources) & set(self.held_out_sources))
        if both:
            raise ValueError(f"held_out_sources: {', '.join(both)} would be trained on as genuine_sources")
        return self


def read_recipe(
    kind: type[R], name: str, options: Mapping[str, str] | None = None, *, detectors: Sequence[str] = ()
) -> R:
    """``kind`` as a TOML file or the packaged recipe ``name`` says ("": its defaults), with ``options`` in force.

    ``options``: values as text, by the names of fields, those of a part after a dot: ``"optimiser.steps": "100"``.
    ``detectors``: whom it may be for, where it says. Raises :class:`UsageError` where there is no such recipe, or it is
    not as it should be; the message names what.
    """
    fix = f"Correct {name or 'it'}."
    try:
        values = tomllib.loads(_text(name, detectors)) if name else {}
        if detectors and values.get("detector", detectors[0]) not in detectors:
            want = " or ".join(detectors)
            raise UsageError("the recipe is for another detector", got=str(values["detector"]), want=want)
        for option, value in (options or {}).items():
            _put(kind, values, option, value)
        return kind.model_validate(values)
    except ValidationError as error:
        field, got, want = first_of(error)
        given = {option.replace("-", "_"): option for option in options or {}}
        if field in given:
            fix = f"Correct --{given[field]}."
        elif not name:  # what only a plug-in's recipe lacks
            fix = f"Give --{field.replace('_', '-')}."
        raise UsageError("the recipe cannot be read", got=got, want=want, fix=fix) from None
    except (ValueError, RecursionError) as error:  # not UTF-8, or no TOML
        raise UsageError("the recipe cannot be read", got=str(error), want="TOML", fix=fix) from error


def differences(before: BaseModel, now: BaseModel) -> list[str]:
    """Every value in which two recipes of one kind differ, as ``optimiser.steps 300 -> 50``."""
    found = []
    for name, value in now:
        was = getattr(before, name)
        if isinstance(value, BaseModel) and isinstance(was, BaseModel):
            found += [f"{name}.{inner}" for inner in differences(was, value)]
        elif was != value:
            found.append(f"{name} {was} -> {value}")
    return found


def options_of(kind: type[BaseModel], before: str = "") -> dict[str, FieldInfo]:
    """Every option of a recipe by its name on the command line; those of its parts after a dot."""
    found: dict[str, FieldInfo] = {}
    for name, known in kind.model_fields.items():
        part = known.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            found |= options_of(part, f"{before}{name}.")
        elif name != "detector":
            found[f"{before}{name}"] = known
    return found


def _text(name: str, detectors: Sequence[str]) -> str:
    folder = resources.files("zhenwei.training") / "recipes"
    path, packaged = Path(name), folder / f"{name}.toml"
    if path.is_file():
        return path.read_text("utf-8")
    if packaged.is_file():
        return packaged.read_text("utf-8")
    texts = {p.name.removesuffix(".toml"): p.read_text("utf-8") for p in folder.iterdir()}
    known = sorted(name for name in texts if not detectors or tomllib.loads(texts[name]).get("detector") in detectors)
    want = f"a TOML file or one of {', '.join(known)}" if known else "a TOML file"
    raise UsageError("no such recipe", got=name, want=want)


def _put(kind: type[BaseModel], values: dict[str, Any], option: str, value: str) -> None:
    """Sets one option in ``values``, in place; numbers, lists and tables are written as in TOML."""
    known = options_of(kind)
    name = option.replace("-", "_")
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        fix = f"The recipe has --{', --'.join(known)}."
        if near:
            fix = f"Did you mean --{' or --'.join(near).replace('_', '-')}?"
        raise UsageError(f"there is no option --{option}", fix=fix)
    *parts, last = name.split(".")
    for part in parts:
        inner: object = values.setdefault(part, {})
        if not isinstance(inner, dict):
            got, want = f"{part} = {inner!r}", f"a table [{part}]"
            raise UsageError("the recipe cannot be read", got=got, want=want, fix=f"Correct {part} in the recipe.")
        values = inner
    try:
        values[last] = tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        values[last] = value
