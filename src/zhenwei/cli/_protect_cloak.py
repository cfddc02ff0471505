"""``zhenwei protect cloak``: a protective perturbation, with what it is worth on this very photograph."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._options import Force, TableFormat, TableOption
from zhenwei.cli.language import say, told
from zhenwei.errors import MissingExtraError, UsageError, install_extra
from zhenwei.files import write_whole
from zhenwei.stats.estimate import value_as_mean

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.training.cloak import Cloaked, CloakRow

_VERDICT = (
    "A cloak leads astray the networks it was made against. It does not stop whoever trains on the photograph, and "
    "saving again takes part of it away. Do not rely on it; what tells where a photograph comes from is: "
    "zhenwei protect sign"
)


def cloak(
    photo: Annotated[Path, typer.Argument(help="A photograph with a face of 64 px or more.", metavar="PHOTO")],
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", "--out", help="The PNG to write; by default PHOTO.cloaked.png.", metavar="FILE"),
    ] = None,
    epsilon: Annotated[float, typer.Option(min=1, max=32, help="Grey levels that a pixel may change by.")] = 8.0,
    steps: Annotated[int, typer.Option(min=20, max=5000, help="Steps that each trial swap learns.")] = 250,
    force: Force = False,
    format_: TableOption = TableFormat.table,
) -> None:
    """Cloak a face, and print what the cloak is worth: an exhibit, no protection.

    Two small networks are made for the photograph, a swap and an embedding; the face is changed so that both go wrong
    on it, and the success is measured before and after JPEG and scaling. Then swaps are trained on the cloaked
    photograph itself, to see whether that stops them. Takes one to three minutes. The original is left alone.

    Exit status: 0 done, 1 there is no face or the file cannot be written, 2 wrong use.

    Examples:

      zhenwei protect cloak portrait.jpg

      zhenwei protect cloak portrait.jpg --epsilon 12 --output cloaked.png --format json
    """
    from PIL import Image
    from rich.console import Console

    from zhenwei import media

    target = out or photo.with_name(f"{photo.stem}.cloaked.png")
    if target.suffix.lower() != ".png":
        raise UsageError("a cloak is kept without loss", got=target.name, want="a name that ends in .png")
    if target.exists() and not force:
        raise UsageError(f"{target} exists already", fix="Choose another --output, or add --force.")
    if target.resolve() == photo.resolve():
        raise UsageError("a cloak does not replace its original", got=str(target), fix="Choose another --output.")
    if target.is_dir() or not target.parent.is_dir():
        raise UsageError("a cloak cannot be written there", got=str(target), want="a file in a folder that exists")
    opened = media.open_media(photo)
    if opened.kind != "image":
        raise UsageError("only photographs are cloaked", got=opened.kind)
    pixels = media.read_image(opened).pixels
    made = _made(pixels, epsilon, steps)
    file = io.BytesIO()
    Image.fromarray(made.pixels).save(file, "PNG")
    write_whole(target, file.getvalue(), reread=True)
    if format_ is TableFormat.json:
        typer.echo(json.dumps(_plain(made, target), indent=1))
        return
    _show(Console(), made, target)


def _made(pixels: Any, epsilon: float, steps: int) -> Cloaked:
    from zhenwei.cli.progress import progress_bar

    try:
        from zhenwei.training.cloak import cloak_photo
    except ImportError as error:
        raise MissingExtraError("cloaks need PyTorch", got=str(error), fix=f"Run: {install_extra('train')}") from None
    with progress_bar("", 1.0) as advance:
        return cloak_photo(pixels, epsilon=epsilon, steps=steps, tell=lambda stage, share: advance(share, told(stage)))


def _plain(made: Cloaked, target: Path) -> dict[str, Any]:
    return {
        "path": str(target),
        "changed_levels": made.changed,
        "translator": [asdict(row, dict_factory=value_as_mean) for row in made.translator],
        "embedding": [asdict(row, dict_factory=value_as_mean) for row in made.embedding],
        "trained_on_it": [asdict(arm, dict_factory=value_as_mean) for arm in made.arms],
        "verdict": _VERDICT,
    }


def _show(console: Console, made: Cloaked, target: Path) -> None:
    from rich.table import Table

    astray = Table(title=told("Led astray: the cloak beside noise of the same size"), title_justify="left")
    for head in ("delivered", "swap: cloak, noise", "success left", "embedding: cloak, noise", "success left"):
        astray.add_column(told(head))
    for one, other in zip(made.translator, made.embedding, strict=True):
        astray.add_row(told(one.delivery), *_led_astray(one), *_led_astray(other))
    trained = Table(title=told("Swaps that learn, asked about the clean face"), title_justify="left")
    for head in ("learned from", "error of its reconstruction", "distance to the first swap"):
        trained.add_column(told(head))
    for arm in made.arms:
        trained.add_row(told(arm.learned_from), f"{arm.reconstruction.value:.3g}", f"{arm.swap.value:.3g}")
    line = say("{0}: no pixel differs by more than {1} levels of 255", target, made.changed)
    console.print(line, soft_wrap=True, markup=False)
    console.print(astray)
    console.print(trained)
    console.print(told(_VERDICT))


def _led_astray(row: CloakRow) -> tuple[str, str]:
    return f"{row.cloaked.value:.2g}, {row.noised.value:.2g}", f"{row.success:.0%}"
