"""``zhenwei detectors``: what is asked of a file, by whom, and what each cannot see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._options import TableFormat, TableOption
from zhenwei.cli.language import current, told
from zhenwei.cli.trouble import tell_of_plugins
from zhenwei.types import Depth, DetectorInfo, Language, in_language

if TYPE_CHECKING:
    from rich.table import Table


def detectors(
    id_: Annotated[
        str | None, typer.Argument(help="Show all about this one.", metavar="[ID]", show_default=False)
    ] = None,
    format_: TableOption = TableFormat.table,
) -> None:
    """Show the catalogue of detectors, or all about one of them.

    Examples:

      zhenwei detectors

      zhenwei detectors cnn.face_forgery

      zhenwei detectors --format json
    """
    from zhenwei.detectors import build, catalogue

    if id_ is None:
        tell_of_plugins()
    infos = [build(id_).info] if id_ is not None else [kind.info for kind in catalogue(strict=False).values()]
    entries = [_described(info, current()) for info in infos]
    if format_ is TableFormat.json:
        typer.echo(json.dumps(entries if id_ is None else entries[0], ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        console = Console(highlight=False)
        console.print(_card(entries[0]) if id_ is not None else _list(entries, console.width))


def _described(info: DetectorInfo, language: Language) -> dict[str, Any]:
    """The catalogue's entry in one language, with the models that it runs and their digests: None for one that is not
    in the store, which the doctor will say more about."""
    from zhenwei.detectors import build, models_of
    from zhenwei.errors import ModelError
    from zhenwei.fusion import unheard

    try:
        rows = models_of(build(info.id))
    except ModelError:
        rows = {}
    digests = {id_: row.sha256 or None for id_, row in rows.items()}
    entry: dict[str, Any] = info.to_dict()
    entry["question"] = in_language(info.question, language)
    entry["needs"] = [in_language(need, language) for need in info.needs]
    entry["blind_spots"] = [in_language(spot, language) for spot in info.blind_spots]
    entry["counts_for_nothing_in"] = [kind for kind in info.takes if info.id in unheard(kind)]
    entry["models"] = [{"id": id_, "sha256": digests.get(id_)} for id_ in info.models]
    return entry


def _list(entries: list[dict[str, Any]], width: int) -> Table:
    """One row for each; where the terminal is narrow, id and question below each other."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if width < _NARROW:
        stacked = Table.grid(expand=True)
        stacked.add_column(overflow="fold")
        for entry in entries:
            stacked.add_row(Text(entry["id"], "bold"))
            stacked.add_row(Text(f"  {entry['question']}"))
        return stacked
    shown = Table(box=SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    shown.add_column(told("Detector"), no_wrap=True)  # an id broken in two could not be copied
    for title, ratio in (("Question", 6), ("Takes", 2), ("Needs", 4), ("Depth", 2)):
        shown.add_column(told(title), ratio=ratio, overflow="fold")
    for entry in entries:
        takes, needs = Text(", ".join(map(told, entry["takes"]))), Text(", ".join(entry["needs"]))
        shown.add_row(Text(entry["id"], "bold"), Text(entry["question"]), takes, needs, Text(told(entry["depth"])))
    return shown


def _not_counting(kinds: list[str]) -> str:
    """Where, and why; "" where it counts everywhere."""
    if not kinds:
        return ""
    why = "no better than chance on sources never seen; asked with scan --full or by name alone"
    return f"{', '.join(map(told, kinds))}: {told(why)}"


_NARROW = 64
_FINDS = {
    "altered": "genuine recordings that were altered",
    "animated": "heads that were animated",
    "generated": "wholly generated media",
    "voice": "voices made by a machine",
    "pairing": "picture and sound that do not belong together",
}


_ASKED: dict[Depth, str] = {
    "fast": "at every depth",
    "standard": "at the standard depth and with scan --full",
    "full": "with scan --full, or by name",
}


def _card(entry: dict[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    models = []
    for model in entry["models"]:
        models += [model["id"], model["sha256"] or told("missing: run zhenwei doctor")]
    rows = {
        "id": entry["id"],
        "question": entry["question"],
        "takes": ", ".join(map(told, entry["takes"])),
        "finds": told(_FINDS[entry["finds"]]),
        "judges": told("each person" if entry["level"] == "person" else "the whole file"),
        "needs": ", ".join(entry["needs"]),
        "asked": told(_ASKED[entry["depth"]]),
        "does not count": _not_counting(entry["counts_for_nothing_in"]),
        "reads metadata": told("yes" if entry["reads_metadata"] else "no"),
        "reference": entry["reference"],
        "blind spots": "\n".join(f"- {spot}" for spot in entry["blind_spots"]),
        "models": "\n".join(models),
    }
    shown = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in rows.items():
        if value:
            shown.add_row(told(name), Text(value))
    return shown
