"""``zhenwei forge consent``: note whose face or voice may be used, on what ground, and check it later."""

from __future__ import annotations

import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zhenwei.cli._forge_run import today
from zhenwei.cli.language import tell
from zhenwei.errors import UsageError

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
    tell(f"{path}: {subject}, {len(made.files)} files, {ground}, {scope.value}, until {day or 'never ends'}")
    tell(f"sha256 {held.sha256}")


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
        until = f"until {person.expires}" if person.expires else "without end"
        tell(f"{person.name}: {len(person.files)} files, {person.basis}, {person.scope}, {until}")
    tell(f"sha256 {held.sha256}")


def _day(text: str) -> datetime.date | None:
    if text == "never":
        return None
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UsageError("--expires is not a day", got=text, want="as 2027-12-31, or never") from None
