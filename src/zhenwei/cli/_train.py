"""The part of ``zhenwei train`` that needs PyTorch: progress, dry run, device."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from zhenwei.cli import _train_other
from zhenwei.cli._train_common import Options, bar, check_output, device_of
from zhenwei.errors import UsageError
from zhenwei.evaluation import leave_out as kept_out
from zhenwei.trainer import distributed
from zhenwei.trainer.distributed import World
from zhenwei.trainer.trial import Trial, steps_within, try_out
from zhenwei.training import (
    curves,
    face_forgery,
    face_forgery_publish,
    leave_out,
)
from zhenwei.training.batches import BatchMaker, split_pack
from zhenwei.training.pack import Pack, kept_decoded
from zhenwei.training.recipe import Recipe, load_recipe
from zhenwei.training.repack import repack

_DRY_STEPS = 6
_QUIET_EVERY = 25  # where no bar can be shown, a line now and then


def run(options: Options) -> None:
    began = time.monotonic()
    if _train_other.run(options):
        return
    recipe = load_recipe(options.recipe or "face_forgery")
    if recipe.detector != options.detector:
        raise UsageError("the recipe is for another detector", got=recipe.detector, want=options.detector)
    for path in options.start:
        if not path.is_file():
            raise UsageError("there are no weights to start from", got=str(path), want="best.pt of another run")
    if options.threads:
        torch.set_num_threads(options.threads)
    device = distributed.own_device(device_of(options.device))
    check_output(options)
    with distributed.joined(device) as here:
        console = Console(stderr=True, quiet=not here.leads)
        with _pack(options, here, console) as pack:
            if options.dry_run:
                _estimate(recipe, pack, device, options, here, console)
            elif options.mean:
                _mean(recipe, pack, device, options, console)
            elif options.leave_out:
                _leave_out(recipe, pack, device, options, console)
            else:
                _train(recipe, pack, device, options, here, console, began)


@contextmanager
def _pack(options: Options, here: World, console: Console) -> Iterator[Pack]:
    """The faces; where nothing may be written, those of a data folder are kept for the while only."""
    if here.size > 1 and not options.data.is_file():
        fix = "Write one first: zhenwei train ... --make-pack pack.npz"
        raise UsageError("several processes need a pack", got=str(options.data), want="a pack.npz", fix=fix)
    with tempfile.TemporaryDirectory(prefix="zhenwei-faces-") as scratch:
        there = not options.dry_run or (options.output / "pack.npz").is_file()
        with bar("preparing faces", console) as told:
            folder = options.output if there else Path(scratch)
            pack = face_forgery.prepare(options.data, folder, told, workers=options.workers)
        if not options.cache:
            yield pack
            return
        with kept_decoded(pack) as decoded:
            yield decoded


def _train(
    recipe: Recipe,
    pack: Pack,
    device: torch.device,
    options: Options,
    here: World,
    console: Console,
    began: float,
) -> None:
    folder, deadline, check_s = options.output, None, 0.0
    if options.minutes:
        deadline = began + 60 * options.minutes
        recipe = _fitted(recipe, pack, device, options, here, console, deadline)
        check_s = face_forgery.check_seconds(recipe, pack, face_forgery.network(recipe).to(device).eval(), device)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=recipe.optimiser.steps, note="")

        def tell(step: int, figures: dict[str, float]) -> None:
            if "choose" in figures:
                line = "  ".join(f"{k} {v:.4g}" for k, v in figures.items())
                progress.console.print(f"{time.strftime('%H:%M:%S')} {line}", highlight=False)
                curves.write(folder)
            elif here.leads and not console.is_terminal and step % _QUIET_EVERY == 0:
                sys.stderr.write(f"{time.strftime('%H:%M:%S')} step {step} loss {figures['whole']:.3f}\n")
            progress.update(task, completed=step, note=f"loss {figures['whole']:.3f}")

        state = face_forgery.run(
            recipe,
            pack,
            folder,
            device=device,
            tell=tell,
            workers=options.workers,
            resume=options.resume,
            stop_after=options.stop_after,
            weights=options.start,
            deadline=deadline,
            check_s=check_s,
            here=here,
        )
    steps = state.options.steps
    if here.leads and state.step == steps:
        _finish(recipe, pack, options, console)
    console.print(f"step {state.step} of {steps}; best weights: {folder / 'best.pt'}", highlight=False)


def _mean(recipe: Recipe, pack: Pack, device: torch.device, options: Options, console: Console) -> None:
    if len(options.start) < 2:
        raise UsageError("a mean needs several weights", got=f"{len(options.start)}", want="--from twice or more")
    with console.status("measuring on held-out people and sources"):
        figures = face_forgery.take_mean(recipe, pack, options.output, options.start, device=device)
    console.print("  ".join(f"{k} {v:.4g}" for k, v in figures.items()), highlight=False)
    began = Recipe.model_validate_json((options.output / "recipe.json").read_text(encoding="utf-8"))
    _finish(began, pack, options, console)


def _leave_out(recipe: Recipe, pack: Pack, device: torch.device, options: Options, console: Console) -> None:
    """One short run with every kind of forgery and one without each; what each answers to the kind that it lacked."""
    source = options.data if options.data.is_file() else options.output / "pack.npz"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:

        def began(kind: str, steps: int) -> Callable[[int, dict[str, float]], None]:
            task = progress.add_task(f"without {kind}" if kind else "with every kind", total=steps)
            return lambda step, _: progress.update(task, completed=step)

        found = leave_out.run(
            recipe,
            pack,
            options.output,
            device=device,
            workers=options.workers,
            began=began,
            asking=lambda kind: progress.console.print(f"asking: {kind}", highlight=False),
            pack_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        )
    target = options.output / "leave_one_out.json"
    kept_out.save(found, target)
    table = Table("kind of forgery", "genuine + forged", "never seen", "seen", "lost")
    for row in found.rows:
        areas = [f"{v.value:.3f} [{v.low:.3f}, {v.high:.3f}]" for v in (row.unseen, row.seen, row.lost)]
        table.add_row(row.kind, f"{row.genuine} + {row.forged}", *areas)
    Console().print(table)
    console.print(f"AUC with 95 % intervals; all of it: {target}", highlight=False)


def _fitted(
    recipe: Recipe,
    pack: Pack,
    device: torch.device,
    options: Options,
    here: World,
    console: Console,
    deadline: float,
) -> Recipe:
    """The recipe in as many steps as there is time for; a resumed run keeps the schedule that it was begun with."""
    begun = options.output / "recipe.json"
    if options.resume and begun.is_file():
        return Recipe.model_validate_json(begun.read_text(encoding="utf-8"))
    trial = _tried(recipe, pack, device, options, here, max(4 * _DRY_STEPS, 2 * options.workers))
    left = distributed.told(deadline - time.monotonic(), here, device)
    steps = steps_within(trial, left, recipe.optimiser)
    console.print(
        f"{trial.step_s:.3f} s a step, {left / 60:.1f} min left: {steps} of {recipe.optimiser.steps} steps",
        highlight=False,
    )
    return recipe.scaled(steps) if steps < recipe.optimiser.steps else recipe


def _finish(recipe: Recipe, pack: Pack, options: Options, console: Console) -> None:
    folder = options.output
    if options.variants:
        with console.status("writing and measuring variants"):
            costs = face_forgery_publish.write_variants_of(recipe, pack, folder)
        for cost in costs:
            auc = cost.auc_difference
            change = f"AUC {auc.value:+.4f} [{auc.low:+.4f}, {auc.high:+.4f}]"
            line = f"{cost.name}: {cost.bytes / 1e6:.1f} MB, {cost.speed_ratio:.2f} times as fast, {change}"
            console.print(line, highlight=False)
    if options.install:
        with bar("calibrating", console) as told:
            row = face_forgery_publish.install_into(recipe, pack, folder, options.store, told)
        console.print(f"in the model store: {row.weights}", highlight=False)


def pack_only(data: Path, target: Path, most_mb: float, workers: int) -> None:
    """``--make-pack``."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="zhenwei-faces-") as scratch:
        with bar("preparing faces", console) as told:
            pack = face_forgery.prepare(data, Path(scratch), told, workers=workers)
        with bar("encoding", console) as told:
            made = repack(pack, target, most_mb, told)
    console.print(f"{target}: {made}", highlight=False)


def _tried(recipe: Recipe, pack: Pack, device: torch.device, options: Options, here: World, steps: int) -> Trial:
    """At the end of the schedule, where pictures are largest and everything is in force."""
    maker, first = BatchMaker(pack, split_pack(pack, recipe), recipe), max(0, recipe.optimiser.steps - steps)
    with tempfile.TemporaryDirectory(prefix="zhenwei-dry-") as scratch:
        state = face_forgery.start(recipe, Path(scratch), device, resume=False, weights=options.start, here=here)
    return try_out(state, maker, device, workers=options.workers, steps=steps, first=first, here=here)


def _estimate(
    recipe: Recipe, pack: Pack, device: torch.device, options: Options, here: World, console: Console
) -> None:
    trial = _tried(recipe, pack, device, options, here, _DRY_STEPS + 2 * options.workers * (options.workers > 1))
    if options.minutes:
        steps = steps_within(trial, 60 * options.minutes, recipe.optimiser)
        recipe = recipe.scaled(steps) if steps < recipe.optimiser.steps else recipe
    held = [f"{trial.memory_gib:.1f} GiB of memory"] if trial.memory_gib is not None else []
    held += [f"{trial.gpu_gib:.1f} GiB of the GPU's"] if device.type == "cuda" else []
    console.print(
        f"{recipe.optimiser.steps} steps of {recipe.pairs.total * 2} faces: {trial.step_s:.2f} s each with "
        f"{options.workers} to prepare them, about {recipe.optimiser.steps * trial.step_s / 60:.0f} min on {device}, "
        f"checks not counted; at most {' and '.join(held) or 'an unknown amount of memory'} so far",
        highlight=False,
    )
