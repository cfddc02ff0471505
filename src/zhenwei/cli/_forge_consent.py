"""``zhenwei forge consent``: note whose face or voice may be used, on what ground, and check it later."""

from __future__ import annotations

import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._forge_run import today, together
from zhenwei.cli.language import say, told
from zhenwei.errors import UsageError
from zhenwei.types import Text

if TYPE_CHECKING:
    from zhenwei.forge.consent import ConsentingPerson

_HELP = """Whose face or voice may be learned from, on what ground, until when, and in which files.

Training on anybody's face or voice asks for this manifest and refuses what it does not cover. Its SHA-256 goes into the
checkpoint, into every recipe and into every credential.

Examples:

  zhenwei forge consent make faces/anna --subject anna --basis self --scope face --expires 2027-12-31

  zhenwei forge consent check faces/consent.json
"""

consent = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")


class Ground(StrEnum):
    """The grounds, with words joined as the command line wants them."""

    self_ = "self"
    written = "written-consent"
    licensed = "licensed-data-set"
    synthetic = "synthetic"
    public = "public-domain"


# Words that name other things elsewhere, hence no keys of the catalogue.
_TERMS = {
    "self": Text("self", zh="本人"),
    "written consent": Text("written consent", zh="书面同意"),
    "licensed data set": Text("licensed data set", zh="获许可的数据集"),
    "synthetic": Text("synthetic", zh="合成"),
    "public domain": Text("public domain", zh="公有领域"),
    "face": Text("face", zh="人脸"),
    "voice": Text("voice", zh="嗓音"),
    "both": Text("both", zh="人脸和嗓音"),
}
Reach = StrEnum("Reach", {"face": "face", "voice": "voice", "both": "both"})


@consent.command()
def make(
    folder: Annotated[Path, typer.Argument(help="The subject's pictures, clips or recordings.", metavar="FOLDER")],
    subject: Annotated[str, typer.Option("--subject", help="A pseudonym for the person.")],
    basis: Annotated[Ground, typer.Option("--basis", help="On what ground the files may be used.")],
    scope: Annotated[Reach, typer.Option("--scope", help="What may be learned.")],
    expires: Annotated[str, typer.Option("--expires", help="The last day, as 2027-12-31, or never.", metavar="DATE")],
    evidence: Annotated[
        str, typer.Option("--evidence", help="What shows it: a licence, the hash of a signed form; only self has none.")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The manifest; by default consent.json beside FOLDER.", metavar="FILE"),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put this in place of what stands for the subject.")
    ] = False,
) -> None:
    """Make a manifest from a folder, or add the folder's subject to one.

    Every file in the folder is listed with its SHA-256; one that is altered later is no longer covered.

    Examples:

      zhenwei forge consent make faces/anna --subject anna --basis self --scope face --expires 2027-12-31

      zhenwei forge consent make set/b --subject b --basis licensed-data-set --evidence "CC BY 4.0, name of the set"
      --scope both --expires never --output consent.json
    """
    from zhenwei.forge.consent import BASES, describe_folder, make_consent, read_consent, write_consent

    if basis is not Ground.self_ and not evidence.strip():
        fix = 'Add what shows it, as in: --evidence "CC BY 4.0, name of the set"'
        raise UsageError("this ground needs --evidence", got=basis.value, fix=fix)
    path = output or folder.resolve().parent / "consent.json"
    people = list(read_consent(path).subjects) if path.exists() else []
    if any(person.name == subject for person in people) and not replace:
        fix = "Add --replace to put this in its place, or choose another --output."
        raise UsageError(f"{path} already names this subject", got=subject, fix=fix)
    ground = next(b for b in BASES if b.replace(" ", "-") == basis.value)
    day = _day(expires)
    made = describe_folder(folder, path, subject, basis=ground, evidence=evidence, scope=scope.value, expires=day)
    held = make_consent([*(person for person in people if person.name != subject), made])
    write_consent(held, path)
    counted = "{0}: {1}, 1 file, {3}" if len(made.files) == 1 else "{0}: {1}, {2} files, {3}"
    typer.echo(say(counted, path, subject, len(made.files), _terms(made)))
    typer.echo(f"sha256 {held.sha256}")


@consent.command()
def check(
    manifest: Annotated[Path, typer.Argument(help="The manifest.", metavar="FILE")],
) -> None:
    """Hold a manifest against the files it names: whether all are there, unaltered and not past the last day.

    Exit status: 0 all is well, 1 something is not, and it is said what.

    Examples:

      zhenwei forge consent check consent.json
    """
    from zhenwei.forge.consent import check_manifest, read_consent

    held = read_consent(manifest)
    check_manifest(held, manifest.resolve().parent, today())
    for person in held.subjects:
        counted = "{0}: 1 file, {2}" if len(person.files) == 1 else "{0}: {1} files, {2}"
        typer.echo(say(counted, person.name, len(person.files), _terms(person)))
    typer.echo(f"sha256 {held.sha256}")


def _terms(person: ConsentingPerson) -> str:
    until = say("until {0}", person.expires) if person.expires else say("without end")
    return together(told(_TERMS[person.basis]), told(_TERMS[person.scope]), until)


def _day(text: str) -> datetime.date | None:
    if text == "never":
        return None
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UsageError("--expires is not a day", got=text, want="as 2027-12-31, or never") from None
