"""The part of ``zhenwei train`` that needs PyTorch: progress, dry run, device."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from zhenwei.errors import MissingExtraError, UsageError
from zhenwei.training.recipe import Recipe, load_recipe

try:
    import torch
except ImportError as error:
    raise MissingExtraError("training needs PyTorch", fix="Run: pip install 'zhenwei[train]'") from error

from zhenwei.training import face_forgery
from zhenwei.training.pack import Pack

_DRY_STEPS = 4
_QUIET_EVERY = 25  # where no bar can be shown, a line now and then


@dataclass(frozen=True, slots=True)
class Options:
    detector: str
    data: Path
    output: Path
    recipe: str
    resume: bool
    dry_run: bool
    workers: int
    threads: int
    device: str
    stop_after: int | None
    install: bool = False


def run(options: Options) -> None:
    recipe = load_recipe(options.recipe)
    if recipe.detector != options.detector:
        raise UsageError("the recipe is for another detector", got=recipe.detector, want=options.detector)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = _device(options.device)
    _check_output(options)
    console = Console(stderr=True)
    if options.dry_run:
        with tempfile.TemporaryDirectory(prefix="zhenwei-dry-") as scratch:
            _estimate(recipe, Path(scratch), device, options, console)
    else:
        _train(recipe, device, options, console)


def _check_output(options: Options) -> None:
    """Before minutes are spent on preparing faces."""
    folder = options.output
    if options.dry_run:
        return
    face_forgery.refuse_existing(folder, resume=options.resume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            "the output folder cannot be written", got=f"{folder}: {error.strerror}", fix="Choose another."
        ) from error


def _train(recipe: Recipe, device: torch.device, options: Options, console: Console) -> None:
    folder = options.output
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        pack = _pack(options.data, folder, progress)
        bar = progress.add_task("training", total=recipe.optimiser.steps, note="")

        def tell(step: int, figures: dict[str, float]) -> None:
            if "choose" in figures:
                line = "  ".join(f"{k} {v:.4g}" for k, v in figures.items())
                progress.console.print(f"{time.strftime('%H:%M:%S')} {line}", highlight=False)
            elif not console.is_terminal and step % _QUIET_EVERY == 0:
                sys.stderr.write(f"{time.strftime('%H:%M:%S')} step {step} loss {figures['whole']:.3f}\n")
            progress.update(bar, completed=step, note=f"loss {figures['whole']:.3f}")

        state = face_forgery.run(
            recipe,
            pack,
            folder,
            device=device,
            tell=tell,
            workers=options.workers,
            resume=options.resume,
            stop_after=options.stop_after,
        )
    if options.install and state.step == recipe.optimiser.steps:
        _install(recipe, pack, folder, console)
    console.print(f"step {state.step} of {recipe.optimiser.steps}; best weights: {folder / 'best.pt'}", highlight=False)


def _install(recipe: Recipe, pack: Pack, folder: Path, console: Console) -> None:
    with Progress(TextColumn("calibrating"), BarColumn(), TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("calibrating", total=1.0)
        row = face_forgery.install(recipe, pack, folder, progress=lambda done: progress.update(bar, completed=done))
    console.print(f"in the model store: {row.weights}", highlight=False)


def _pack(data: Path, output: Path, progress: Progress) -> Pack:
    bar = progress.add_task("preparing faces", total=100, note="")
    pack = face_forgery.prepare(data, output, lambda done: progress.update(bar, completed=round(done * 100)))
    progress.update(bar, completed=100, note=f"{len(pack)} faces")
    return pack


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise UsageError("unknown device", got=name, want="auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("no GPU is available to PyTorch here", got=name, fix="Use --device cpu.")
    return torch.device(name)


def _estimate(recipe: Recipe, scratch: Path, device: torch.device, options: Options, console: Console) -> None:
    from zhenwei.training.batches import BatchMaker, split_pack
    from zhenwei.training.loop import loss_of

    built = options.output if (options.output / "pack.npz").is_file() else scratch
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console) as progress:
        pack = _pack(options.data, built, progress)
    state = face_forgery.start(recipe, scratch, device, resume=False)
    maker = BatchMaker(pack, split_pack(pack, recipe), recipe)
    began = time.perf_counter()
    batches = [maker[step] for step in range(_DRY_STEPS)]
    prepared = (time.perf_counter() - began) / _DRY_STEPS
    began = time.perf_counter()
    for batch in batches:
        whole, _ = loss_of(state.net, batch, recipe.optimiser, device)
        whole.backward()  # type: ignore[no-untyped-call]
    stepped = (time.perf_counter() - began) / _DRY_STEPS
    each = max(stepped, prepared / max(1, options.workers))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    console.print(
        f"{recipe.optimiser.steps} steps of {recipe.pairs.total * 2} faces: {stepped:.2f} s to learn and "
        f"{prepared:.2f} s to prepare each, about {recipe.optimiser.steps * each / 60:.0f} min on {device}; "
        f"{peak:.1f} GiB so far",
        highlight=False,
    )
