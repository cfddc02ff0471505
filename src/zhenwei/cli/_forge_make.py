"""``zhenwei forge make``: labelled forgeries of photographs and clips, each with its mask and its recipe."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._forge_run import check_extra, opened_door
from zhenwei.cli._options import TextFormat, TextOption
from zhenwei.cli.language import say
from zhenwei.cli.progress import progress_bar
from zhenwei.cli.trouble import complain_of, notes_console
from zhenwei.errors import DataError, OutputError, UsageError, ZhenweiError
from zhenwei.faults import on_one_file
from zhenwei.files import make_folder

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.forge.export import Door, ExportedFile, Origin
    from zhenwei.forge.make import Sitter


Method = StrEnum(
    "Method",
    [
        "affine_warp",
        "animated",
        "attribute",
        "cross_blend",
        "decoded",
        "mesh_swap",
        "regenerate",
        "rendered",
        "self_blend",
        "splice",
        "temporal",
    ],
)


def make(
    method: Annotated[Method, typer.Argument(help="How to forge.", show_default=False)],
    files: Annotated[
        list[Path], typer.Argument(help="Photographs with a face; clips for temporal.", metavar="FILE...")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to put them.", metavar="FOLDER")],
    donor: Annotated[
        Path | None,
        typer.Option(
            help="The photograph that the face or part comes from, for methods of two people.", metavar="FILE"
        ),
    ] = None,
    consent: Annotated[
        Path | None,
        typer.Option(help="The manifest that covers both photographs; needed where there are two.", metavar="FILE"),
    ] = None,
    latents: Annotated[
        Path | None,
        typer.Option(help="The latent autoencoder that decoded sends a face through.", metavar="FOLDER"),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="Forgeries of each file.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same forgeries.")] = 0,
    format_: TextOption = TextFormat.text,
) -> None:
    """Forge photographs and clips, with ground truth: a mask and a recipe beside each.

    affine_warp, animated, attribute, regenerate and self_blend need one photograph, and so do rendered, a head that
    a network draws as a puppet moves it, and decoded, a face or a part of it sent through a latent autoencoder: a
    folder with taef2_encoder.safetensors and taef2_decoder.safetensors. mesh_swap, cross_blend and splice take a
    face or a part of it from another, and both must stand in a consent manifest. temporal drops, freezes or
    reorders frames of a clip, without its sound. Faces above 128 px are reduced. What was made already stays when a
    later file cannot be forged.

    Exit status: 0 done, 1 a file could not be forged, 2 wrong use.

    Examples:

      zhenwei forge make self_blend portrait.jpg --count 4 --output forged/

      zhenwei forge make mesh_swap a/1.jpg --donor b/1.jpg --consent consent.json --output forged/

      zhenwei forge make decoded portrait.jpg --latents DATA --output forged/

      zhenwei forge make temporal clip.mp4 --output forged/
    """
    import numpy as np

    from zhenwei.forge.make import DECODED, LEARNED, OF_TWO, round_trip

    if method.value in LEARNED:
        check_extra("this method needs")
    if method.value == DECODED:
        round_trip(latents)  # once, before anything is read or written
    elif latents is not None:
        raise UsageError("--latents is not for this method", got=method.value, fix="Leave it out.")
    if method.value in OF_TWO and (donor is None or consent is None):
        fix = "Name the other photograph with --donor and the manifest that covers both with --consent."
        raise UsageError(f"{method.value} takes a face from somebody else", got="no donor or no consent", fix=fix)
    if method.value not in OF_TWO and (donor is not None or consent is not None):
        raise UsageError("--donor and --consent are not for this method", got=method.value, fix="Leave them out.")
    stems = [path.stem for path in files]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        fix = "Forge them into folders of their own."
        raise UsageError("forgeries of these files would have one name", got=", ".join(twice[:3]), fix=fix)
    make_folder(output)
    door, failed, notes = opened_door(), False, notes_console()
    with progress_bar("forgeries", len(files) * count, notes) as advance:
        for begun, path in enumerate(files):
            advance(begun * count, path.name)
            try:
                maker = on_one_file(partial(_Maker, method.value, path, donor, consent, output, door, latents))
                for number in range(count):
                    rng, stem = np.random.default_rng([seed, number]), f"{path.stem}.{method.value}.{seed}-{number}"
                    _tell(on_one_file(partial(maker.made, rng, stem)), format_, notes)
                    advance(begun * count + number + 1, path.name)
            except (UsageError, OutputError):
                raise
            except ZhenweiError as error:
                failed = True
                complain_of(path.name, error, notes)
    if failed:
        raise typer.Exit(1)


class _Maker:
    """One file, read once, forged as often as is wanted."""

    def __init__(
        self,
        method: str,
        path: Path,
        donor: Path | None,
        consent: Path | None,
        output: Path,
        door: Door,
        latents: Path | None,
    ) -> None:
        from zhenwei.forge.export import check_parent
        from zhenwei.forge.make import VIDEO, check_consent, read_sitter

        self._method, self._path, self._output, self._door, self._latents = method, path, output, door, latents
        self._sitter: Sitter | None = None if method == VIDEO else read_sitter(path)
        self._data = path.read_bytes() if self._sitter is None else self._sitter.data
        check_parent(self._data)  # before anything is drawn
        self._donor, self._consent = None, ""
        if donor is not None and consent is not None and self._sitter is not None:
            from zhenwei.forge.consent import read_consent

            held = read_consent(consent)
            self._donor = read_sitter(donor)
            check_consent(held, [self._sitter, self._donor], door.today)
            self._consent = held.sha256

    def made(self, rng: Any, stem: str) -> ExportedFile:
        from fractions import Fraction

        from zhenwei.forge.export import export_image, export_video
        from zhenwei.forge.make import forge_image, forge_video

        place = self._output / f"{stem}{'.mp4' if self._sitter is None else '.png'}"
        refuse_other(place, self._data)
        if self._sitter is None:
            video, rate = forge_video(self._path, rng)
            fps = Fraction(rate).limit_denominator(1001)
            return export_video(video.frames, fps, self._origin(video.recipe), place, self._door)
        forged = forge_image(self._method, self._sitter, rng, self._donor, latents=self._latents)
        return export_image(forged.pixels, self._origin(forged.recipe), place, self._door, mask=forged.mask)

    def _origin(self, recipe: Any) -> Origin:
        import hashlib

        from zhenwei.forge.export import Origin

        told = dict(recipe) | {"source_sha256": hashlib.sha256(self._data).hexdigest()}
        if self._sitter is not None:
            told["source_scale"] = round(self._sitter.scale, 6)
        if self._donor is not None:
            told["donor_sha256"] = hashlib.sha256(self._donor.data).hexdigest()
        return Origin(self._method, told, self._consent, "ai-edited", self._data)


def refuse_other(place: Path, parent: bytes) -> None:
    """DataError where an earlier run made ``place`` of other bytes than ``parent``; the same file's is made anew."""
    import hashlib

    try:
        recipe = json.loads(place.with_name(f"{place.name}.json").read_bytes())["recipe"]
        source = recipe.get("source_sha256", "")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return  # nothing of ours is there; the door looks at what else is
    if place.exists() and source != hashlib.sha256(parent).hexdigest():
        fix = "Name another --output."
        raise DataError(f"{place.name} is a forgery of another file and is not replaced", got=str(place), fix=fix)


def _tell(exported: ExportedFile, format_: TextFormat, notes: Console) -> None:
    line = say("{}  mark {}", exported.path, exported.ident)
    if format_ is TextFormat.json:
        row = {"path": str(exported.path), "sidecar": str(exported.sidecar), "ident": exported.ident}
        line = json.dumps(row, ensure_ascii=False)
    if notes.is_terminal and sys.stdout.isatty():
        notes.print(line, markup=False)  # above the bar, which stands in the same terminal
    else:
        typer.echo(line)
