"""``zhenwei forge swap``: the autoencoder swap between two people, from faces to a marked picture."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._forge_run import check_extra, device_for, interrupt, opened_door, today
from zhenwei.cli._options import Direction, RunOutput, TextFormat, TextOption, TrainSeed
from zhenwei.cli.language import say, tell, told
from zhenwei.cli.progress import progress_bar

if TYPE_CHECKING:
    import torch

    from zhenwei.cli.progress import Advance
    from zhenwei.forge.swap.fitting import SwapProgress
    from zhenwei.forge.swap.swap_settings import SwapSettings

_HELP = """The autoencoder swap: one encoder for two people, a decoder for each.

Two people only, faces of 128 px at most, from files and with a consent manifest for both. With the settings for a CPU
it is a demonstration that learns, no convincing swap.

Examples:

  zhenwei forge swap prepare anna/*.jpg --subject anna --output faces/anna

  zhenwei forge swap train faces/anna faces/bruno --consent consent.json --output run

  zhenwei forge swap convert run picture.jpg --consent consent.json --output swapped.png
"""
_NOTES = {
    "cpu": "What to expect: mostly the other person's mean face, soft; it shows that and how it learns.",
    "gpu": "What to expect: not measured yet; published swaps of this kind needed 40,000 steps and more.",
}

swap = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")


ProfileName = StrEnum("ProfileName", {"cpu": "cpu", "gpu": "gpu"})
LossName = StrEnum("LossName", ["l1", "ssim_mse"])
ColourName = StrEnum("ColourName", {"none": "none", "mean": "mean", "reinhard": "reinhard", "histogram": "histogram"})
EdgeName = StrEnum("EdgeName", {"copy": "copy", "feather": "feather", "gaussian": "gaussian", "poisson": "poisson"})
_NEEDS = "the swap needs"
_Consent = Annotated[
    Path, typer.Option("--consent", help="The manifest that covers both people's files.", metavar="FILE")
]


@swap.command()
def prepare(
    files: Annotated[
        list[Path], typer.Argument(help="Pictures and clips of one person, or folders.", metavar="FILE...")
    ],
    subject: Annotated[str, typer.Option("--subject", help="The person's pseudonym in the consent manifest.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the faces go.", metavar="FOLDER")],
    size: Annotated[int, typer.Option(min=32, max=128, help="Side of the squares in pixels: 32, 64 or 128.")] = 64,
    frames: Annotated[int, typer.Option(min=1, max=2000, help="Frames to take from each clip.")] = 64,
    format_: TextOption = TextFormat.text,
) -> None:
    """Find faces, align them and cut them to squares; then say whether they will do.

    Nearly equal faces are kept once. Look through the folder afterwards and delete what is wrong.

    Examples:

      zhenwei forge swap prepare anna/ --subject anna --output faces/anna

      zhenwei forge swap prepare clip.mp4 --subject bruno --frames 300 --size 128 --output faces/bruno
    """
    from zhenwei.forge.swap.prepare import prepare as run

    sources: list[Path] = []
    for file in files:
        sources += sorted(filter(Path.is_file, file.rglob("*"))) if file.is_dir() else [file]
    with progress_bar("faces", len(sources)) as advance:
        done, advice = run(sources, subject, output, size, frames=frames, tell=lambda p: advance(note=p.name))
    if format_ is TextFormat.json:
        typer.echo(json.dumps({"folder": str(output), "faces": len(done.faces), "size": size, "advice": advice}))
        return
    counted = "{0}: 1 face of {2}, {3} px" if len(done.faces) == 1 else "{0}: {1} faces of {2}, {3} px"
    typer.echo(say(counted, output, len(done.faces), subject, size))
    for line in advice:
        typer.echo(f"  {told(line)}")


@swap.command()
def train(
    first: Annotated[Path, typer.Argument(help="Prepared faces of person A.", metavar="FOLDER_A")],
    second: Annotated[Path, typer.Argument(help="Prepared faces of person B.", metavar="FOLDER_B")],
    consent: _Consent,
    output: RunOutput,
    profile: Annotated[ProfileName, typer.Option(help="Size and length of the run.")] = ProfileName.cpu,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps in all, instead of the profile's.")] = None,
    width: Annotated[
        int | None, typer.Option(min=8, max=128, help="Width of the network; 128 is the original.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, max=256, help="Faces a side and step.")] = None,
    rate: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    loss: Annotated[LossName | None, typer.Option(help="Plain L1, or 1 - SSIM + MSE.")] = None,
    masked: Annotated[bool | None, typer.Option("--mask/--no-mask", help="Learn to draw the mask as well.")] = None,
    adversarial: Annotated[float, typer.Option(min=0, max=5, help="Weight of the discriminators; 0.1 is usual.")] = 0.0,
    warped: Annotated[bool, typer.Option("--warp/--no-warp", help="Without the warp: the ablation.")] = True,
    check_every: Annotated[int | None, typer.Option(min=1, help="Steps between previews and saves.")] = None,
    held_out: Annotated[int | None, typer.Option(min=1, help="Faces of each person kept back.")] = None,
    seed: TrainSeed = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it will cost, and stop.")] = False,
    format_: TextOption = TextFormat.text,
) -> None:
    """Train, or go on with a run: the next step is the one that would have come.

    Every check saves, and writes a marked sheet of the same held-out faces: original, reconstruction, swap, mask.
    Ctrl-C saves and ends. A loss that is no longer finite ends the run, and what was saved is clean.

    Exit status: 0 done or stopped and saved, 1 refused or failed, 2 wrong use.

    Examples:

      zhenwei forge swap train faces/anna faces/bruno --consent consent.json --output run

      zhenwei forge swap train faces/anna faces/bruno --consent consent.json --output run --adversarial 0.1

      zhenwei forge swap train faces/anna faces/bruno --consent consent.json --output run --dry-run
    """
    from zhenwei.forge.consent import read_consent
    from zhenwei.forge.swap.prepare import load
    from zhenwei.forge.swap.swap_settings import PROFILES

    a, b, held = load(first), load(second), read_consent(consent)
    given: dict[str, Any] = {
        "steps": steps, "width": width, "batch": batch, "rate": rate, "loss": loss.value if loss else None,
        "masked": masked, "check_every": check_every, "held_out": held_out,
    }  # fmt: skip
    chosen = {key: value for key, value in given.items() if value is not None}
    settings = replace(
        PROFILES[profile.value], size=a.faces.side_px, adversarial=adversarial, warped=warped, seed=seed, **chosen
    )
    check_extra(_NEEDS)
    device = device_for(gpu=profile is ProfileName.gpu)
    if dry_run:
        _tell_cost(settings, device, format_)
        return
    from zhenwei.forge.swap.fitting import train as run

    if format_ is TextFormat.text:
        tell(_NOTES[profile.value])
    with interrupt() as stop, progress_bar("steps", settings.steps) as advance:
        path = run(
            a, b, settings, output, consent=held, today=today(), door=opened_door(), device=device, stop=stop,
            tell=lambda p: _tell_step(p, advance),
        )  # fmt: skip
        stopped = stop()
    _tell_run(output, path, stopped, format_)


@swap.command()
def preview(
    run: Annotated[Path, typer.Argument(help="The run's folder.", metavar="DIR")],
    first: Annotated[Path, typer.Argument(help="Prepared faces of person A.", metavar="FOLDER_A")],
    second: Annotated[Path, typer.Argument(help="Prepared faces of person B.", metavar="FOLDER_B")],
    consent: _Consent,
    best: Annotated[bool, typer.Option("--best", help="The best checkpoint instead of the last.")] = False,
) -> None:
    """Draw the held-out faces as a checkpoint draws them, and say how good they are.

    Examples:

      zhenwei forge swap preview run faces/anna faces/bruno --consent consent.json --best
    """
    check_extra(_NEEDS)
    from zhenwei.forge.consent import read_consent
    from zhenwei.forge.swap import checkpoint, fitting
    from zhenwei.forge.swap.learn import swap_faces
    from zhenwei.forge.swap.prepare import load
    from zhenwei.forge.swap.score import appearance, driving_error, kernel_distance

    held, a, b, device = read_consent(consent), load(first), load(second), device_for(gpu=False)
    for side in (a, b):
        fitting.check_consent(side, held, today())
    state, kept = checkpoint.restore(run / (fitting.BEST if best else fitting.LAST), held.sha256, device)
    pair = fitting.split(a.faces, b.faces, kept.settings)
    row = fitting.check(state.net, pair, [], state.step, appearance, device)
    path = fitting.preview(run, state.net, pair, kept.settings, state.step, held.sha256, opened_door(), device)
    looks = (f"{row[name]:.3f}" for name in ("to_target", "to_source", "floor", "ceiling"))
    typer.echo(say("{0}: step {1}", path, state.step))
    _below(say("held out, L1 {0}, SSIM {1}", f"{row['held_l1']:.4f}", f"{row['held_ssim']:.3f}"))
    _below(
        say(
            "look of the swap: {0} like the target, {1} like the source (the source itself {2}, the target itself {3})",
            *looks,
        )
    )
    swaps, _ = swap_faces(state.net, pair.held_a.pixels, "b", device)
    error, seen = driving_error(swaps, pair.held_a.landmarks)
    far = say("{0} of the distance between the eyes", f"{error.value:.3f}") if error else say("not measured")
    found = "landmarks beside the driving face's: {0} (a face was found in {1} of {2} swaps)"
    _below(say(found, far, seen, len(swaps)))
    if min(len(swaps), len(pair.held_b)) >= 4:
        apart = kernel_distance(swaps, pair.held_b.pixels, appearance)
        figures = (f"{figure:.3f}" for figure in (apart.value, apart.low, apart.high))
        _below(say("kernel distance to the target's own faces: {0} ({1} to {2})", *figures))


def _below(line: str) -> None:
    typer.echo(f"  {line}")


@swap.command()
def convert(
    run: Annotated[Path, typer.Argument(help="The run's folder, or a checkpoint.", metavar="DIR")],
    source: Annotated[Path, typer.Argument(help="A picture or a short clip.", metavar="FILE")],
    consent: _Consent,
    output: Annotated[Path, typer.Option("--output", "-o", help=".png or .jpg; .mp4 for a clip.", metavar="FILE")],
    way: Annotated[Direction, typer.Option("--direction", help="Whose face becomes whose.")] = Direction.a_to_b,
    colour: Annotated[ColourName, typer.Option(help="How colours are matched.")] = ColourName.mean,
    edge: Annotated[EdgeName, typer.Option(help="How the edge is treated.")] = EdgeName.feather,
    smooth: Annotated[
        float, typer.Option(min=0, max=2, help="Over how much time places in a clip are smoothed; 0: not.", metavar="S")
    ] = 0.2,
    beside: Annotated[bool, typer.Option("--beside", help="Show the original to the left of the swap.")] = False,
    format_: TextOption = TextFormat.text,
) -> None:
    """Swap the face in a picture or clip of one of the two; the result is labelled, marked and signed.

    The file must stand in the manifest, as one of the person whose face is replaced.

    Examples:

      zhenwei forge swap convert run anna/7.jpg --consent consent.json --output swapped.png

      zhenwei forge swap convert run clip.mp4 --consent consent.json --direction b-to-a --colour reinhard --edge poisson
      --beside --output swapped.mp4
    """
    check_extra(_NEEDS)
    from zhenwei.forge.consent import check_files, read_consent
    from zhenwei.forge.swap.convert import convert as leave
    from zhenwei.forge.swap.convert import open_swapper
    from zhenwei.forge.swap.fitting import BEST, LAST

    held = read_consent(consent)
    place = run if run.is_file() else next((run / n for n in (BEST, LAST) if (run / n).exists()), run / LAST)
    swapper = open_swapper(place, held.sha256, device_for(gpu=False))
    check_files(held, swapper.subjects[0 if way is Direction.a_to_b else 1], [source], today(), "face")
    made, without = leave(
        swapper, source, output, opened_door(), direction=way.value, colour=colour.value, edge=edge.value,
        smooth_s=smooth, beside=beside,
    )  # fmt: skip
    if format_ is TextFormat.json:
        line = {"path": str(made.path), "sidecar": str(made.sidecar), "ident": made.ident, "without_face": without}
        typer.echo(json.dumps(line))
        return
    typer.echo(say("{0}: swapped, mark {1}", made.path, made.ident))
    if without:
        counted = "1 frame without a face was left as it is"
        _below(say(counted if without == 1 else "{0} frames without a face were left as they are", without))


def _tell_step(progress: SwapProgress, advance: Advance) -> None:
    losses = progress.losses
    note = say("loss {0} {1} · held out: {2}", f"{losses.a:.4f}", f"{losses.b:.4f}", told(progress.trend))
    advance(progress.step, note)
    if progress.problem:
        typer.echo(say("step {0}: no preview: {1}", progress.step, told(progress.problem)), err=True)


def _tell_run(folder: Path, path: Path, stopped: bool, format_: TextFormat) -> None:
    from zhenwei.forge.swap.fitting import LOG
    from zhenwei.forge.swap.loss_curves import read_log, trend

    rows = read_log(folder / LOG)
    last = {k: v for k, v in rows[-1].items() if v == v} if rows else {}
    if format_ is TextFormat.json:
        typer.echo(json.dumps({"checkpoint": str(path), "stopped": stopped, "last_check": last}))
        return
    typer.echo(say("{0}: stopped and saved, {1}" if stopped else "{0}: done, {1}", path, told(trend(rows))))
    if last:
        figures = f"{last['step']:.0f}", f"{last['held_l1']:.4f}", f"{last['held_ssim']:.3f}"
        _below(say("step {0}: held out, L1 {1}, SSIM {2}", *figures))


def _tell_cost(settings: SwapSettings, device: torch.device, format_: TextFormat) -> None:
    """Timed on two steps with noise for faces, as no formula knows the machine."""
    import time

    import numpy as np

    from zhenwei.forge.swap import checkpoint
    from zhenwei.forge.swap.learn import batches, learn
    from zhenwei.forge.swap.sides import SwapFaces
    from zhenwei.forge.swap.swap_settings import cost

    needed, rng, s = cost(settings), np.random.default_rng(0), settings.size
    noise = SwapFaces("noise", rng.integers(0, 255, (2, s, s, 3), np.uint8), np.zeros((2, 468, 2), np.float32),
                  np.ones((2, s, s), np.float32))  # fmt: skip
    state = checkpoint.fresh(settings, device)
    learn(state, batches(noise, noise, settings, 0, device), settings)
    began = time.monotonic()
    learn(state, batches(noise, noise, settings, 1, device), settings)
    hours = (time.monotonic() - began) * settings.steps / 3600
    line = {"parameters": needed.parameters, "memory_mib": round(needed.memory_mib), "hours": round(hours, 2)}
    if format_ is TextFormat.json:
        typer.echo(json.dumps(line | {"steps": settings.steps, "device": device.type}))
        return
    size = f"{needed.parameters / 1e6:.1f}", f"{needed.memory_mib:.0f}", device.type
    typer.echo(say("{0} million parameters, near {1} MiB on {2}", *size))
    typer.echo(say("{0} steps, near {1} hours at the speed of one step here", settings.steps, f"{hours:.1f}"))
