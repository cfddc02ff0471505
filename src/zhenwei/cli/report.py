"""``zhenwei report``: a kept JSON report as a page or a PDF, with an examiner's annex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._options import Force, Quiet
from zhenwei.cli.language import chosen, say
from zhenwei.cli.trouble import complain_of, notes_console
from zhenwei.errors import UsageError
from zhenwei.types import DetectorInfo, Language, Report

if TYPE_CHECKING:
    from zhenwei.report.annex import Annex

SUFFIXES = (".html", ".pdf")
_ANNEX = "For the annex"
ReportFile = Annotated[Path, typer.Argument(help="A report as JSON.", metavar="FILE.json", show_default=False)]
FilePath = Annotated[
    Path | None, typer.Option("--file", help="Where the examined file lies today, if it has moved.", metavar="PATH")
]
Words = str | None


def report(
    file: ReportFile,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print it into a PDF, A4.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Write the page; the default.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; a folder where the JSON holds several.", metavar="PATH"),
    ] = None,
    case: Annotated[Words, typer.Option("--case", help="Case number.", rich_help_panel=_ANNEX)] = None,
    exhibit: Annotated[Words, typer.Option("--exhibit", help="Exhibit number.", rich_help_panel=_ANNEX)] = None,
    examiner: Annotated[Words, typer.Option("--examiner", help="Who examined it.", rich_help_panel=_ANNEX)] = None,
    remarks: Annotated[Words, typer.Option("--remarks", help="What else is to say.", rich_help_panel=_ANNEX)] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Examine the file again, so that all pictures are in it.")
    ] = False,
    file_path: FilePath = None,
    browser: Annotated[
        Path | None, typer.Option("--browser", help="Chromium, Chrome or Edge to print with.", metavar="PATH")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Make the page or a PDF from a kept JSON report, with an annex for examiners.

    The JSON is what zhenwei scan wrote with --format json or --output. With its option --pictures the report holds its
    pictures and curves, too; --again gets them by examining the file once more. The answer takes two sheets of paper at
    most; the annex behind it has the case, the file with its hashes, methods with error rates and references, and the
    limits of what a likelihood ratio says. Printing takes a Chromium, Chrome or Edge, which need no network for it.

    Examples:

      zhenwei scan clip.mp4 --format json --pictures > clip.json

      zhenwei report clip.json --pdf -o clip.pdf

      zhenwei report clip.json --pdf --case 2026-17 --exhibit A3 --examiner "J. Doe"

      zhenwei report sign clip.json                # a signature beside it, with this installation's key

      zhenwei report verify clip.json --again      # nothing changed since, and the answer is the same
    """
    from zhenwei.report.kept import read_reports

    refuse_idle_file(file_path, again=again)
    suffixes = _suffixes(pdf, html, output)
    documents = read_reports(file)
    notes = notes_console()
    places = _places(file, output, documents)
    _refuse_what_is_there(places, suffixes, force)
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC).astimezone()
    asked = _Asked(case or "", exhibit or "", examiner or "", remarks or "", written, file_path)
    failed = stays = False
    for document, place in zip(documents, places, strict=True):
        made = _report_of(document, again, asked, quiet)
        if made is None:
            failed = True
            continue
        kept_in: Language = "zh" if document.get("language") == "zh" else "en"
        language: Language = chosen() or kept_in
        stays = stays or (language != kept_in and not again)
        page = _page(made, language, asked, place.parent)
        for suffix in suffixes:
            path = _with(place, suffix)
            by = _written(page, path, browser)
            if not quiet:
                notes.print(say("{} was written{}.", path, by), style="dim", markup=False)
    if stays:
        notes.print(_stays(), style="yellow", markup=False)
    raise typer.Exit(int(failed))


def _stays() -> str:
    if chosen() == "zh":
        return say("The report's sentences stay English, as they were kept; zhenwei scan --lang zh writes Chinese.")
    return say("The report's sentences stay Chinese, as they were kept; zhenwei scan --lang en writes English.")


def refuse_idle_file(file_path: Path | None, *, again: bool) -> None:
    """UsageError where a file is named that would not be looked at."""
    if file_path is not None and not again:
        raise UsageError("--file is for --again", got="--file alone", fix="Add --again, or leave it out.")


@dataclass(frozen=True, slots=True)
class _Asked:
    case: str
    exhibit: str
    examiner: str
    remarks: str
    kept_at: datetime
    path: Path | None


def _suffixes(pdf: bool, html: bool, output: Path | None) -> list[str]:
    """What is to be written: as asked, else as the output is called, else a page."""
    named = output.suffix.lower() if output is not None else ""
    if not pdf and not html:
        return [named] if named in SUFFIXES else [".html"]
    wanted = [suffix for suffix, is_asked in ((".html", html), (".pdf", pdf)) if is_asked]
    if named in SUFFIXES and wanted != [named]:
        raise UsageError("the output is called otherwise", got=str(output), want=" and ".join(wanted))
    return wanted


def _places(file: Path, output: Path | None, documents: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Where each report goes, its suffix aside."""
    from zhenwei.files import make_folder
    from zhenwei.report.folder import safe_name

    if len(documents) == 1:
        if output is None:
            return [file]
        return [output / safe_name(str(documents[0]["file"]["path"])) if output.is_dir() else output]
    folder = output or file.parent
    if folder.suffix.lower() in SUFFIXES:
        raise UsageError("the JSON holds several reports", got=str(output), want="a folder")
    make_folder(folder)
    places: dict[str, Path] = {}  # by the name of the page, letters of either case alike
    numbers: dict[str, int] = {}  # the next of that name
    for document in documents:
        name = safe_name(str(document["file"]["path"]))
        number = numbers.get(name.casefold(), 1)
        place = folder / (name if number == 1 else f"{name}-{number}")
        while (page := _page_name(place)) in places:
            number += 1
            place = folder / f"{name}-{number}"
        numbers[name.casefold()] = number + 1
        places[page] = place
    return list(places.values())


def _page_name(place: Path) -> str:
    return _with(place, SUFFIXES[0]).name.casefold()


def _with(place: Path, suffix: str) -> Path:
    """The path with that suffix in the place of one of a report; a dot in a name is no suffix."""
    is_report = place.suffix.lower() in (*SUFFIXES, ".json")
    if place.suffix.lower() == suffix:
        return place  # the name as it was given, .PDF too
    return place.with_suffix(suffix) if is_report else place.with_name(f"{place.name}{suffix}")


def _refuse_what_is_there(places: Sequence[Path], suffixes: Sequence[str], force: bool) -> None:
    for place in places:
        for suffix in suffixes:
            path = _with(place, suffix)
            if path.exists() and not force:
                fix = "Name another with --output, or add --force."
                raise UsageError("a file of that name is there", got=str(path), fix=fix)


def _report_of(document: Mapping[str, Any], again: bool, asked: _Asked, quiet: bool) -> Report | None:
    """The kept report, with the pictures that it holds or that its file can give; None where it is of no answer."""
    from zhenwei.cli.progress import ScanProgress
    from zhenwei.report import Unreadable
    from zhenwei.report.again import repeated
    from zhenwei.report.kept import from_dict, with_poster

    kept = from_dict(document)
    notes = notes_console()
    if isinstance(kept, Unreadable):
        complain_of(kept.path, kept.error, notes)
        return None
    if not again:
        return kept if kept.poster is not None else with_poster(kept, asked.path)
    with ScanProgress(notes, 1, shown=notes.is_terminal and not quiet) as progress:
        found = repeated(kept, asked.path, progress.begin(kept.media.path))
    if not found.same:
        notes.print(say("The answer is not the one that was kept: see zhenwei report verify --again."), style="yellow")
    return found.report


def _page(made: Report, language: Language, asked: _Asked, folder: Path) -> str:
    from zhenwei.detectors import catalogue
    from zhenwei.report import to_html
    from zhenwei.report.player import player

    infos: dict[str, DetectorInfo] = {id_: kind.info for id_, kind in catalogue(strict=False).items()}
    played = player(made.media, folder)
    return to_html(made, language, detectors=infos, player=played, annex=_annex(made, asked))


def _annex(made: Report, asked: _Asked) -> Annex:
    from zhenwei.report.annex import Annex, file_now

    now = datetime.now().astimezone()
    standing = file_now(made.media, asked.path)
    return Annex(standing, now, asked.case, asked.exhibit, asked.examiner, asked.remarks, asked.kept_at)


def _written(page: str, path: Path, browser: Path | None) -> str:
    from zhenwei.files import write_whole
    from zhenwei.report.printing import to_pdf

    if path.suffix.lower() == ".html":
        write_whole(path, page)
        return ""
    return f" ({Path(to_pdf(page, path, browser)).name})"
