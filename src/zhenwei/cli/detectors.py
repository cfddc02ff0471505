"""``zhenwei detectors``: what is asked of a file, by whom, and what each cannot see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._options import Lang, LangOption, TableFormat, TableOption
from zhenwei.cli.trouble import tell_of_plugins
from zhenwei.types import DetectorInfo, Language, in_language

if TYPE_CHECKING:
    from rich.table import Table


def detectors(
    id_: Annotated[
        str | None, typer.Argument(help="Show all about this one.", metavar="[ID]", show_default=False)
    ] = None,
    format_: TableOption = TableFormat.table,
    lang: LangOption = Lang.en,
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
    infos = [kind.info for kind in catalogue(strict=False).values()] if id_ is None else [build(id_).info]
    if format_ is TableFormat.json:
        _print_json(infos, one=id_ is not None, language=lang.value)
    else:
        from rich.console import Console

        shown = _card(infos[0], lang.value) if id_ is not None else _list(infos, lang.value)
        Console(highlight=False).print(shown)


def _print_json(infos: list[DetectorInfo], *, one: bool, language: Language) -> None:
    import json

    described = [_described(info, language) for info in infos]
    typer.echo(json.dumps(described[0] if one else described, ensure_ascii=False, indent=2))


def _described(info: DetectorInfo, language: Language) -> dict[str, object]:
    """The catalogue's entry in one language, with the models that it runs and their digests."""
    entry: dict[str, object] = info.to_dict()
    entry["question"] = in_language(info.question, language)
    entry["needs"] = [in_language(need, language) for need in info.needs]
    entry["blind_spots"] = [in_language(spot, language) for spot in info.blind_spots]
    entry["models"] = [{"id": id_, "sha256": digest or None} for id_, digest in _weights(info)]
    return entry


def _weights(info: DetectorInfo) -> list[tuple[str, str]]:
    """Its models with their digests; "" for one that is not in the store, which the doctor will say more about."""
    from zhenwei.detectors import build, models_of
    from zhenwei.errors import ModelError

    try:
        rows = models_of(build(info.id))
    except ModelError:
        rows = {}
    return [(id_, rows[id_].sha256 if id_ in rows else "") for id_ in info.models]


def _list(infos: list[DetectorInfo], language: Language) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    shown.add_column("Detector", no_wrap=True)  # an id broken in two could not be copied
    for title, ratio in (("Question", 6), ("Takes", 2), ("Needs", 4)):
        shown.add_column(title, ratio=ratio, overflow="fold")
    for info in infos:
        question, needs = in_language(info.question, language), (in_language(need, language) for need in info.needs)
        shown.add_row(Text(info.id, "bold"), Text(question), Text(", ".join(info.takes)), Text(", ".join(needs)))
    return shown


_FINDS = {
    "altered": "genuine recordings that were altered",
    "generated": "wholly generated media",
    "voice": "voices made by a machine",
    "pairing": "picture and sound that do not belong together",
}


def _card(info: DetectorInfo, language: Language) -> Table:
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    rows = [
        ("id", [info.id]),
        ("question", [in_language(info.question, language)]),
        ("takes", [", ".join(info.takes)]),
        ("finds", [_FINDS[info.finds]]),
        ("judges", ["each person" if info.level == "person" else "the whole file"]),
        ("needs", [", ".join(in_language(need, language) for need in info.needs)]),
        ("reads metadata", ["yes" if info.reads_metadata else "no"]),
        ("reference", [info.reference]),
        ("blind spots", [f"- {in_language(spot, language)}" for spot in info.blind_spots]),
        ("models", [f"{id_}\n{digest or 'missing: run zhenwei doctor'}" for id_, digest in _weights(info)]),
    ]
    for name, lines in rows:
        if any(lines):
            shown.add_row(name, Text("\n".join(lines)))
    return shown
