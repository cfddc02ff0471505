"""``zhenwei case export``, ``verify`` and ``erase``: what leaves a store, and what is brought back from elsewhere."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._case_options import MOST, Actor, CaseNumber, FolderOption, StoreOption, opened, plain
from zhenwei.cli._options import Force, TextFormat, TextOption
from zhenwei.cli.language import current, say
from zhenwei.cli.trouble import notes_console
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.engine.replay import Replayed
    from zhenwei.store.bundle_check import Checked
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
    the store: write it down elsewhere, too, since it tells this bundle from every other that could be made.

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
        typer.echo(written(cases, kept, number, output, language=current(), media=not no_media))


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

    Exit status: 0 it is whole, 1 it was tampered with, or is no bundle.

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
_WHOLE = ("Whole: {files} files, {entries} entries in the log.", "完整：{files} 个文件，日志 {entries} 条。")
_TAMPERED = ("TAMPERED:", "已被篡改：")
_DIGEST = (
    "Digest of the bundle: {digest}. Compare it with what was written down when it was exported.",
    "包的摘要：{digest}。请与导出时记下的摘要相比较。",
)


def _lines(checked: Checked, replayed: list[Replayed], is_whole: bool, *, is_chinese: bool) -> list[str]:
    if is_whole:
        first = _WHOLE[is_chinese].format(files=len(checked.claims), entries=checked.entries)
    else:
        first = _TAMPERED[is_chinese]
    lines = [plain(checked.title), first]
    for flaw in checked.flaws:
        lines.append(plain(f"  × {flaw}"))
    for note in checked.notes:
        lines.append(plain(f"  – {note}"))
    for one in replayed:
        now = f"{one.decision} {one.llr:+.2f}" if one.llr is not None else one.decision
        then = f"{one.claim.decision} {one.claim.llr:+.2f}" if one.claim.llr is not None else one.claim.decision
        told = f" ({then} → {now})" if one.decision else f" ({one.why})" if one.why else ""
        lines.append(plain(f"  {one.claim.name}: {_ANSWERS[one.answer][is_chinese]}{told}"))
    lines.append(_DIGEST[is_chinese].format(digest=checked.digest))
    return lines


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
    if not compact:
        notes_console().print(f"{count} erased; the log keeps the digests.", style="dim")


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

    if number is not None:
        return 1 + len(erasure.case(number, files=files))
    if file:
        return len(erasure.file(identify(file)[0] if Path(file).is_file() else file))
    if examination is not None:
        erasure.examination(examination)
        return 1
    if before:
        try:
            moment = datetime.fromisoformat(before)
        except ValueError:
            raise UsageError("this is no date", got=before, want="2026-01-31, or 2026-01-31T12:00") from None
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return len(erasure.before(moment, in_cases=in_cases))
    return erasure.kept.drop_expired() if expired else 0
