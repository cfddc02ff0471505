"""Tunes norms and biases of the tower on forgeries made of genuine faces alone.

Every pair is a genuine face and a forgery made of it, blended or drawn anew by a latent autoencoder's decoder, both
delivered alike and seen through one window. Two questions are asked - was it blended, did it go through a decoder -,
each of those pairs alone that bear on it, of the whole face and of each patch (whose share of forged pixels is known);
and within a pair the forgery is to stand above its original. No collected forgery is learned from, so that whatever was
collected can tell how well this generalises. Half of the patches are left out at each step, which halves the work.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.errors import DataError
from zhenwei.files import make_folder
from zhenwei.forge.animate import animated
from zhenwei.forge.latent import LatentRoundTrip
from zhenwei.forge.synthesis import Forgery, affine_warp, cross_blend, decoded, mesh_swap, nearest_donors, self_blend
from zhenwei.nets.face_encoder import CELLS, SIZE_PX, TunedEncoder, tuned
from zhenwei.trainer.loop import ema_warmup, take_step, train
from zhenwei.trainer.run import Progress, Run, Runtime, Schedule, Task, Turn
from zhenwei.training.clip import clip_tower
from zhenwei.training.data.augment import draw
from zhenwei.training.data.batches import made_by_motion
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.encoder._faces import FaceRoom
from zhenwei.training.recipe import Augmentation, RecipeSection, Share
from zhenwei.types import Floats, Pixels

_CANDIDATES = 60
_LOSSLESS = 101  # a quality of WebP
_VIEW = (190, 300)  # px of a crop of 320 that are looked at: margins of a tenth to 0.4 of the face
_SHIFT_PX = 10.0
_PART = 0.25  # how often but a part of a picture is from the decoder, so that a map has something to find


class EncoderRecipe(RecipeSection):
    """What is chosen of the encoder's training. ``genuine``: sources whose faces forgeries are made of. ``kept``: share
    of the patches that are looked at in a step. ``decoded``: share of the pairs that went through a decoder; ``trips``:
    how many of those are made, once, and ``trip_parts``: share of them that are faces, or parts of one, alone.
    ``animated``, ``rendered``: share of all pairs whose forgery is the still with its head turned, mouth and lids
    moved, and of those whose head the learned network of motion drew, which counts as a decoder."""

    seed: int = 1
    blocks: int = Field(default=8, ge=1, le=12)  # that are tuned; those above them stay as they were published
    steps: int = Field(default=20000, ge=0)  # 0: the heads alone
    pairs: int = Field(default=12, gt=0)
    learning_rate: float = Field(default=3e-4, gt=0)
    head_share: float = Field(default=7.0, gt=0)  # of the learning rate, for the two questions
    warmup_steps: int = Field(default=60, ge=0)
    ema_decay: Share = 0.998
    map_weight: float = Field(default=1.0, ge=0)
    pair_weight: float = Field(default=0.5, ge=0)
    kept: float = Field(default=0.5, gt=0, le=1)
    decoded: Share = 0.2
    trips: int = Field(default=1500, ge=0)
    trip_parts: Share = 0.0
    animated: Share = 0.0
    rendered: Share = 0.0
    genuine: tuple[str, ...] = (
        "DFDC",
        "HansonSun/FaceLabelTools",
        "ffhq",
        "pixabay",
        "choijeongsoo/lip2speech-unit",
        "rizkiarm/LipNet",
        "camera originals",
    )
    augmentation: Augmentation = Augmentation(
        zoom=0.93,
        rotate_deg=5.0,
        downscale=0.5,
        colour=0.3,
        grey=0.02,
        sharpen=0.15,
        noise=0.15,
        noise_sigma=(1.0, 6.0),
        jpeg=0.4,
        webp=0.15,
        jpeg_quality=(40, 96),
        h264=0.35,
        h264_crf=(18, 36),
    )


@dataclass(frozen=True, slots=True, eq=False)
class RoundTrips:
    """Encoded pairs: ``pixels(i)`` gives the genuine crop, the one drawn anew, and the share of it that was."""

    genuine: tuple[bytes, ...] = ()
    drawn: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.genuine)

    def pixels(self, index: int) -> tuple[Pixels, Pixels]:
        return decode(self.genuine[index]), decode(self.drawn[index])


def learning_rows(room: FaceRoom, recipe: EncoderRecipe) -> NDArray[np.int64]:
    """Genuine faces with landmarks of the recipe's sources, without those that are set aside for testing."""
    pack = room.pack
    usable = ~pack.forged & (pack.split != "val") & np.isin(pack.source, recipe.genuine)
    rows = np.flatnonzero(usable & np.isfinite(pack.landmarks).all((1, 2)))
    if not len(rows):
        raise DataError("there is no face to make forgeries of", got="none", want=", ".join(recipe.genuine))
    return rows


def prepare_trips(
    room: FaceRoom, recipe: EncoderRecipe, weights: Path, target: Path, progress: Callable[[float], None]
) -> RoundTrips:
    """Of ``target``, or made once with the autoencoder in the folder ``weights``."""
    if not target.is_file():
        draw_trips(room, recipe, LatentRoundTrip(weights), target, progress)
    with np.load(target, allow_pickle=False) as file:
        data, offsets = file["data"], file["offsets"]
    pairs = [data[first:last].tobytes() for first, last in itertools.pairwise(offsets)]
    return RoundTrips(tuple(pairs[0::2]), tuple(pairs[1::2]))


def draw_trips(
    room: FaceRoom, recipe: EncoderRecipe, trip: LatentRoundTrip, target: Path, progress: Callable[[float], None]
) -> None:
    rows, blobs = learning_rows(room, recipe), list[bytes]()
    for number in range(recipe.trips):
        rng = np.random.default_rng((recipe.seed, 23, number))
        row = int(rng.choice(rows))
        genuine, points = room.pack.pixels(row), room.pack.points(row)
        if points is not None and recipe.trip_parts and rng.random() < recipe.trip_parts:
            forgery = decoded(genuine, points, rng, trip)
        else:
            genuine, forgery = trip.draw(genuine, rng)
        blobs += [encode(genuine, ".webp", _LOSSLESS), encode(forgery.pixels, ".webp", _LOSSLESS)]
        progress(number / recipe.trips)
    make_folder(target.parent)
    offsets = np.cumsum([0, *map(len, blobs)])
    np.savez(target, data=np.frombuffer(b"".join(blobs), np.uint8), offsets=offsets)


@dataclass(frozen=True, slots=True, eq=False)
class PairBatch:
    """Of n pairs, genuine and forged beside each other: ``pixels`` ``(2n, 224, 224, 3)`` uint8, ``share``
    ``(2n, 14, 14)`` float32 of each patch that is forged, ``question`` ``(2n,)``: 0 blended, 1 decoded."""

    pixels: Pixels
    share: Floats
    question: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PairMaker:
    """``maker[step]`` is the batch of a step."""

    room: FaceRoom
    trips: RoundTrips
    recipe: EncoderRecipe
    rows: NDArray[np.int64]
    odds: NDArray[np.float64]

    @classmethod
    def of(cls, room: FaceRoom, trips: RoundTrips, recipe: EncoderRecipe) -> PairMaker:
        """A source gives faces by the square root of how many it has."""
        rows = learning_rows(room, recipe)
        source = room.pack.source[rows]
        _, index, counts = np.unique(source, return_inverse=True, return_counts=True)
        odds = counts[index] ** -0.5
        return cls(room, trips, recipe, rows, odds / odds.sum())

    def __getitem__(self, step: int) -> PairBatch:
        pixels, share, question = list[Pixels](), list[Floats](), list[int]()
        for slot in range(self.recipe.pairs):
            rng = np.random.default_rng((self.recipe.seed, step, slot))
            kind = self._kind(rng)
            genuine, forged, mask = kind(rng)
            side = genuine.shape[0]
            degrade = draw(self.recipe.augmentation, side, side, rng)
            both, altered = _seen((degrade.apply(genuine), degrade.apply(forged)), degrade.apply_mask(mask), rng)
            pixels += both
            share += [np.zeros_like(altered), altered]
            question += [int(kind in (self._decoded, self._rendered))] * 2
        return PairBatch(np.stack(pixels), np.stack(share), np.array(question))

    def _kind(self, rng: np.random.Generator) -> Callable[[np.random.Generator], tuple[Pixels, Pixels, Floats]]:
        """What is off draws nothing, so that the others are what they were without it."""
        for share, make in ((self.recipe.animated, self._animated), (self.recipe.rendered, self._rendered)):
            if share and rng.random() < share:
                return make
        return self._decoded if len(self.trips) and rng.random() < self.recipe.decoded else self._blended

    def _blended(self, rng: np.random.Generator) -> tuple[Pixels, Pixels, Floats]:
        index = int(rng.choice(self.rows, p=self.odds))
        pack = self.room.pack
        genuine, points, which = pack.pixels(index), self._points(index), rng.random()
        others = rng.choice(self.rows, min(_CANDIDATES, len(self.rows)), replace=False)
        others = others[pack.identity[others] != pack.identity[index]]
        if which < 0.72 or not len(others):
            forgery = (self_blend if which < 0.55 else affine_warp)(genuine, points, rng)
        else:
            shapes = pack.landmarks[others].astype(np.float32)
            alike = nearest_donors(pack.landmarks[index].astype(np.float32), shapes, min(3, len(others)))
            donor = int(others[alike[int(rng.integers(len(alike)))]])
            swap = cross_blend if which < 0.9 else mesh_swap
            forgery = swap(genuine, points, pack.pixels(donor), self._points(donor), rng)
        return genuine, forgery.pixels, forgery.mask

    def _animated(self, rng: np.random.Generator) -> tuple[Pixels, Pixels, Floats]:
        return self._of_one(animated, rng)

    def _rendered(self, rng: np.random.Generator) -> tuple[Pixels, Pixels, Floats]:
        return self._of_one(made_by_motion, rng)

    def _of_one(
        self, make: Callable[[Pixels, Floats, np.random.Generator], Forgery], rng: np.random.Generator
    ) -> tuple[Pixels, Pixels, Floats]:
        index = int(rng.choice(self.rows, p=self.odds))
        genuine = self.room.pack.pixels(index)
        forgery = make(genuine, self._points(index), rng)
        return genuine, forgery.pixels, forgery.mask

    def _points(self, index: int) -> Floats:
        points = self.room.pack.points(index)
        if points is None:
            raise DataError("a genuine face without landmarks was chosen", got=str(self.room.pack.path[index]))
        return points

    def _decoded(self, rng: np.random.Generator) -> tuple[Pixels, Pixels, Floats]:
        genuine, drawn = self.trips.pixels(int(rng.integers(len(self.trips))))
        changed = (np.abs(genuine.astype(np.int16) - drawn).max(axis=2) > 1).astype(np.float32)
        mask = np.clip(3 * cv2.GaussianBlur(changed, (0, 0), 6), 0, 1)
        if rng.random() < _PART:
            along, side = int(rng.integers(2)), genuine.shape[0]
            step = (np.indices((side, side))[along] > side * rng.uniform(0.3, 0.7)).astype(np.float32)
            share = cv2.GaussianBlur(step if rng.random() < 0.5 else 1 - step, (0, 0), float(rng.uniform(1, 8)))
            drawn = np.asarray(np.rint(genuine + (drawn - genuine.astype(np.float32)) * share[..., None]), np.uint8)
            mask = mask * share
        return genuine, drawn, np.asarray(mask, np.float32)


def _seen(both: tuple[Pixels, Pixels], mask: Floats, rng: np.random.Generator) -> tuple[tuple[Pixels, Pixels], Floats]:
    """One window on both at the network's size, mirrored or not; the share of each patch that is forged."""
    whole = mask.shape[0]
    side = round(rng.uniform(*_VIEW) / 320 * whole)
    left, top = [int(np.clip((whole - side) / 2 + rng.normal(0, _SHIFT_PX), 0, whole - side)) for _ in range(2)]
    mirrored = rng.random() < 0.5

    def window(x: NDArray[np.generic], size: int) -> NDArray[np.generic]:
        x = x[top : top + side, left : left + side]
        method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        x = cv2.resize(np.ascontiguousarray(x), (size, size), interpolation=method)
        return np.ascontiguousarray(x[:, ::-1] if mirrored else x)

    genuine, forged = [np.asarray(window(x, SIZE_PX), np.uint8) for x in both]
    return (genuine, forged), np.asarray(window(mask, CELLS), np.float32)


def losses(net: TunedEncoder, batch: PairBatch, recipe: EncoderRecipe, generator: torch.Generator) -> dict[str, Tensor]:
    """The whole face, its patches, and the order within pairs."""
    pairs, patches = len(batch.pixels) // 2, CELLS * CELLS
    x = torch.from_numpy(batch.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    share = torch.from_numpy(batch.share).reshape(2 * pairs, patches)
    kept = None
    if recipe.kept < 1:  # the same patches of both
        order = torch.rand(pairs, patches, generator=generator).argsort(1)
        kept = order[:, : max(1, round(recipe.kept * patches))].repeat_interleave(2, 0)
        share = torch.gather(share, 1, kept)
    with torch.autocast("cpu", torch.bfloat16):
        found = net(x, kept)
    question, each = torch.from_numpy(batch.question), torch.arange(2 * pairs)
    score, cells = found.scores.float()[each, question], found.cells.float()[each, :, question]
    forged = torch.arange(2 * pairs) % 2
    return {
        "whole": F.binary_cross_entropy_with_logits(score, forged.float()),
        "cells": recipe.map_weight * F.binary_cross_entropy_with_logits(cells, share),
        "pairs": recipe.pair_weight * F.softplus(score[0::2] - score[1::2]).mean(),
    }


def run(
    recipe: EncoderRecipe,
    room: FaceRoom,
    trips: RoundTrips,
    folder: Path,
    *,
    start: Path | None = None,
    tell: Callable[[Progress, Run], None],
    runtime: Runtime,
) -> tuple[TunedEncoder, bool]:
    """Tunes until the recipe's end or the deadline, from ``start`` (:func:`save_tuned`) or the published weights, going
    on where ``folder`` holds a run; gives the running average, and whether it came to its end."""
    torch.manual_seed(recipe.seed)
    net = TunedEncoder(clip_tower(recipe.blocks))
    if start is not None:
        load_tuned(net, start)
    moved = list(tuned(net.tower).values())
    heads = [*net.norm.parameters(), *net.whole.parameters(), *net.cell.parameters()]
    groups = [{"params": moved, "share": 1.0}, {"params": heads, "share": recipe.head_share}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)

    def step(turn: Turn) -> dict[str, Tensor]:
        found = losses(net, turn.batch, recipe, turn.generator())
        take_step(optimizer, torch.stack(list(found.values())).sum(), clip_norm=1.0)
        return found

    schedule = Schedule(
        recipe.steps,
        seed=recipe.seed,
        save_every=200,
        learning_rate=lambda done, _: recipe.learning_rate * min(1.0, (done + 1) / max(1, recipe.warmup_steps)),
        ema=lambda made: ema_warmup(recipe.ema_decay, made),
    )
    nets = nn.ModuleDict({"net": net})
    task = Task(nets, {"net": optimizer}, step, averaged=("net",), batches=PairMaker.of(room, trips, recipe))
    unused = {
        name for name in ("trip_parts", "animated", "rendered") if not getattr(recipe, name)
    }  # older runs do not know them
    about = {"recipe": recipe.model_dump(mode="json", exclude={"steps"} | unused)}
    made = train(task, schedule, folder, about=about, tell=tell, runtime=runtime)
    average = cast("TunedEncoder", made.averages["net"])
    return average.eval(), made.step >= recipe.steps


def save_tuned(net: TunedEncoder, path: Path) -> None:
    """What was tuned, and the two questions, in sixteen bits: a thousandth of the tower."""
    state = {name: value.half().contiguous() for name, value in net.state_dict().items() if _is_learned(name)}
    make_folder(path.parent)
    save_file(state, path)


def load_tuned(net: TunedEncoder, path: Path) -> None:
    """Raises :class:`DataError` for a file that holds something else."""
    try:
        state = {name: value.float() for name, value in load_file(path).items()}
        found = net.load_state_dict(state, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError("tuned weights cannot be read", got=f"{path}: {str(error)[:200]}") from error
    lacking = [name for name in found.missing_keys if _is_learned(name)]
    if lacking or found.unexpected_keys:
        got = ", ".join([*lacking, *found.unexpected_keys][:3])
        raise DataError("these are tuned weights of another network", got=f"{path}: {got}")


def _is_learned(name: str) -> bool:
    return not name.startswith("tower.") or "norm" in name or name.endswith(".bias")
