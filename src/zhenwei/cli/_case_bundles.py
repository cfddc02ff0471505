"""``zhenwei case export``, ``verify`` and ``erase``: what leaves a store, and what is brought back from elsewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._case_options import MOST, Actor, CaseNumber, FolderOption, StoreOption, opened, plain
from zhenwei.cli._options import Force, TextFormat, TextOption
from zhenwei.cli.language import current, say, told
from zhenwei.cli.trouble import notes_console
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.engine.replay import Replayed
    from zhenwei.store.bundle_check import Checked
    from zhenwei.store.cases import Cases
    from zhenwei.store.erasure import Erasure
    from zhenwei.store.store import Store


def export(
    number: CaseNumber,
    store: StoreOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle, .zip.", metavar="FILE")],
    actor: Actor = "local",
    folder: FolderOption = None,
    no_media: Annotated[bool, typer.Option("--no-media", help="Leave out the files themselves.")] = False,
    force: Force = False,
) -> None:
    """Write a case as one file: media, reports, pages, notes, log, engines, and a page to print.

    The same case gives the same bytes. The digest of the bundle is written to standard output and stands in the log of
    the store: write it down elsewhere, too, since it tells this bundle from every other that could be made. What is
    left out, because it was not kept or is not to be had any more, is told.

    Exit status: 0 it is written, 1 it could not be, or it is and what was kept is missing from it, or its case was
    changed behind the back of its log; 2 wrong use.

    Examples:

      zhenwei case export 1 --output speech.zip --store results.db
    """
    from zhenwei.store.bundle import export as written
    from zhenwei.store.kept import Kept, folder_of

    if output.exists() and not force:
        raise UsageError("there is a file already", got=str(output), fix="Name another, or use --force.")
    with opened(store, actor) as cases:
        _refuse_the_store(cases.store, folder, output)
        has_folder = folder is not None or cases.store.engine.dialect.name == "sqlite"
        kept = Kept(cases.store, folder_of(cases.store, folder)) if has_folder else None
        _refuse_its_files(cases, number, output)
        found = written(cases, kept, number, output, language=current(), media=not no_media)
    typer.echo(found.digest)
    notes = notes_console()
    if kept is None:
        line = say("Files and pages are not in the bundle: no folder is named, as with --folder DIR.")
        notes.print(line, style="yellow")
    for one in [one for one in found.left_out if one.is_lost or kept is not None]:
        line = say(_LOST[one.what] if one.is_lost else _LEFT_OUT[one.what], one.name)
        notes.print(plain(line), style="red" if one.is_lost else "yellow", markup=False)
    if any(one.is_lost for one in found.left_out) and kept is not None:
        where = say(
            "The folder of the store is {}. It moves with the store; --folder names another.", str(kept.folder.path)
        )
        notes.print(plain(where), markup=False)
    if found.flaws:
        notes.print(say("The case was changed behind the back of its log. The bundle is written, and says so:"))
        for flaw in found.flaws:
            notes.print(plain(f"  × {told(flaw)}"), style="bold red", markup=False)
    raise typer.Exit(int(bool(found.flaws) or any(one.is_lost for one in found.left_out)))


_LEFT_OUT = {"media": "{}: the file itself is not in the bundle: it was not kept, and does not lie where it was met."}
_LOST = {
    "media": "{}: the file itself is not in the bundle: its copy is not in the folder of the store.",
    "page": "{}: its page is not in the bundle: it is not in the folder of the store, or cannot be read.",
    "report": "{}: its report is not in the bundle: what the store holds of it is damaged.",
}


def _refuse_its_files(cases: Cases, number: int, output: Path) -> None:
    """A bundle would take the place of what it is to hold."""
    from zhenwei.media.sources import identify

    held = {file.sha256: file.size_bytes for file in cases.get(number).files}
    is_of_a_size = output.is_file() and output.stat().st_size in held.values()
    if is_of_a_size and identify(str(output))[0] in held:
        fix = "Name another file."
        raise UsageError("a bundle cannot take the place of a file of the case", got=str(output), fix=fix)


def _refuse_the_store(store: Store, folder: Path | None, output: Path) -> None:
    """A bundle would take the place of what it is made of."""
    from zhenwei.store.kept import folder_of

    held = [] if folder is None else [folder]
    if store.engine.dialect.name == "sqlite":
        database = str(store.engine.url.database)
        held += [Path(f"{database}{end}") for end in ("", "-wal", "-shm", "-journal")]
        held.append(folder_of(store, folder).path)
    where = output.resolve()
    if any(place.resolve() in (where, *where.parents) for place in held):
        raise UsageError("a bundle cannot be written into the store", got=str(output), fix="Name another file.")


def verify(
    bundle: Annotated[Path, typer.Argument(help="What zhenwei case export wrote.", metavar="BUNDLE")],
    replay: Annotated[bool, typer.Option("--replay", help="Examine the files again and compare.")] = False,
    expect: Annotated[
        str | None, typer.Option("--expect", help="The digest that export told.", metavar="DIGEST")
    ] = None,
    format_: TextOption = TextFormat.text,
) -> None:
    """See whether a bundle is as it was made, and with --replay whether its verdicts come out again.

    Checked are every member against the manifest, the log link by link, and everything in the case against its log.
    Whoever makes bundles can make another that fits together: only --expect, with a digest that was written down when
    it was exported, tells it from this one.

    --replay tells apart the same answer, another answer by another version (of the program, its models or libraries),
    and another answer by the very same version, which it calls tampered.

    Pages are made again, to be compared, only by the version that made them. Where another did, the first line says so:
    nothing is known of what index.html and the other pages say.

    Exit status: 0 it is whole, its pages checked or not, 1 it was tampered with, or is no bundle.

    Examples:

      zhenwei case verify speech.zip --replay
    """
    from zhenwei.report import as_json
    from zhenwei.store.bundle_check import check

    if expect is not None and not re.fullmatch("[0-9a-fA-F]{64}", expect.strip()):
        raise UsageError("this is no digest of a bundle", got=repr(expect), want="64 digits, as export told them")
    checked = check(bundle, expected=(expect or "").strip())
    replayed = _replayed(bundle, checked) if replay else []
    is_whole = not checked.flaws and "tampered" not in [one.answer for one in replayed]
    if format_ is TextFormat.json:
        typer.echo(as_json(_document(checked, replayed, is_whole)))
    else:
        for line in _lines(checked, replayed, is_whole, is_chinese=current() == "zh"):
            typer.echo(line)
    raise typer.Exit(int(not is_whole))


def _replayed(bundle: Path, checked: Checked) -> list[Replayed]:
    from zhenwei.engine.replay import replay

    return list(replay(bundle, checked.claims))


def _document(checked: Checked, replayed: list[Replayed], is_whole: bool) -> dict[str, Any]:
    answers = []
    for one in replayed:
        answer = {"sha256": one.claim.sha256, "answer": one.answer, "by_same_version": one.by_same}
        answers.append(answer | {"then": one.claim.decision, "now": one.decision, "llr": one.llr, "why": one.why})
    return {
        "whole": is_whole,
        "pages_checked": checked.are_pages_checked,
        "digest": checked.digest,
        "case": checked.uid,
        "title": checked.title,
        "log_end": checked.log_end,
        "entries": checked.entries,
        "files": len(checked.claims),
        "flaws": list(checked.flaws),
        "notes": list(checked.notes),
        "replayed": answers,
    }


_ANSWERS = {
    "same": ("same answer", "结论相同"),
    "other version": ("other answer: another version", "结论不同：版本不同"),
    "tampered": ("TAMPERED: another answer by the very same version", "已被篡改：相同版本给出不同结论"),
    "not examined": (
        "not examined again: it is not in the bundle, or has no verdict",
        "未重新检验：不在包中，或没有结论",
    ),
    "cannot": ("cannot be examined again here", "无法在此重新检验"),
}
_WHOLE = ("Whole: {files}, {entries}.", "完整：{files}，{entries}。")
_UNCHECKED = (
    "Whole, but its pages were made by another version and were not checked: {files}, {entries}.",
    "完整，但其页面由另一版本生成，未予核对：{files}，{entries}。",
)
_FILES = (("1 file", "{} files"), ("{} 个文件", "{} 个文件"))
_ENTRIES = (("1 entry in the log", "{} entries in the log"), ("日志 {} 条", "日志 {} 条"))
_TAMPERED = ("TAMPERED:", "已被篡改：")
_DIGEST = (
    "Digest of the bundle: {digest}. Compare it with what was written down when it was exported.",
    "包的摘要：{digest}。请与导出时记下的摘要相比较。",
)


def _lines(checked: Checked, replayed: list[Replayed], is_whole: bool, *, is_chinese: bool) -> list[str]:
    if is_whole:
        files = _FILES[is_chinese][len(checked.claims) != 1].format(len(checked.claims))
        entries = _ENTRIES[is_chinese][checked.entries != 1].format(checked.entries)
        first = (_WHOLE if checked.are_pages_checked else _UNCHECKED)[is_chinese].format(files=files, entries=entries)
    else:
        first = _TAMPERED[is_chinese]
    lines = [plain(checked.title), first]
    for flaw in checked.flaws:
        lines.append(plain(f"  × {told(flaw)}"))
    for note in checked.notes:
        lines.append(plain(f"  – {told(note)}"))
    for one in replayed:
        then, now = _verdict(one.claim.decision, one.claim.llr), _verdict(one.decision, one.llr)
        why = f" ({then} → {now})" if one.decision else f" ({told(one.why)})" if one.why else ""
        lines.append(plain(f"  {one.claim.name}: {_ANSWERS[one.answer][is_chinese]}{why}"))
    lines.append(_DIGEST[is_chinese].format(digest=checked.digest))
    return lines


def _verdict(decision: str, llr: float | None) -> str:
    """In the English of reports, which are compared."""
    return say(decision) if llr is None else f"{say(decision)} {llr:+.2f}"


def erase(
    store: StoreOption,
    number: Annotated[int | None, typer.Option("--case", max=MOST, help="This case.", metavar="CASE")] = None,
    files: Annotated[bool, typer.Option("--files", help="With the case, its files that no other case holds.")] = False,
    file: Annotated[str, typer.Option("--file", help="This file, by path or sha256.", metavar="FILE")] = "",
    examination: Annotated[
        int | None, typer.Option("--examination", max=MOST, help="This examination.", metavar="ID")
    ] = None,
    before: Annotated[
        str, typer.Option("--before", help="Files not met or examined since, in no case.", metavar="DATE")
    ] = "",
    in_cases: Annotated[bool, typer.Option("--in-cases", help="With --before, those in cases, too.")] = False,
    expired: Annotated[bool, typer.Option("--expired", help="Copies that were to be kept until a date.")] = False,
    compact: Annotated[bool, typer.Option("--compact", help="Only rewrite the database without what is gone.")] = False,
    actor: Actor = "local",
    folder: FolderOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Erase a case, a file, an examination or what is old. There is no way back.

    What is erased is gone from the tables, from the folder of copies and pages, and from the files of the database,
    which is rewritten. The log keeps that it was done, by whom and when, and the digest of the file. Copies of the
    database, and what the disk itself remembers, are out of reach.

    Exit status: 0 it is gone, 1 nothing was erased, or copies and pages do not lie in the folder: where it was another
    one, --compact --folder DIR erases what is left in it.

    Examples:

      zhenwei case erase --case 3 --files --store results.db

      zhenwei case erase --before 2026-01-31 --store results.db --yes
    """
    from zhenwei.store.erasure import Erasure
    from zhenwei.store.kept import Kept, folder_of

    wishes = [number is not None, bool(file), examination is not None, bool(before), expired, compact]
    if sum(wishes) != 1:
        want = "one of --case, --file, --examination, --before, --expired and --compact"
        raise UsageError("it is not clear what is to be erased", got=f"{sum(wishes)} wishes", want=want)
    if files and number is None:
        raise UsageError("--files is for --case", want="--case, or without --files")
    if in_cases and not before:
        raise UsageError("--in-cases is for --before", want="--before, or without --in-cases")
    if not (yes or expired or compact):
        typer.echo(say("There is no way back. Erase? [y/N]: "), err=True, nl=False)
        if sys.stdin is None or sys.stdin.readline().strip().lower() not in ("y", "yes", "是"):
            notes_console().print(say("Nothing was erased."), style="dim")
            raise typer.Exit(1)  # a script that goes on shall not take it for done
    with opened(store, actor) as cases:
        kept = Kept(cases.store, folder_of(cases.store, folder))
        erasure = Erasure(kept, actor)
        count = _erased(erasure, number, files, file, examination, before, in_cases=in_cases, expired=expired)
        kept.sweep()
        erasure.compact()
    notes = notes_console()
    if not compact:
        notes.print(say("{} erased; the log keeps the digests.", count), style="dim")
    if erasure.missing:
        notes.print(
            say("What was kept under these digests does not lie in {}:", plain(str(kept.folder.path))),
            style="red",
            markup=False,
        )
        for sha256 in erasure.missing:
            notes.print(f"  {sha256}", markup=False)
        notes.print(say("Where it lies in another folder, erase it there: zhenwei case erase --compact --folder DIR"))
    raise typer.Exit(int(bool(erasure.missing)))


def _erased(
    erasure: Erasure,
    number: int | None,
    files: bool,
    file: str,
    examination: int | None,
    before: str,
    *,
    in_cases: bool,
    expired: bool,
) -> int:
    """How many files, cases, examinations or copies."""
    from zhenwei.media.sources import identify
    from zhenwei.store.where import moment

    if number is not None:
        return 1 + len(erasure.case(number, files=files))
    if file:
        return len(erasure.file(identify(file)[0] if Path(file).is_file() else file.lower()))
    if examination is not None:
        erasure.examination(examination)
        return 1
    if before:
        try:
            since = moment(before)
        except (ValueError, OverflowError):
            raise UsageError("this is no date", got=before, want="2026-01-31, or 2026-01-31T12:00") from None
        return len(erasure.before(since, in_cases=in_cases))
    return erasure.expired() if expired else 0
