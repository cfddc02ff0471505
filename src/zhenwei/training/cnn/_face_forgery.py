"""``zhenwei train cnn.face_forgery``: start, steps, checkpoints; and what may be asked for instead."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
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
from zhenwei.training.recipe import Recipe
from zhenwei.training.resuming import RECORD, changes_of, heed_changes, kept_recipe, record, refuse_beyond
from zhenwei.types import Floats, Pixels

_DRY_STEPS = 6
_RANGED = 8  # batches whose activations give the ranges of the 8 bit variant


def learn(recipe: Recipe, pack: Pack, run: LessonRun) -> Recipe | None:
    """The recipe as it was run, its schedule fitted to the time; None where it was stopped before the end."""
    deadline, check_s = None, 0.0
    if run.minutes:
        differ = changes_of(kept_recipe(run.output, recipe), recipe) if run.resume else []
        if differ:
            run.say(f"Settings that stay as the run was begun with, for --minutes: {'; '.join(differ)}")
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
        say=run.say,
        workers=run.workers,
        resume=run.resume,
        stop_after=run.stop_after,
        weights=run.start,
        deadline=deadline,
        check_s=check_s,
        here=run.world,
    )
    steps = state.options.steps
    say_how_far(state.step, steps, run)
    if state.step < steps or not run.world.leads:
        return None
    if run.variants:
        _write_variants(recipe, pack, run)
    return recipe


def say_how_far(step: int, steps: int, run: LessonRun) -> None:
    """Where the run is, and its best weights once a check has chosen some."""
    best = run.output / "best.pt"
    if best.is_file():
        run.say(f"step {step} of {steps}; best weights: {best}")
    else:
        run.say(f"step {step} of {steps}")


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
    say: Callable[[str], None] = lambda _: None,
) -> TrainState:
    """Trains to the recipe's end (or ``stop_after`` steps further); checkpoints and ``log.csv`` go to ``folder``.

    ``weights``: as of :func:`start`; ``deadline``, ``check_s``, ``here``: as of :class:`zhenwei.trainer.run.Runtime`.
    ``say``: told what a resumed run does otherwise. Raises :class:`UsageError` where it has no step left to do it in.
    """
    state = start(recipe, folder, device, resume=resume, weights=weights)
    if resume:
        heed_changes(kept_recipe(folder, recipe), recipe, left=state.options.steps - state.step, say=say)
    split = split_pack(pack, recipe)
    check = checked_on(recipe, pack, split, device) if here.leads else no_check
    if here.leads:
        folder.mkdir(parents=True, exist_ok=True)
        record(with_start(recipe, weights, folder, state.step), folder, state.step)
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
    if last.exists():
        refuse_other_start(recipe, weights, folder)
    elif weights:
        mean_weights([load_weights(path, network(recipe)) for path in weights], net)
    else:
        load_imagenet(net.backbone, imagenet_state(recipe.backbone))
    state = begin(net, recipe.optimiser, device)
    if last.exists():
        state.restore(last)
        refuse_beyond(state.step, recipe.optimiser.steps)
    return state


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


def refuse_other_start(recipe: Recipe, weights: Sequence[Path], folder: Path) -> None:
    """Raises :class:`UsageError` for weights that the run in ``folder`` did not begin with: its own would be kept."""
    if weights and _named(weights) != kept_recipe(folder, recipe).start:
        got, want = ", ".join(map(str, weights)), "no --from, or the weights that it began with"
        fix = "Leave --from out, or begin anew in another folder."
        raise UsageError("a run that goes on has weights of its own", got=got, want=want, fix=fix)


def with_start(recipe: Recipe, weights: Sequence[Path], folder: Path, step: int) -> Recipe:
    """``recipe`` with what it starts from; a resumed run keeps what it was begun with."""
    if step:
        before = kept_recipe(folder, recipe.model_copy(update={"start": ""})).start
        return recipe.model_copy(update={"start": before})
    return recipe.model_copy(update={"start": _named(weights)}) if weights else recipe


def _named(weights: Sequence[Path]) -> str:
    return ", ".join(f"{path.name} @ {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in weights)


def _fitted(recipe: Recipe, pack: Pack, run: LessonRun, deadline: float) -> Recipe:
    """The recipe in as many steps as there is time for; a resumed run keeps the schedule that it was begun with."""
    if run.resume and (run.output / RECORD).is_file():
        return kept_recipe(run.output, recipe)
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
    record(with_start(recipe, run.start, run.output, 0), run.output, 0)
    check = checked_on(recipe, pack, split_pack(pack, recipe), run.device)
    figures = {"step": 0.0} | check(state.net.eval())
    save_state(state.net.state_dict(), run.output / "best.pt")
    write_log(run.output / "log.csv", [figures], ".6g")
    run.say(figures_line(figures, ".4g"))
    recipe = kept_recipe(run.output, recipe)
    if run.variants:
        _write_variants(recipe, pack, run)
    return recipe


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
