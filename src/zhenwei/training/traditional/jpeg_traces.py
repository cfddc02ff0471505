"""``traditional.jpeg_traces`` into the store: splices of photographs against the very same pictures without a splice.

Of each photograph come three pictures that share their last saving: itself, itself saved once before (on the same or on
a shifted grid), and that with a part of another photograph pasted in. So saving twice speaks for nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.detectors.traditional.jpeg_traces import FEATURES, JpegTraces, trace
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.data.photographs import Photograph, read_photographs
from zhenwei.training.data.portraits import parted
from zhenwei.training.install.asking import of_image
from zhenwei.training.install.card import Product
from zhenwei.training.install.linear import LinearRecipe, Progress, linear_lesson, rows_of
from zhenwei.types import Floats, Pixels

MODEL = "jpeg_traces"
SEED = 20261123
SOURCES = ("ffhq", "pixabay")
_BEFORE, _LAST = (45, 96), (60, 99)
_SAVED_BEFORE, _LOSSLESS, _GOOD = 0.75, 0.15, 85
_MIN_SIDE = 144
ASK = of_image(JpegTraces(always=True))
_PRODUCT = Product(
    model=MODEL,
    detector=JpegTraces.info.id,
    question="Was a part of the picture compressed otherwise than the rest? Tails of maps of JPEG traces in, a score "
    "out.",
    origin="fitted with `zhenwei train traditional.jpeg_traces`",
    training_data="FFHQ photographs and stock portraits (Pixabay), and splices of them. Data sets' licences: research.",
    input=f"traces (n, {len(FEATURES)}) float32, see zhenwei.detectors.traditional.jpeg_traces; gives score (n,)",
    held_out="None of these pictures was fitted to; half of the genuine ones were saved twice. As published here means "
    f"last saved at quality {_GOOD} or better, or without loss. The test figures are in "
    "`docs/detectors/traditional.jpeg_traces.md`.",
    remarks=(
        "Half of all forgeries are taken to leave no such trace: no LLR is below log(1/2), and the highest is lowered "
        "by as much.",
    ),
    limits="It sees splices whose parts were saved otherwise, while the last saving is a good one. Forgeries that were "
    "made and saved as one leave nothing to find.",
    noun="pictures",
    reference="NumPy",
)


def split(recipe: LinearRecipe, data: Path, _progress: Progress) -> tuple[Splices, Splices]:
    """What to learn from and what is held out, by name, of ``photos.zip`` and ``photos.csv``."""
    learn, held_out = parted(read_photographs(data, SOURCES), recipe.held_out, lambda photograph: photograph.path)
    return Splices(learn, 1), Splices(held_out, 2)


def image_features(pixels: Pixels) -> Floats | None:
    """What is left of savings in a picture; None where there is too little detail."""
    found = trace(pixels)
    return None if found is None else found.features


@dataclass(frozen=True, slots=True)
class History:
    """How a picture was saved before (None = it was not) and last (None = without loss); ``shift``: of the first grid
    against the last, (row, column) in pixels."""

    before: int | None
    last: int | None
    shift: tuple[int, int]

    def apply(self, pixels: Pixels, *, twice: bool = True) -> Pixels:
        """``twice=False`` leaves out the saving before. The result is 8 pixels smaller each way."""
        kept = self.first(pixels) if twice else cut(pixels, self.shift)
        return self.finish(kept)

    def first(self, pixels: Pixels) -> Pixels:
        return cut(pixels if self.before is None else _saved(pixels, self.before), self.shift)

    def finish(self, pixels: Pixels) -> Pixels:
        return pixels if self.last is None else _saved(pixels, self.last)


def draw_history(rng: np.random.Generator) -> History:
    """Half of the first grids are that of the last saving."""
    before, last = int(rng.integers(*_BEFORE)), int(rng.integers(*_LAST))
    row, column = rng.integers(0, 8, 2).tolist()
    shift = (row, column) if rng.random() < 0.5 else (0, 0)
    saved_before, lossless = rng.random() < _SAVED_BEFORE, rng.random() < _LOSSLESS
    return History(before if saved_before else None, None if lossless else last, shift)


@dataclass(frozen=True, slots=True, eq=False)
class Splices:
    """Photographs saved once, saved twice, and spliced, one after another. ``purpose`` is part of the seed."""

    photographs: Sequence[Photograph]
    purpose: int

    def __len__(self) -> int:
        return 3 * len(self.photographs)

    def __iter__(self) -> Iterator[HeldOutImage]:
        for number, photograph in enumerate(self.photographs):
            rng = np.random.default_rng((SEED, self.purpose, number))
            away = int(rng.integers(1, max(2, len(self.photographs))))
            other = self.photographs[(number + away) % len(self.photographs)]
            history, pixels = draw_history(rng), fresh(photograph.pixels(), rng)
            spliced, _ = splice(pixels, fresh(other.pixels(), rng), history, rng)
            poor = history.last is not None and history.last < _GOOD
            for image, forged in (
                (history.apply(pixels, twice=False), False),
                (history.apply(pixels), False),
                (spliced, True),
            ):
                yield HeldOutImage(image, forged, number, photograph.path, photograph.source, poor)


def fresh(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Made smaller by a random factor, at least by 5 %, so that the grid it was published with is gone."""
    scale = max(float(rng.uniform(0.7, 0.95)), (_MIN_SIDE + 8) / min(pixels.shape[:2]))
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def splice(
    pixels: Pixels, donor: Pixels, history: History, rng: np.random.Generator
) -> tuple[Pixels, NDArray[np.bool_]]:
    """An ellipse of ``donor``, saved at a quality of its own, in ``pixels``; then the last saving. And where it is."""
    ground = history.first(pixels)
    height, width = ground.shape[:2]
    quality = int(rng.integers(*_BEFORE))
    scale = max((height + 8) / donor.shape[0], (width + 8) / donor.shape[1], 1.0)
    size = (int(np.ceil(donor.shape[1] * scale)), int(np.ceil(donor.shape[0] * scale)))
    donor = _saved(np.asarray(cv2.resize(donor, size, interpolation=cv2.INTER_CUBIC), np.uint8), quality)
    row, column = rng.integers(0, 8, 2).tolist()
    patch = donor[row : row + height, column : column + width]
    centre, axes = rng.uniform(0.3, 0.7, 2) * (width, height), rng.uniform(0.12, 0.3, 2) * (width, height)
    region = np.zeros((height, width), np.uint8)
    cv2.ellipse(region, (round(centre[0]), round(centre[1])), (round(axes[0]), round(axes[1])), 0, 0, 360, 1, -1)
    inside = region > 0
    return history.finish(np.where(inside[..., None], patch, ground).astype(np.uint8)), inside


def cut(pixels: Pixels, shift: tuple[int, int]) -> Pixels:
    """8 pixels less each way, beginning at ``shift`` (row, column)."""
    height, width = pixels.shape[0] - 8, pixels.shape[1] - 8
    return np.ascontiguousarray(pixels[shift[0] : shift[0] + height, shift[1] : shift[1] + width])


def _saved(pixels: Pixels, quality: int) -> Pixels:
    return decode(encode(pixels, ".jpg", quality))


lesson = linear_lesson(
    LinearRecipe,
    _PRODUCT,
    needs="photos (zip + csv): photographs",
    split=split,
    rows=rows_of(image_features),
    ask=ASK,
    bounded=True,
)
