"""``traditional.colour_noise`` is fitted to any labelled images, and calibrated on people and sources held out."""

from __future__ import annotations

from pathlib import Path

from zhenwei.detectors.traditional.colour_noise import MODEL, ColourNoise, features
from zhenwei.training.data.labelled import LabelledImages, labelled_images
from zhenwei.training.install.asking import of_image
from zhenwei.training.install.card import Product
from zhenwei.training.install.linear import LinearRecipe, Progress, linear_lesson, rows_of


def split(recipe: LinearRecipe, data: Path, _: Progress) -> tuple[LabelledImages, LabelledImages]:
    return labelled_images(data, recipe.held_out)


lesson = linear_lesson(
    LinearRecipe,
    Product(
        model=MODEL,
        detector=ColourNoise.info.id,
        question="Is the noise of the colours that of a camera? Six numbers in, a score out.",
        origin=f"fitted with `zhenwei train {ColourNoise.info.id}`",
        training_data="labelled images of whoever trained it",
        input="features (n, 6) float32 of zhenwei.detectors.traditional.colour_noise; gives score (n,)",
        held_out="Images of the same collection that were not fitted to.",
        limits="It knows what it was shown.",
        noun="pictures",
        reference="NumPy",
    ),
    needs="labelled images that zhenwei evaluate reads, of the split train",
    split=split,
    rows=rows_of(features),
    ask=of_image(ColourNoise()),
)
