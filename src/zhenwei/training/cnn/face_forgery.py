"""``cnn.face_forgery``: from a pack or a data folder to weights, variants, calibration and card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from zhenwei import models
from zhenwei.detectors.cnn.face_forgery import FaceForgery
from zhenwei.errors import UsageError
from zhenwei.evaluation import leave_out as kept_out
from zhenwei.fusion.operating import PACKAGED
from zhenwei.models import ModelEntry
from zhenwei.training.cnn import _face_forgery as taught
from zhenwei.training.cnn import _leave_out as leave_out
from zhenwei.training.data.batches import split_pack
from zhenwei.training.data.held_out_faces import HeldOutFaces
from zhenwei.training.data.pack import Pack, kept_decoded, load_pack, prepare_pack
from zhenwei.training.data.repack import repack
from zhenwei.training.install.asking import of_face
from zhenwei.training.install.calibrate import Calibrated, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export, load_weights
from zhenwei.training.install.publish import best_row, publish
from zhenwei.training.install.variants import card_lines
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.recipe import Recipe
from zhenwei.training.resuming import kept_recipe, told_changes

_DATA = (
    "DFDC (Kaggle) training set: face crops of genuine clips and face swaps, identity-disjoint; FFHQ and StyleGAN "
    "faces; forgeries made of genuine faces on the fly (self-blending, affine warping, and the recipe's other kinds). "
    "Data sets' licences: research."
)
_LIMITS = (
    "It knows swaps of the 2019 DFDC kind, blending and warping traces, and StyleGAN faces. Whole-head animation, "
    "text-to-video and generators unlike these may pass. Strong compression, filters and enlargement hide traces; "
    "profiles and covered faces are hard. It looks at the face alone."
)


def prepare(recipe: Recipe, run: LessonRun) -> Pack:
    """The pack in ``run.data``, or built once from the zips there."""
    if run.resume:
        taught.refuse_other_start(recipe, run.start, run.output)  # before minutes are spent
    pack = load_pack(run.data) if run.data.is_file() else _built(run)
    return run.stack.enter_context(kept_decoded(pack)) if run.cache else pack


def _built(run: LessonRun) -> Pack:
    """Into the output folder; where nothing may be written, for the while only."""
    if run.world.size > 1:
        fix = "Write one first: zhenwei train ... --make-pack pack.npz"
        raise UsageError("several processes need a pack", got=str(run.data), want="a pack.npz", fix=fix)
    kept = run.way not in ("dry_run", "make_pack") or (run.output / "pack.npz").is_file()
    folder = run.output if kept else run.scratch
    return prepare_pack(run.data, folder, run.bar("preparing faces"), workers=run.workers)


def install(recipe: Recipe, pack: Pack, _: Recipe, run: LessonRun) -> tuple[ModelEntry, ...]:
    """``best.pt`` of the output folder. Into another store its own thresholds go as well; those in the package are of
    all detectors together, and stay."""
    recipe = kept_recipe(run.output, recipe)
    exported = export(load_weights(run.output / "best.pt", taught.network(recipe)), recipe.size_px)
    best, measured = best_row(run.output / "log.csv"), run.output / "variants" / "variants.json"
    changed = told_changes(run.output, recipe)
    product = product_of(recipe, best, (*changed, *(card_lines(measured) if measured.is_file() else ())))
    held_out = HeldOutFaces(pack, split_pack(pack, recipe), recipe.seed)

    def measure() -> Calibrated:
        ask, progress = of_face(FaceForgery()), run.bar("calibrating")
        return calibrate(held_out, ask, seed=recipe.seed, of_video=("dfdc",), progress=progress)

    thresholds = None if run.store == models.STORE else run.store / PACKAGED.name
    run.store.mkdir(parents=True, exist_ok=True)
    return (publish(product, exported, measure, store=run.store, thresholds=thresholds),)


def leave_each_out(recipe: Recipe, pack: Pack, run: LessonRun) -> None:
    """``--leave-out``: one short run with every kind of forgery and one without each; what each answers to the kind
    that it lacked."""
    source = run.data if run.data.is_file() else run.output / "pack.npz"

    def began(kind: str, steps: int) -> Callable[[int, dict[str, float]], None]:
        stage = f"trained without {kind}" if kind else "trained with every kind"
        return lambda step, _: run.tell(stage, step / steps)

    found = leave_out.run(
        recipe,
        pack,
        run.output,
        device=run.device,
        workers=run.workers,
        began=began,
        asking=lambda kind: run.say(f"asking: {kind}"),
        pack_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
    )
    target = run.output / "leave_one_out.json"
    kept_out.save(found, target)
    for row in found.rows:
        areas = [f"{v.value:.3f} [{v.low:.3f}, {v.high:.3f}]" for v in (row.unseen, row.seen, row.lost)]
        counts = f"{row.genuine} genuine + {row.forged} forged"
        run.say(f"{row.kind} ({counts}): never seen {areas[0]}, seen {areas[1]}, lost {areas[2]}")
    run.say(f"AUC with 95 % intervals; all of it: {target}")


def make_pack(_: Recipe, pack: Pack, run: LessonRun) -> None:
    """``--make-pack``: the faces alone, to be carried elsewhere."""
    if run.target is not None:
        made = repack(pack, run.target, run.max_mb, run.bar("encoding"))
        run.say(f"{run.target}: {made}")


def _how(recipe: Recipe, step: float) -> str:
    if not step:
        return f"Weights: the mean of those of earlier runs ({recipe.start}), not trained any further"
    return (
        f"Recipe: {recipe.optimiser.steps} steps of {recipe.pairs.total * 2} faces, seed {recipe.seed}; the weights "
        f"are the running average (EMA) at step {step:.0f}, chosen by held-out people and sources"
    )


def product_of(recipe: Recipe, best: Mapping[str, str], remarks: tuple[str, ...] = ()) -> Product:
    """The words of the card. ``best``: the line of the log that is published; ``remarks``: more paragraphs."""
    backbone, cells = f"EfficientNet-{recipe.backbone.capitalize()}", recipe.size_px // 32
    foreign = " and ".join(recipe.held_out_sources) or "no source"
    began = f"weights {recipe.start} of an earlier run" if recipe.start else f"ImageNet {backbone}"
    return Product(
        model="face_forgery",
        detector="cnn.face_forgery",
        question=f"Is this face forged? A face crop in, a score and a {cells} x {cells} map of regional scores out.",
        origin=f"trained with `zhenwei train cnn.face_forgery`, from {began} (Apache-2.0)",
        training_data=_DATA,
        input=f"faces (n, 3, {recipe.size_px}, {recipe.size_px}) float32 RGB in [-1, 1], face box without margin; "
        "gives score (n,) and regions (n, size / 32, size / 32), logits",
        facts=(f"Network: {backbone} at {recipe.size_px} px", _how(recipe, float(best["step"]))),
        held_out=f"None of these faces was trained on, and nothing of {foreign} was; the weights were chosen and "
        "calibrated on them, so they flatter. The test figures are in `docs/accuracy.md`.",
        remarks=(
            f"AUC while training: {float(best['auc_people']):.3f} on other people of the training sources, "
            f"{float(best['auc_sources']):.3f} on sources never trained on (against self-made forgeries, degraded).",
            *remarks,
        ),
        limits=_LIMITS,
    )


lesson = Lesson(
    serves=(FaceForgery.info.id,),
    recipe=Recipe,
    packaged="face_forgery",
    needs="dfdc-faces and photos (zip + csv), or a pack.npz of them",
    prepare=prepare,
    learn=taught.learn,
    install=install,
    accepts=frozenset({"resume", "stop_after", "start", "minutes", "cache", "variants", "processes"}),
    checkpoints=("last.pt",),
    settled=("held_out_identities", "held_out_sources", "genuine_sources"),
    ways={"dry_run": taught.estimate, "make_pack": make_pack, "leave_out": leave_each_out, "mean": taught.take_mean},
)
