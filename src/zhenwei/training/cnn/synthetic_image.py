"""``cnn.synthetic_image``: learned from whole pictures on the one loop, calibrated on portraits that were held out."""

from __future__ import annotations

from collections.abc import Mapping

from zhenwei.detectors.cnn.synthetic_image import SyntheticImage
from zhenwei.models import ModelEntry
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.trainer.state import TrainState
from zhenwei.training.cnn._face_forgery import say_how_far
from zhenwei.training.cnn._synthetic_image import PortraitSplit, SyntheticRecipe, sort_out
from zhenwei.training.cnn._synthetic_image import run as train
from zhenwei.training.data.held_out_faces import HeldOutPortraits
from zhenwei.training.data.portraits import read_portraits
from zhenwei.training.install.asking import of_face
from zhenwei.training.install.calibrate import Calibrated, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export, load_weights
from zhenwei.training.install.publish import best_row, publish
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.resuming import told_changes

MODEL = "synthetic_image"
_DATA = "FFHQ photographs and StyleGAN portraits learned from them, 256 px. Data sets' licences: research."
_LIMITS = (
    "The one generator it was trained on is StyleGAN, on a few hundred portraits. Expect little of it on diffusion "
    "models and other GANs: pictures redrawn with a generator's way of enlarging look like photographs to it. For that "
    "reason it never speaks for a picture being photographed, and abstains unless it finds traces. It does not look "
    "for faces swapped into genuine pictures."
)


def prepare(recipe: SyntheticRecipe, run: LessonRun) -> PortraitSplit:
    return sort_out(read_portraits(run.data, run.bar("finding faces")), recipe)


def learn(recipe: SyntheticRecipe, album: PortraitSplit, run: LessonRun) -> TrainState | None:
    """None where it was stopped before the end."""
    state = train(
        recipe,
        album,
        run.output,
        device=run.device,
        tell=lambda step, _: run.tell("training", step / recipe.optimiser.steps),
        workers=run.workers,
        resume=run.resume,
        stop_after=run.stop_after,
        say=run.say,
    )
    say_how_far(state.step, recipe.optimiser.steps, run)
    return state if state.step == recipe.optimiser.steps else None


def install(recipe: SyntheticRecipe, album: PortraitSplit, _: TrainState, run: LessonRun) -> tuple[ModelEntry, ...]:
    """``best.pt`` of the output folder. The operating points of the fused verdict belong to all detectors together."""
    exported = export(load_weights(run.output / "best.pt", FaceForgeryNet(recipe.backbone)), recipe.size_px)
    product = product_of(recipe, best_row(run.output / "log.csv"), told_changes(run.output, recipe))
    held_out = HeldOutPortraits(album.held_out, recipe.seed)

    def measure() -> Calibrated:
        ask, progress = of_face(SyntheticImage(always=True)), run.bar("calibrating")
        return calibrate(held_out, ask, seed=recipe.seed, progress=progress, bounded=True)

    return (publish(product, exported, measure, store=run.store),)


def product_of(recipe: SyntheticRecipe, best: Mapping[str, str], remarks: tuple[str, ...] = ()) -> Product:
    """The words of the card. ``best``: the line of the log that is published; ``remarks``: more paragraphs."""
    backbone, cells = f"EfficientNet-{recipe.backbone.capitalize()}", recipe.size_px // 32
    pairs = recipe.pairs.generated + recipe.pairs.regenerated
    return Product(
        model=MODEL,
        detector=recipe.detector,
        question=f"Was this portrait drawn by a generator? A face with a margin of {recipe.margin:.0%} in, a score and "
        f"a {cells} x {cells} map of regional scores out.",
        origin=f"trained with `zhenwei train cnn.synthetic_image`, from ImageNet {backbone} (Apache-2.0)",
        training_data=_DATA,
        input=f"faces (n, 3, {recipe.size_px}, {recipe.size_px}) float32 RGB in [-1, 1], face box with a margin of "
        f"{recipe.margin:.0%}; gives score (n,) and regions (n, size / 32, size / 32), logits",
        facts=(
            f"Network: {backbone} at {recipe.size_px} px",
            f"Recipe: {recipe.optimiser.steps} steps of {2 * pairs} pictures ({recipe.pairs.generated} of {pairs} "
            f"pairs with a generated portrait), seed {recipe.seed}; the weights are the running average (EMA) at step "
            f"{float(best['step']):.0f}, chosen by held-out pictures",
        ),
        held_out="None of these pictures was trained on; the weights were chosen and calibrated on them, so they "
        "flatter. The test figures are in `docs/accuracy.md`.",
        remarks=(
            f"AUC while training: {float(best['auc_generated']):.3f} on generated portraits, "
            f"{float(best['auc_half_jpeg']):.3f} after half size and JPEG 70.",
            *remarks,
            "Half of all generators are taken to leave none of these traces: no LLR is below log(1/2), and the highest "
            "is lowered by as much.",
        ),
        limits=_LIMITS,
        noun="pictures",
    )


lesson = Lesson(
    serves=(SyntheticImage.info.id,),
    recipe=SyntheticRecipe,
    packaged=MODEL,
    needs="photos and dfdc-faces (zip + csv)",
    prepare=prepare,
    learn=learn,
    install=install,
    accepts=frozenset({"resume", "stop_after"}),
    checkpoints=("last.pt",),
    settled=("held_out", "genuine_sources"),
)
