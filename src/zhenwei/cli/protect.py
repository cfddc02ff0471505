"""``zhenwei protect``: sign what is yours, put a watermark in, and see who signs on this machine."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._options import Force, Verbose
from zhenwei.cli._protect_cloak import cloak
from zhenwei.cli.language import say, told
from zhenwei.cli.trouble import complain_of, notes_console
from zhenwei.errors import DataError, UnmarkedError, UsageError, ZhenweiError
from zhenwei.faults import on_one_file
from zhenwei.files import make_folder, write_whole
from zhenwei.types import Text

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.defence.credential import Claim
    from zhenwei.defence.identity import Identity

_HELP = """Sign what is yours, mark it and label it, so that others can tell where it came from.

A credential (C2PA) says who signed and that nothing changed since; a watermark survives where that is lost; labels say
so if AI made it. The original stays as it is: name.signed.jpg is written beside it. Nothing leaves this machine.

Examples:

  zhenwei protect sign photo.jpg --claim captured

  zhenwei protect sign portrait.png clip.mp4 --claim ai-generated --output signed/

  zhenwei protect mark photo.jpg --id 00c0ffee00c0ffee

  zhenwei protect identity --export anchors.pem

  zhenwei protect cloak portrait.jpg
"""

protect = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")
protect.command()(cloak)


class ClaimWord(StrEnum):
    captured = "captured"
    edited = "edited"
    ai_generated = "ai-generated"
    ai_edited = "ai-edited"


_CLAIMS = {
    "captured": Text("captured", zh="拍摄或录制"),
    "edited": Text("edited", zh="经过编辑"),
    "ai-generated": Text("ai-generated", zh="人工智能生成"),
    "ai-edited": Text("ai-edited", zh="人工智能编辑"),
}
LinesFormat = StrEnum("LinesFormat", ["lines", "json"])
Files = Annotated[list[str], typer.Argument(help="Pictures, clips, sound and folders.", metavar="FILE...")]
Out = Annotated[
    Path | None, typer.Option("--output", "-o", "--out", help="The folder to write to; beside each file by default.")
]
InPlace = Annotated[bool, typer.Option("--in-place", help="Replace the original, once the new file is whole.")]
Ident = Annotated[
    str, typer.Option("--id", help="16 hexadecimal digits; by default those that begin the SHA-256.", metavar="HEX")
]
Published = Annotated[
    bool, typer.Option("--published-key", help="Mark under the key that everybody has, so that anybody can find it.")
]
LinesOption = Annotated[LinesFormat, typer.Option("--format", help="What to write to standard output.")]


@protect.command()
def sign(
    files: Files,
    claim: Annotated[
        ClaimWord, typer.Option("--claim", help="What you say of the files; anybody can hold you to it.")
    ] = ClaimWord.edited,
    cert: Annotated[
        Path | None, typer.Option("--cert", help="Your certificate and its issuers', PEM.", metavar="FILE")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Your private key, PEM.", metavar="FILE")] = None,
    password: Annotated[
        str, typer.Option("--password", envvar="ZHENWEI_KEY_PASSWORD", help="What unlocks the key.", show_default=False)
    ] = "",
    ident: Ident = "",
    watermark: Annotated[
        bool, typer.Option("--watermark/--no-watermark", help="Whether to change the content, invisibly.")
    ] = True,
    published: Published = False,
    out: Out = None,
    in_place: InPlace = False,
    force: Force = False,
    format_: LinesOption = LinesFormat.lines,
    verbose: Verbose = False,
) -> None:
    """Put a watermark, labels where the claim says AI, and a signed credential into files.

    Without --cert and --key this installation signs with a key of its own, made at first use, that is on nobody's list
    of trusted signers. Pictures, clips and WAV files get a watermark; MP3 and M4A files are signed without. JPEG files
    are encoded anew at quality 95 or finer, clips as H.264, all else without loss.

    Exit status: 0 all are signed, 1 one or more are not, 2 wrong use.

    Examples:

      zhenwei protect sign photo.jpg --claim captured

      zhenwei protect sign folder/ --claim ai-edited --output signed/

      zhenwei protect sign photo.jpg --cert chain.pem --key key.pem --in-place
    """
    from zhenwei.defence.protect import protect as protected

    if not watermark and (published or ident):
        raise UsageError("--id and --published-key are of the watermark", got="--no-watermark", fix="Leave them out.")
    identity, given = _identity(cert, key, password), _checked(ident)
    mark_key = _mark_key(published) if watermark else None
    words: Claim = claim.value

    def signed(data: bytes) -> _Written:
        made = protected(data, claim=words, identity=identity, key=mark_key, ident=given)
        done = "signed as {0} by {1}, watermark {2}" if made.marked else "signed as {0} by {1}"
        line = say(done, told(_CLAIMS[words]), identity.name, made.ident)
        return _Written(made.data, line, made.notes, made.verification.to_dict())

    _each(files, signed, _Place("signed", out, in_place, force), format_, verbose)


@protect.command()
def mark(
    files: Files,
    ident: Ident = "",
    published: Published = False,
    out: Out = None,
    in_place: InPlace = False,
    force: Force = False,
    format_: LinesOption = LinesFormat.lines,
    verbose: Verbose = False,
) -> None:
    """Put a watermark in, and nothing else.

    It is found again after saving as JPEG, scaling or cutting off an edge, by whoever has the key: by default that is
    this installation alone. It holds a number, no name; note whose it is.

    Exit status: 0 all are marked, 1 one or more are not, 2 wrong use.

    Examples:

      zhenwei protect mark photo.jpg --id 00c0ffee00c0ffee

      zhenwei protect mark folder/ --published-key --output marked/
    """
    from zhenwei.defence.credential import read_credential
    from zhenwei.defence.marking import mark_file
    from zhenwei.defence.protect import identifier, lost_by_marking
    from zhenwei.defence.verify import verify

    mark_key, given = _mark_key(published), _checked(ident)

    def marked(data: bytes) -> _Written:
        if read_credential(data).state not in ("absent", "remote", "unreadable"):
            fix = "Use: zhenwei protect sign FILE --claim edited, which marks it and keeps the credential."
            raise UsageError("this file carries a credential, which a mark would break", fix=fix)
        name = given or identifier(data)
        made = mark_file(data, bytes.fromhex(name), mark_key)
        read = verify(made, keys=[mark_key])
        if not read.marks or not all(name.startswith(found.ident) for found in read.marks):
            raise UnmarkedError("the watermark cannot be read back", fix="The original is untouched.")
        return _Written(made, say("watermark {0}", name), lost_by_marking(data), read.to_dict())

    _each(files, marked, _Place("marked", out, in_place, force), format_, verbose)


@protect.command()
def identity(
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the certificate for other people's trust lists.")
    ] = None,
    force: Force = False,
) -> None:
    """Show who signs on this machine, and write the certificate by which others can trust it.

    The private key stays in a file that only you can read, and is in no certificate.

    Examples:

      zhenwei protect identity

      zhenwei protect identity --export anchors.pem
    """
    own = _identity(None, None, "")
    typer.echo(own.name)
    typer.echo(say("keys in {0}", _home()))
    if export is not None:
        _write(export, own.anchor_pem.encode("ascii"), replace=force)
        typer.echo(say("{0}: for others, as in: zhenwei verify FILE --trust {1}", export, export.name))


@dataclass(frozen=True, slots=True)
class _Written:
    """What becomes of one file: its bytes, a line that is said already, notes, and what is read in it."""

    data: bytes
    line: str
    notes: tuple[Text, ...]
    verification: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where it goes: ``word`` before the suffix, beside the original or in ``folder``, or over the original."""

    word: str
    folder: Path | None
    in_place: bool
    force: bool

    def of(self, path: Path) -> Path:
        if self.in_place:
            return path.resolve()  # a link stays one
        return (self.folder or path.parent) / f"{path.stem}.{self.word}{path.suffix}"


def _each(
    files: Sequence[str], make: Callable[[bytes], _Written], place: _Place, format_: LinesFormat, verbose: bool
) -> None:
    from zhenwei.cli.progress import ScanProgress

    if place.in_place and place.folder is not None:
        raise UsageError("--in-place and --output exclude each other", want="one of them")
    if place.folder is not None:
        make_folder(place.folder)
    notes = notes_console()
    paths, failed = _inputs(files, format_, notes, verbose)
    taken = set() if place.in_place else {path.resolve() for path in paths}
    with ScanProgress(notes, len(paths), shown=notes.is_terminal and len(paths) > 1) as progress:
        for path in paths:
            progress.begin(str(path))
            failed |= not _one(path, make, place, format_, notes, taken)
            progress.end()
    raise typer.Exit(int(failed))


def _inputs(files: Sequence[str], format_: LinesFormat, notes: Console, verbose: bool) -> tuple[list[Path], bool]:
    """Files as named, and of folders those that did not come from here."""
    from zhenwei.cli.inputs import collect

    found = collect(files)
    named = {str(Path(file).absolute()) for file in files}
    ours = (".signed", ".marked")
    paths = [Path(f) for f in found.files if str(Path(f).absolute()) in named or not Path(f).stem.endswith(ours)]
    for failure in found.unreadable:
        _complain(failure.path, failure.error, format_, notes)
    found.tell_left_out(notes, verbose=verbose)
    if not paths and not found.unreadable:
        raise UsageError("there is nothing to protect", got=", ".join(files)[:200], want="pictures, clips or sound")
    return paths, bool(found.unreadable)


def _one(
    path: Path, make: Callable[[bytes], _Written], place: _Place, format_: LinesFormat, notes: Console, taken: set[Path]
) -> bool:
    """``taken``: what is not replaced even with --force, the files given and those written already."""
    from zhenwei.report import legible

    target = place.of(path)
    try:
        data = _read(path)
        if not place.in_place and not place.force and target.exists():
            raise _in_the_way(target)
        if target.resolve() in taken:
            raise DataError(f"{target} is one of the files given, or was just written", fix="Choose another --output.")
        made = on_one_file(lambda: make(data))
        _write(target, made.data, replace=place.in_place or place.force, like=path)
        if not place.in_place:
            taken.add(target.resolve())
    except ZhenweiError as error:
        _complain(str(path), error, format_, notes)
        return False
    if format_ is LinesFormat.json:
        row = {"path": str(path), "written": str(target), "notes": made.notes, "verification": made.verification}
        typer.echo(json.dumps(row, ensure_ascii=False, allow_nan=False))
    else:
        typer.echo(f"{legible(str(target))}: {legible(made.line, 500)}")
        for note in made.notes:
            notes.print(f"  {legible(told(note), 500)}", style="yellow", markup=False)
    return True


def _complain(path: str, error: ZhenweiError, format_: LinesFormat, notes: Console) -> None:
    complain_of(path, error, notes)
    if format_ is LinesFormat.json:
        typer.echo(json.dumps({"path": path, "written": None, "error": str(error)}, ensure_ascii=False))


def _read(path: Path) -> bytes:
    from zhenwei.media.limits import DEFAULT_LIMITS
    from zhenwei.media.sources import regular_file

    with regular_file(str(path), DEFAULT_LIMITS) as (file, _):
        return file.read()


def _write(path: Path, data: bytes, *, replace: bool, like: Path | None = None) -> None:
    try:
        write_whole(path, data, replace=replace, like=like, reread=True)
    except FileExistsError:
        raise _in_the_way(path) from None


def _in_the_way(path: Path) -> DataError:
    return DataError(f"{path} is there already", fix="Move it away, choose another --output, or add --force.")


def _checked(ident: str) -> str:
    if ident and (len(ident) != 16 or any(digit not in "0123456789abcdef" for digit in ident)):
        raise UsageError("--id is no identifier", got=ident[:80], want="16 digits of 0-9 and a-f")
    return ident


def _home() -> Path:
    from zhenwei.defence.keys import home_folder

    return home_folder(os.environ)


def _identity(cert: Path | None, key: Path | None, password: str) -> Identity:
    from zhenwei.defence.identity import identity_from, own_identity

    if cert is None and key is None:
        return own_identity(_home(), datetime.datetime.now(datetime.UTC).date())
    if cert is None or key is None:
        raise UsageError("--cert and --key belong together", want="both, or neither")
    return identity_from(_read(cert), _read(key), password.encode() or None)


def _mark_key(published: bool) -> bytes:
    from zhenwei.defence.keys import PUBLIC_KEY, own_key

    return PUBLIC_KEY if published else own_key(_home())
