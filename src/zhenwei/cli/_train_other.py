"""``zhenwei train`` of detectors with a training of their own, and ``--thresholds``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import torch
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from zhenwei import models
from zhenwei.cli._train_common import Options, bar, check_output, device_of
from zhenwei.errors import UsageError
from zhenwei.evaluation import held_out
from zhenwei.fusion.dependence import PACKAGED as LEARNED
from zhenwei.fusion.dependence import Dependence
from zhenwei.fusion.operating import PACKAGED, OperatingPoints
from zhenwei.models import ModelEntry
from zhenwei.stats.metrics import auc
from zhenwei.training import (
    face_forgery,
    face_traces,
    face_traces_publish,
    fingerprint,
    fingerprint_publish,
    flicker,
    flicker_publish,
    left_out,
    lip_sync,
    neuron_coverage,
    pairs,
    self_consistency,
    self_consistency_publish,
    speech_publish,
    speech_together,
    synthetic_image,
    synthetic_publish,
    thresholds,
)
from zhenwei.training.recipe import load_recipe
from zhenwei.training.synthetic_pictures import read_portraits

FITTED = {
    "traditional.exposure": "exposure",
    "traditional.jpeg_traces": "jpeg_traces",
    "traditional.noise": "noise",
}
_FINGERPRINTS = ("fingerprint.learned", "fingerprint.residual")
_ANEW = "Measure the thresholds of all detectors together anew: zhenwei train ... --thresholds"


def run(options: Options) -> bool:
    """Does what was asked for if it is not for the one loop, and says whether."""
    own = {"cnn.synthetic_image": synthetic, "cnn.neuron_coverage": coverage}
    own |= {"consistency.exif": self_consistent} | dict.fromkeys(_FINGERPRINTS, fingerprints)
    own |= {"audiovisual.lip_sync": mouths, "temporal.flicker": trembling} | dict.fromkeys(speech_publish.WAYS, voices)
    own |= dict.fromkeys(face_traces_publish.PARTS.values(), traces) | dict.fromkeys(FITTED, fitted)
    of_voices = options.detector in speech_publish.WAYS and options.start
    thresholds_of = voices_together if of_voices else measure_thresholds
    way = thresholds_of if options.thresholds else own.get(options.detector)
    if way is not None:
        way(options)
    return way is not None


def _refuse(options: Options) -> None:
    """What goes with the one loop only."""
    asked = {"--from": options.start, "--minutes": options.minutes, "--dry-run": options.dry_run}
    asked |= {"--variants": options.variants, "--leave-out": options.leave_out, "--cache": options.cache}
    asked |= {"--mean": options.mean}
    for name, value in asked.items():
        if value:
            raise UsageError(f"{name} is not for this detector", got=options.detector, fix="Leave it out.")


def traces(options: Options) -> None:
    """The heads of the attention and warp families, which one training makes together."""
    _refuse(options)
    recipe = load_recipe(options.recipe or face_traces_publish.MODEL)
    if options.threads:
        torch.set_num_threads(options.threads)
    console = Console(stderr=True)
    check_output(options)
    with bar("preparing faces", console) as told:
        pack = face_forgery.prepare(options.data, options.output, told, workers=options.workers)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(), console=console
    ) as progress:
        bars: dict[str, TaskID] = {}

        def tell(what: str, share: float) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=1.0)
            progress.update(bars[what], completed=share)

        found = face_traces.run(recipe, pack, options.output, tell)
    console.print("  ".join(f"{name} {value:.3f}" for name, value in found.items()), highlight=False)
    if options.install:
        store = options.store or models.STORE
        with bar("calibrating", console) as told:
            row = face_traces_publish.install(recipe, pack, options.output, found, store=store, progress=told)
        console.print(f"in the model store: {row.weights}", highlight=False)
        console.print(_ANEW)


def fitted(options: Options) -> None:
    """Detectors whose few weights are fitted in one go and installed at once."""
    _refuse(options)
    if not options.data.is_dir():
        raise UsageError("it is fitted on whole photographs", got=str(options.data), want="a data folder")
    console = Console(stderr=True)
    check_output(options)
    train = import_module(f"zhenwei.training.{FITTED[options.detector]}").train
    with bar("fitting and calibrating", console) as told:
        train(options.data, options.output, store=options.store or models.STORE, progress=told)
    console.print(f"in the model store; what was measured: {options.output}", highlight=False)
    console.print(_ANEW)


def coverage(options: Options) -> None:
    """``cnn.neuron_coverage``: fitted in minutes, and installed or not."""
    _refuse(options)
    recipe = load_recipe(options.recipe or neuron_coverage.MODEL)
    if options.threads:
        torch.set_num_threads(options.threads)
    console = Console(stderr=True)
    check_output(options)
    with bar("preparing faces", console) as told:
        pack = face_forgery.prepare(options.data, options.output, told, workers=options.workers)
    with bar("measuring coverage", console) as told:
        found = neuron_coverage.learn(pack, recipe, lambda what, share: told(share if what == "coverage" else 1.0))
    torch.save(found.net.state_dict(), options.output / "best.pt")
    console.print("  ".join(f"{name} {value:.3f}" for name, value in found.areas.items()), highlight=False)
    if options.install:
        with bar("calibrating", console) as told:
            row = neuron_coverage.install(recipe, pack, found, store=options.store or models.STORE, progress=told)
        console.print(f"in the model store: {row.weights}", highlight=False)
        console.print(_ANEW)


def self_consistent(options: Options) -> None:
    """``consistency.exif``: its own camera makes what it learns from."""
    _refuse(options)
    if not options.data.is_dir():
        raise UsageError("it learns from whole photographs", got=str(options.data), want="a data folder")
    if options.threads:
        torch.set_num_threads(options.threads)
    console, steps = Console(stderr=True), self_consistency_publish.STEPS
    check_output(options)
    album, held_out = self_consistency_publish.albums(options.data)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=steps)
        net = self_consistency.train(
            album,
            options.output,
            steps=steps,
            resume=options.resume,
            stop_after=options.stop_after,
            tell=lambda step, _: progress.update(task, completed=step),
        )
    with console.status("measuring on held-out photographs"):
        found = self_consistency.check(net, [photograph.pixels() for photograph in held_out])
    console.print("  ".join(f"{name} {value:.3f}" for name, value in found.items()), highlight=False)
    if options.install and options.stop_after is None:
        store = options.store or models.STORE
        with bar("calibrating", console) as told:
            row = self_consistency_publish.install(net, held_out, found, store=store, progress=told)
        console.print(f"in the model store: {row.weights}", highlight=False)
        console.print(_ANEW)


def fingerprints(options: Options) -> None:
    """Both detectors of the family learn from the same batches."""
    _refuse(options)
    if options.threads:
        torch.set_num_threads(options.threads)
    console = Console(stderr=True)
    check_output(options)
    with bar("finding faces", console) as told:
        portraits = read_portraits(options.data, told)
    with _stages(console) as tell:
        learn, held_out = fingerprint_publish.pictures(portraits, options.output, tell)
        nets = fingerprint.train(learn, options.output, resume=options.resume, tell=tell)
    with console.status("measuring on held-out pictures"):
        found = fingerprint_publish.measure(nets, held_out)
    for (model, way), figures in found.figures.items():
        shares = "  ".join(f"{name} {figure.value:.3f}" for name, figure in figures.items())
        console.print(f"{model}, {way}: {shares}", highlight=False)
    if options.install:
        with bar("calibrating", console) as told:
            whole = [p for some in held_out.album.portraits.values() for p in some]
            rows = fingerprint_publish.install(found, whole, store=options.store or models.STORE, progress=told)
        console.print(f"in the model store: {', '.join(row.weights for row in rows)}", highlight=False)
        console.print(_ANEW)


def trembling(options: Options) -> None:
    """``temporal.flicker`` learns in a minute from clips that take longer to make."""
    _refuse(options)
    if not options.data.is_dir():
        raise UsageError("it learns from whole photographs", got=str(options.data), want="a data folder")
    if options.threads:
        torch.set_num_threads(options.threads)
    console = Console(stderr=True)
    check_output(options)
    albums = flicker_publish.albums(options.data)
    with bar("setting photographs in motion", console) as told:
        learn = list(flicker.clips(albums.learn, 1, flicker_publish.TIMES, told))
    with bar("the same for held-out ones", console) as told:
        held_out = list(flicker.clips(albums.held_out, 2, 1, told))
    with bar("training", console) as told:
        net = flicker.train(learn, tell=told)
    torch.save(net.state_dict(), options.output / "best.pt")
    area = auc([clip.forged for clip in held_out], flicker.scores(net, held_out))
    console.print(f"AUC on held-out photographs: {area:.3f}", highlight=False)
    if options.install:
        with bar("calibrating", console) as told:
            store = options.store or models.STORE
            row = flicker_publish.install(net, held_out, store=store, progress=told)
        console.print(f"in the model store: {row.weights}", highlight=False)
        console.print(_ANEW)


def voices(options: Options) -> None:
    """Detectors of synthetic voices: measured source by source, then learned from all."""
    _refuse(options)
    if options.threads:
        torch.set_num_threads(options.threads)
    console = Console(stderr=True)
    check_output(options)
    with _stages(console) as tell:
        row = speech_publish.train(
            options.detector,
            options.data,
            options.output,
            workers=options.workers,
            resume=options.resume,
            store=options.store or models.STORE,
            progress=tell,
        )
    _measured(console, options, row)


def voices_together(options: Options) -> None:
    """The table of all detectors of voices together, from the answers that their trainings have left."""
    options.output.mkdir(parents=True, exist_ok=True)
    found = speech_together.measure(options.start, store=options.store or models.STORE)
    held_out.save(found.table, options.output / "held_out.json")
    console = Console(stderr=True)
    console.print(Markdown(held_out.to_markdown(found.table)))
    with bar("looking at clips", console) as told:
        paired = pairs.table(pairs.look(options.data, told), found.spoken)
    held_out.save(paired, options.output / "pairs.json")
    console.print(Markdown(held_out.to_markdown(paired)))


def mouths(options: Options) -> None:
    """``audiovisual.lip_sync``: measured clip by clip, then learned from all."""
    _refuse(options)
    console = Console(stderr=True)
    check_output(options)
    with _stages(console) as tell:
        row = lip_sync.train(options.data, options.output, store=options.store or models.STORE, progress=tell)
    _measured(console, options, row)


@contextmanager
def _stages(console: Console) -> Iterator[Callable[[str, float], None]]:
    """A bar for each stage that is told of."""
    share = TextColumn("{task.percentage:.0f}%")
    columns = (TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=1.0)
            progress.update(tasks[what], completed=share)

        yield tell


def _measured(console: Console, options: Options, row: ModelEntry) -> None:
    console.print(Markdown(held_out.to_markdown(held_out.load(options.output / "held_out.json"))))
    console.print(f"in the model store: {row.weights}", highlight=False)
    console.print(_ANEW)


def synthetic(options: Options) -> None:
    """``cnn.synthetic_image`` learns from whole pictures, and has a recipe of its own kind."""
    _refuse(options)
    recipe = synthetic_image.load_recipe(Path(options.recipe) if options.recipe else None)
    if options.threads:
        torch.set_num_threads(options.threads)
    device, console = device_of(options.device), Console(stderr=True)
    check_output(options)
    with bar("finding faces", console) as told:
        portraits = read_portraits(options.data, told)
    album = synthetic_image.sort_out(portraits, recipe)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=recipe.optimiser.steps)
        state = synthetic_image.run(
            recipe,
            album,
            options.output,
            device=device,
            tell=lambda step, _: progress.update(task, completed=step),
            workers=options.workers,
            resume=options.resume,
            stop_after=options.stop_after,
        )
    console.print(f"step {state.step}; best weights: {options.output / 'best.pt'}", highlight=False)
    if options.install and state.step == recipe.optimiser.steps:
        with bar("calibrating", console) as told:
            row = synthetic_publish.install(
                recipe, album, options.output, store=options.store or models.STORE, progress=told
            )
        console.print(f"in the model store: {row.weights}", highlight=False)
        console.print(_ANEW)


def measure_thresholds(options: Options) -> None:
    """Of the fused verdict, with every detector that is installed, on sources left out."""
    console = Console(stderr=True)
    if not options.data.is_dir():
        raise UsageError("thresholds are measured on whole files", got=str(options.data), want="a data folder")
    options.output.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("asking every detector", total=None)
        every = thresholds.ask(
            options.data,
            options.output,
            limit=options.limit,
            progress=lambda done, of: progress.update(task, completed=done, total=of),
        )
    with console.status("leaving each source out"):
        found = thresholds.measure(every)
    target, beside = (options.store / path.name if options.store else path for path in (PACKAGED, LEARNED))
    OperatingPoints.load().joined(found.operating).save(target)
    trust = {**Dependence.load().trust, **found.dependence.trust}  # of kinds that DATA lacks, as it was
    replace(found.dependence, trust=trust).save(beside)
    left_out.save(found, options.output)
    console.print(Markdown(left_out.to_markdown(found)))
    console.print(f"written: {target}, {beside.name} and {options.output / left_out.PAGE}", highlight=False)
