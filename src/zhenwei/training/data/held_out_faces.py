"""Faces and portraits that nobody learned from, shown one after another to calibrate on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zhenwei.forge.synthesis import affine_warp, self_blend
from zhenwei.training.data.batches import Split
from zhenwei.training.data.held_out_images import HeldOutImage, degradation
from zhenwei.training.data.pack import Pack
from zhenwei.training.data.photographs import Photograph
from zhenwei.training.data.portraits import FAMILY, LabelledPortrait, as_is_and_degraded


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutFaces:
    """What the weights are calibrated on: the held-out identities and the foreign sources, one picture after another.

    Each is shown as it is and delivered; forgeries are made of the genuine ones of foreign sources.
    """

    pack: Pack
    split: Split
    seed: int

    def __len__(self) -> int:
        return 2 * len(self.split.held_out) + 4 * len(self.split.foreign)

    def __iter__(self) -> Iterator[HeldOutImage]:
        for row in (*self.split.held_out.tolist(), *self.split.foreign.tolist()):
            yield from self._shown(row)

    def _shown(self, row: int) -> Iterator[HeldOutImage]:
        pack, original = self.pack, int(self.pack.original[row])
        source, group = str(pack.source[row]), f"{pack.source[row]}/{pack.identity[row]}"
        # A published forgery is delivered as its original is, so that the delivery says nothing of the label.
        rng = np.random.default_rng((self.seed, 11, row if original < 0 else original))
        images = [(pack.pixels(row), bool(pack.forged[row]))]
        points = pack.points(row)
        if row in self.split.foreign and points is not None:
            make = self_blend if rng.random() < 0.8 else affine_warp
            images.append((make(images[0][0], points, rng).pixels, True))
        arrives = degradation(rng)
        for pixels, forged in images:
            yield HeldOutImage(pixels, forged, row, group, source, degraded=False)
            yield HeldOutImage(arrives.apply(pixels), forged, row, group, source, degraded=True)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutPortraits:
    """Whole pictures held out of training, one after another, each as it is and delivered.

    Generated portraits and photographs of the family that their generator learned from: the calibration heeds the size
    of faces, and would learn that of other sources.
    """

    portraits: Sequence[LabelledPortrait | Photograph]
    seed: int
    purpose: int = 11  # part of the seed of each delivery

    def __len__(self) -> int:
        return 2 * len(self._portraits())

    def __iter__(self) -> Iterator[HeldOutImage]:
        for number, portrait in enumerate(self._portraits()):
            source = f"{FAMILY} and generated from it"
            pixels, arrived = as_is_and_degraded(portrait.pixels(), (self.seed, self.purpose, number))
            yield HeldOutImage(pixels, portrait.forged, number, portrait.path, source, degraded=False)
            yield HeldOutImage(arrived, portrait.forged, number, portrait.path, source, degraded=True)

    def _portraits(self) -> list[LabelledPortrait | Photograph]:
        return [p for p in self.portraits if p.forged or p.source == FAMILY]
