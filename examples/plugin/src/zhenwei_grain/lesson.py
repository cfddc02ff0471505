"""``texture.grain`` has nothing to learn: what its number is worth is measured on labelled images."""

from __future__ import annotations

from zhenwei.models import ModelEntry
from zhenwei.training.data.labelled import LabelledImages, labelled_images
from zhenwei.training.install.asking import of_image
from zhenwei.training.install.calibrate import calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import ExportedModel
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.recipe import RecipeSection, Seed
from zhenwei_grain.grain import MODEL, STORE, Grain


class Recipe(RecipeSection):
    """``seed``: of the folds that the calibration is checked on. Every field is an option of ``zhenwei train``."""

    seed: Seed = 0


def prepare(_: Recipe, run: LessonRun) -> LabelledImages:
    return labelled_images(run.data, held_out=1.0)[1]  # all of them: nothing is learned


def learn(_: Recipe, __: LabelledImages, run: LessonRun) -> ExportedModel:
    """The filter as it is, into the output folder, too; a network would be trained here and exported."""
    exported = ExportedModel((STORE / "weights" / f"{MODEL}.onnx").read_bytes(), parity=0.0)
    (run.output / f"{MODEL}.onnx").write_bytes(exported.onnx)
    return exported


def install(recipe: Recipe, images: LabelledImages, exported: ExportedModel, run: LessonRun) -> tuple[ModelEntry, ...]:
    product = Product(
        model=MODEL,
        detector=Grain.info.id,
        question="How strong is the finest grain? The luma in, its strength out.",
        origin="examples/plugin/make_model.py",
        training_data="none: its weights are fixed",
        input="luma (n, 1, height, width) float32 in [0, 255], at least 3 x 3; gives (n, 1, 1, 1), grey levels",
        held_out="The images that it was calibrated on.",
        limits="It knows what it was shown.",
        noun="pictures",
    )
    progress = run.bar("calibrating")
    row = publish(
        product,
        exported,
        lambda: calibrate(images, of_image(Grain()), seed=recipe.seed, progress=progress),
        store=run.store,
    )
    return (row,)


lesson = Lesson(
    serves=(Grain.info.id,),
    recipe=Recipe,
    needs="labelled images that zhenwei evaluate reads, of the split train",
    prepare=prepare,
    learn=learn,
    install=install,
)
