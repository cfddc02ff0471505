"""``cnn.face_forgery``: from a pack or a data folder to weights, variants, calibration and card."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from zhenwei import models
from zhenwei.detectors.cnn.face_forgery import FaceForgery
from zhenwei.errors import UsageError
from zhenwei.evaluation import leave_out as kept_out
from zhenwei.fusion.operating import PACKAGED
from zhenwei.models import ModelEntry
from zhenwei.trainer import distributed
from zhenwei.trainer.supervised import to_input
from zhenwei.trainer.trial import Trial, steps_within, try_out
from zhenwei.training import curves
from zhenwei.training.cnn import _face_forgery as taught
from zhenwei.training.cnn import _leave_out as leave_out
from zhenwei.training.data.batches import BatchMaker, split_pack
from zhenwei.training.data.held_out_faces import HeldOutFaces
from zhenwei.training.data.pack import Pack, kept_decoded, prepare_pack
from zhenwei.training.data.repack import repack
from zhenwei.training.install.asking import of_face
from zhenwei.training.install.calibrate import Calibrated, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export, load_weights
from zhenwei.training.install.publish import best_row, publish
from zhenwei.training.install.variants import VariantCost, card_lines, write_variants
from zhenwei.training.lesson import Lesson, LessonRun, figures_line
from zhenwei.training.recipe import Recipe
from zhenwei.types import Floats, Pixels

_DRY_STEPS = 6
_DATA = (
    "DFDC (Kaggle) training set: face crops of genuine clips and face swaps, identity-disjoint; FFHQ and StyleGAN "
    "faces; forgeries made of genuine faces on the fly (self-blending, affine warping, and the recipe's other kinds). "
    "Data sets' licences: research."
)
_RANGED = 8  # batches whose activations give the ranges of the 8 bit variant
_LIMITS = (
    "It knows swaps of the 2019 DFDC kind, blending and warping traces, and StyleGAN faces. Whole-head animation, "
    "text-to-video and generators unlike these may pass. Strong compression, filters and enlargement hide traces; "
    "profiles and covered faces are hard. It looks at the face alone."
)


def prepare(_: Recipe, run: LessonRun) -> Pack:
    """The pack in ``run.data``, or built once from the zips there; where nothing may be written, for the while only."""
    if run.world.size > 1 and not run.data.is_file():
        fix = "Write one first: zhenwei train ... --make-pack pack.npz"
        raise UsageError("several processes need a pack", got=str(run.data), want="a pack.npz", fix=fix)
    kept = run.way not in ("dry_run", "make_pack") or (run.output / "pack.npz").is_file()
    folder = run.output if kept else run.scratch
    pack = prepare_pack(run.data, folder, run.bar("preparing faces"), workers=run.workers)
    return run.stack.enter_context(kept_decoded(pack)) if run.cache else pack


def learn(recipe: Recipe, pack: Pack, run: LessonRun) -> Recipe | None:
    """The recipe as it was run, its schedule fitted to the time; None where it was stopped before the end."""
    deadline, check_s = None, 0.0
    if run.minutes:
        deadline = run.began + 60 * run.minutes
        recipe = _fitted(recipe, pack, run, deadline)
        net = taught.network(recipe).to(run.torch_device).eval()
        check_s = taught.check_seconds(recipe, pack, net, run.torch_device)
    state = taught.run(
        recipe,
        pack,
        run.output,
        device=run.torch_device,
        tell=_told(recipe, run),
        workers=run.workers,
        resume=run.resume,
        stop_after=run.stop_after,
        weights=run.start,
        deadline=deadline,
        check_s=check_s,
        here=run.world,
    )
    steps = state.options.steps
    run.say(f"step {state.step} of {steps}; best weights: {run.output / 'best.pt'}")
    return _finished(recipe, pack, run) if run.world.leads and state.step == steps else None


def _told(recipe: Recipe, run: LessonRun) -> Callable[[int, dict[str, float]], None]:
    def tell(step: int, figures: dict[str, float]) -> None:
        if "choose" in figures:
            run.say(f"{time.strftime('%H:%M:%S')} {figures_line(figures, '.4g')}")
            curves.write(run.output)
        run.tell("training", step / recipe.optimiser.steps, f"step {step}, loss {figures['whole']:.3f}")

    return tell


def _finished(recipe: Recipe, pack: Pack, run: LessonRun) -> Recipe:
    """With ``--variants`` they are written and measured, so that the card tells of them."""
    if run.variants:
        for cost in write_variants_of(recipe, pack, run.output):
            auc = cost.auc_difference
            change = f"AUC {auc.value:+.4f} [{auc.low:+.4f}, {auc.high:+.4f}]"
            run.say(f"{cost.name}: {cost.bytes / 1e6:.1f} MB, {cost.speed_ratio:.2f} times as fast, {change}")
    return recipe


def install(recipe: Recipe, pack: Pack, _: Recipe, run: LessonRun) -> tuple[ModelEntry, ...]:
    """``best.pt`` of the output folder. Into another store its own thresholds go as well; those in the package are of
    all detectors together, and stay."""
    recipe = _as_run(recipe, run)
    exported = export(load_weights(run.output / "best.pt", taught.network(recipe)), recipe.size_px)
    best, measured = best_row(run.output / "log.csv"), run.output / "variants" / "variants.json"
    product = product_of(recipe, best, card_lines(measured) if measured.is_file() else ())
    held_out = HeldOutFaces(pack, split_pack(pack, recipe), recipe.seed)

    def measure() -> Calibrated:
        total, progress = len(held_out), run.bar("calibrating")
        ask = of_face(FaceForgery())
        return calibrate(held_out, ask, seed=recipe.seed, of_video=("dfdc",), total=total, progress=progress)

    thresholds = None if run.store == models.STORE else run.store / PACKAGED.name
    run.store.mkdir(parents=True, exist_ok=True)
    return (publish(product, exported, measure, store=run.store, thresholds=thresholds),)


def _as_run(recipe: Recipe, run: LessonRun) -> Recipe:
    """As ``recipe.json`` has it, which knows the weights that were begun with."""
    kept = run.output / "recipe.json"
    return Recipe.model_validate_json(kept.read_text(encoding="utf-8")) if kept.is_file() else recipe


def estimate(recipe: Recipe, pack: Pack, run: LessonRun) -> None:
    """``--dry-run``: a few steps, and what all of them will take."""
    trial = _tried(recipe, pack, run, _DRY_STEPS + 2 * run.workers * (run.workers > 1))
    if run.minutes:
        steps = steps_within(trial, 60 * run.minutes, recipe.optimiser)
        recipe = recipe.scaled(steps) if steps < recipe.optimiser.steps else recipe
    held = [f"{trial.memory_gib:.1f} GiB of memory"] if trial.memory_gib is not None else []
    held += [f"{trial.gpu_gib:.1f} GiB of the GPU's"] if run.torch_device.type == "cuda" else []
    run.say(
        f"{recipe.optimiser.steps} steps of {recipe.pairs.total * 2} faces: {trial.step_s:.2f} s each with "
        f"{run.workers} to prepare them, about {recipe.optimiser.steps * trial.step_s / 60:.0f} min on {run.device}, "
        f"checks not counted; at most {' and '.join(held) or 'an unknown amount of memory'} so far"
    )


def take_mean(recipe: Recipe, pack: Pack, run: LessonRun) -> Recipe:
    """``--mean``: of the weights given by ``--from``, measured and not trained any further."""
    if len(run.start) < 2:
        raise UsageError("a mean needs several weights", got=f"{len(run.start)}", want="--from twice or more")
    figures = taught.take_mean(recipe, pack, run.output, run.start, device=run.torch_device)
    run.say(figures_line(figures, ".4g"))
    return _finished(_as_run(recipe, run), pack, run)


def leave_each_out(recipe: Recipe, pack: Pack, run: LessonRun) -> None:
    """``--leave-out``: one short run with every kind of forgery and one without each; what each answers to the kind
    that it lacked."""
    source = run.data if run.data.is_file() else run.output / "pack.npz"

    def began(kind: str, steps: int) -> Callable[[int, dict[str, float]], None]:
        stage = f"without {kind}" if kind else "with every kind"
        return lambda step, _: run.tell(stage, step / steps)

    found = leave_out.run(
        recipe,
        pack,
        run.output,
        device=run.torch_device,
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


def _fitted(recipe: Recipe, pack: Pack, run: LessonRun, deadline: float) -> Recipe:
    """The recipe in as many steps as there is time for; a resumed run keeps the schedule that it was begun with."""
    if run.resume and (run.output / "recipe.json").is_file():
        return _as_run(recipe, run)
    trial = _tried(recipe, pack, run, max(4 * _DRY_STEPS, 2 * run.workers))
    left = distributed.told(deadline - time.monotonic(), run.world, run.torch_device)
    steps = steps_within(trial, left, recipe.optimiser)
    run.say(f"{trial.step_s:.3f} s a step, {left / 60:.1f} min left: {steps} of {recipe.optimiser.steps} steps")
    return recipe.scaled(steps) if steps < recipe.optimiser.steps else recipe


def _tried(recipe: Recipe, pack: Pack, run: LessonRun, steps: int) -> Trial:
    """At the end of the schedule, where pictures are largest and everything is in force."""
    maker, first = BatchMaker(pack, split_pack(pack, recipe), recipe), max(0, recipe.optimiser.steps - steps)
    device = run.torch_device
    state = taught.start(recipe, run.scratch, device, resume=False, weights=run.start, here=run.world)
    return try_out(state, maker, device, workers=run.workers, steps=steps, first=first, here=run.world)


def write_variants_of(recipe: Recipe, pack: Pack, folder: Path) -> tuple[VariantCost, ...]:
    """Variants of ``folder/best.pt`` into ``folder/variants``, measured on the held-out identities; ranges of
    activations are those of batches that it was trained with."""
    exported = export(load_weights(folder / "best.pt", taught.network(recipe)), recipe.size_px)
    split = split_pack(pack, recipe)
    maker, held_out = BatchMaker(pack, split, recipe), taught.held_out_faces(pack, split, recipe)
    last = recipe.optimiser.steps
    return write_variants(
        exported.onnx,
        folder / "variants",
        faces=[_normalised(maker[step].pixels) for step in range(max(0, last - _RANGED), last)],
        held_out=_normalised(np.stack(held_out.pixels)),
        forged=held_out.forged,
        groups=[f"{pack.source[row]}/{pack.identity[row]}" for row in split.held_out],
        name="face_forgery",
    )


def _normalised(pixels: Pixels) -> Floats:
    return to_input(pixels, torch.device("cpu")).contiguous().numpy()


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
    learn=learn,
    install=install,
    accepts=frozenset({"resume", "stop_after", "start", "minutes", "cache", "variants", "processes"}),
    ways={"dry_run": estimate, "make_pack": make_pack, "leave_out": leave_each_out, "mean": take_mean},
)
