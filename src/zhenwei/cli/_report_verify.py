"""``zhenwei report verify``: has a report changed since it was signed, and is the answer the same today?"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from zhenwei.cli._options import Quiet, TextFormat, TextOption
from zhenwei.cli.language import current, say
from zhenwei.cli.report import FilePath, refuse_idle_file
from zhenwei.cli.trouble import complain, complain_of, notes_console
from zhenwei.errors import DataError, MediaError, NoFileError, UsageError, ZhenweiError
from zhenwei.words import error_text

if TYPE_CHECKING:
    from zhenwei.pipeline import Progress
    from zhenwei.report import Unreadable
    from zhenwei.report.again import Repeated
    from zhenwei.report.signature import Signed


def verify(
    file: Annotated[Path, typer.Argument(help="A signed report, or with --again any as JSON.", metavar="FILE")],
    signature: Annotated[
        Path | None, typer.Option("--signature", help="The signature; else beside the file.", metavar="FILE.sig")
    ] = None,
    signer: Annotated[
        str | None, typer.Option("--signer", help="Fingerprint of the key that is to have signed.", metavar="HEX")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Examine the file again and compare the answers.")] = False,
    file_path: FilePath = None,
    format_: TextOption = TextFormat.text,
    quiet: Quiet = False,
) -> None:
    """Say whether a report is as it was signed, and with --again whether the answer is the same today.

    A signature that holds says that nothing changed since whoever holds the key signed. Who that is follows from the
    fingerprint alone, which the reader has to know from elsewhere: --signer compares it. --again examines the file of a
    JSON report with the options that it was examined with; LLRs may differ by 0.001. A file that could not be read has
    to be unreadable still; of one that is gone nothing can be said.

    Exit status: 0 it holds and, with --again, the answer is the same; 1 it does not, or it is not; 2 wrong use.

    Examples:

      zhenwei report verify clip.json

      zhenwei report verify clip.pdf --signer "81f2 0c44 90aa 3b1e 55d0 7c21 ee08 6f3a 1290 bb4d"

      zhenwei report verify clip.json --again --file evidence/clip.mp4
    """
    from zhenwei.report.signature import beside

    refuse_idle_file(file_path, again=again)
    told: dict[str, Any] = {"file": str(file)}
    holds = True
    if signature is not None or beside(file).exists() or not again:
        try:
            holds = _signature(file, signature, signer, told)
        except DataError as error:
            if format_ is not TextFormat.json:
                raise
            told["signature"] = {"holds": False, "why": error_text(error, current())}
            complain(error)
            holds, again = False, False  # what was changed says nothing of an examination
    elif signer is not None:
        raise UsageError("there is no signature to compare", got=str(beside(file)), want="a signature")
    same = _again(file, file_path, told, quiet) if again else True
    lines = told.pop("lines", [])
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2) if format_ is TextFormat.json else "\n".join(lines))
    raise typer.Exit(int(not (holds and same)))


def _signature(file: Path, named: Path | None, signer: str | None, told: dict[str, Any]) -> bool:
    from zhenwei.report import legible
    from zhenwei.report.signature import check, expected

    wanted = None if signer is None else expected(signer)
    found = check(file, named)
    is_wanted = wanted in (None, found.fingerprint)
    told["signature"] = {
        "holds": True,
        "fingerprint": found.fingerprint,
        "signer": found.signer,
        "signed_at": found.signed_at,
        "is_named_signer": None if wanted is None else is_wanted,
        "is_own_key": _is_own(found),
    }
    lines = [say("Nothing changed since it was signed at {}.", legible(found.signed_at))]
    if found.signer:  # on a line of its own: whatever it says, it is the signer's word
        lines.append(say("Name that the signature gives: {}", legible(found.signer)))
    lines.append(say("Fingerprint of the key: {}", found.fingerprint))
    if not is_wanted:
        lines.append(say("That is not the signer who was named: {}.", wanted))
    elif _is_own(found):
        lines.append(say("It is the key of this installation."))
    elif wanted is None:
        lines.append(say("Whose key that is nobody here vouches for: compare it with --signer."))
    _tell(told, lines)
    return is_wanted


def _is_own(found: Signed) -> bool:
    """Whether this installation's key signed; looking makes none."""
    from zhenwei.defence.keys import home_folder
    from zhenwei.report import signature

    path = home_folder(os.environ) / signature.KEY_FILE
    try:
        key = signature.read_key(path).public_key().public_bytes_raw() if path.is_file() else b""
    except ZhenweiError:
        return False
    return signature.fingerprint(key) == found.fingerprint


def _again(file: Path, moved: Path | None, told: dict[str, Any], quiet: bool) -> bool:
    from zhenwei.cli.progress import ScanProgress
    from zhenwei.report import Unreadable, path_of
    from zhenwei.report.again import repeated
    from zhenwei.report.kept import from_dict, read_reports

    documents = read_reports(file)
    if moved is not None and len(documents) > 1:
        raise UsageError("the JSON holds several reports", got=f"--file {moved}", want="a report on one file")
    notes = notes_console()
    told["again"] = []
    same = True
    with ScanProgress(notes, len(documents), shown=notes.is_terminal and not quiet) as progress:
        for document in documents:
            kept = from_dict(document)
            path = path_of(kept)
            try:
                if isinstance(kept, Unreadable):
                    found = _read_again(kept, moved, progress.begin(kept.path))
                else:
                    found = _Found.of(repeated(kept, moved, progress.begin(kept.media.path)))
            except (DataError, MediaError) as error:  # the others are examined all the same
                complain_of(path, error, notes)
                told["again"].append({"path": path, "same": None, "why": error_text(error, current())})
                same = False
            else:
                same = same and not found.differences
                _tell_again(path, found, told)
            progress.end()
    return same


@dataclass(frozen=True, slots=True)
class _Found:
    """What came out otherwise, and what examined: each as name, before and now."""

    differences: tuple[tuple[str, str, str], ...] = ()
    engine: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def of(cls, repeated: Repeated) -> Self:
        return cls(repeated.differences, repeated.engine)


def _read_again(kept: Unreadable, moved: Path | None, progress: Progress) -> _Found:
    """Of a file that could not be read, because it was not there, perhaps; nothing was kept of it by which it could be
    told from another. Raises NoFileError where it was there, and is not any more: then nothing can be said of it."""
    from zhenwei.pipeline import Options, examine

    where = moved or Path(kept.path)
    try:
        examine(str(where), options=Options(depth="fast"), progress=progress)
    except NoFileError:
        if not isinstance(kept.error, NoFileError):
            raise
        return _Found()
    except MediaError:
        return _Found()
    return _Found((("file", "unreadable", "readable"),))


def _tell_again(path: str, found: _Found, told: dict[str, Any]) -> None:
    from zhenwei.report import legible

    same = not found.differences
    told["again"].append(
        {
            "path": path,
            "same": same,
            "differences": [list(each) for each in found.differences],
            "engine": [list(each) for each in found.engine],
        }
    )
    shown = legible(path)
    if same:
        lines = [say("{}: examined again, the answer is the same.", shown)]
    else:
        lines = [say("{}: examined again, the answer is another:", shown)]
        lines += [_change(*each) for each in found.differences]
    if found.engine:
        lines.append(say("What examined was not the same:"))
        lines += [_change(*each) for each in found.engine]
    _tell(told, lines)


def _change(name: str, before: str, now: str) -> str:
    """As a line: the program's own words in the language of the command line, figures and versions as they are."""
    from zhenwei.report import legible

    own = {
        "decision": say("decision"),
        "forged": say("forged"),
        "genuine": say("genuine"),
        "inconclusive": say("inconclusive"),
        "file": say("file"),
        "unreadable": say("unreadable"),
        "readable": say("readable"),
    }
    shown = [own.get(word) or legible(word) for word in (name, before, now)]
    return f"  {shown[0]}: {shown[1]} → {shown[2]}"


def _tell(told: dict[str, Any], lines: list[str]) -> None:
    """Lines for who reads text; they are no part of the JSON."""
    told.setdefault("lines", []).extend(lines)
