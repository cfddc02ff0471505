"""``zhenwei forge gan``: train small generators of faces, sample them, and walk between their samples."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from zhenwei.cli import _forge_run as lab
from zhenwei.cli import _options as opt
from zhenwei.cli._tables import show_table
from zhenwei.cli.language import say, told
from zhenwei.cli.progress import progress_bar
from zhenwei.errors import UsageError
from zhenwei.types import Text

if TYPE_CHECKING:
    from zhenwei.forge.export import Origin
    from zhenwei.forge.gan.faces import TrainingFaces
    from zhenwei.forge.gan.gan_settings import GanSettings, Generator
    from zhenwei.nets.stylegan import StyleGenerator
    from zhenwei.types import Pixels

_HELP = """Faces out of noise: DCGAN, WGAN-GP and StyleGAN at 32 or 64 px.

The zoo's models are small and were trained for minutes: blurred faces that teach, and deceive nobody. Whatever is
sampled is labelled, marked and signed.

Examples:

  zhenwei forge gan list

  zhenwei forge gan sample --model dcgan-64-0 --output sheet.png

  zhenwei forge gan walk --model stylegan-64-1 --output walk.mp4

  zhenwei forge gan mix --output mix.png

  zhenwei forge gan train --puppets 500 --output run
"""
_SHEET = "samples.png"

gan = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")

Kind = StrEnum("Kind", {"dcgan": "dcgan", "wgan_gp": "wgan-gp", "stylegan": "stylegan"})
Augment = StrEnum("Augment", {"none": "none", "diffaugment": "diffaugment", "ada": "ada"})
Attribute = StrEnum("Attribute", ["turn", "mouth", "light", "warmth"])
_ATTRIBUTES = {
    "turn": Text("turn", zh="转头"),
    "mouth": Text("mouth", zh="张嘴"),
    "light": Text("light", zh="光照"),
    "warmth": Text("warmth", zh="色温"),
}
_Model = Annotated[
    str | None, typer.Option("--model", help="A model of the zoo; by default the one nearest to faces.", metavar="NAME")
]
_RunOption = Annotated[Path | None, typer.Option("--run", help="A run of `train` instead.", metavar="DIR")]
_Truncation = Annotated[
    float, typer.Option(min=0, max=1, help="StyleGAN: how much of the way from the mean face; less is likelier.")
]


@gan.command("list")
def list_models(format_: opt.TextOption = opt.TextFormat.text) -> None:
    """What is in the zoo: kind, size, how long it learned, and how far its samples are from held-out faces.

    Distances compare with each other only; beside each stands that of real faces.

    Examples:

      zhenwei forge gan list

      zhenwei forge gan list --format json
    """
    lab.check_extra()
    from zhenwei.forge.gan import zoo

    entries = zoo.entries().values()
    if format_ is opt.TextFormat.json:
        typer.echo(json.dumps([asdict(entry) for entry in entries], ensure_ascii=False))
        return
    heads = ("model", "kind", "px", "steps", "distance", "of real faces")
    rows = [(e.name, e.kind, str(e.side), str(e.steps), f"{e.kid:.3f}", f"{e.kid_real:.3f}") for e in entries]
    show_table(heads, rows)


@gan.command()
def train(
    output: opt.RunOutput,
    folder: Annotated[
        Path | None, typer.Argument(help="Pictures of cropped faces; needs --consent.", metavar="[FOLDER]")
    ] = None,
    consent: Annotated[Path | None, typer.Option(help="The manifest that covers them.", metavar="FILE")] = None,
    subject: Annotated[str | None, typer.Option(help="The pseudonym that they have in it.")] = None,
    puppets: Annotated[int, typer.Option(min=0, help="Learn from as many drawn puppets, nobody's faces.")] = 0,
    kind: Annotated[Kind, typer.Option(help="Which game.")] = Kind.dcgan,
    augment: Annotated[
        Augment | None, typer.Option(help="What StyleGAN's critic sees changed; by default diffaugment.")
    ] = None,
    side: Annotated[int, typer.Option(help="32 or 64 px; stylegan also 16.")] = 32,
    width: Annotated[int, typer.Option(min=8, max=128, help="Width of both networks.")] = 32,
    steps: opt.Steps = 5000,
    batch: Annotated[int, typer.Option(min=2, max=256, help="Faces a step.")] = 64,
    save_every: opt.SaveEvery = 500,
    seed: opt.TrainSeed = 0,
    format_: opt.TextOption = opt.TextFormat.text,
) -> None:
    """Train, or go on with a run: the next step is the one that would have come.

    Ends with a marked sheet of samples in the run. Ctrl-C saves and ends. A loss that is no longer finite ends the
    run, and what was saved is clean.

    Exit status: 0 done or stopped and saved, 1 refused or failed, 2 wrong use.

    Examples:

      zhenwei forge gan train --puppets 500 --steps 2000 --output run

      zhenwei forge gan train faces/ --subject class --consent consent.json --kind wgan-gp --output run
    """
    lab.check_extra()
    from zhenwei.forge.export import export_sheet
    from zhenwei.forge.gan import runs, samples

    settings = _settings(kind, augment, side, width, batch, seed)
    faces = _faces(folder, consent, subject, puppets, side, seed)
    door = lab.opened_door()
    learn = partial(runs.learn, settings, faces, device=lab.device_for())
    run, stopped = lab.train_run(learn, steps, output, save_every)
    generator = runs.generator_of(run)
    made = samples.imagine(generator, samples.noise_for(24, settings.noise, seed))
    told = _origin(f"gan/{kind.value}", faces.words, faces.consent, {"steps": run.step, "seed": seed})
    sheet = export_sheet(samples.rows_of(made, 6), told, output / _SHEET, door)
    facts = {"sheet": str(sheet.path), "losses": lab.last_losses(run.rows)}
    lab.tell_run(output, run.step, stopped, say("samples in {0}", sheet.path), facts, format_)


@gan.command()
def sample(
    output: opt.SheetOutput,
    model: _Model = None,
    run: _RunOption = None,
    count: Annotated[int, typer.Option(min=1, max=144, help="How many faces.")] = 24,
    columns: Annotated[int, typer.Option(min=1, max=24, help="How many side by side.")] = 6,
    truncation: _Truncation = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same faces.")] = 0,
    format_: opt.TextOption = opt.TextFormat.text,
) -> None:
    """Sample faces as one sheet, labelled, marked and signed.

    Examples:

      zhenwei forge gan sample --model dcgan-64-0 --count 36 --output sheet.png

      zhenwei forge gan sample --model stylegan-64-1 --truncation 0.7 --output sheet.png

      zhenwei forge gan sample --run run --seed 7 --output sheet.png
    """
    lab.check_extra()
    from zhenwei.forge.export import export_sheet
    from zhenwei.forge.gan import samples

    generator, told = _opened(model, run, {"seed": seed, "count": count, "truncation": truncation})
    made = samples.imagine(generator, samples.noise_for(count, generator.noise, seed), truncation=truncation)
    left = export_sheet(samples.rows_of(made, columns), told, output, lab.opened_door())
    lab.tell_exported(left, say("1 face" if count == 1 else "{0} faces", count), format_)


@gan.command()
def walk(
    output: Annotated[Path, typer.Option("--output", "-o", help="A clip, .mp4.", metavar="FILE")],
    model: _Model = None,
    run: _RunOption = None,
    stops: Annotated[int, typer.Option(min=2, max=24, help="Faces that the walk passes.")] = 4,
    between: Annotated[int, typer.Option(min=1, max=60, help="Frames from one to the next.")] = 12,
    fps: Annotated[int, typer.Option(min=1, max=60, help="Frames a second.")] = 12,
    truncation: _Truncation = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed walks the same way.")] = 0,
    format_: opt.TextOption = opt.TextFormat.text,
) -> None:
    """Walk from face to face through the noise and back, as a clip: labelled, marked and signed.

    Examples:

      zhenwei forge gan walk --model stylegan-64-1 --output walk.mp4

      zhenwei forge gan walk --run run --stops 6 --between 24 --fps 24 --output walk.mp4
    """
    lab.check_extra()
    from zhenwei.forge.export import export_video
    from zhenwei.forge.gan import samples

    recipe = {"seed": seed, "stops": stops, "between": between, "truncation": truncation}
    generator, told = _opened(model, run, recipe)
    path = samples.walk(samples.noise_for(stops, generator.noise, seed), between)
    made = samples.imagine(generator, path, truncation=truncation, still=True)
    left = export_video(made, fps, told, output, lab.opened_door())
    lab.tell_exported(left, say("{0} frames", len(path)), format_)


@gan.command()
def mix(
    output: opt.SheetOutput,
    model: _Model = None,
    run: _RunOption = None,
    rows: Annotated[int, typer.Option(min=1, max=12, help="Faces that give the shape.")] = 4,
    columns: Annotated[int, typer.Option(min=1, max=12, help="Faces that give the fine styles.")] = 6,
    fine_from: Annotated[int, typer.Option(min=1, help="From this size on, in px, the fine styles rule.")] = 16,
    truncation: _Truncation = 0.8,
    seed: Annotated[int, typer.Option(min=0, help="The same seed mixes the same faces.")] = 0,
    format_: opt.TextOption = opt.TextFormat.text,
) -> None:
    """Mix the styles of StyleGAN faces: shape of the row's, colours of the column's.

    The first row and the first column are the faces themselves.

    Examples:

      zhenwei forge gan mix --model stylegan-64-1 --output mix.png
    """
    lab.check_extra()
    from zhenwei.forge.export import export_sheet
    from zhenwei.forge.gan import edits

    recipe = {"seed": seed, "rows": rows, "columns": columns, "fine_from": fine_from, "truncation": truncation}
    generator, told = _opened_style(model, run, recipe)
    made = edits.mixing_sheet(generator, rows, columns, fine_from, truncation=truncation, seed=seed)
    left = export_sheet(made, told, output, lab.opened_door())
    lab.tell_exported(left, say("{0} x {1} faces mixed", rows, columns), format_)


@gan.command()
def edit(
    output: opt.SheetOutput,
    attribute: Annotated[Attribute, typer.Option(help="What is to change.")] = Attribute.turn,
    model: _Model = None,
    run: _RunOption = None,
    face: Annotated[
        Path | None, typer.Option(help="A photograph whose face is found in the model and edited.", metavar="FILE")
    ] = None,
    consent: Annotated[Path | None, typer.Option(help="The manifest that covers it.", metavar="FILE")] = None,
    puppet: Annotated[int, typer.Option(min=-1, help="A drawn face, by its number, instead of a photograph.")] = -1,
    count: Annotated[int, typer.Option(min=1, max=12, help="How many faces.")] = 4,
    most: Annotated[float, typer.Option(min=0.1, max=5, help="How far, in s.d. of the attribute among faces.")] = 2.0,
    truncation: _Truncation = 0.8,
    seed: Annotated[int, typer.Option(min=0, help="The same seed edits the same faces.")] = 0,
    format_: opt.TextOption = opt.TextFormat.text,
) -> None:
    """Change one attribute of StyleGAN faces by moving their styles, from less to more, a face a row.

    The direction is found among the model's own samples, measured and regressed: half a minute. A face that is given
    is drawn again by the model first, as near as it can (at 32 or 64 px, and only as its like occurs among what the
    model learned from): the row shows it, its drawing, and its edits.

    Examples:

      zhenwei forge gan edit --model stylegan-64-1 --attribute turn --output turned.png

      zhenwei forge gan edit --puppet 7 --attribute light --output lit.png

      zhenwei forge gan edit --face portrait.jpg --consent consent.json --attribute mouth --output opened.png
    """
    lab.check_extra()
    from zhenwei.forge.export import export_sheet
    from zhenwei.forge.gan import edits

    recipe: dict[str, Any] = {"seed": seed, "attribute": attribute.value, "most": most, "truncation": truncation}
    generator, told = _opened_style(model, run, recipe)
    given = _given(face, consent, puppet, generator.side)
    found = edits.directions(generator)[attribute.value]
    if given is None:
        made = edits.edit_sheet(generator, found, count, most, truncation=truncation, seed=seed)
        left = export_sheet(made, told, output, lab.opened_door())
        faces = say("1 face" if count == 1 else "{0} faces", count)
        lab.tell_exported(left, lab.together(faces, _reach(attribute, most)), format_)
        return
    from zhenwei.forge.gan.invert import edited_row, invert

    with progress_bar("drawing the face again", 1.0) as tell:
        drawn = invert(generator, given.pixels, tell=tell)
    row = edited_row(generator, given.pixels, drawn, found, most)
    told = replace(told, recipe=dict(told.recipe) | given.recipe | {"error": round(drawn.error, 3)},
                   consent=given.consent or told.consent, claim=given.claim, parent=given.parent)  # fmt: skip
    left = export_sheet([row], told, output, lab.opened_door())
    near = say("drawn again {0} of 255 off (the mean face: {1})", f"{drawn.error:.1f}", f"{drawn.from_mean:.1f}")
    lab.tell_exported(left, lab.together(near, _reach(attribute, most)), format_)


def _reach(attribute: Attribute, most: float) -> str:
    return say("{0} from -{1} to {1} s.d.", told(_ATTRIBUTES[attribute.value]), f"{most:g}")


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    pixels: Pixels
    recipe: dict[str, Any]
    claim: Literal["ai-generated", "ai-edited"] = "ai-generated"
    consent: str = ""
    parent: bytes | None = None


def _given(face: Path | None, consent: Path | None, puppet: int, side: int) -> _Given | None:
    """The face to edit, if one is given, as the model's faces are cut."""
    if face is not None and puppet >= 0:
        raise UsageError("one face is edited", got="--face and --puppet", fix="Leave one of them out.")
    if puppet >= 0:
        from zhenwei.forge.gan.faces import MIN_IMAGES, puppets

        return _Given(puppets(MIN_IMAGES, side, puppet).pixels[0], {"puppet": puppet})
    if face is None:
        return None
    if consent is None:
        raise UsageError("faces are edited with consent only", want="--consent FILE", fix=lab.CONSENT_FIX)
    import hashlib

    from zhenwei.forge.consent import read_consent
    from zhenwei.forge.gan.faces import framed
    from zhenwei.forge.make import check_covered, read_sitter

    held = read_consent(consent)
    check_covered(held, face, lab.today(), "face")
    sitter = read_sitter(face)
    pixels = framed(sitter.pixels, sitter.landmarks, side)
    recipe = {"source_sha256": hashlib.sha256(sitter.data).hexdigest()}
    return _Given(pixels, recipe, "ai-edited", held.sha256, sitter.data)


def _settings(kind: Kind, augment: Augment | None, side: int, width: int, batch: int, seed: int) -> GanSettings:
    from zhenwei.forge.gan.gan_settings import GanSettings

    usual = GanSettings(batch=batch, seed=seed, side=side, width=width)
    if kind is Kind.stylegan:
        usual = replace(usual, kind="stylegan", noise=128, ema=0.998, augment="diffaugment")
    elif kind is Kind.wgan_gp:
        usual = replace(usual, kind="wgan-gp")
    return usual if augment is None else replace(usual, augment=augment.value)


def _faces(
    folder: Path | None, consent: Path | None, subject: str | None, puppets: int, side: int, seed: int
) -> TrainingFaces:
    from zhenwei.forge.gan import faces

    if (folder is None) == (puppets == 0):
        raise UsageError("what is to be learned from?", want="a FOLDER with --consent and --subject, or --puppets N")
    if folder is None:
        return faces.puppets(puppets, side, seed)
    if consent is None or subject is None:
        want = "--consent FILE --subject NAME"
        raise UsageError("faces are learned with consent only", want=want, fix=lab.CONSENT_FIX)
    return faces_in(folder, consent, subject, side)


def faces_in(folder: Path, consent: Path, subject: str, side: int) -> TrainingFaces:
    """The pictures of a folder, once the manifest is found to cover them all for ``subject``."""
    from zhenwei.forge.consent import read_consent
    from zhenwei.forge.gan import faces

    if not folder.is_dir():
        raise UsageError("there is no such folder", got=str(folder))
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in faces.SUFFIXES]
    return faces.faces_of(found, side, read_consent(consent), subject, lab.today())


def _opened_style(model: str | None, run: Path | None, recipe: dict[str, Any]) -> tuple[StyleGenerator, Origin]:
    from zhenwei.forge.gan import zoo
    from zhenwei.nets.stylegan import StyleGenerator

    if model is None and run is None:
        model = zoo.nearest("stylegan")
    generator, told = _opened(model, run, recipe)
    if not isinstance(generator, StyleGenerator):
        raise UsageError("styles are StyleGAN's", got=told.method, want="a model or run of kind stylegan")
    return generator, told


def _opened(model: str | None, run: Path | None, recipe: dict[str, Any]) -> tuple[Generator, Origin]:
    """The generator, and where its samples come from."""
    from zhenwei.forge.gan import runs, zoo

    if model is not None and run is not None:
        raise UsageError("two models at once", want="--model NAME or --run DIR")
    if run is not None:
        generator, known = runs.open_run(run)
        kind = known["settings"]["kind"]
        return generator, _origin(f"gan/{kind}", known["data"], known["consent"], recipe | {"step": known["step"]})
    name = model or zoo.nearest()
    generator, entry = zoo.open_generator(name), zoo.entries()[name]
    return generator, _origin(f"gan/{entry.kind}", entry.data, "", recipe | {"model": name, "weights": entry.sha256})


def _origin(method: str, data: str, consent: str, recipe: dict[str, Any]) -> Origin:
    from zhenwei.forge.export import Origin

    return Origin(method, {"learned_from": data, **recipe}, consent)
