"""Leave one forgery out: how well is a kind of forgery found by a network that never saw it?

One short run with every kind and one without each, all of one schedule and seed; then every kind is shown, made of or
taken from people who were not trained on, to the network that saw it and to the one that did not. The question is that
of A. Rössler et al. (ICCV 2019, unknown manipulations) and of L. Li et al. ("Face X-ray", CVPR 2020).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zhenwei.errors import DataError
from zhenwei.evaluation import leave_out as results
from zhenwei.forge.animate import animated
from zhenwei.forge.synthesis import (
    Forgery,
    affine_warp,
    cross_blend,
    mesh_swap,
    nearest_donors,
    regenerate,
    self_blend,
    splice,
)
from zhenwei.stats.bootstrap import Rows, bootstrap_interval, bootstrap_statistic
from zhenwei.stats.metrics import auc
from zhenwei.trainer.scores import scores
from zhenwei.trainer.supervised import Tell
from zhenwei.training.cnn import _face_forgery as face_forgery
from zhenwei.training.data.augment import draw
from zhenwei.training.data.batches import Split, made_by_decoder, made_by_motion, split_pack
from zhenwei.training.data.pack import Pack
from zhenwei.training.install.onnx_export import load_weights
from zhenwei.training.recipe import Pairs, Recipe
from zhenwei.types import Floats, Pixels

KINDS: Mapping[str, tuple[str, ...]] = {
    "published face swaps (DFDC)": ("collected",),
    "generated portraits (StyleGAN)": ("generated",),
    "a face blended with itself": ("self_blend", "affine_warp"),
    "another person's face drawn in": ("mesh_swap", "cross_blend"),
    "a region pasted from elsewhere": ("splice",),
    "a photograph drawn anew": ("regenerated",),
    "a still that was animated": ("animated", "rendered"),
    "a face through a latent autoencoder": ("decoded",),
}
_MOST = 300  # faces of each class that a kind is asked of; the rest tells little more
_FAMILY = "ffhq"


def without(pairs: Pairs, names: tuple[str, ...]) -> Pairs:
    """As many pairs, none of ``names``: their places go to the other kinds in proportion, largest remainder first.

    Raises :class:`DataError` where nothing is left.
    """
    counts: dict[str, int] = pairs.model_dump() | dict.fromkeys(names, 0)
    left = sum(counts.values())
    if not left:
        raise DataError("nothing is left to train on", got=f"only {', '.join(names)} in the recipe")
    exact = {name: count * pairs.total / left for name, count in counts.items()}
    given = {name: int(share) for name, share in exact.items()}
    short = pairs.total - sum(given.values())
    for name in sorted(exact, key=lambda n: (given[n] - exact[n], n))[:short]:
        given[name] += 1
    return Pairs(**given)


def kinds_of(recipe: Recipe) -> list[str]:
    """The kinds that the recipe holds anything of."""
    given = recipe.pairs.model_dump()
    return [kind for kind, names in KINDS.items() if any(map(given.get, names))]


@dataclass(frozen=True, slots=True, eq=False)
class FacesToScore:
    """Faces as the network sees them; ``groups``: whose they are."""

    pixels: tuple[Pixels, ...]
    forged: tuple[bool, ...]
    groups: tuple[str, ...]


def shown_of(kind: str, pack: Pack, recipe: Recipe) -> FacesToScore:
    """Up to 300 genuine and 300 forged faces of the test part of ``pack``, all delivered, pair by pair alike."""
    rows = _Rows(pack, split_pack(pack, recipe).test, recipe)
    makers: dict[str, Callable[[], Iterator[_Face]]] = {
        "collected": rows.collected,
        "generated": rows.generated,
        "self_blend": rows.blended,
        "mesh_swap": partial(rows.of_two, (mesh_swap, cross_blend)),
        "splice": partial(rows.of_two, (splice,)),
        "regenerated": partial(rows.of_one, lambda pixels, _, rng: regenerate(pixels, rng)),
        "animated": partial(rows.of_one, _animated),
        "decoded": partial(rows.of_one, partial(made_by_decoder, recipe.latents)),
    }
    found = list(makers[KINDS[kind][0]]())
    pixels, forged, groups = zip(*found, strict=True) if found else ((), (), ())
    if len(set(groups)) < 2 or len(set(forged)) < 2:
        raise DataError("too few faces to ask", got=f"{len(found)} of {kind}", want="several people, both classes")
    return FacesToScore(pixels, forged, groups)


_Face = tuple[Pixels, bool, str]
_OfOne = Callable[[Pixels, Floats, np.random.Generator], Forgery]
_OfTwo = Callable[[Pixels, Floats, Pixels, Floats, np.random.Generator], Forgery]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    pack: Pack
    test: NDArray[np.int64]
    recipe: Recipe

    def collected(self) -> Iterator[_Face]:
        for row in _spread(self.test[self.pack.forged[self.test] & (self.pack.original[self.test] >= 0)]):
            original = int(self.pack.original[row])
            yield from self._alike(self.pack.pixels(original), self.pack.pixels(row), original)

    def generated(self) -> Iterator[_Face]:
        """There are no pairs here; a photograph and a generated portrait share a delivery, each its own group."""
        source, forged = self.pack.source[self.test], self.pack.forged[self.test]
        real = self.test[(source == _FAMILY) & ~forged]
        drawn = self.test[forged & (self.pack.original[self.test] < 0)]
        for one, other in zip(_spread(real), _spread(drawn), strict=False):
            first, second = self._alike(self.pack.pixels(one), self.pack.pixels(other), one)
            yield first
            yield (second[0], second[1], self._group(other))

    def blended(self) -> Iterator[_Face]:
        for row, pixels, points, rng in self._genuine():
            make = self_blend if rng.random() < 0.8 else affine_warp
            yield from self._alike(pixels, make(pixels, points, rng).pixels, row)

    def of_one(self, make: _OfOne) -> Iterator[_Face]:
        for row, pixels, points, rng in self._genuine():
            yield from self._alike(pixels, make(pixels, points, rng).pixels, row)

    def of_two(self, makers: Sequence[_OfTwo]) -> Iterator[_Face]:
        for row, pixels, points, rng in self._genuine():
            others = self._donors(row)
            if not len(others):
                continue
            shapes = self.pack.landmarks[others].astype(np.float32)
            donor = int(others[nearest_donors(self.pack.landmarks[row].astype(np.float32), shapes, 1)[0]])
            theirs = self.pack.points(donor)
            if theirs is not None:
                make = makers[0] if rng.random() < 0.5 else makers[-1]
                yield from self._alike(pixels, make(pixels, points, self.pack.pixels(donor), theirs, rng).pixels, row)

    def _genuine(self) -> Iterator[tuple[int, Pixels, Floats, np.random.Generator]]:
        source = self.pack.source[self.test]
        known = np.isin(source, list(self.recipe.genuine_sources)) & ~self.pack.forged[self.test]
        for row in _spread(self.test[known]):
            points = self.pack.points(row)
            if points is not None:
                yield row, self.pack.pixels(row), points, np.random.default_rng((self.recipe.seed, 19, row))

    def _donors(self, row: int) -> NDArray[np.int64]:
        whole = np.isfinite(self.pack.landmarks[self.test]).all((1, 2)) & ~self.pack.forged[self.test]
        same = self.pack.source[self.test] == self.pack.source[row]
        other = self.pack.identity[self.test] != self.pack.identity[row]
        return np.asarray(self.test[whole & same & other], np.int64)

    def _alike(self, genuine: Pixels, forged: Pixels, row: int) -> list[_Face]:
        rng = np.random.default_rng((self.recipe.seed, 23, row))
        recipe = self.recipe
        degrade = draw(recipe.augmentation, len(genuine), recipe.size_px, rng, step=recipe.optimiser.steps)
        group = self._group(row)
        return [(degrade.apply(genuine), False, group), (degrade.apply(forged), True, group)]

    def _group(self, row: int) -> str:
        return f"{self.pack.source[row]}/{self.pack.identity[row]}"


def _animated(pixels: Pixels, points: Floats, rng: np.random.Generator) -> Forgery:
    return (animated if rng.random() < 0.5 else made_by_motion)(pixels, points, rng)


def _spread(rows: NDArray[np.int64]) -> list[int]:
    """At most so many, evenly spread over the pack, which lies in order of people."""
    picked = rows if len(rows) <= _MOST else rows[np.linspace(0, len(rows) - 1, _MOST).round().astype(int)]
    return list(map(int, picked))


def run(
    recipe: Recipe,
    pack: Pack,
    folder: Path,
    *,
    device: torch.device,
    workers: int,
    began: Callable[[str, int], Tell],
    asking: Callable[[str], None],
    pack_sha256: str,
) -> results.LeaveOneOut:
    """Trains what is not trained yet, each run in its own folder of ``folder``, and asks. An interrupted run goes on.

    ``began``: told what is left out ("" = nothing) and of how many steps; gives who hears of them. ``asking``: told
    the kind. Raises :class:`DataError` where the recipe holds a single kind, the pack does not keep its people apart,
    or another recipe was run in ``folder``.
    """
    kinds = kinds_of(recipe)
    if len(kinds) < 2:
        raise DataError("there is nothing to leave out", got=", ".join(kinds), want="a recipe of two kinds or more")
    _refuse_unfit(pack, split_pack(pack, recipe))
    # Held-out forgeries are of every kind: to choose among checks by them would be to learn from what is left out.
    once = {"check_every": recipe.optimiser.steps, "swa_from": 0}
    recipe = recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update=once)})
    nets, weights = {}, {}
    for kind in ("", *kinds):
        nets[kind] = _trained(kind, recipe, pack, folder, device, workers, began)
        weights[kind] = hashlib.sha256((folder / _slug(kind) / "best.pt").read_bytes()).hexdigest()
    rows = []
    for kind in kinds:
        asking(kind)
        rows.append(_asked(kind, nets[kind], nets[""], shown_of(kind, pack, recipe), recipe, device))
    return results.LeaveOneOut(
        detector=recipe.detector,
        backbone=recipe.backbone,
        size_px=recipe.size_px,
        steps=recipe.optimiser.steps,
        faces=2 * recipe.pairs.total,
        seed=recipe.seed,
        pack_sha256=pack_sha256,
        weights=weights,
        rows=tuple(rows),
    )


def _refuse_unfit(pack: Pack, split: Split) -> None:
    """People of the test who are trained on; and a source of hardly more than one person, whose swaps find no donor and
    would be self-blends instead, also where these are left out."""
    owners = np.array([f"{s}/{i}" for s, i in zip(pack.source, pack.identity, strict=True)])
    trained = [split.pairs, pack.original[split.pairs], split.generated, *split.genuine.values()]
    both = np.intersect1d(owners[np.concatenate(trained)], owners[split.test])
    if len(both):
        raise DataError("people of the test are trained on", got=", ".join(map(str, both[:3])))
    for source, rows in split.genuine.items():
        _, counts = np.unique(pack.identity[rows], return_counts=True)
        if counts.max() > len(rows) / 2:
            got = f"{source}: {counts.max()} of {len(rows)} faces are one person's"
            raise DataError("there are too few people to swap faces among", got=got, want="at most half")


def _trained(
    kind: str,
    recipe: Recipe,
    pack: Pack,
    folder: Path,
    device: torch.device,
    workers: int,
    began: Callable[[str, int], Tell],
) -> nn.Module:
    mine = recipe.model_copy(update={"pairs": without(recipe.pairs, KINDS[kind])}) if kind else recipe
    place = folder / _slug(kind)
    said = place / "recipe.json"
    if said.is_file() and Recipe.model_validate_json(said.read_text(encoding="utf-8")) != mine:
        raise DataError("the folder holds runs of another recipe", got=str(folder), fix="Choose another folder.")
    tell, steps = began(kind, recipe.optimiser.steps), recipe.optimiser.steps
    if (place / "last.pt").exists() and face_forgery.start(mine, place, device, resume=True).step == steps:
        tell(steps, {})
    else:
        begun = (place / "last.pt").exists()
        if not begun:  # cut before its first checkpoint: what it left would be mixed up with the new run
            for name in ("best.pt", "log.csv"):
                (place / name).unlink(missing_ok=True)
        face_forgery.train_network(mine, pack, place, device=device, tell=tell, workers=workers, resume=begun)
    return load_weights(place / "best.pt", face_forgery.network(recipe)).to(device)


def _asked(
    kind: str, unseen: nn.Module, seen: nn.Module, shown: FacesToScore, recipe: Recipe, device: torch.device
) -> results.MethodLeftOut:
    forged = np.array(shown.forged)
    blind, sighted = (
        scores(unseen, shown.pixels, device, mirrored=True),
        scores(seen, shown.pixels, device, mirrored=True),
    )
    both = np.column_stack([blind, sighted]).astype(np.float64)  # (n, 2)

    def lost(rows: Rows) -> float:  # resampled in pairs
        return auc(forged[rows], both[rows, 1]) - auc(forged[rows], both[rows, 0])

    return results.MethodLeftOut(
        kind=kind,
        genuine=int((~forged).sum()),
        forged=int(forged.sum()),
        groups=len(set(shown.groups)),
        unseen=bootstrap_interval(auc, forged, both[:, 0], groups=shown.groups, seed=recipe.seed),
        seen=bootstrap_interval(auc, forged, both[:, 1], groups=shown.groups, seed=recipe.seed),
        lost=bootstrap_statistic(lost, forged, groups=shown.groups, seed=recipe.seed),
    )


def _slug(kind: str) -> str:
    return f"without-{KINDS[kind][0]}" if kind else "all"
