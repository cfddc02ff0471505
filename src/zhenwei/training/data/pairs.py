"""All pairs of a recipe, one after another, for what learns from a frozen network."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from zhenwei.training.data.batches import BatchMaker, Example, Split, split_pack
from zhenwei.training.data.pack import Pack
from zhenwei.training.recipe import Recipe


def pairs_of(maker: BatchMaker) -> tuple[Iterator[Example], int]:
    """Every pair of every batch of ``maker``, and how many."""
    each = itertools.chain.from_iterable(map(maker.pairs_at, range(len(maker))))
    return each, len(maker) * maker.recipe.pairs.total


def held_out_pairs(pack: Pack, split: Split, recipe: Recipe, batches: int) -> tuple[Iterator[Example], int]:
    """Pairs of people and pictures that are held out, made as the training's are."""
    rows = split.held_out
    forged, source = pack.forged[rows], pack.source[rows]
    whole = np.isfinite(pack.landmarks[rows]).all((1, 2))
    genuine = {name: rows[~forged & whole & (source == name)] for name in recipe.genuine_sources}
    original = pack.original[rows]
    other = Split(
        pairs=rows[forged & (original >= 0)],
        generated=rows[forged & (original < 0)],
        genuine=genuine,
        held_out=rows[:0],
        foreign=rows[:0],
        test=rows[:0],
    )
    steps = recipe.optimiser.model_copy(update={"steps": batches})
    apart = recipe.model_copy(update={"seed": recipe.seed + 1, "optimiser": steps})
    return pairs_of(BatchMaker(pack, other, apart))


def training_pairs(pack: Pack, recipe: Recipe) -> tuple[Iterator[Example], int]:
    return pairs_of(BatchMaker(pack, split_pack(pack, recipe), recipe))
