"""``cnn.synthetic_image``: recipe, pairs and the held-out figures that choose the weights.

Two kinds of pairs make a batch, and both halves of a pair go through the very same delivery and degradation:
a generated portrait beside a photograph of the collection that its generator learned from (same framing, same look),
and, where the recipe wants them, a genuine picture of any source beside its regenerated twin (same everything but the
traces of drawing).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import cv2
import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.regenerate import regenerate
from zhenwei.nets.efficientnet_lite import load_imagenet
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.stats.metrics import auc
from zhenwei.trainer.batch import Batch
from zhenwei.trainer.schedule import OptimizerSettings
from zhenwei.trainer.scores import scores
from zhenwei.trainer.state import TrainState, begin
from zhenwei.trainer.supervised import Tell, train
from zhenwei.training.cnn._face_forgery import refuse_existing
from zhenwei.training.data.augment import draw
from zhenwei.training.data.encoding import shrink
from zhenwei.training.data.portraits import (
    FAMILY,
    ImageDegradation,
    LabelledPortrait,
    around_face,
    as_cut,
    draw_degradation,
    parted,
)
from zhenwei.training.imagenet import imagenet_state
from zhenwei.training.lesson import no_checkpoint
from zhenwei.training.recipe import Augmentation, Often, RecipeSection, Seed, Share
from zhenwei.training.resuming import heed_changes, kept_recipe, record, refuse_beyond
from zhenwei.types import Floats, InputContract, Pixels

_ROOM = 0.1  # cut beyond the margin, for the augmentation to move in
_MAX_SHRINK = 1.3  # of the crop by the augmentation's bilinear warp; the rest is averaged before
_MIN_FACE = 64
_MAX_CHECKED = 60  # of a source: the check comes often


class SyntheticPairs(RecipeSection):
    """How many (genuine, forged) pairs of each kind stand in one batch."""

    generated: int = Field(ge=0)
    regenerated: int = Field(ge=0)


class SyntheticRecipe(RecipeSection):
    """Everything that, with the data and the code, fixes the weights."""

    detector: Literal["cnn.synthetic_image"]
    seed: Seed
    backbone: Literal["lite0", "lite1", "lite2"]
    size_px: int = Field(gt=0, multiple_of=32)
    margin: Annotated[float, Field(ge=0, le=1)]
    held_out: Share  # of the training pictures, by name, kept for choosing and calibrating
    genuine_sources: dict[str, Often] = Field(default_factory=dict)  # how often each gives a picture to redraw
    pairs: SyntheticPairs
    exchanged: Share  # of the pairs with a generated portrait: a rectangle of one is put into the other
    augmentation: Augmentation
    optimiser: OptimizerSettings

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.pairs.generated + self.pairs.regenerated:
            raise ValueError("pairs: a batch needs at least one")
        if self.pairs.regenerated and not self.genuine_sources:
            raise ValueError("genuine_sources: at least one is needed to be redrawn")
        return self

    @property
    def contract(self) -> InputContract:
        return InputContract(size_px=self.size_px, margin=self.margin, min_face_px=_MIN_FACE)


@dataclass(frozen=True, slots=True, eq=False)
class PortraitSplit:
    """Portraits by what they are for. ``held_out`` chooses and calibrates; nobody learns from ``test``."""

    genuine: Mapping[str, Sequence[LabelledPortrait]]
    generated: Sequence[LabelledPortrait]
    held_out: Sequence[LabelledPortrait]
    test: Sequence[LabelledPortrait]


def sort_out(portraits: Sequence[LabelledPortrait], recipe: SyntheticRecipe) -> PortraitSplit:
    """Disjoint, the same on every machine. Raises :class:`DataError` where the recipe asks for what is not there."""
    learn, held_out = parted([p for p in portraits if not p.test], recipe.held_out, _unit)
    genuine: dict[str, list[LabelledPortrait]] = {source: [] for source in recipe.genuine_sources}
    if recipe.pairs.generated:
        genuine.setdefault(FAMILY, [])
    generated = []
    for portrait in learn:
        if portrait.forged:
            generated.append(portrait)
        elif portrait.source in genuine:
            genuine[portrait.source].append(portrait)
    lacking = [f"genuine portraits from {source}" for source, some in genuine.items() if not some]
    lacking += ["generated portraits"] if recipe.pairs.generated and not generated else []
    if lacking:
        raise DataError("the pictures cannot serve this recipe", got=f"no {', no '.join(lacking)}")
    return PortraitSplit(genuine, generated, held_out, [p for p in portraits if p.test])


def _unit(portrait: LabelledPortrait) -> str:
    """What is held out as one: a person where they are known, else the picture."""
    return portrait.path.split("/")[0] if portrait.source == "dfdc" else portrait.path


@dataclass(frozen=True, slots=True, eq=False)
class PortraitBatches:
    """``batches[step]`` is a pure function of the album, the recipe and the step."""

    album: PortraitSplit
    recipe: SyntheticRecipe

    def __len__(self) -> int:
        return self.recipe.optimiser.steps

    def __getitem__(self, step: int, /) -> Batch:
        kinds, cells = self.recipe.pairs, self.recipe.size_px // 32
        pixels: list[Pixels] = []
        masks: list[Floats] = []
        for slot in range(kinds.generated + kinds.regenerated):
            rng = np.random.default_rng((self.recipe.seed, step, slot))
            two = self._generated(rng) if slot < kinds.generated else self._regenerated(rng)
            mask = np.zeros(two[0].shape[:2], np.float32)
            if slot < kinds.generated and rng.random() < self.recipe.exchanged:
                mask = exchange(two, rng)
            pixels += two
            for part in (mask, 1 - mask):
                masks.append(np.asarray(cv2.resize(part, (cells, cells), interpolation=cv2.INTER_AREA)))
        share = np.stack(masks)
        return Batch(np.stack(pixels), share.mean((1, 2)), share, np.ones(len(pixels), np.float32))

    def _generated(self, rng: np.random.Generator) -> list[Pixels]:
        photographs, drawn = self.album.genuine[FAMILY], self.album.generated
        photograph, other = photographs[int(rng.integers(len(photographs)))], drawn[int(rng.integers(len(drawn)))]
        return self._alike([(photograph, photograph.pixels()), (other, other.pixels())], rng)

    def _regenerated(self, rng: np.random.Generator) -> list[Pixels]:
        names, odds = zip(*self.recipe.genuine_sources.items(), strict=True)
        choice = self.album.genuine[names[int(rng.choice(len(names), p=np.array(odds) / sum(odds)))]]
        portrait = choice[int(rng.integers(len(choice)))]
        pixels = portrait.pixels()
        return self._alike([(portrait, pixels), (portrait, regenerate(pixels, rng).pixels)], rng)

    def _alike(self, two: Sequence[tuple[LabelledPortrait, Pixels]], rng: np.random.Generator) -> list[Pixels]:
        """Both through one delivery and one degradation, at the smaller side: how large a face was must not tell."""
        size, degradation = self.recipe.size_px, draw_degradation(rng)
        crops = [self._room(portrait, pixels, degradation) for portrait, pixels in two]
        side = min(crops[0].shape[0], crops[1].shape[0], round(size * _MAX_SHRINK))
        degrade = draw(self.recipe.augmentation, side, size, rng)
        return [degrade.apply(shrink(crop, side)) for crop in crops]

    def _room(self, portrait: LabelledPortrait, pixels: Pixels, degradation: ImageDegradation) -> Pixels:
        degraded = degradation.apply(pixels)
        return around_face(degraded, portrait, degraded.shape[1] / pixels.shape[1], self.recipe.margin + _ROOM)


def exchange(two: list[Pixels], rng: np.random.Generator) -> Floats:
    """Swaps a rectangle between the pictures of a pair, in place, and gives its mask ``(h, w)`` float32.

    Who is in the picture no longer helps, and the regional answer must say where (S. Yun et al., "CutMix", ICCV 2019).
    """
    height, width = two[0].shape[:2]
    tall, wide = int(height * rng.uniform(0.3, 0.8)), int(width * rng.uniform(0.3, 0.8))
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    place = np.s_[top : top + tall, left : left + wide]
    kept = two[0][place].copy()
    two[0][place], two[1][place] = two[1][place], kept
    mask = np.zeros((height, width), np.float32)
    mask[place] = 1
    return mask


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutCrops:
    """Held-out pictures cut as the detector cuts them; ``forged`` ``(n,)`` bool."""

    pixels: tuple[Pixels, ...]
    forged: tuple[bool, ...]


HALF = ImageDegradation(scale=0.5, encoding=(".jpg", 70))


def generated_view(
    portraits: Sequence[LabelledPortrait], recipe: SyntheticRecipe, degradation: ImageDegradation
) -> HeldOutCrops:
    """Generated portraits against photographs of the family, all delivered alike."""
    pixels, forged = [], []
    for portrait in portraits:
        if portrait.forged or portrait.source == FAMILY:
            pixels.append(as_cut(portrait, portrait.pixels(), degradation, recipe.contract))
            forged.append(portrait.forged)
    return HeldOutCrops(tuple(pixels), tuple(forged))


def regenerated_view(portraits: Sequence[LabelledPortrait], recipe: SyntheticRecipe) -> HeldOutCrops:
    """Genuine pictures, up to 60 of a source, against their regenerated twins; twins are delivered alike."""
    pixels: list[Pixels] = []
    by_source: dict[str, list[LabelledPortrait]] = defaultdict(list)
    for portrait in portraits:
        if not portrait.forged:
            by_source[portrait.source].append(portrait)
    genuine: list[LabelledPortrait] = []
    for _, some in sorted(by_source.items()):
        genuine += some[:_MAX_CHECKED]
    for number, portrait in enumerate(genuine):
        rng = np.random.default_rng((recipe.seed, 7, number))
        image, degradation = portrait.pixels(), draw_degradation(rng)
        twin = regenerate(image, rng).pixels
        pixels.append(as_cut(portrait, image, degradation, recipe.contract))
        pixels.append(as_cut(portrait, twin, degradation, recipe.contract))
    return HeldOutCrops(tuple(pixels), (False, True) * len(genuine))


def run(
    recipe: SyntheticRecipe,
    album: PortraitSplit,
    folder: Path,
    *,
    device: torch.device,
    tell: Tell,
    workers: int = 1,
    resume: bool = False,
    stop_after: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> TrainState:
    """Trains to the recipe's end (or ``stop_after`` steps further); checkpoints and ``log.csv`` go to ``folder``.

    ``say``: told what a resumed run does otherwise. Raises :class:`DataError` if the folder holds a run that is not to
    be resumed, or no readable checkpoint, and :class:`UsageError` where no step is left to do it in.
    """
    refuse_existing(folder, resume=resume)
    if resume and not (folder / "last.pt").exists():
        raise no_checkpoint(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    net = FaceForgeryNet(recipe.backbone)
    load_imagenet(net.backbone, imagenet_state(recipe.backbone))
    state = begin(net, recipe.optimiser, device)
    if (folder / "last.pt").exists():
        state.restore(folder / "last.pt")
        refuse_beyond(state.step, recipe.optimiser.steps)
        heed_changes(kept_recipe(folder, recipe), recipe, left=recipe.optimiser.steps - state.step, say=say)
    record(recipe, folder, state.step)
    views = {
        "auc_generated": generated_view(album.held_out, recipe, ImageDegradation()),
        "auc_half_jpeg": generated_view(album.held_out, recipe, HALF),
    }
    if recipe.pairs.regenerated:
        views["auc_regenerated"] = regenerated_view(album.held_out, recipe)

    def check(net: nn.Module) -> dict[str, float]:
        figures = {}
        for name, view in views.items():
            figures[name] = auc(np.array(view.forged), scores(net, view.pixels, device))
        return figures | {"choose": float(np.mean(list(figures.values())))}

    batches = PortraitBatches(album, recipe)
    train(state, batches, folder, check=check, tell=tell, device=device, workers=workers, stop_after=stop_after)
    return state
