"""``zhenwei forge motion``: the network that moves a portrait like a clip, learned."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli import _forge_run as lab
from zhenwei.cli import _options as opt
from zhenwei.cli.language import say
from zhenwei.cli.progress import progress_bar
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.forge.animate.clips import MotionClips
    from zhenwei.forge.animate.first_order import MotionSettings
    from zhenwei.forge.export import Door, ExportedFile
    from zhenwei.nets.first_order import FirstOrderMotion

_HELP = """Learned motion transfer (first-order motion model) at 64 px: keypoints that nobody named, and a picture drawn
along their motion.

What was trained is used by `zhenwei forge animate --method learned --run DIR`; without a run, a small network that has
seen drawn puppets alone is.

Examples:

  zhenwei forge motion train --puppets 300 --output run

  zhenwei forge animate portrait.jpg --driver clip.mp4 --method learned --run run --consent consent.json
"""
_SHEET, _SHOWN, _LOOKS = "motion.png", 6, 8
_TITLES = ("source", "driving", "drawn")

motion = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")


@motion.callback()
def _group() -> None:
    """Keeps `train` a command of its own while it is the only one."""


@motion.command()
def train(
    output: opt.RunOutput,
    clips: Annotated[
        list[Path] | None, typer.Argument(help="Clips of one face each; they need --consent.", metavar="[CLIP]")
    ] = None,
    consent: Annotated[Path | None, typer.Option(help="The manifest that covers them.", metavar="FILE")] = None,
    subject: Annotated[str | None, typer.Option(help="The pseudonym that they have in it.")] = None,
    puppets: Annotated[int, typer.Option(min=0, help="Learn from as many drawn puppets, nobody's faces.")] = 0,
    points: Annotated[int, typer.Option(min=1, max=32, help="How many keypoints.")] = 10,
    width: Annotated[int, typer.Option(min=8, max=64, help="Width of the networks, a multiple of 4.")] = 32,
    adversarial: Annotated[float, typer.Option(min=0, help="Weight of a critic's judgement; 0 does without.")] = 0.0,
    steps: opt.Steps = 6000,
    batch: Annotated[int, typer.Option(min=2, max=64, help="Pairs of frames a step.")] = 8,
    save_every: opt.SaveEvery = 200,
    seed: opt.TrainSeed = 0,
    format_: opt.TextOption = opt.TextFormat.text,
) -> None:
    """Train, or go on with a run: the next step is the one that would have come. Ctrl-C saves and ends.

    Every step takes two frames of one clip, of which one is to become the other. Ends with a marked sheet in the run.

    Exit status: 0 done or stopped and saved, 1 refused or failed, 2 wrong use.

    Examples:

      zhenwei forge motion train --puppets 300 --steps 4000 --output run

      zhenwei forge motion train clips/*.mp4 --subject class --consent consent.json --output run
    """
    lab.check_extra("learned motion needs")
    from zhenwei.forge.animate import first_order
    from zhenwei.training.imagenet import imagenet_features

    settings = first_order.MotionSettings(points, width, batch, adversarial=adversarial, seed=seed)
    features = imagenet_features()
    held = _clips(clips or [], consent, subject, puppets, seed)
    door = lab.opened_door()
    learn = partial(first_order.learn, settings, held, features)
    run, stopped = lab.train_run(learn, steps, output, save_every)
    net, _ = first_order.open_run(output)
    sheet = _sheet(net, held, settings, run.step, output / _SHEET, door)
    facts = {"sheet": str(sheet.path), "losses": lab.last_losses(run.rows)}
    lab.tell_run(output, run.step, stopped, say("pictures in {0}", sheet.path), facts, format_)


def _clips(files: list[Path], consent: Path | None, subject: str | None, puppets: int, seed: int) -> MotionClips:
    from zhenwei.forge.animate.clips import puppet_clips, windowed
    from zhenwei.forge.consent import check_files
    from zhenwei.forge.make import read_actor

    if bool(files) == bool(puppets):
        raise UsageError("what is motion to be learned from?", want="clips with --consent FILE, or --puppets N")
    if not files:
        with progress_bar("drawing puppets", 1.0) as tell:
            return puppet_clips(puppets, _LOOKS, seed, tell)
    held = lab.consent_in(consent, "faces are learned with consent only", fix=lab.CONSENT_FIX)
    if subject is None:
        raise UsageError("whose faces are these?", want="--subject NAME", fix=lab.CONSENT_FIX)
    check_files(held, subject, files, lab.today(), "face")
    actors = [read_actor(path) for path in sorted(files)]
    pictures = [(actor.pixels, actor.landmarks) for actor in actors]
    return windowed(pictures, f"{len(files)} clips of {subject}", held.sha256)


def _sheet(
    net: FirstOrderMotion, clips: MotionClips, settings: MotionSettings, step: int, path: Path, door: Door
) -> ExportedFile:
    from dataclasses import asdict

    from zhenwei.forge.animate.learned import render
    from zhenwei.forge.export import Origin, export_sheet

    rows = []
    for frames in clips.frames[:_SHOWN]:
        rows.append([frames[0], frames[1], render(net, frames[0], frames[1:2]).pixels[0]])
    recipe = {"learned_from": clips.words, "step": step, **asdict(settings)}
    return export_sheet(rows, Origin("animate/first-order", recipe, clips.consent), path, door, titles=_TITLES)
