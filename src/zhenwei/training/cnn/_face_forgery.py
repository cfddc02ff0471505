"""``zhenwei train cnn.face_forgery``: start, steps, checkpoints; and what may be asked for instead."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from zhenwei.errors import DataError, UsageError
from zhenwei.nets.efficientnet_lite import load_imagenet
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.trainer import distributed
from zhenwei.trainer.checkpoints import save_state
from zhenwei.trainer.distributed import ALONE, World
from zhenwei.trainer.log import write_log
from zhenwei.trainer.state import TrainState, begin
from zhenwei.trainer.supervised import Tell, to_input, train
from zhenwei.trainer.trial import Trial, steps_within, try_out
from zhenwei.training import curves
from zhenwei.training.cnn._face_checks import check_seconds, checked_on, held_out_faces, no_check
from zhenwei.training.data.batches import BatchMaker, split_pack
from zhenwei.training.data.pack import Pack
from zhenwei.training.imagenet import imagenet_state
from zhenwei.training.install.onnx_export import export, load_weights
from zhenwei.training.install.variants import VariantCost, write_variants
from zhenwei.training.lesson import LessonRun, figures_line, holds_run, no_checkpoint
from zhenwei.training.recipe import Recipe, RecipeSection, differences
from zhenwei.types import Floats, Pixels

_DRY_STEPS = 6
_RANGED = 8  # batches whose activations give the ranges of the 8 bit variant


def learn(recipe: Recipe, pack: Pack, run: LessonRun) -> Recipe | None:
    """The recipe as it was run, its schedule fitted to the time; None where it was stopped before the end."""
    if run.resume and run.world.leads:
        tell_of_changes(recipe, as_run(recipe, run), run)
    deadline, check_s = None, 0.0
    if run.minutes:
        deadline = run.began + 60 * run.minutes
        recipe = _fitted(recipe, pack, run, deadline)
        net = network(recipe).to(run.device).eval()
        check_s = check_seconds(recipe, pack, net, run.device)
    state = train_network(
        recipe,
        pack,
        run.output,
        device=run.device,
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
    if state.step < steps or not run.world.leads:
        return None
    if run.variants:
        _write_variants(recipe, pack, run)
    return recipe


def _told(recipe: Recipe, run: LessonRun) -> Tell:
    def tell(step: int, figures: dict[str, float]) -> None:
        if "choose" in figures:
            run.say(f"{time.strftime('%H:%M:%S')} {figures_line(figures, '.4g')}")
            curves.write(run.output)
        run.tell("training", step / recipe.optimiser.steps, f"step {step}, loss {figures['whole']:.3f}")

    return tell


def train_network(
    recipe: Recipe,
    pack: Pack,
    folder: Path,
    *,
    device: torch.device,
    tell: Tell,
    workers: int,
    resume: bool,
    stop_after: int | None = None,
    weights: Sequence[Path] = (),
    deadline: float | None = None,
    check_s: float = 0.0,
    here: World = ALONE,
) -> TrainState:
    """Trains to the recipe's end (or ``stop_after`` steps further); checkpoints and ``log.csv`` go to ``folder``.

    ``weights``: as of :func:`start`; ``deadline``, ``check_s``, ``here``: as of :class:`zhenwei.trainer.run.Runtime`.
    """
    state = start(recipe, folder, device, resume=resume, weights=weights)
    split = split_pack(pack, recipe)
    check = checked_on(recipe, pack, split, device) if here.leads else no_check
    if here.leads:
        folder.mkdir(parents=True, exist_ok=True)
        _record(with_start(recipe, weights, folder, state.step), folder, state.step)
    train(
        state,
        BatchMaker(pack, split, recipe),
        folder,
        check=check,
        tell=tell,
        device=device,
        workers=workers,
        stop_after=stop_after,
        deadline=deadline,
        check_s=check_s,
        here=here,
    )
    return state


def start(
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    *,
    resume: bool,
    weights: Sequence[Path] = (),
) -> TrainState:
    """The last checkpoint in ``folder``, else a fresh state from ``weights``, else from ImageNet.

    ``weights``: of other runs; of several, their mean (M. Wortsman et al., "Robust fine-tuning of zero-shot models",
    CVPR 2022). Raises :class:`DataError` if the folder holds a run that is not to be resumed.
    """
    refuse_existing(folder, resume=resume)
    last = folder / "last.pt"
    if resume and not last.exists():
        raise no_checkpoint(folder)
    torch.manual_seed(recipe.seed)
    net = network(recipe)
    if weights:
        mean_weights([load_weights(path, network(recipe)) for path in weights], net)
    elif not last.exists():
        load_imagenet(net.backbone, imagenet_state(recipe.backbone))
    state = begin(net, recipe.optimiser, device)
    if last.exists():
        state.restore(last)
        refuse_beyond(state.step, recipe.optimiser.steps)
    return state


def refuse_beyond(step: int, steps: int) -> None:
    """Raises :class:`UsageError` where a run that goes on is beyond the ``steps`` it is to have in all."""
    if step > steps:
        want = f"--optimiser.steps {step} or more, which is the number in all"
        raise UsageError(
            "the run has more steps behind it than it is to have", got=f"step {step} of {steps}", want=want
        )


def tell_of_changes(recipe: RecipeSection, before: RecipeSection, run: LessonRun) -> None:
    """What a run that goes on is to do otherwise than it began."""
    differ = [text for text in differences(before, recipe) if not text.startswith("start ")]
    if differ and run.minutes:
        run.say(f"Settings that stay as the run was begun with, for --minutes: {'; '.join(differ)}")
    elif differ:
        run.say(f"Settings of the run that change from here on: {'; '.join(differ)}")


def refuse_existing(folder: Path, *, resume: bool) -> None:
    """Raises :class:`DataError` if ``folder`` holds a run that is not to be resumed."""
    if not resume and holds_run(folder):
        fix = "Choose another folder."
        if (folder / "last.pt").exists():
            fix = "Add --resume, or choose another folder."
        raise DataError("the output folder holds a run", got=str(folder), fix=fix)


def network(recipe: Recipe) -> FaceForgeryNet:
    """Untrained; its weights are drawn from PyTorch's random state."""
    return FaceForgeryNet(recipe.backbone)


def mean_weights(nets: Sequence[nn.Module], into: nn.Module) -> None:
    """Sets the weights of ``into`` to the mean of those of ``nets``; counts, which have no mean, to the first's."""
    states = [net.state_dict() for net in nets]
    mean = states[0].copy()
    for name, first in mean.items():
        if first.is_floating_point():
            mean[name] = torch.stack([state[name] for state in states]).mean(0)
    into.load_state_dict(mean)


def with_start(recipe: Recipe, weights: Sequence[Path], folder: Path, step: int) -> Recipe:
    """``recipe`` with what it starts from; a resumed run keeps what it was begun with."""
    if step:
        try:
            before = Recipe.model_validate_json((folder / "recipe.json").read_text(encoding="utf-8")).start
        except (OSError, ValueError):  # none was written, or by hand
            before = ""
        return recipe.model_copy(update={"start": before})
    if not weights:
        return recipe
    each = [f"{path.name} @ {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in weights]
    return recipe.model_copy(update={"start": ", ".join(each)})


def _record(recipe: Recipe, folder: Path, step: int) -> None:
    """``recipe.json``; that of the steps before, if it was another, stays as ``recipe-until-STEP.json``."""
    path, text = folder / "recipe.json", recipe.model_dump_json(indent=2)
    if step and path.is_file() and path.read_text(encoding="utf-8") != text:
        path.replace(folder / f"recipe-until-{step}.json")
    path.write_text(text, encoding="utf-8")


def _fitted(recipe: Recipe, pack: Pack, run: LessonRun, deadline: float) -> Recipe:
    """The recipe in as many steps as there is time for; a resumed run keeps the schedule that it was begun with."""
    if run.resume and (run.output / "recipe.json").is_file():
        return as_run(recipe, run)
    trial = _tried(recipe, pack, run, max(4 * _DRY_STEPS, 2 * run.workers))
    left = distributed.told(deadline - time.monotonic(), run.world, run.device)
    steps = steps_within(trial, left, recipe.optimiser)
    run.say(f"{trial.step_s:.3f} s a step, {left / 60:.1f} min left: {steps} of {recipe.optimiser.steps} steps")
    return recipe.scaled(steps) if steps < recipe.optimiser.steps else recipe


def _tried(recipe: Recipe, pack: Pack, run: LessonRun, steps: int) -> Trial:
    """At the end of the schedule, where pictures are largest and everything is in force."""
    maker, first = BatchMaker(pack, split_pack(pack, recipe), recipe), max(0, recipe.optimiser.steps - steps)
    device = run.device
    state = start(recipe, run.scratch, device, resume=False, weights=run.start)
    return try_out(state, maker, device, workers=run.workers, steps=steps, first=first, here=run.world)


def estimate(recipe: Recipe, pack: Pack, run: LessonRun) -> None:
    """``--dry-run``: a few steps, and what all of them will take."""
    trial = _tried(recipe, pack, run, _DRY_STEPS + 2 * run.workers * (run.workers > 1))
    if run.minutes:
        steps = steps_within(trial, 60 * run.minutes, recipe.optimiser)
        recipe = recipe.scaled(steps) if steps < recipe.optimiser.steps else recipe
    held = [f"{trial.memory_gib:.1f} GiB of memory"] if trial.memory_gib is not None else []
    held += [f"{trial.gpu_gib:.1f} GiB of the GPU's"] if run.device.type == "cuda" else []
    run.say(
        f"{recipe.optimiser.steps} steps of {recipe.pairs.total * 2} faces: {trial.step_s:.2f} s each with "
        f"{run.workers} to prepare them, about {recipe.optimiser.steps * trial.step_s / 60:.0f} min on {run.device}, "
        f"checks not counted; at most {' and '.join(held) or 'an unknown amount of memory'} so far"
    )


def take_mean(recipe: Recipe, pack: Pack, run: LessonRun) -> Recipe:
    """``--mean``: of the weights given by ``--from``, not trained any further: a run of no steps."""
    if len(run.start) < 2:
        raise UsageError("a mean needs several weights", got=f"{len(run.start)}", want="--from twice or more")
    state = start(recipe, run.output, run.device, resume=False, weights=run.start)
    run.output.mkdir(parents=True, exist_ok=True)
    _record(with_start(recipe, run.start, run.output, 0), run.output, 0)
    check = checked_on(recipe, pack, split_pack(pack, recipe), run.device)
    figures = {"step": 0.0} | check(state.net.eval())
    save_state(state.net.state_dict(), run.output / "best.pt")
    write_log(run.output / "log.csv", [figures], ".6g")
    run.say(figures_line(figures, ".4g"))
    recipe = as_run(recipe, run)
    if run.variants:
        _write_variants(recipe, pack, run)
    return recipe


def as_run(recipe: Recipe, run: LessonRun) -> Recipe:
    """As ``recipe.json`` has it, which knows the weights that were begun with. Raises :class:`DataError` where it is
    damaged."""
    kept = run.output / "recipe.json"
    try:
        return Recipe.model_validate_json(kept.read_text(encoding="utf-8")) if kept.is_file() else recipe
    except ValueError as error:
        fix = "Delete it: the run goes on by the recipe that is given."
        raise DataError("the recipe that the run was begun with cannot be read", got=str(kept), fix=fix) from error


def _write_variants(recipe: Recipe, pack: Pack, run: LessonRun) -> None:
    """Written and measured before the card is, so that it tells of them."""
    for cost in write_variants_of(recipe, pack, run.output):
        auc = cost.auc_difference
        change = f"AUC {auc.value:+.4f} [{auc.low:+.4f}, {auc.high:+.4f}]"
        run.say(f"{cost.name}: {cost.bytes / 1e6:.1f} MB, {cost.speed_ratio:.2f} times as fast, {change}")


def write_variants_of(recipe: Recipe, pack: Pack, folder: Path) -> tuple[VariantCost, ...]:
    """Variants of ``folder/best.pt`` into ``folder/variants``, measured on the held-out identities; ranges of
    activations are those of batches that it was trained with."""
    exported = export(load_weights(folder / "best.pt", network(recipe)), recipe.size_px)
    split = split_pack(pack, recipe)
    maker, held_out = BatchMaker(pack, split, recipe), held_out_faces(pack, split, recipe)
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
