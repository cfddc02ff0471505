"""``traditional.exposure`` into the store: a linear classifier on FFHQ photographs and StyleGAN portraits.

Every picture is learned from as it is and once as it may be delivered (resized and re-encoded, drawn independently of
the label). Two in five are kept out of the fit, by name, to calibrate on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from zhenwei.detectors.traditional.exposure import Exposure, face_features
from zhenwei.training.data.held_out_faces import HeldOutPortraits
from zhenwei.training.data.photographs import Photograph, largest_face, read_photographs
from zhenwei.training.data.portraits import as_is_and_degraded, parted
from zhenwei.training.install.asking import of_face
from zhenwei.training.install.card import Product
from zhenwei.training.install.linear import LinearRecipe, Progress, linear_lesson
from zhenwei.types import Floats

MODEL = "exposure"
SEED = 20261123
SOURCES = ("ffhq", "stylegan")
ASK = of_face(Exposure(always=True))
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


def split(recipe: ExposureRecipe, data: Path, _progress: Progress) -> tuple[list[Photograph], HeldOutPortraits]:
    """What to learn from and what is held out, by name, of ``photos.zip`` and ``photos.csv``."""
    learn, held_out = parted(read_photographs(data, SOURCES), recipe.held_out, lambda photograph: photograph.path)
    return learn, HeldOutPortraits(held_out, SEED, 2)


def rows(_: ExposureRecipe, photographs: Sequence[Photograph], progress: Progress) -> Iterator[tuple[Floats, bool]]:
    """Features ``(72,)`` and truth of each picture as it is and delivered; without a face it is left out."""
    for number, photograph in enumerate(photographs):
        progress(number / len(photographs))
        for pixels in as_is_and_degraded(photograph.pixels(), (SEED, 1, number)):
            face = largest_face(pixels)
            if face is not None:
                yield face_features(pixels, face), photograph.forged


class ExposureRecipe(LinearRecipe):
    l2: float = Field(default=100.0, ge=0)  # of 72 features that say much the same, on some 800 pictures


lesson = linear_lesson(
    ExposureRecipe,
    _PRODUCT,
    needs="photos (zip + csv): photographs of FFHQ and StyleGAN portraits",
    split=split,
    rows=rows,
    ask=ASK,
    bounded=True,
)
