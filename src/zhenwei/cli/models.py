"""``zhenwei models``: networks of others, made calibrated detectors in a store of the user's own."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._options import Force, TableFormat, TableOption
from zhenwei.cli.language import current, say, tell, told
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.evaluation.foreign_models import AddedModel

_HELP = """Networks of others: make somebody's ONNX network a calibrated detector, and convert known weights.

What is added is asked in every scan as foreign.NAME and weighed with the others. It lies in a store of its own: a
folder named with --store or ZHENWEI_MODELS, else one in the user's folder of settings.

Examples:

  zhenwei models add net.onnx --input face --normalise imagenet --calibrate labels.csv

  zhenwei models list

  zhenwei models show face_forgery

  zhenwei models convert xception weights.pth --output xception.onnx
"""

models = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")

Takes = StrEnum("Takes", ["face", "image", "audio"])
Normalise = StrEnum("Normalise", ["imagenet", "clip", "half", "unit", "bytes"])
Meaning = StrEnum("Meaning", ["logit", "logits", "probability", "probabilities"])
Channels = StrEnum("Channels", ["rgb", "bgr"])
Finds = StrEnum("Finds", ["altered", "animated", "generated", "voice"])
Architecture = StrEnum("Architecture", {"xception": "xception", "efficientnet": "efficientnet-b4", "clip": "clip-l14"})
_SCALES: dict[str, dict[str, Any]] = {
    "imagenet": {"mean": (0.485, 0.456, 0.406), "deviation": (0.229, 0.224, 0.225), "white": 1.0},
    "clip": {
        "mean": (0.48145466, 0.4578275, 0.40821073),
        "deviation": (0.26862954, 0.26130258, 0.27577711),
        "white": 1.0,
    },
    "half": {"mean": (0.5, 0.5, 0.5), "deviation": (0.5, 0.5, 0.5), "white": 1.0},
    "unit": {"mean": (0.0, 0.0, 0.0), "deviation": (1.0, 1.0, 1.0), "white": 1.0},
    "bytes": {"mean": (0.0, 0.0, 0.0), "deviation": (1.0, 1.0, 1.0), "white": 255.0},
}

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="The store; by default the first of ZHENWEI_MODELS, or the user's.", metavar="DIR"),
]


@models.command()
def add(
    file: Annotated[Path, typer.Argument(help="The network.", metavar="NET.onnx")],
    calibrate: Annotated[Path, typer.Option(help="Labelled files: a CSV of path and label, or a data set's folder.")],
    takes: Annotated[
        Takes | None, typer.Option("--input", help="What it looks at, if its file does not say.", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option(help="What to call it; by default as the file is called.")] = "",
    store: StoreOption = None,
    normalise: Annotated[
        Normalise | None,
        typer.Option(help="How pixels are scaled: half is -1 to 1, unit 0 to 1, bytes 0 to 255.", show_default=False),
    ] = None,
    mean: Annotated[str, typer.Option(help="Three means of channels in 0 to 1, as 0.485,0.456,0.406.")] = "",
    std: Annotated[str, typer.Option(help="Three deviations likewise.")] = "",
    size: Annotated[int, typer.Option(help="Side of the picture in pixels, if the graph takes any.", min=0)] = 0,
    channels: Annotated[Channels | None, typer.Option(help="Order of colours.", show_default=False)] = None,
    margin: Annotated[
        float | None, typer.Option(help="Share of a face's box added on each side.", min=0, show_default=False)
    ] = None,
    min_face: Annotated[int, typer.Option(help="Least face in pixels.", min=0)] = 0,
    squash: Annotated[bool, typer.Option("--squash", help="Scale whole pictures to the square, do not cut.")] = False,
    samples: Annotated[int, typer.Option(help="Of sound, how many it hears at a time, if any.", min=0)] = 0,
    rate: Annotated[int, typer.Option(help="Of sound, samples a second.", min=0)] = 0,
    meaning: Annotated[
        Meaning | None, typer.Option(help="What it answers, if that is not plain.", show_default=False)
    ] = None,
    forged: Annotated[int | None, typer.Option(help="Place of the class forged.", min=0, show_default=False)] = None,
    finds: Annotated[Finds | None, typer.Option(help="What it finds.", show_default=False)] = None,
    licence: Annotated[str, typer.Option(help="Of the weights, for the card.")] = "not stated",
    limit: Annotated[int, typer.Option(help="At most this many files of each class, 0 = all.", min=0)] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a network of that name.")] = False,
    skip_missing: Annotated[bool, typer.Option("--skip-missing", help="Leave out listed files that are gone.")] = False,
) -> None:
    """Make an ONNX network a detector: read what it must be fed, calibrate it, check it, add it.

    Its input is read from the graph where that can be: size and layout from the shape, the rest from what a converter
    wrote into the file. What is missing is asked for. It is then asked about the labelled files, calibrated with whole
    sources left out where there are several, and held to the contract that every detector keeps; only then it is added.

    Examples:

      zhenwei models add net.onnx --input face --normalise imagenet --calibrate labels.csv

      zhenwei models add voices.onnx --input audio --samples 64000 --calibrate speech.csv --store my-models/
    """
    given: dict[str, Any] = dict(_SCALES[normalise.value]) if normalise else {}
    for field, text in (("mean", mean), ("deviation", std)):
        if text:
            given[field] = _three(text, field)
    options: dict[str, Any] = {
        "takes": takes and takes.value,
        "size_px": size,
        "channels": channels and channels.value,
        "margin": margin,
        "min_face_px": min_face,
        "squash": squash,
        "samples": samples,
        "rate_hz": rate,
        "meaning": meaning and meaning.value,
        "forged": forged,
        "finds": finds and finds.value,
    }
    stated = {"margin", "forged"}  # of which 0 is a value
    given |= {field: value for field, value in options.items() if value or (field in stated and value is not None)}
    _show(_added(file, name, given, calibrate, _store(store), licence, limit, force=force, skip_missing=skip_missing))


def _added(
    file: Path,
    name: str,
    given: dict[str, Any],
    calibrate: Path,
    store: Path,
    licence: str,
    limit: int,
    *,
    force: bool,
    skip_missing: bool,
) -> AddedModel:
    from zhenwei.cli.evaluate import _limited
    from zhenwei.cli.progress import stages
    from zhenwei.evaluation.foreign_models import add_model
    from zhenwei.evaluation.readers import load
    from zhenwei.models import foreign, load_file

    id_ = f"{foreign.FAMILY}.{name or _named(file)}"
    if not force and (store / "manifest.json").is_file() and id_ in foreign.added(store):
        fix = "Take another --name, or replace it with --force."
        raise UsageError("a network of that name was added before", got=f"{id_} in {store}", fix=fix)
    network = foreign.from_graph(load_file(file), id_, given)
    reading = load(calibrate, skip_missing=skip_missing)
    items = _limited(list(reading.items), limit)
    with stages() as shown:
        return add_model(file, network, items, store, licence=licence, tell=shown)


def _named(file: Path) -> str:
    """The file's name as an identifier."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in file.stem.lower())
    return plain.strip("_")[:40] if plain[:1].isalpha() else f"net_{plain.strip('_')}"[:40]


def _three(text: str, field: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 3:
        raise UsageError(f"the {field} of the channels is no three numbers", got=text[:80], want="such as 0.5,0.5,0.5")
    return values


def _store(named: Path | None) -> Path:
    from zhenwei.models.foreign import STORES, named_stores

    if named is not None:
        return named
    stores = named_stores(os.environ)
    if not stores:
        raise UsageError(f"{STORES} is empty", want="a folder", fix="Name a store with --store DIR.")
    return stores[0]


def _show(added: AddedModel) -> None:
    from zhenwei.models.foreign import STORES, stores
    from zhenwei.stats.estimate import cell

    tell(f"Added {added.row.id}, sha256 {added.row.sha256[:12]}.")
    for figures in added.results.figures:
        worth = f"AUC {cell(figures.auc)}, C_llr {cell(figures.c_llr)}"
        tell(f"{figures.name}: {worth}, on {figures.genuine} genuine and {figures.forged} forged files.")
    if added.unanswered:
        tell(f"{added.unanswered} labelled files had no answer.")
    for finding in added.results.findings:
        if not finding.ok:
            typer.echo(say("NOT OK: {}: {}", told(finding.check), told(finding.text)))
    if not any(added.row.id in _ids(store) for store in stores()):
        tell(f"It is asked in scans once {STORES} names its store.")


def _ids(store: Path) -> tuple[str, ...]:
    from zhenwei.models.foreign import added

    return added(store)


@models.command("list")
def list_(store: StoreOption = None, format_: TableOption = TableFormat.table) -> None:
    """Show the networks that were added.

    Examples:

      zhenwei models list

      zhenwei models list --store my-models/ --format json
    """
    from zhenwei import models as room
    from zhenwei.models.foreign import ForeignModel, added, stores

    rows: list[dict[str, str]] = []
    for each in (store,) if store is not None else stores():
        for id_ in added(each) if (each / "manifest.json").is_file() else ():
            entry, network = room.entry(id_, each), ForeignModel.load(each, id_)
            about = {"sha256": entry.sha256, "licence": entry.licence, "store": str(each)}
            rows.append({"id": id_, "input": network.takes, **about})
    if format_ is TableFormat.json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not rows:
        tell("No network was added yet. To add one: zhenwei models add NET.onnx --calibrate labels.csv", err=True)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heads = told("Detector"), told("Input"), "sha256", told("Store")
    shown = Table(*heads, box=SIMPLE_HEAD, show_edge=False, header_style="dim")
    for row in rows:
        shown.add_row(Text(row["id"], "bold"), row["input"], row["sha256"][:12], Text(row["store"]))
    Console(highlight=False).print(shown)


@models.command()
def show(
    name: Annotated[str, typer.Argument(help="Of a model of the package, or of a network that was added.")],
    store: Annotated[Path | None, typer.Option("--store", help="Look in this store alone.", metavar="DIR")] = None,
) -> None:
    """Show a model's card: what it learned from, how good it is on what, and its limits.

    Examples:

      zhenwei models show face_forgery

      zhenwei models show foreign.net
    """
    from zhenwei import models as room
    from zhenwei.models.foreign import FAMILY, stores

    known = []
    for place in (store,) if store is not None else (room.STORE, *stores()):
        for row in room.manifest(place) if (place / "manifest.json").is_file() else ():
            known.append(row.id)
            if row.id in (name, f"{FAMILY}.{name}"):
                _print_card(room.card(row.id, place))
                return
    raise UsageError("there is no such model", got=name, want=", ".join(known) or "none")


def _print_card(card: str) -> None:
    """As Markdown: laid out on a terminal, as it is anywhere else."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    if current() == "zh":
        tell("The card is written in English.")
        typer.echo()
    if console.is_terminal:
        console.print(Markdown(card))
    else:
        typer.echo(card, nl=False)


@models.command()
def remove(
    name: Annotated[str, typer.Argument(help="Which, as `zhenwei models list` calls it.", metavar="NAME")],
    store: StoreOption = None,
) -> None:
    """Take a network out of its store, with its weights and calibration.

    Examples:

      zhenwei models remove foreign.net

      zhenwei models remove net --store my-models/
    """
    from zhenwei.models.foreign import FAMILY
    from zhenwei.models.foreign import remove as taken_out

    id_ = name if name.startswith(f"{FAMILY}.") else f"{FAMILY}.{name}"
    taken_out(id_, _store(store))
    tell(f"Removed {id_}.")


@models.command()
def convert(
    architecture: Annotated[Architecture, typer.Argument(help="What the weights are of.")],
    weights: Annotated[Path, typer.Argument(help="The file of weights: .pth, .pt, .tar, .bin or .safetensors.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The network to write, ending in .onnx.")],
    unit_features: Annotated[
        bool, typer.Option("--unit-features", help="Of clip-l14: its head reads features of length 1, as GenD's does.")
    ] = False,
    force: Force = False,
) -> None:
    """Convert weights that users of the field hold into an ONNX network that `zhenwei models add` takes.

    xception: the Xception of DeepfakeBench and FaceForensics++. efficientnet-b4: that of self-blended images.
    clip-l14: CLIP ViT-L/14 with a linear head, its layer norms tuned or low-rank parts added. Needs the extra "train".
    The weights are yours to fetch; nothing is downloaded, and pickled code is never run.

    Examples:

      zhenwei models convert xception xception_best.pth --output xception.onnx

      zhenwei models convert clip-l14 model.safetensors --output clip.onnx
    """
    from zhenwei.cli._models_convert import converted

    tell(converted(architecture.value, weights, output, unit_features=unit_features, force=force))
