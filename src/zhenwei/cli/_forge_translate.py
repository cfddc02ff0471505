"""``zhenwei forge translate``: CycleGAN between two heaps of small faces that have no pairs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli import _forge_run as lab
from zhenwei.cli import _options as opt
from zhenwei.cli._forge_gan import faces_in
from zhenwei.cli.language import say
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.forge.export import Door, ExportedFile, Origin
    from zhenwei.forge.gan.faces import TrainingFaces
    from zhenwei.forge.gan.translate import Translators
    from zhenwei.types import Pixels

_HELP = """Translate faces of one kind into another (CycleGAN), learned from two heaps that have no pairs.

Two translators learn to undo each other, while two critics see to it that what they make looks like the other heap.

Examples:

  zhenwei forge translate train --puppets 300 --output run

  zhenwei forge translate convert run --puppets 6 --output smiling.png
"""
_SHEET, _SHOWN = "translations.png", 6
_TITLES = ("original", "translated", "and back")

translate = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")

_Consent = Annotated[Path | None, typer.Option(help="The manifest that covers the pictures.", metavar="FILE")]


@translate.command()
def train(
    output: opt.RunOutput,
    folder_a: Annotated[Path | None, typer.Argument(help="Pictures of one kind.", metavar="[FOLDER_A]")] = None,
    folder_b: Annotated[Path | None, typer.Argument(help="Pictures of the other.", metavar="[FOLDER_B]")] = None,
    consent: _Consent = None,
    subject_a: opt.SubjectA = None,
    subject_b: opt.SubjectB = None,
    puppets: Annotated[int, typer.Option(min=0, help="Learn from as many drawn puppets, stern and smiling.")] = 0,
    side: Annotated[int, typer.Option(help="32 or 64 px.")] = 32,
    width: Annotated[int, typer.Option(min=4, max=128, help="Width of the networks.")] = 24,
    blocks: Annotated[int, typer.Option(min=1, max=12, help="Residual blocks of the translators.")] = 3,
    steps: opt.Steps = 2000,
    batch: Annotated[int, typer.Option(min=1, max=64, help="Pictures of either kind a step.")] = 8,
    save_every: opt.SaveEvery = 200,
    seed: opt.TrainSeed = 0,
    format_: opt.TextOption = opt.TextFormat.text,
) -> None:
    """Train, or go on with a run: the next step is the one that would have come. Ctrl-C saves and ends.

    Ends with a marked sheet in the run: original, translated, and back again.

    Examples:

      zhenwei forge translate train --puppets 300 --steps 1500 --output run

      zhenwei forge translate train summer/ winter/ --consent consent.json --subject-a anna --subject-b bruno -o run
    """
    lab.check_extra()
    from zhenwei.forge.gan import translate as runs

    settings = runs.TranslatorSettings(side, width, blocks, batch=batch, seed=seed)
    a, b = _heaps(folder_a, folder_b, consent, subject_a, subject_b, puppets, side, seed)
    subjects = (subject_a or "stern", subject_b or "smiling")
    door = lab.opened_door()
    learn = partial(runs.learn, settings, a, b, device=lab.device_for(), subjects=subjects)
    run, stopped = lab.train_run(learn, steps, output, save_every)
    made = runs.open_run(output)
    sheet = _export(made, opt.Direction.a_to_b, a.pixels[:_SHOWN], {"seed": seed}, output / _SHEET, door)
    facts = {"sheet": str(sheet.path), "losses": lab.last_losses(run.rows)}
    lab.tell_run(output, run.step, stopped, say("pictures in {0}", sheet.path), facts, format_)


@translate.command()
def convert(
    run: Annotated[Path, typer.Argument(help="A run of `train`.", metavar="DIR")],
    output: opt.SheetOutput,
    images: Annotated[list[Path] | None, typer.Argument(help="Pictures of one of the two.", metavar="[FILE]")] = None,
    consent: _Consent = None,
    way: Annotated[opt.Direction, typer.Option("--direction", help="What becomes what.")] = opt.Direction.a_to_b,
    puppets: Annotated[int, typer.Option(min=0, max=24, help="As many new puppets, for a run of puppets.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same puppets.")] = 1,
    format_: opt.TextOption = opt.TextFormat.text,
) -> None:
    """Translate pictures, and back again: one sheet, labelled, marked and signed.

    Pictures must stand in the manifest that the run was trained under, as of the kind that is translated.

    Examples:

      zhenwei forge translate convert run --puppets 6 --output smiling.png

      zhenwei forge translate convert run anna/7.jpg --consent consent.json --output translated.png
    """
    lab.check_extra()
    from zhenwei.forge.gan import translate as runs

    made = runs.open_run(run)
    held = _chosen(made, images or [], consent, puppets, way, seed)
    left = _export(made, way, held, {"seed": seed} if puppets else {}, output, lab.opened_door())
    counted = "1 picture {1}" if len(held) == 1 else "{0} pictures {1}"
    lab.tell_exported(left, say(counted, len(held), way.value), format_)


def _heaps(
    folder_a: Path | None,
    folder_b: Path | None,
    consent: Path | None,
    subject_a: str | None,
    subject_b: str | None,
    puppets: int,
    side: int,
    seed: int,
) -> tuple[TrainingFaces, TrainingFaces]:
    from zhenwei.forge.gan.translate import moods

    if (folder_a is None) != (folder_b is None) or (folder_a is None) == (puppets == 0):
        raise UsageError("what is to be learned from?", want="FOLDER_A FOLDER_B with --consent, or --puppets N")
    if folder_a is None or folder_b is None:
        return moods(puppets, side, seed)
    if consent is None or subject_a is None or subject_b is None:
        want = "--consent FILE --subject-a NAME --subject-b NAME"
        raise UsageError("faces are learned with consent only", want=want, fix=lab.CONSENT_FIX)
    return faces_in(folder_a, consent, subject_a, side), faces_in(folder_b, consent, subject_b, side)


def _chosen(
    made: Translators, images: list[Path], consent: Path | None, puppets: int, way: opt.Direction, seed: int
) -> Pixels:
    from zhenwei.forge.consent import check_files, check_same
    from zhenwei.forge.gan.faces import read_square
    from zhenwei.forge.gan.translate import moods

    number = 0 if way is opt.Direction.a_to_b else 1
    if bool(images) == bool(puppets):
        raise UsageError("what is to be translated?", want="pictures with --consent FILE, or --puppets N")
    if not images:
        if made.consent:
            raise UsageError("this run was not of puppets", want="pictures with --consent FILE")
        return moods(max(puppets, 32), made.side, seed)[number].pixels[:puppets]
    held = lab.consent_in(consent, "faces are translated with consent only", fix=lab.CONSENT_FIX)
    check_same(held, made.consent)
    check_files(held, made.subjects[number], images, lab.today(), "face")
    import numpy as np

    return np.stack([read_square(path, made.side) for path in images])


def _export(
    made: Translators, way: opt.Direction, held: Pixels, recipe: dict[str, Any], path: Path, door: Door
) -> ExportedFile:
    from zhenwei.forge.export import Origin, export_sheet
    from zhenwei.forge.gan import translate as runs
    from zhenwei.forge.gan.samples import enlarged

    there, back = ("a_to_b", "b_to_a") if way is opt.Direction.a_to_b else ("b_to_a", "a_to_b")
    translated = runs.translate(made.nets[there], held)  # type: ignore[index]
    again = runs.translate(made.nets[back], translated)  # type: ignore[index]
    rows = [list(row) for row in zip(*(enlarged(p) for p in (held, translated, again)), strict=True)]
    origin: Origin = Origin(
        f"gan/{runs.KIND}", {"learned_from": made.data, "step": made.step, "way": way.value, **recipe}, made.consent
    )
    return export_sheet(rows, origin, path, door, titles=_TITLES)
