"""Batches as a pure function of (pack, recipe, step): resuming needs no state but the step's number.

Every forged face stands beside a genuine one that went through the same degradation, so neither compression nor size
nor exposure tells the classes apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.evaluation.localisation import difference_mask
from zhenwei.forge.animate import animated
from zhenwei.forge.synthesis import (
    Forgery,
    affine_warp,
    cross_blend,
    decoded,
    mesh_swap,
    nearest_donors,
    regenerate,
    self_blend,
    splice,
)
from zhenwei.trainer.batch import Batch
from zhenwei.training.data.augment import draw
from zhenwei.training.data.pack import Pack
from zhenwei.training.recipe import Recipe
from zhenwei.types import Floats, Pixels

_Maker = Callable[[Pixels, Floats, np.random.Generator], Forgery]
_Swapper = Callable[[Pixels, Floats, Pixels, Floats, np.random.Generator], Forgery]
_CANDIDATES = 60  # people among whom the one whose face is posed most alike becomes the donor
_FAMILY = "ffhq"  # what the generated faces were learned from: genuine pictures of their framing and look


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Indices into a pack. ``held_out`` shares no identity, ``foreign`` no source, with what is trained on."""

    pairs: NDArray[np.int64]  # forged pictures whose original is in the pack
    generated: NDArray[np.int64]
    genuine: dict[str, NDArray[np.int64]]  # with landmarks, by source
    held_out: NDArray[np.int64]
    foreign: NDArray[np.int64]
    test: NDArray[np.int64]


def _kept_out(identity: str, share: float) -> bool:
    digest = hashlib.sha256(f"held out:{identity}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share


def split_pack(pack: Pack, recipe: Recipe) -> Split:
    """Training, held-out identities, foreign sources and test; disjoint, the same on every machine."""
    foreign = np.isin(pack.source, recipe.held_out_sources) & (pack.split == "train")
    test = pack.split == "val"
    out = np.array([_kept_out(str(i), recipe.held_out_identities) for i in pack.identity]) & ~foreign & ~test
    usable = ~(foreign | test | out)
    faces = np.isfinite(pack.landmarks).all((1, 2))
    genuine = {s: np.flatnonzero(usable & ~pack.forged & faces & (pack.source == s)) for s in recipe.genuine_sources}
    has_original = pack.original >= 0
    pairs = np.flatnonzero(usable & pack.forged & has_original & usable[pack.original])
    split = Split(
        pairs=pairs,
        generated=np.flatnonzero(usable & pack.forged & ~has_original),
        genuine=genuine,
        held_out=np.flatnonzero(out),
        foreign=np.flatnonzero(foreign),
        test=np.flatnonzero(test),
    )
    _check(split, recipe)
    return split


def _check(split: Split, recipe: Recipe) -> None:
    lacking = [f"genuine faces from {source}" for source, indices in split.genuine.items() if not len(indices)]
    if recipe.pairs.collected and not len(split.pairs):
        lacking.append("pairs")
    if recipe.pairs.generated and not len(split.generated):
        lacking.append("generated faces")
    if recipe.pairs.generated and _FAMILY not in split.genuine:
        lacking.append(f"{_FAMILY} among the genuine_sources, to set beside generated faces")
    if lacking:
        raise DataError("the pack cannot serve this recipe", got=f"no {', no '.join(lacking)}")


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A genuine face, its forgery and the altered share per pixel; ``mask`` None where it is not known. ``kind``: as
    :class:`zhenwei.training.recipe.Pairs` calls it."""

    genuine: Pixels
    forged: Pixels
    mask: Floats | None
    kind: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class BatchMaker:
    """``maker[step]`` is batch ``step``; usable as a map-style data set by a loader with ``batch_size=None``."""

    pack: Pack
    split: Split
    recipe: Recipe

    def __len__(self) -> int:
        return self.recipe.optimiser.steps

    def __getitem__(self, step: int) -> Batch:
        pairs = list(self.pairs_at(step))
        cells = self.recipe.size_at(step) // 32
        pixels: list[Pixels] = []
        masks: list[Floats] = []
        known: list[float] = []
        for pair in pairs:
            pixels += [pair.genuine, pair.forged]
            altered = np.zeros((cells, cells), np.float32)
            if pair.mask is not None:
                altered = np.asarray(cv2.resize(pair.mask, (cells, cells), interpolation=cv2.INTER_AREA), np.float32)
            masks += [np.zeros((cells, cells), np.float32), altered]
            known += [1.0, float(pair.mask is not None)]
        labels = np.tile(np.array([0, 1], np.float32), len(pairs))
        return Batch(np.stack(pixels), labels, np.stack(masks), np.array(known, np.float32))

    def pairs_at(self, step: int) -> Iterator[Example]:
        """The pairs of batch ``step``, both pictures degraded alike, the mask moved with them."""
        size = self.recipe.size_at(step)
        for slot, (kind, make) in enumerate(self._makers()):
            rng = np.random.default_rng((self.recipe.seed, step, slot))
            example = make(rng)
            degrade = draw(self.recipe.augmentation, example.genuine.shape[0], size, rng, step=step)
            mask = None if example.mask is None else degrade.apply_mask(example.mask)
            yield Example(degrade.apply(example.genuine), degrade.apply(example.forged), mask, kind)

    def _makers(self) -> list[tuple[str, Callable[[np.random.Generator], Example]]]:
        makers: dict[str, Callable[[np.random.Generator], Example]] = {
            "collected": self._collected,
            "self_blend": partial(self._made, self_blend),
            "affine_warp": partial(self._made, affine_warp),
            "generated": self._generated,
            "mesh_swap": partial(self._swapped, mesh_swap),
            "cross_blend": partial(self._swapped, cross_blend),
            "splice": partial(self._swapped, splice),
            "regenerated": partial(self._made, _regenerated),
            "animated": partial(self._made, animated),
            "rendered": partial(self._made, made_by_motion),
            "decoded": partial(self._made, partial(made_by_decoder, self.recipe.latents)),
        }
        slots = []
        for kind, make in makers.items():
            slots += [(kind, make)] * getattr(self.recipe.pairs, kind)
        return slots

    def _collected(self, rng: np.random.Generator) -> Example:
        forged = int(rng.choice(self.split.pairs))
        genuine, altered = self.pack.pixels(int(self.pack.original[forged])), self.pack.pixels(forged)
        return Example(genuine, altered, difference_mask(genuine, altered))

    def _generated(self, rng: np.random.Generator) -> Example:
        forged = self.pack.pixels(int(rng.choice(self.split.generated)))
        genuine = self.pack.pixels(int(rng.choice(self.split.genuine[_FAMILY])))
        return Example(genuine, forged, np.ones(forged.shape[:2], np.float32))

    def _made(self, make: _Maker, rng: np.random.Generator) -> Example:
        index = int(rng.choice(self.split.genuine[self._source(rng)]))
        genuine = self.pack.pixels(index)
        forgery = make(genuine, self._points(index), rng)
        return Example(genuine, forgery.pixels, forgery.mask)

    def _swapped(self, make: _Swapper, rng: np.random.Generator) -> Example:
        """Two people of one source, the donor the one whose landmarks are the most alike of some."""
        choice = self.split.genuine[self._source(rng)]
        index = int(rng.choice(choice))
        others = rng.choice(choice, min(_CANDIDATES, len(choice)), replace=False)
        others = others[self.pack.identity[others] != self.pack.identity[index]]
        if not len(others):
            return self._made(self_blend, rng)
        shapes = self.pack.landmarks[others].astype(np.float32)
        donor = int(others[nearest_donors(self.pack.landmarks[index].astype(np.float32), shapes, 1)[0]])
        genuine = self.pack.pixels(index)
        forgery = make(genuine, self._points(index), self.pack.pixels(donor), self._points(donor), rng)
        return Example(genuine, forgery.pixels, forgery.mask)

    def _source(self, rng: np.random.Generator) -> str:
        sources = list(self.recipe.genuine_sources)
        weights = np.array(list(self.recipe.genuine_sources.values()))
        return sources[int(rng.choice(len(sources), p=weights / weights.sum()))]

    def _points(self, index: int) -> Floats:
        points = self.pack.points(index)
        if points is None:
            raise DataError("a genuine face without landmarks was chosen", got=str(self.pack.path[index]))
        return points


def _regenerated(pixels: Pixels, _landmarks: Floats, rng: np.random.Generator) -> Forgery:
    return regenerate(pixels, rng)


def made_by_decoder(latents: str, pixels: Pixels, landmarks: Floats, rng: np.random.Generator) -> Forgery:
    """:func:`zhenwei.forge.synthesis.decoded` with the autoencoder in the folder ``latents``."""
    from zhenwei.forge.latent import opened  # PyTorch, which whoever only makes batches does without

    return decoded(pixels, landmarks, rng, opened(Path(latents)))


def made_by_motion(pixels: Pixels, landmarks: Floats, rng: np.random.Generator) -> Forgery:
    """:func:`zhenwei.forge.animate.learned.rendered` with the network that comes with the package."""
    from zhenwei.forge.animate.learned import rendered, shipped

    return rendered(pixels, landmarks, rng, shipped())
