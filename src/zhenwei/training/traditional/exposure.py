"""``traditional.exposure`` into the store: a linear classifier on FFHQ photographs and StyleGAN portraits.

Every picture is learned from as it is and once as it may be delivered (resized and re-encoded, drawn independently of
the label). Two in five are kept out of the fit, by name, to calibrate on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zhenwei.detectors.traditional.exposure import Exposure, face_features
from zhenwei.training.data.photographs import Photograph, largest_face, read_photographs
from zhenwei.training.data.portraits import Delivery, draw_delivery, kept_out
from zhenwei.training.data.shown import Shown
from zhenwei.training.install.asking import of_face
from zhenwei.training.install.card import Product
from zhenwei.training.install.linear import LinearRecipe, Progress, linear_lesson
from zhenwei.training.install.measured import Measured, measured
from zhenwei.types import Floats, Pixels

MODEL = "exposure"
SEED = 20261123
_SOURCES = ("ffhq", "stylegan")
_ASK = of_face(Exposure(always=True))
_PRODUCT = Product(
    model=MODEL,
    detector=Exposure.info.id,
    question="Are the dark and bright ends of the histogram, and the saturation of the colours, those of a photograph? "
    "Features of the face and of its picture in, a score out.",
    origin="fitted with `zhenwei train traditional.exposure`",
    training_data="FFHQ photographs and StyleGAN portraits learned from them, 256 px. Data sets' licences: research.",
    input="features (n, 72) float32 of zhenwei.signals.exposure, of the face and the whole picture; gives score (n,)",
    held_out="None of these pictures was fitted to. The test figures are in `docs/detectors/traditional.exposure.md`.",
    remarks=(
        "Half of all generators are taken to leave none of these traces: no LLR is below log(1/2), and the highest is "
        "lowered by as much.",
    ),
    limits="A weak cue: any change of tone makes it or removes it. The one generator it knows is StyleGAN. It never "
    "speaks for a picture being photographed, and does not look for altered faces.",
    noun="pictures",
    reference="NumPy",
)


def split(recipe: Recipe, data: Path, _progress: Progress) -> tuple[list[Photograph], HeldOut]:
    """What to learn from and what is held out, by name, of ``photos.zip`` and ``photos.csv``."""
    photographs = read_photographs(data, _SOURCES)
    learn = [p for p in photographs if not kept_out(p.path, recipe.held_out)]
    return learn, HeldOut([p for p in photographs if kept_out(p.path, recipe.held_out)])


def rows(_: Recipe, photographs: Sequence[Photograph], progress: Progress) -> Iterator[tuple[Floats, bool]]:
    """Features ``(72,)`` and truth of each picture as it is and delivered; without a face it is left out."""
    for number, photograph in enumerate(photographs):
        progress(number / len(photographs))
        for pixels in _as_is_and_delivered(photograph.pixels(), number, 1):
            face = largest_face(pixels)
            if face is not None:
                yield face_features(pixels, face), photograph.forged


def _as_is_and_delivered(pixels: Pixels, number: int, purpose: int) -> tuple[Pixels, Pixels]:
    arrives = draw_delivery(np.random.default_rng((SEED, purpose, number)))
    if arrives == Delivery():
        arrives = replace(arrives, encoding=(".jpg", 75))
    return pixels, arrives.apply(pixels)


class Recipe(LinearRecipe):
    l2: float = 100.0  # of 72 features that say much the same, on some 800 pictures


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Pictures kept out of the fit, one after another, each as it is and delivered."""

    photographs: Sequence[Photograph]

    def __len__(self) -> int:
        return 2 * len(self.photographs)

    def __iter__(self) -> Iterator[Shown]:
        for number, photograph in enumerate(self.photographs):
            each = _as_is_and_delivered(photograph.pixels(), number, 2)
            for pixels, delivered in zip(each, (False, True), strict=True):
                source = "ffhq and generated from it"
                yield Shown(pixels, photograph.forged, number, photograph.path, source, delivered)


def measured_on_test(data: Path) -> Measured:
    """On the test pictures in ``data``, as they are and delivered."""
    return measured(HeldOut(read_photographs(data, _SOURCES, test=True)), _ASK)


lesson = linear_lesson(
    Recipe,
    _PRODUCT,
    needs="photos (zip + csv): photographs of FFHQ and StyleGAN portraits",
    split=split,
    rows=rows,
    ask=_ASK,
    bounded=True,
)
