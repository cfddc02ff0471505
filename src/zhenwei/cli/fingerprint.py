"""``zhenwei fingerprint``: whose picture is this? A bank of sources that the user extends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._options import TableFormat, TableOption, Verbose
from zhenwei.cli.language import told
from zhenwei.cli.trouble import complain_of, notes_console
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.detectors.fingerprint.learned import Described
    from zhenwei.models.bank import Bank
    from zhenwei.types import Kind

_NONE = "none of these"
# Why there is no fingerprint, by what kind the file is. In clips it tells generators from cameras hardly better than
# chance: coding video hides the traces.
_UNFIT = {
    "image": "no face that is large and sharp enough, with some surroundings",
    "video": "it is a clip: fingerprints are known of pictures alone",
    "audio": "it is sound alone: fingerprints are known of pictures alone",
}
_HELP = """Whose picture is this? Compare it with cameras and generators, your own too.

A source (a camera, a service, a generator) leaves the same traces in all that comes from it. Teach the bank a source
with pictures that you know are from it, all with a face; then ask who made others. Nothing leaves this machine.

Examples:

  zhenwei fingerprint who portrait.jpg

  zhenwei fingerprint add "generator x" samples/

  zhenwei fingerprint list
"""

fingerprint = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")

BankFile = Annotated[
    Path | None,
    typer.Option(
        "--bank", envvar="ZHENWEI_BANK", help="The bank's file; by default one of the user's.", metavar="FILE"
    ),
]


Files = Annotated[list[str], typer.Argument(help="Pictures and folders.", metavar="FILE...", show_default=False)]


@fingerprint.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call the source; one of that name is replaced.", metavar="NAME")],
    files: Files,
    bank: BankFile = None,
    verbose: Verbose = False,
) -> None:
    """Teach the bank a source from at least five pictures; fifty and more are better.

    Clips, and pictures without a face that is large and sharp enough, are left out and named.

    Examples:

      zhenwei fingerprint add "my camera" photos/

      zhenwei fingerprint add "generator x" a.png b.png c.png d.png e.png
    """
    held, path, notes = _bank(bank), _path(bank), notes_console()
    if " ".join(name.split()).casefold() in (_NONE, told(_NONE)):
        raise UsageError(
            "this is no name of a source", got=repr(name[:80]), want="another: who answers so where none is"
        )
    found = [each for _, each in _described(files, notes, verbose=verbose) if not isinstance(each, str)]
    grown = held.add(name, [each.fingerprint for each in found])
    grown.save(path)
    made = grown.sources[-1]
    notes.print(
        told(f"{made.name}: {made.pictures} pictures, similar to each other by {made.least:.2f} and more; {path}")
    )


@fingerprint.command()
def who(
    files: Files, bank: BankFile = None, format_: TableOption = TableFormat.table, verbose: Verbose = False
) -> None:
    """Say whose pictures these are, or that they are from none of the sources that are known.

    Similarity is a cosine, 1 at most. A source is named only if the picture is as like it as all but one in twenty of
    the source's own pictures are. Clips are not asked about: coding video hides the traces. Exit status: 0 done,
    1 a file could not be read, is no picture or has no face fit for it, 2 wrong use.

    Examples:

      zhenwei fingerprint who portrait.jpg

      zhenwei fingerprint who folder/ --format json
    """
    held, notes = _bank(bank), notes_console()
    rows: list[dict[str, Any]] = []
    failed = False
    for path, each in _described(files, notes, verbose=verbose):
        failed |= isinstance(each, str)
        row = _answer(path, each, held)
        rows.append(row)
        if format_ is TableFormat.json:
            typer.echo(json.dumps(row, ensure_ascii=False, allow_nan=False))
    if format_ is TableFormat.table:
        _show(rows)
    raise typer.Exit(int(failed))


@fingerprint.command("list")
def list_(bank: BankFile = None, format_: TableOption = TableFormat.table) -> None:
    """Show the sources of the bank.

    Examples:

      zhenwei fingerprint list

      zhenwei fingerprint list --format json
    """
    held, path = _bank(bank), _path(bank)
    if format_ is TableFormat.json:
        sources = [{"name": s.name, "pictures": s.pictures, "least": s.least} for s in held.sources]
        typer.echo(json.dumps({"bank": str(path), "weights": held.weights, "sources": sources}, ensure_ascii=False))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not held.sources:
        notes_console().print(told(f"No source yet in {path}. To add one: zhenwei fingerprint add NAME pictures/"))
        return
    shown = Table(
        told("Source"), told("Pictures"), told("Least similarity"), box=SIMPLE_HEAD, show_edge=False, header_style="dim"
    )
    for source in held.sources:
        shown.add_row(Text(source.name, "bold"), str(source.pictures), f"{source.least:.2f}")
    Console(highlight=False).print(shown)


@fingerprint.command()
def remove(
    name: Annotated[str, typer.Argument(help="The source that is to go.", metavar="NAME")], bank: BankFile = None
) -> None:
    """Take a source out of the bank.

    Examples:

      zhenwei fingerprint remove "generator x"
    """
    _bank(bank).remove(name).save(_path(bank))


def _path(bank: Path | None) -> Path:
    return bank or Path(typer.get_app_dir("zhenwei")) / "fingerprints.json"


def _bank(bank: Path | None) -> Bank:
    from zhenwei.detectors.fingerprint.learned import weights
    from zhenwei.models.bank import Bank

    return Bank.load(_path(bank), weights())


def _described(paths: Sequence[str], notes: Console, *, verbose: bool) -> Iterator[tuple[str, Described | str]]:
    """Each file with its fingerprint, or with the reason why it has none, which is told as well; then what was left out
    of folders is told."""
    from zhenwei.cli.inputs import collect
    from zhenwei.cli.progress import progress_bar

    inputs = collect(paths)
    if not inputs.files and not inputs.unreadable:
        raise UsageError("there is nothing to look at", got=", ".join(paths)[:200], want="pictures")
    inputs.tell_unreadable(notes)
    for folder in inputs.unreadable:
        yield folder.path, str(folder.error)
    with progress_bar("taking fingerprints", len(inputs.files), notes) as advance:
        for path in inputs.files:
            yield path, _tried(path, notes)
            advance()
    inputs.tell_left_out(notes, verbose=verbose)


def _tried(path: str, notes: Console) -> Described | str:
    """Its fingerprint, or the reason why there is none, which is told."""
    from zhenwei.engine import attempt
    from zhenwei.report import Unreadable, legible

    found = attempt(path, lambda: _one(path))
    if isinstance(found, Unreadable):
        complain_of(path, found.error, notes)
        return str(found.error)
    if isinstance(found, str):
        notes.print(f"× {legible(path)}: {told(_UNFIT[found])}", style="yellow", markup=False)
        return _UNFIT[found]
    return found


def _one(path: str) -> Described | Kind:
    """The kind of the file where there is none: no picture, or one without a face that is fit for it."""
    from zhenwei import faces, media
    from zhenwei.detectors.fingerprint.learned import fingerprint_of
    from zhenwei.types import Subject

    facts = media.open_media(path)
    if facts.kind != "image":
        return facts.kind
    frames = tuple(media.sample_frames(facts, 1))
    tracks = faces.find_people(frames)
    largest = max(tracks, key=lambda track: sum(face.quality.face_px for face in track.faces), default=None)
    return (None if largest is None else fingerprint_of(Subject(facts, frames, largest))) or facts.kind


def _answer(path: str, found: Described | str, bank: Bank) -> dict[str, Any]:
    """``sources``: those that the picture is as like as their own pictures are, then the others, most like first;
    ``source``: the first of the former."""
    if isinstance(found, str):
        return {"path": path, "source": None, "reason": found, "sources": []}
    names = map(str, found.sources)
    rows = list(zip(names, map(float, found.cosines), map(float, found.least), strict=True))
    rows += [(known.name, known.likeness(found.fingerprint), known.least) for known in bank.sources]
    rows.sort(key=lambda row: (row[1] < row[2], -row[1]))
    name, cosine, least = rows[0]
    source = name if cosine >= least else None
    told = [{"name": n, "similarity": round(c, 4), "least": round(at, 4)} for n, c, at in rows]
    return {"path": path, "source": source, "reason": "" if source else _NONE, "sources": told}


def _show(rows: Sequence[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from zhenwei.report import legible

    shown = Table(told("File"), told("Source"), told("Most like"), box=SIMPLE_HEAD, show_edge=False, header_style="dim")
    for row in rows:
        reason = told("not read")  # why was told above
        if row["reason"] in _UNFIT.values():
            reason = told("no fit face") if row["reason"] == _UNFIT["image"] else told("no picture")
        source, most = Text("-", "dim"), Text(reason, "dim")
        if row["sources"]:
            source = Text(row["source"], "bold") if row["source"] else Text(told(_NONE), "yellow")
            near = [f"{s['name']} {s['similarity']:.2f} (of {s['least']:.2f})" for s in row["sources"][:2]]
            most = Text(", ".join(near))
        shown.add_row(Text(legible(Path(row["path"]).name)), source, most)
    Console(highlight=False).print(shown)
    Console(highlight=False, stderr=True).print(
        told("Similarity (of the least that a source's own pictures have)"), style="dim"
    )
