"""What chooses the weights of ``cnn.face_forgery``: AUCs on faces of people and of sources that were not trained on."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zhenwei.errors import UsageError
from zhenwei.forge.synthesis import affine_warp, self_blend
from zhenwei.stats.metrics import auc
from zhenwei.trainer.scores import scores
from zhenwei.trainer.supervised import Check
from zhenwei.training.data.augment import draw
from zhenwei.training.data.batches import Split, split_pack
from zhenwei.training.data.encoding import shrink
from zhenwei.training.data.pack import Pack
from zhenwei.training.recipe import Recipe
from zhenwei.types import Pixels

_ASKED = 32  # faces that tell how long a check takes


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Pictures at the network's size with labels and the data sets they are of, to be scored as they are."""

    pixels: tuple[Pixels, ...]
    forged: tuple[bool, ...]
    source: tuple[str, ...]


def no_check(_: nn.Module) -> dict[str, float]:
    """For processes that do not measure."""
    return {"choose": 0.0}


def checked_on(recipe: Recipe, pack: Pack, split: Split, device: torch.device) -> Check:
    """AUCs on faces held out, seen as the detector sees them (the mean of both views): of all people, of all foreign
    sources, of each source (those that hold one class only taken together), and the weighted mean that chooses."""
    sets: dict[str, LabelledFaces] = {}
    rows_of: dict[str, dict[str, NDArray[np.int64]]] = {}
    for name, choose in (("people", held_out_faces), ("sources", foreign_faces)):
        sets[name] = choose(pack, split, recipe)
        rows_of[name] = by_source(sets[name])
    names = ("people", "sources", *rows_of["people"], *rows_of["sources"])
    unknown = [name for name in recipe.choose if name not in names]
    if unknown:
        raise UsageError("recipe: choose names what is not measured", got=", ".join(unknown), want=", ".join(names))

    def check(net: nn.Module) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, shown in sets.items():
            said, forged = scores(net, shown.pixels, device, mirrored=True), np.array(shown.forged)
            figures[name] = auc(forged, said)
            for source, rows in rows_of[name].items():
                figures[source] = auc(forged[rows], said[rows])
        chosen = sum(weight * figures[name] for name, weight in recipe.choose.items()) / sum(recipe.choose.values())
        return {f"auc_{name}": figures[name] for name in names} | {"choose": chosen}

    return check


def check_seconds(recipe: Recipe, pack: Pack, net: nn.Module, device: torch.device) -> float:
    """About how long a check will take, from asking for some of its faces; the second time, when all is warm."""
    split = split_pack(pack, recipe)
    rows = split.held_out[:_ASKED] if len(split.held_out) else split.foreign[:_ASKED]
    few = [shrink(pack.pixels(int(row)), recipe.size_px) for row in rows]
    if not few:
        return 0.0
    scores(net, few[:4], device, mirrored=True)
    began = time.perf_counter()
    scores(net, few, device, mirrored=True)
    return (time.perf_counter() - began) / len(few) * (len(split.held_out) + 2 * len(split.foreign))


def by_source(shown: LabelledFaces) -> dict[str, NDArray[np.int64]]:
    """Rows of each source that holds both classes; sources of one class only together, as "a+b", if both occur."""
    source, forged = np.array(shown.source), np.array(shown.forged)
    found, halves = {}, []
    for name in np.unique(source).tolist():
        rows = np.flatnonzero(source == name)
        if len(np.unique(forged[rows])) == 2:
            found[name] = rows
        else:
            halves.append(name)
    rows = np.flatnonzero(np.isin(source, halves))
    if len(np.unique(forged[rows])) == 2:
        found["+".join(halves)] = rows
    return found


def held_out_faces(pack: Pack, split: Split, recipe: Recipe) -> LabelledFaces:
    """Other people of the sources trained on, undegraded."""
    pixels = tuple(shrink(pack.pixels(int(i)), recipe.size_px) for i in split.held_out)
    forged, source = pack.forged[split.held_out].tolist(), pack.source[split.held_out].tolist()
    return LabelledFaces(pixels, tuple(forged), tuple(source))


def foreign_faces(pack: Pack, split: Split, recipe: Recipe) -> LabelledFaces:
    """Genuine faces of sources never trained on, and forgeries made of them, both degraded alike (fixed seed)."""
    pixels: list[Pixels] = []
    forged: list[bool] = []
    source: list[str] = []
    for index in split.foreign:
        points = pack.points(int(index))
        if pack.forged[index] or points is None:
            continue
        rng = np.random.default_rng((recipe.seed, 7, int(index)))
        genuine = pack.pixels(int(index))
        make = self_blend if rng.random() < 0.8 else affine_warp
        forgery = make(genuine, points, rng)
        degrade = draw(recipe.augmentation, genuine.shape[0], recipe.size_px, rng, step=0)
        pixels += [degrade.apply(genuine), degrade.apply(forgery.pixels)]
        forged += [False, True]
        source += [str(pack.source[index])] * 2
    return LabelledFaces(tuple(pixels), tuple(forged), tuple(source))
