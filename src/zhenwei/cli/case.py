"""``zhenwei case``: files, verdicts, notes and tags of a case in a store, with a log of who did what."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._case_bundles import erase, export, verify
from zhenwei.cli._case_options import MOST, Actor, CaseNumber, FolderOption, StoreOption, find_file, opened, plain
from zhenwei.cli._options import TableFormat, TableOption
from zhenwei.cli.language import current, say, told
from zhenwei.cli.trouble import complain_of, notes_console

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.errors import ZhenweiError
    from zhenwei.store.cases import CaseContent, Cases
    from zhenwei.store.kept import Kept

_HELP = """Keep files, verdicts and notes of a case together; hand it on so that others can check it.

A case lies in the store that zhenwei scan --store writes. Everything that is done to it stands in its log, each entry
with the digest of the one before, so that what is changed behind its back shows.

Examples:

  zhenwei case new "A speech that went round" --store results.db

  zhenwei case add 1 clip.mp4 photo.jpg --store results.db    # examines what the store does not know

  zhenwei case note 1 "From a forum, without a source." --store results.db

  zhenwei case export 1 --output speech.zip --store results.db

  zhenwei case verify speech.zip --replay

The store may be named once for all: export ZHENWEI_STORE=results.db
"""

case = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")
case.command(short_help="Write a case as one file: media, reports, pages, log.")(export)
case.command(short_help="See whether a bundle is as it was made; examine it again.")(verify)
case.command(short_help="Erase a case, files or what is old, so that it is gone.")(erase)


@case.command()
def new(
    title: Annotated[str, typer.Argument(help="What the case is about.", metavar="TITLE")],
    store: StoreOption,
    actor: Actor = "local",
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Repeat for more.")] = None,
) -> None:
    """Open a case. Its number is written to standard output.

    Examples:

      zhenwei case new "A speech that went round" --tag election --store results.db
    """
    with opened(store, actor, create=True) as cases:
        made = cases.create(title)
        for name in tag or ():
            cases.tag(made.id, name)
        typer.echo(made.id)


@case.command()
def add(
    number: CaseNumber,
    store: StoreOption,
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Files, folders, patterns, or digests that the store knows.", metavar="FILE..."),
    ] = None,
    examination: Annotated[
        list[str] | None,
        typer.Option("--examination", help="This one, not the latest of its file; repeat for more.", metavar="ID"),
    ] = None,
    actor: Actor = "local",
    folder: FolderOption = None,
    keep_media: Annotated[str, typer.Option(help="Keep copies: never, always, 'until 2027-01-31'.")] = "always",
    again: Annotated[bool, typer.Option("--again", help="Examine what the store knows, too.")] = False,
) -> None:
    """Put files into a case, each with the examination by this version at the standard depth, which is made first where
    the store has none; by its digest, with its latest one.

    An examination is named by its number in the store (examination_id of zhenwei results --format csv and of zhenwei
    case show --format json), or by the id in its address in the service. A file that is in the case already gets the
    other examination.

    Exit status: 0 all are in, 1 at least one is not, or could not be examined; such a file is in the case all the same,
    if it can be read; 2 wrong use.

    Examples:

      zhenwei case add 1 clip.mp4 photo.jpg --store results.db

      zhenwei case add 1 --examination 17 --store results.db      # as it was found then
    """
    from zhenwei.cli.inputs import collect
    from zhenwei.errors import UsageError, ZhenweiError
    from zhenwei.store.folder import is_digest
    from zhenwei.store.kept import Kept, folder_of, parse_wish

    if not files and not examination:
        raise UsageError("nothing is to be put into the case", want="files, or --examination")
    files, notes = files or [], notes_console()
    digests = [word.lower() for word in files if is_digest(word.lower()) and not Path(word).exists()]
    inputs = collect([word for word in files if word.lower() not in digests])
    with opened(store, actor) as cases:
        cases.get(number)
        keep = Kept(cases.store, folder_of(cases.store, folder), parse_wish(keep_media))
        inputs.tell_unreadable(notes)
        inputs.tell_left_out(notes, verbose=False)
        bad = len(inputs.unreadable) + _add_files(cases, number, inputs.files, keep, again=again, notes=notes)
        for sha256 in digests:
            try:
                cases.add_file(number, sha256)
            except ZhenweiError as error:
                complain_of(sha256, _named(error), notes)
                bad += 1
        for id_ in examination or ():
            try:
                _add_examination(cases, number, id_)
            except ZhenweiError as error:
                complain_of(id_, _named(error), notes)
                bad += 1
    raise typer.Exit(int(bad > 0))


def _add_files(cases: Cases, number: int, paths: Sequence[str], keep: Kept, *, again: bool, notes: Console) -> int:
    """Those that are there, examined first where it is due; how many are not there, or could not be examined."""
    from zhenwei.engine import examine_into
    from zhenwei.errors import MediaError, ZhenweiError
    from zhenwei.media.sources import identify
    from zhenwei.pipeline import Options, engine_of
    from zhenwei.report import Unreadable
    from zhenwei.store.fingerprint import fingerprint_of
    from zhenwei.store.store import storable

    there, bad = [], 0
    for path in paths:
        try:
            Path(path).stat()
            there.append(path)
        except (FileNotFoundError, NotADirectoryError):
            try:
                identify(path)
            except MediaError as error:
                complain_of(path, error, notes)
            bad += 1
        except (OSError, ValueError):
            there.append(path)  # it is told of as what cannot be read
    told_of: set[str] = set()
    for step in examine_into(cases.store, there, Options(), workers=1, again=again, keep=keep):
        bad += step.decision == "unreadable"
        if isinstance(step.outcome, Unreadable):
            complain_of(step.path, step.outcome.error, notes)
            told_of.add(step.path)
            continue
        decision = say(step.decision)
        if step.decision == "unreadable":
            decision = say("unreadable, as before; --again tries once more and says why")
        notes.print(plain(f"{step.path}: {decision}"), markup=False)
    options = Options()
    fingerprint = fingerprint_of(engine_of(options), options.asked)
    for path in there:
        try:
            sha256, name = identify(path)[0], Path(path).name
            id_ = cases.store.examination_id(sha256, fingerprint)
            held = cases.add_file(number, sha256, name=name, examination_id=id_)
            if held != storable(name):
                already = say("{}: these bytes are in the case already, as {}", path, held)
                notes.print(plain(already), markup=False)
        except ZhenweiError as error:
            if not (isinstance(error, MediaError) and path in told_of):
                complain_of(path, error, notes)
                bad += 1
    return bad


def _named(error: ZhenweiError) -> ZhenweiError:
    """As it is told beside the name of what is not there, which it need not tell again."""
    from zhenwei.errors import NotFoundError

    return NotFoundError(error.what, want=error.want, fix=error.fix) if isinstance(error, NotFoundError) else error


def _add_examination(cases: Cases, number: int, id_: str) -> None:
    """By its number in the store, or the id of its job."""
    from zhenwei.errors import NotFoundError, UsageError
    from zhenwei.store.jobs import Jobs

    if re.fullmatch("[0-9a-f]{32}", id_):
        job = Jobs(cases.store).get(cases.tenant, id_)
        if job is None or job.examination_id is None:
            raise NotFoundError("the store knows no such examination", got=id_)
        cases.add_examination(number, job.examination_id, name=job.name)
    elif re.fullmatch("[0-9]{1,18}", id_):
        cases.add_examination(number, int(id_))
    else:
        want = "a number, or the id of the service"
        raise UsageError("this is no examination", want=want)


@case.command()
def remove(
    number: CaseNumber,
    file: Annotated[str, typer.Argument(help="Its name in the case, its digest, or a path.", metavar="FILE")],
    store: StoreOption,
    actor: Actor = "local",
) -> None:
    """Take a file out of a case, with the notes on it. It stays in the store: zhenwei case erase erases.

    Examples:

      zhenwei case remove 1 clip.mp4 --store results.db
    """
    with opened(store, actor) as cases:
        cases.remove_file(number, find_file(cases.get(number), file))


@case.command()
def note(
    number: CaseNumber,
    text: Annotated[str, typer.Argument(help="- reads it from standard input.", metavar="TEXT")],
    store: StoreOption,
    actor: Actor = "local",
    file: Annotated[str, typer.Option("--file", help="On this file of the case.", metavar="FILE")] = "",
) -> None:
    """Write a note on a case, or on a file in it.

    Examples:

      zhenwei case note 1 "From a forum, without a source." --file clip.mp4 --store results.db
    """
    with opened(store, actor) as cases:
        sha256 = find_file(cases.get(number), file) if file else ""
        cases.note(number, sys.stdin.read() if text == "-" else text, sha256=sha256)


@case.command()
def tag(
    number: CaseNumber,
    names: Annotated[list[str], typer.Argument(help="One or more.", metavar="TAG...")],
    store: StoreOption,
    actor: Actor = "local",
    remove: Annotated[bool, typer.Option("--remove", help="Take them away.")] = False,
) -> None:
    """Tag a case, so that lists find it.

    Examples:

      zhenwei case tag 1 election urgent --store results.db
    """
    with opened(store, actor) as cases:
        for name in names:
            (cases.untag if remove else cases.tag)(number, name)


@case.command("list")
def list_(
    store: StoreOption,
    tag: Annotated[str, typer.Option("--tag", help="Only with this tag.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 100,
    format_: TableOption = TableFormat.table,
) -> None:
    """Show the cases of a store, the newest first.

    Examples:

      zhenwei case list --tag election --store results.db
    """
    from zhenwei.report import as_json

    with opened(store, write=False) as cases:
        found = cases.list(tag=tag, limit=limit)
    if format_ is TableFormat.json:
        for line in found:
            typer.echo(as_json(_plain_values(asdict(line))))
        return
    rows = []
    for line in found:
        opened_at = f"{line.created_at:%Y-%m-%d %H:%M}"
        rows.append([str(line.id), line.title, str(line.files), ", ".join(line.tags), line.actor, opened_at])
    _table(_HEADS[current() == "zh"], rows)


@case.command()
def show(
    number: CaseNumber,
    store: StoreOption,
    format_: TableOption = TableFormat.table,
) -> None:
    """Show what is in a case.

    Examples:

      zhenwei case show 1 --store results.db
    """
    from zhenwei.report import as_json

    with opened(store, write=False) as cases:
        found = cases.get(number)
    if format_ is TableFormat.json:
        document = asdict(found)
        del document["salt"]
        typer.echo(as_json(_plain_values(document)))
    else:
        _show(found, is_chinese=current() == "zh")


@case.command()
def log(
    store: StoreOption,
    number: Annotated[
        int | None, typer.Argument(help="Its number; else of the store itself.", metavar="CASE", max=MOST)
    ] = None,
    format_: TableOption = TableFormat.table,
) -> None:
    """Show who did what to a case and when, and whether the log holds.

    Exit status: 0 it holds, 1 an entry was changed, removed or put in.

    Examples:

      zhenwei case log 1 --store results.db
    """
    from zhenwei.report import as_json
    from zhenwei.store.case_page import action_words

    with opened(store, write=False) as cases:
        entries = cases.store_log() if number is None else cases.log(number)
        flaw = cases.verify_log(number) if entries or number is not None else ""
    if format_ is TableFormat.json:
        for entry in entries:
            typer.echo(as_json(entry.to_dict()))
    else:
        rows = []
        for entry in entries:
            subject = f" {entry.subject[:12]}" if entry.subject != entry.chain else ""
            did = action_words(entry.action, current()) + subject
            rows.append([str(entry.number), f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.actor, did, entry.sha256[:16]])
        _table(_LOG_HEADS[current() == "zh"], rows)
    if flaw:
        line = say("The log does not hold: {}.", told(flaw))
        notes_console().print(plain(line), style="bold red", markup=False)
    raise typer.Exit(int(bool(flaw)))


_HEADS = (
    ["Case", "Title", "Files", "Tags", "By", "Opened (UTC)"],
    ["案件", "标题", "文件", "标签", "建立者", "建立时间 (UTC)"],
)
_LOG_HEADS = (["#", "When (UTC)", "Who", "What", "Digest"], ["#", "时间 (UTC)", "何人", "事项", "摘要"])
_FILE_HEADS = (["Name", "Verdict", "LLR", "SHA-256"], ["名称", "结论", "LLR", "SHA-256"])


def _show(found: CaseContent, *, is_chinese: bool) -> None:
    from zhenwei.report.terms import say

    line = found.line
    typer.echo(plain(f"{line.id}  {line.title}"))
    typer.echo(plain(f"    {line.created_at:%Y-%m-%d %H:%M} UTC · {line.actor} · {line.uid} · {', '.join(line.tags)}"))
    rows = []
    for file in found.files:
        decision = say(file.decision, "zh" if is_chinese else "en") if file.decision else "–"
        rows.append([file.name, decision, "–" if file.llr is None else f"{file.llr:+.1f}", file.sha256[:16]])
    _table(_FILE_HEADS[is_chinese], rows)
    names = {file.sha256: file.name for file in found.files}
    for note in found.notes:
        where = f" · {names[note.sha256]}" if note.sha256 in names else ""
        typer.echo(plain(f"[{note.written_at:%Y-%m-%d %H:%M} · {note.actor}{where}]"))
        typer.echo(plain(note.text, lines=True))


def _table(heads: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        shown.add_column(head, overflow="fold")
    for row in rows:
        shown.add_row(*[Text(plain(cell)) for cell in row])
    if rows:
        Console(highlight=False).print(shown)


def _plain_values(value: Any) -> Any:
    """Moments as text."""
    if isinstance(value, dict):
        return {name: _plain_values(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_values(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
