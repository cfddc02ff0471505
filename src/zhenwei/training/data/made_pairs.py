"""Pairs of a genuine face and a forgery made of it, delivered alike and seen through one window: what networks learn
from that are to find forgeries which nobody collected."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zhenwei.errors import DataError
from zhenwei.files import make_folder
from zhenwei.forge.animate import animated
from zhenwei.forge.latent import LatentRoundTrip
from zhenwei.forge.synthesis import (
    Forgery,
    affine_warp,
    cross_blend,
    decoded,
    mesh_swap,
    nearest_donors,
    self_blend,
)
from zhenwei.nets.face_encoder import CELLS, SIZE_PX
from zhenwei.training.data.augment import draw
from zhenwei.training.data.batches import made_by_motion
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.face_room import FaceRoom
from zhenwei.training.recipe import Augmentation, RecipeSection, Share
from zhenwei.types import Floats, Pixels

MADE = ("self_blend", "affine_warp", "cross_blend", "mesh_swap", "decoded", "animated", "rendered")
_CANDIDATES = 60
_LOSSLESS = 101  # a quality of WebP
_VIEW = (190, 300)  # px of a crop of 320 that are looked at: margins of a tenth to 0.4 of the face
_SHIFT_PX = 10.0
_PART = 0.25  # how often but a part of a picture is from the decoder, so that a map has something to find


class PairRecipe(RecipeSection):
    """What pairs are made of. ``pairs``: of a batch. ``genuine``: sources whose faces forgeries are made of.
    ``decoded``: share of the pairs that went through a latent autoencoder's decoder; ``trips``: how many of those are
    made, once, and ``trip_parts``: share of them that are faces, or parts of one, alone. ``animated``, ``rendered``:
    share of all pairs whose forgery is the still with its head turned, mouth and lids moved, and of those whose head
    the learned network of motion drew, which counts as a decoder."""

    seed: int = 1
    pairs: int = Field(default=12, gt=0)
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


def learning_rows(room: FaceRoom, recipe: PairRecipe) -> NDArray[np.int64]:
    """Genuine faces with landmarks of the recipe's sources, without those that are set aside for testing."""
    pack = room.pack
    usable = ~pack.forged & (pack.split != "val") & np.isin(pack.source, recipe.genuine)
    rows = np.flatnonzero(usable & np.isfinite(pack.landmarks).all((1, 2)))
    if not len(rows):
        raise DataError("there is no face to make forgeries of", got="none", want=", ".join(recipe.genuine))
    return rows


def prepare_trips(
    room: FaceRoom, recipe: PairRecipe, weights: Path, target: Path, progress: Callable[[float], None]
) -> RoundTrips:
    """Of ``target``, or made once with the autoencoder in the folder ``weights``."""
    if not target.is_file():
        draw_trips(room, recipe, LatentRoundTrip(weights), target, progress)
    with np.load(target, allow_pickle=False) as file:
        data, offsets = file["data"], file["offsets"]
    pairs = [data[first:last].tobytes() for first, last in itertools.pairwise(offsets)]
    return RoundTrips(tuple(pairs[0::2]), tuple(pairs[1::2]))


def draw_trips(
    room: FaceRoom, recipe: PairRecipe, trip: LatentRoundTrip, target: Path, progress: Callable[[float], None]
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
    """Of n pairs, genuine and forged beside each other: ``pixels`` ``(2n, 224, 224, 3)`` uint8; ``share``
    ``(2n, 14, 14)`` float32 of each patch that is forged; ``made`` ``(2n,)``: which of :data:`MADE`, of both
    faces of a pair."""

    pixels: Pixels
    share: Floats
    made: NDArray[np.int64]

    @property
    def decoded(self) -> NDArray[np.int64]:
        """``(2n,)``: 0 blended, 1 decoded."""
        return np.asarray(np.isin(self.made, [MADE.index("decoded"), MADE.index("rendered")]), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PairMaker:
    """``maker[step]`` is the batch of a step."""

    room: FaceRoom
    trips: RoundTrips
    recipe: PairRecipe
    rows: NDArray[np.int64]
    odds: NDArray[np.float64]

    @classmethod
    def of(cls, room: FaceRoom, trips: RoundTrips, recipe: PairRecipe) -> PairMaker:
        """A source gives faces by the square root of how many it has."""
        rows = learning_rows(room, recipe)
        source = room.pack.source[rows]
        _, index, counts = np.unique(source, return_inverse=True, return_counts=True)
        odds = counts[index] ** -0.5
        return cls(room, trips, recipe, rows, odds / odds.sum())

    def __getitem__(self, step: int) -> PairBatch:
        pixels, shares, made = list[Pixels](), list[Floats](), list[int]()
        for slot in range(self.recipe.pairs):
            rng = np.random.default_rng((self.recipe.seed, step, slot))
            genuine, forged, mask, how = self._pair(rng)
            side = genuine.shape[0]
            degrade = draw(self.recipe.augmentation, side, side, rng)
            both = degrade.apply(genuine), degrade.apply(forged)
            seen, share = _seen(both, degrade.apply_mask(mask), rng)
            pixels += seen
            shares += [np.zeros_like(share), share]
            made += [MADE.index(how)] * 2
        return PairBatch(np.stack(pixels), np.stack(shares), np.array(made))

    def _pair(self, rng: np.random.Generator) -> tuple[Pixels, Pixels, Floats, str]:
        """What is off draws nothing, so that the others are what they were without it."""
        if self.recipe.animated and rng.random() < self.recipe.animated:
            return self._of_one(animated, "animated", rng)
        if self.recipe.rendered and rng.random() < self.recipe.rendered:
            return self._of_one(made_by_motion, "rendered", rng)
        drawn = len(self.trips) > 0 and rng.random() < self.recipe.decoded
        return self._decoded(rng) if drawn else self._blended(rng)

    def _of_one(
        self, make: Callable[[Pixels, Floats, np.random.Generator], Forgery], how: str, rng: np.random.Generator
    ) -> tuple[Pixels, Pixels, Floats, str]:
        index = int(rng.choice(self.rows, p=self.odds))
        genuine = self.room.pack.pixels(index)
        forgery = make(genuine, self._points(index), rng)
        return genuine, forgery.pixels, forgery.mask, how

    def _blended(self, rng: np.random.Generator) -> tuple[Pixels, Pixels, Floats, str]:
        index = int(rng.choice(self.rows, p=self.odds))
        pack = self.room.pack
        genuine, points, which = pack.pixels(index), self._points(index), rng.random()
        others = rng.choice(self.rows, min(_CANDIDATES, len(self.rows)), replace=False)
        others = others[pack.identity[others] != pack.identity[index]]
        if which < 0.72 or not len(others):
            how = "self_blend" if which < 0.55 else "affine_warp"
            forgery = (self_blend if how == "self_blend" else affine_warp)(genuine, points, rng)
        else:
            shapes = pack.landmarks[others].astype(np.float32)
            alike = nearest_donors(pack.landmarks[index].astype(np.float32), shapes, min(3, len(others)))
            donor = int(others[alike[int(rng.integers(len(alike)))]])
            how = "cross_blend" if which < 0.9 else "mesh_swap"
            swap = cross_blend if how == "cross_blend" else mesh_swap
            forgery = swap(genuine, points, pack.pixels(donor), self._points(donor), rng)
        return genuine, forgery.pixels, forgery.mask, how

    def _points(self, index: int) -> Floats:
        points = self.room.pack.points(index)
        if points is None:
            raise DataError("a genuine face without landmarks was chosen", got=str(self.room.pack.path[index]))
        return points

    def _decoded(self, rng: np.random.Generator) -> tuple[Pixels, Pixels, Floats, str]:
        genuine, drawn = self.trips.pixels(int(rng.integers(len(self.trips))))
        changed = (np.abs(genuine.astype(np.int16) - drawn).max(axis=2) > 1).astype(np.float32)
        mask = np.clip(3 * cv2.GaussianBlur(changed, (0, 0), 6), 0, 1)
        if rng.random() < _PART:
            along, side = int(rng.integers(2)), genuine.shape[0]
            step = (np.indices((side, side))[along] > side * rng.uniform(0.3, 0.7)).astype(np.float32)
            share = cv2.GaussianBlur(step if rng.random() < 0.5 else 1 - step, (0, 0), float(rng.uniform(1, 8)))
            drawn = np.asarray(np.rint(genuine + (drawn - genuine.astype(np.float32)) * share[..., None]), np.uint8)
            mask = mask * share
        return genuine, drawn, np.asarray(mask, np.float32), "decoded"


def _seen(both: tuple[Pixels, Pixels], mask: Floats, rng: np.random.Generator) -> tuple[list[Pixels], Floats]:
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

    return [np.asarray(window(x, SIZE_PX), np.uint8) for x in both], np.asarray(window(mask, CELLS), np.float32)
