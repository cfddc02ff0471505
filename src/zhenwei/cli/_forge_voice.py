"""``zhenwei forge voice``: the group, and speech through vocoders, as labelled and marked copies."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._forge_run import opened_door
from zhenwei.cli._options import TextFormat, TextOption
from zhenwei.cli.language import say, tell, told
from zhenwei.cli.progress import progress_bar

if TYPE_CHECKING:
    from zhenwei.forge.voice.copy_set import CopySet

_HELP = """Synthetic speech: copied by vocoders, converted from one voice into another, and drawn by a small model.

A copy says the same words in the same voice, and only the machine is new. Conversion and models learn from people with
their consent, or from made voices of vowels, which are nobody's; they are small, and there to teach.

Examples:

  zhenwei forge consent make recordings/anna --subject anna --basis self --scope voice --expires 2027-12-31

  zhenwei forge voice copy recordings/anna --subject anna --consent recordings/consent.json --output copies/

  zhenwei forge voice learn --made 24 --output run

  zhenwei forge voice convert run --made 6 --to high --output converted.wav
"""

voice = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")


Kind = StrEnum(
    "Kind", ["world", "griffin_lim_mel", "griffin_lim_linear", "linear_prediction", "blurred_phase", "hifi_gan"]
)


@voice.command()
def copy(
    folder: Annotated[Path, typer.Argument(help="Recordings of one person.", metavar="FOLDER")],
    subject: Annotated[str, typer.Option("--subject", help="The person's pseudonym in the consent manifest.")],
    consent: Annotated[Path, typer.Option("--consent", help="The manifest that covers them.", metavar="FILE")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the copies go.", metavar="FOLDER")],
    kinds: Annotated[
        list[Kind] | None,
        typer.Option("--kind", help="A vocoder; may be given again. By default each but hifi_gan, which is slow."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same copies.")] = 0,
    format_: TextOption = TextFormat.text,
) -> None:
    """Copy recordings by vocoders: a marked WAV each, its recipe beside it, and labels.csv with the pairs.

    Every copy begins and ends with tones that say "AI"; labels.csv says where the speech lies between them. What is
    there already is kept, so that the same command goes on after Ctrl-C. Recordings below 2 s are left out.

    Exit status: 0 done, 1 refused or a copy failed, 2 wrong use.

    Examples:

      zhenwei forge voice copy recordings/anna --subject anna --consent recordings/consent.json --output copies/

      zhenwei forge voice copy recordings/anna --subject anna --consent recordings/consent.json --output copies/
      --kind griffin_lim_mel --kind linear_prediction --format json
    """
    from zhenwei.forge.consent import read_consent
    from zhenwei.forge.voice.copies import KINDS
    from zhenwei.forge.voice.copy_set import copy_set, recordings

    held, wanted = read_consent(consent), [kind.value for kind in kinds or ()] or list(KINDS)
    total = len(recordings(folder)) * len(wanted)
    with progress_bar("copies", total) as advance:
        done = copy_set(
            folder, subject, output, consent=held, door=opened_door(), kinds=wanted, seed=seed,
            tell=lambda name: advance(note=name),
        )  # fmt: skip
    _tell(done, output, format_)
    if done.failed:
        raise typer.Exit(1)


def _tell(done: CopySet, output: Path, format_: TextFormat) -> None:
    for line in done.failed:
        tell(line, err=True)
    pairs = len({row.pair for row in done.rows})
    if format_ is TextFormat.json:
        found = {"folder": str(output), "recordings": pairs, "made": done.made, "kept": done.kept,
                 "notes": done.notes, "failed": done.failed}  # fmt: skip
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    typer.echo(say("{0}: copies: {1} made, {3} were there; recordings: {2}", output, done.made, pairs, done.kept))
    for line in done.notes:
        typer.echo(f"  {told(line)}")
