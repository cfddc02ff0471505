"""Training a swap: with consent for both people, checked on faces kept back, saved so that nothing is lost.

In the run's folder: ``last.safetensors`` (from which a run goes on exactly), ``previous.safetensors`` (one check
earlier), ``best.safetensors`` (lowest held-out L1), ``log.csv``, ``curves.png``, and ``previews/``, one marked sheet a
check of the same held-out faces: original, reconstruction, swap, mask. In order they are a time lapse.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
import torch
from torch import nn

from zhenwei.errors import DataError, MissingExtraError, UnmarkedError, UsageError
from zhenwei.files import make_folder
from zhenwei.forge.consent import Consent, check_files, some_of
from zhenwei.forge.export import Door, ExportedFile, Origin, export_sheet
from zhenwei.forge.swap import checkpoint, loss_curves
from zhenwei.forge.swap.learn import Losses, batches, learn, swap_faces, to_tensor
from zhenwei.forge.swap.prepare import Prepared
from zhenwei.forge.swap.score import Embedder, appearance, likeness
from zhenwei.forge.swap.sides import SwapFaces
from zhenwei.forge.swap.swap_settings import SwapSettings
from zhenwei.nets.swap import SwapNet, ssim
from zhenwei.trainer.differences import differences, listed
from zhenwei.trainer.log import write_log
from zhenwei.trainer.loop import proceed
from zhenwei.trainer.run import NEVER, Run, Schedule, Task, Turn
from zhenwei.types import Floats, Pixels

LAST, PREVIOUS, BEST, LOG, CURVES, PREVIEWS = (
    "last.safetensors", "previous.safetensors", "best.safetensors", "log.csv", "curves.png", "previews"
)  # fmt: skip
_SHOWN = 3  # of each person
TITLES = ("original", "again", "swap", "mask", "gap x3")


@dataclass(frozen=True, slots=True)
class SwapProgress:
    """``step`` of ``steps`` is made. ``trend``: in words, from the held-out faces. ``problem``: why there is no preview
    of this step, "" where all is well."""

    step: int
    steps: int
    losses: Losses
    trend: str
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Both people, and the part of each that is kept back."""

    a: SwapFaces
    b: SwapFaces
    held_a: SwapFaces
    held_b: SwapFaces


def split(a: SwapFaces, b: SwapFaces, settings: SwapSettings) -> Pair:
    """The last ``held_out`` faces of each are kept back. DataError if too few are left, or sizes differ."""
    for faces in (a, b):
        if faces.side_px != settings.size:
            got, want = f"{faces.side_px} px ({faces.name})", f"{settings.size} px"
            raise DataError("faces are not of the size to be learned", got=got, want=want, fix="Prepare them anew.")
    (one, held_one), (other, held_other) = a.halves(settings.held_out), b.halves(settings.held_out)
    return Pair(one, other, held_one, held_other)


def train(
    a: Prepared,
    b: Prepared,
    settings: SwapSettings,
    folder: Path,
    *,
    consent: Consent,
    today: datetime.date,
    door: Door,
    device: torch.device,
    tell: Callable[[SwapProgress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    embed: Embedder = appearance,
) -> Path:
    """Learn, or go on where ``folder`` holds a run, until ``settings.steps`` or until ``stop()`` is true.

    Returns the last checkpoint. Raises DataError where consent does not cover every file of both people on ``today``,
    where the run in ``folder`` had another consent, and where the loss is no longer finite (what was saved is clean);
    UsageError where the run was of other settings.
    """
    if a.faces.name == b.faces.name:
        raise UsageError("a swap is between two people", got=f"{a.faces.name} twice")
    for side in (a, b):
        check_consent(side, consent, today)
    subjects = (a.faces.name, b.faces.name)
    pair = split(a.faces, b.faces, settings)
    make_folder(folder)
    state = begin(folder, settings, consent.sha256, subjects, device)
    swap = _SwapRun(state, pair, settings, folder, consent.sha256, embed, door, device)
    task = Task(state.nets, state.optimizers, swap.step, check=swap.check, keep=swap.keep)
    run = Run(task, nn.ModuleDict(), settings.steps, state.step, checked=state.step)
    schedule = Schedule(settings.steps, settings.seed, NEVER, settings.check_every)
    proceed(run, schedule, tell=lambda _progress, run: tell(swap.progress(run)), stop=stop)
    return folder / LAST


def fit(
    state: checkpoint.SwapState,
    a: SwapFaces,
    b: SwapFaces,
    settings: SwapSettings,
    device: torch.device,
    *,
    tell: Callable[[int], None] = lambda _step: None,
) -> list[Losses]:
    """Learn in memory, without checks, until ``settings.steps``; the losses of every step. ``tell``: steps made."""
    found: list[Losses] = []

    def step(turn: Turn) -> dict[str, float]:
        found.append(learn(state, batches(a, b, settings, turn.step, device), settings))
        return asdict(found[-1])

    run = Run(Task(state.nets, state.optimizers, step), nn.ModuleDict(), settings.steps, state.step)
    proceed(run, Schedule(settings.steps, settings.seed), tell=lambda progress, _run: tell(progress.step))
    return found


@dataclass(slots=True, eq=False)
class _SwapRun:
    """One call of :func:`train`. ``rows``: of the log; ``recent``: losses since the last check."""

    state: checkpoint.SwapState
    pair: Pair
    settings: SwapSettings
    folder: Path
    consent: str
    embed: Embedder
    door: Door
    device: torch.device
    rows: list[dict[str, float]] = field(init=False)
    recent: list[Losses] = field(default_factory=list)
    losses: Losses = field(init=False)
    moves_on: bool = False

    def __post_init__(self) -> None:
        self.rows = loss_curves.read_log(self.folder / LOG, self.state.step)

    @property
    def subjects(self) -> tuple[str, str]:
        return self.pair.a.name, self.pair.b.name

    def step(self, turn: Turn) -> dict[str, float]:
        batch = batches(self.pair.a, self.pair.b, self.settings, turn.step, self.device)
        self.losses = learn(self.state, batch, self.settings)
        self.recent.append(self.losses)
        return asdict(self.losses)

    def check(self, run: Run) -> None:
        """Measure held-out faces, keep the state if none was better, write the log."""
        state = self.state
        row = check(state.net, self.pair, self.recent, run.step, self.embed, self.device)
        self.rows.append(row)
        self.recent = []
        is_better = row["held_l1"] < state.least
        state.least = min(state.least, row["held_l1"])
        self.moves_on = True
        if is_better:
            checkpoint.keep(self.folder / BEST, state, self.settings, self.consent, self.subjects)
        write_log(self.folder / LOG, self.rows, ".6g")
        with suppress(MissingExtraError):  # the log has all figures; a run is not stopped for want of a picture
            loss_curves.draw_curves(self.rows, self.folder / CURVES)

    def keep(self, _: Run) -> None:
        """Write the last checkpoint; after a check the one before it becomes the previous."""
        if self.moves_on and (self.folder / LAST).exists():
            (self.folder / LAST).replace(self.folder / PREVIOUS)
        self.moves_on = False
        checkpoint.keep(self.folder / LAST, self.state, self.settings, self.consent, self.subjects)

    def progress(self, run: Run) -> SwapProgress:
        """What is told of a step; after a check a preview is drawn as well."""
        problem, net = "", self.state.net
        if run.checked == run.step:
            try:
                preview(self.folder, net, self.pair, self.settings, run.step, self.consent, self.door, self.device)
            except DataError as error:  # saved already; a run is not lost for want of a picture
                problem = str(error)
        return SwapProgress(run.step, self.settings.steps, self.losses, loss_curves.trend(self.rows), problem)


def check_consent(side: Prepared, consent: Consent, today: datetime.date) -> None:
    """Refuse unless the manifest covers every face of ``side``: itself, or the file that it was cut from."""
    check_files(consent, side.faces.name, (), today, "face")
    covered = set(consent.subject(side.faces.name).files.values())
    outside = [name for name, own, source in side.origins if own not in covered and source not in covered]
    if outside:
        what = f"{side.faces.name}: faces are not covered by the consent manifest"
        raise DataError(what, got=some_of(outside), fix="Take them away, or have the manifest cover them.")


def begin(
    folder: Path, settings: SwapSettings, consent: str, subjects: tuple[str, str], device: torch.device
) -> checkpoint.SwapState:
    """The state of the run in ``folder``, or a fresh one. ``steps`` and ``check_every`` may change between the two,
    but steps only without the adversarial loss, whose beginning depends on them."""
    path = folder / LAST
    if not path.exists():
        return checkpoint.fresh(settings, device)
    state, told = checkpoint.restore(path, consent, device)
    steps = told.settings.steps if settings.adversarial else settings.steps
    was = replace(told.settings, check_every=settings.check_every, steps=steps)
    if was != settings or told.subjects != subjects:
        before = was.to_dict() | {"subjects": told.subjects}
        differ = listed(differences(before, settings.to_dict() | {"subjects": subjects}))
        fix = "Choose another --output, or give the settings of the run that is to go on."
        raise UsageError("this folder holds a run with other settings", got=differ, fix=fix)
    return state


def check(
    net: SwapNet, pair: Pair, recent: list[Losses], step: int, embed: Embedder, device: torch.device
) -> dict[str, float]:
    """One row of the log: means since the last check, and what held-out faces say."""
    l1, alike = reconstruct(net, pair, device)
    swaps, _ = swap_faces(net, pair.held_a.pixels, "b", device)
    found = likeness(swaps, pair.a.pixels, pair.b.pixels, pair.held_a.pixels, pair.held_b.pixels, embed)
    means = np.mean([(x.a, x.b, x.fooling, x.critic) for x in recent], axis=0) if recent else [math.nan] * 4
    values = (step, means[0], means[1], l1, alike, found.to_target.value, found.to_source.value, found.floor,
              found.ceiling, means[2], means[3])  # fmt: skip
    return {k: float(v) for k, v in zip(loss_curves.COLUMNS, values, strict=True)}


def reconstruct(net: SwapNet, pair: Pair, device: torch.device) -> tuple[float, float]:
    """L1 and SSIM of held-out faces with what their own decoder makes of them, the mean of both sides."""
    found = []
    for faces, side in ((pair.held_a, "a"), (pair.held_b, "b")):
        made, _ = swap_faces(net, faces.pixels, side, device)  # type: ignore[arg-type]
        one, other = to_tensor(made, device), to_tensor(faces.pixels, device)
        found.append((float((one - other).abs().mean()), float(ssim(one, other).mean())))
    return float(np.mean([f[0] for f in found])), float(np.mean([f[1] for f in found]))


def preview_rows(net: SwapNet, pair: Pair, device: torch.device) -> list[list[Pixels]]:
    """Original, reconstruction, swap, mask, difference of reconstruction: a row for each of the same faces, A and B in
    turn."""
    sides = []
    for faces, own, other in ((pair.held_a, "a", "b"), (pair.held_b, "b", "a")):
        shown = faces.part(slice(0, _SHOWN))
        again, drawn = swap_faces(net, shown.pixels, own, device)  # type: ignore[arg-type]
        swapped, drawn = swap_faces(net, shown.pixels, other, device)  # type: ignore[arg-type]
        rows = []
        masks: Floats = shown.masks if drawn is None else drawn
        for k in range(len(shown)):
            gap = np.abs(shown.pixels[k].astype(int) - again[k]) * 3
            grey = np.repeat(np.rint(masks[k] * 255).astype(np.uint8)[..., None], 3, axis=2)
            rows.append([shown.pixels[k], again[k], swapped[k], grey, np.clip(gap, 0, 255).astype(np.uint8)])
        sides.append(rows)
    shown_rows: list[list[Pixels]] = []
    for both in zip_longest(*sides):
        shown_rows += [row for row in both if row is not None]
    return shown_rows


def preview(
    folder: Path,
    net: SwapNet,
    pair: Pair,
    settings: SwapSettings,
    step: int,
    consent: str,
    door: Door,
    device: torch.device,
) -> Path:
    """Write the sheet of the held-out faces at this step, through the door."""
    place = folder / PREVIEWS
    make_folder(place)
    rows = preview_rows(net, pair, device)
    recipe = {"step": step, "settings": settings.to_dict(), "subjects": [pair.a.name, pair.b.name]}
    origin = Origin("swap/preview", recipe, consent, "ai-edited")
    return export_rows(rows, origin, place / f"step-{step:07d}.png", door, TITLES).path


def export_rows(
    rows: list[list[Pixels]], origin: Origin, path: Path, door: Door, titles: Sequence[str] = ()
) -> ExportedFile:
    """As many of ``rows``, from the first, as a watermark can be read back from: many small faces in a grid are so busy
    that it may drown in them, and a sheet that cannot be marked does not leave. UnmarkedError if not even one can."""
    for count in range(len(rows), 1, -1):
        try:
            return export_sheet(rows[:count], origin, path, door, titles=titles)
        except UnmarkedError:
            continue
    return export_sheet(rows[:1], origin, path, door, titles=titles)
