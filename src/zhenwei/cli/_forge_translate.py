"""``zhenwei forge translate``: CycleGAN between two heaps of small faces that have no pairs."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._forge_door import opened_door, today
from zhenwei.cli._forge_gan import Format, check_extra, faces_in
from zhenwei.cli._forge_run import bar, interrupt
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.forge.export import Door, Exported, Origin
    from zhenwei.forge.gan.faces import Faces
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
_Form = Annotated[Format, typer.Option("--format", help="What to write to standard output.")]


class Way(StrEnum):
    a_to_b = "a-to-b"
    b_to_a = "b-to-a"


@translate.command()
def train(
    output: Annotated[Path, typer.Option("--output", "-o", help="The run; one that is there goes on.", metavar="DIR")],
    folder_a: Annotated[Path | None, typer.Argument(help="Pictures of one kind.", metavar="[FOLDER_A]")] = None,
    folder_b: Annotated[Path | None, typer.Argument(help="Pictures of the other.", metavar="[FOLDER_B]")] = None,
    consent: _Consent = None,
    subject_a: Annotated[str | None, typer.Option(help="The pseudonym of the first in the manifest.")] = None,
    subject_b: Annotated[str | None, typer.Option(help="The pseudonym of the second.")] = None,
    puppets: Annotated[int, typer.Option(min=0, help="Learn from as many drawn puppets, stern and smiling.")] = 0,
    side: Annotated[int, typer.Option(help="32 or 64 px.")] = 32,
    width: Annotated[int, typer.Option(min=4, max=128, help="Width of the networks.")] = 24,
    blocks: Annotated[int, typer.Option(min=1, max=12, help="Residual blocks of the translators.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Steps in all.")] = 2000,
    batch: Annotated[int, typer.Option(min=1, max=64, help="Pictures of either kind a step.")] = 8,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between saves.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="The same seed learns the same.")] = 0,
    form: _Form = Format.text,
) -> None:
    """Train, or go on with a run: the next step is the one that would have come. Ctrl-C saves and ends.

    Ends with a marked sheet in the run: original, translated, and back again.

    Examples:

      zhenwei forge translate train --puppets 300 --steps 1500 --output run

      zhenwei forge translate train summer/ winter/ --consent consent.json --subject-a anna --subject-b bruno -o run
    """
    check_extra()
    import torch

    from zhenwei.forge.gan import translate as runs

    settings = runs.Settings(side, width, blocks, batch=batch, seed=seed)
    a, b = _heaps(folder_a, folder_b, consent, subject_a, subject_b, puppets, side, seed)
    subjects = (subject_a or "stern", subject_b or "smiling")
    device, door = torch.device("cuda" if torch.cuda.is_available() else "cpu"), opened_door()
    with interrupt() as stop, bar("steps", steps) as advance:
        run = runs.learn(
            settings, a, b, steps, output, device=device, subjects=subjects, save_every=save_every, stop=stop,
            tell=lambda step, _: advance(" ".join(f"{k} {v:.3f}" for k, v in step.losses.items()), step.step),
        )  # fmt: skip
        stopped = stop()
    made = runs.open_run(output)
    sheet = _export(made, Way.a_to_b, a.pixels[:_SHOWN], {"seed": seed}, output / _SHEET, door)
    last = run.rows[-1] if run.rows else {}
    if form is Format.json:
        told = {"run": str(output), "step": run.step, "stopped": stopped, "sheet": str(sheet.path)}
        typer.echo(json.dumps(told | {"losses": {k: v for k, v in last.items() if k != "step"}}))
        return
    typer.echo(f"{output}: {'stopped and saved' if stopped else 'done'} at step {run.step}, pictures in {sheet.path}")


@translate.command()
def convert(
    run: Annotated[Path, typer.Argument(help="A run of `train`.", metavar="DIR")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A sheet, .png or .jpg.", metavar="FILE")],
    pictures: Annotated[list[Path] | None, typer.Argument(help="Pictures of one of the two.", metavar="[FILE]")] = None,
    consent: _Consent = None,
    way: Annotated[Way, typer.Option("--direction", help="What becomes what.")] = Way.a_to_b,
    puppets: Annotated[int, typer.Option(min=0, max=24, help="As many new puppets, for a run of puppets.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same puppets.")] = 1,
    form: _Form = Format.text,
) -> None:
    """Translate pictures, and back again: one sheet, labelled, marked and signed.

    Pictures must stand in the manifest that the run was trained under, as of the kind that is translated.

    Examples:

      zhenwei forge translate convert run --puppets 6 --output smiling.png

      zhenwei forge translate convert run anna/7.jpg --consent consent.json --output translated.png
    """
    check_extra()
    from zhenwei.forge.gan import translate as runs

    made = runs.open_run(run)
    held = _chosen(made, pictures or [], consent, puppets, way, seed)
    left = _export(made, way, held, {"seed": seed} if puppets else {}, output, opened_door())
    if form is Format.json:
        typer.echo(json.dumps({"path": str(left.path), "ident": left.ident}))
        return
    typer.echo(f"{left.path}: {len(held)} pictures {way.value}, mark {left.ident}")


def _heaps(
    folder_a: Path | None,
    folder_b: Path | None,
    consent: Path | None,
    subject_a: str | None,
    subject_b: str | None,
    puppets: int,
    side: int,
    seed: int,
) -> tuple[Faces, Faces]:
    from zhenwei.forge.gan.translate import moods

    if (folder_a is None) != (folder_b is None) or (folder_a is None) == (puppets == 0):
        raise UsageError("what is to be learned from?", want="FOLDER_A FOLDER_B with --consent, or --puppets N")
    if folder_a is None or folder_b is None:
        return moods(puppets, side, seed)
    if consent is None or subject_a is None or subject_b is None:
        fix = "Make a manifest with: zhenwei forge consent make FOLDER --subject NAME --basis BASIS --expires DATE"
        want = "--consent FILE --subject-a NAME --subject-b NAME"
        raise UsageError("faces are learned with consent only", want=want, fix=fix)
    return faces_in(folder_a, consent, subject_a, side), faces_in(folder_b, consent, subject_b, side)


def _chosen(made: Translators, pictures: list[Path], consent: Path | None, puppets: int, way: Way, seed: int) -> Pixels:
    from zhenwei.forge.consent import check_files, check_same, read_consent
    from zhenwei.forge.gan.faces import read_square
    from zhenwei.forge.gan.translate import moods

    number = 0 if way is Way.a_to_b else 1
    if bool(pictures) == bool(puppets):
        raise UsageError("what is to be translated?", want="pictures with --consent FILE, or --puppets N")
    if not pictures:
        if made.consent:
            raise UsageError("this run was not of puppets", want="pictures with --consent FILE")
        return moods(max(puppets, 32), made.side, seed)[number].pixels[:puppets]
    if consent is None:
        raise UsageError("faces are translated with consent only", want="--consent FILE")
    held = read_consent(consent)
    check_same(held, made.consent)
    check_files(held, made.subjects[number], pictures, today(), "face")
    import numpy as np

    return np.stack([read_square(path, made.side) for path in pictures])


def _export(made: Translators, way: Way, held: Pixels, recipe: dict[str, Any], path: Path, door: Door) -> Exported:
    from zhenwei.forge.export import Origin, export_sheet
    from zhenwei.forge.gan import translate as runs
    from zhenwei.forge.gan.samples import enlarged

    there, back = ("a_to_b", "b_to_a") if way is Way.a_to_b else ("b_to_a", "a_to_b")
    translated = runs.translate(made.nets[there], held)  # type: ignore[index]
    again = runs.translate(made.nets[back], translated)  # type: ignore[index]
    rows = [list(row) for row in zip(*(enlarged(p) for p in (held, translated, again)), strict=True)]
    origin: Origin = Origin(
        f"gan/{runs.KIND}", {"learned_from": made.data, "step": made.step, "way": way.value, **recipe}, made.consent
    )
    return export_sheet(rows, origin, path, door, titles=_TITLES)


__all__ = ["translate"]
