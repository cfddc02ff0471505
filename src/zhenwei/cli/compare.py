"""``zhenwei compare``: two files side by side."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._options import Detectors, Force, Quiet, TableFormat, TableOption
from zhenwei.cli.language import current, say
from zhenwei.cli.trouble import complain_of, notes_console
from zhenwei.errors import UsageError
from zhenwei.types import Report, in_language

if TYPE_CHECKING:
    from zhenwei.pipeline import Options
    from zhenwei.report.pair import Pair


def compare(
    first: Annotated[str, typer.Argument(help="A photo, clip or recording.", metavar="A", show_default=False)],
    second: Annotated[str, typer.Argument(help="What it is compared with.", metavar="B", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a page with the pictures.", metavar="FILE.html")
    ] = None,
    format_: TableOption = TableFormat.table,
    detector: Detectors = None,
    fast: Annotated[bool, typer.Option("--fast", help="Ask only what costs little.")] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Compare two files: facts, difference of the pictures and sounds, provenance, verdicts.

    Both are examined, laid over each other (moved, turned and scaled where that is needed), and what differs by more
    than saving a picture again does is marked in red on the page. Of clips five frames of the same moments are
    compared, also where one was trimmed or runs faster, and the sound is searched for an offset. Two evaluations are
    compared by zhenwei evaluate compare.

    Exit status: 0 both were examined, 1 one could not be read, 2 wrong use.

    Examples:

      zhenwei compare original.jpg received.jpg

      zhenwei compare a.jpg b.jpg --output compared.html

      zhenwei compare a.mp4 b.mp4 --fast --format json
    """
    from zhenwei.pipeline import Options
    from zhenwei.report.pair import compared, pair_to_dict, pair_to_html

    _refuse_evaluations(first, second)
    if output is not None and output.exists() and not force:
        fix = "Name another with --output, or add --force."
        raise UsageError("a file of that name is there", got=str(output), fix=fix)
    if output is not None and output.exists() and any(_same(output, path) for path in (first, second)):
        fix = "Name another with --output."
        raise UsageError("the page would replace a file that is compared", got=str(output), fix=fix)
    options = Options(detectors=tuple(detector or ()), depth="fast" if fast else "standard")
    reports = [_examined(path, options, quiet) for path in (first, second)]
    if reports[0] is None or reports[1] is None:
        raise typer.Exit(1)
    pair = compared(reports[0], reports[1], (_says(first), _says(second)))
    if output is not None:
        from zhenwei.files import write_whole

        write_whole(output, pair_to_html(pair, current()))
    if format_ is TableFormat.json:
        from zhenwei.report import as_json

        sys.stdout.write(as_json(pair_to_dict(pair, current()), indent=1) + "\n")
    else:
        _show(pair)
    if output is not None and not quiet:
        notes_console().print(say("{} was written{}.", output, ""), style="dim", markup=False)


def _same(output: Path, path: str) -> bool:
    return Path(path).exists() and output.samefile(path)


def _refuse_evaluations(*paths: str) -> None:
    if all(path.endswith(".json") for path in paths):
        fix = f"Run: zhenwei evaluate compare {' '.join(paths)}"
        raise UsageError("these are no photos, clips or recordings", got=" and ".join(paths), fix=fix)


def _examined(path: str, options: Options, quiet: bool) -> Report | None:
    from zhenwei.cli.progress import ScanProgress
    from zhenwei.engine import examine_one
    from zhenwei.report import Unreadable

    notes = notes_console()
    with ScanProgress(notes, 1, shown=notes.is_terminal and not quiet) as progress:
        found = examine_one(path, options=options, progress=progress.begin(path))
    if isinstance(found, Unreadable):
        complain_of(found.path, found.error, notes)
        return None
    return found


def _says(path: str) -> str:
    """What the file says of itself, in a sentence; "" where that cannot be read."""
    from zhenwei.cli.verify import known_keys
    from zhenwei.defence.identity import own_anchor
    from zhenwei.defence.keys import home_folder
    from zhenwei.defence.verify import verify_file
    from zhenwei.errors import ZhenweiError

    try:
        return verify_file(Path(path), keys=known_keys(), own_pem=own_anchor(home_folder(os.environ))).sentence
    except ZhenweiError:
        return ""


def _show(pair: Pair) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from zhenwei.report import legible, table
    from zhenwei.report.pair import facts, findings
    from zhenwei.report.terms import say as person

    console, language = Console(highlight=False), current()
    console.print(table(pair.reports, language, width=console.width))
    console.print()
    for sentence in findings(pair, language):
        console.print(Text(sentence, "bold"))
    for report, sentence in zip(pair.reports, pair.says, strict=True):
        console.print(Text(f"{legible(report.media.path, 60)}: {in_language(sentence, language)}", "dim"))
    shown = Table(box=SIMPLE_HEAD, expand=True, show_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for title, ratio in (("", 6), ("A", 5), ("B", 5)):  # the names of detectors with their person on one line
        shown.add_column(title, ratio=ratio, overflow="fold")
    for each in facts(pair, language):
        style = "bold" if each.differs else "dim"
        cells = [legible(cell, 100) or "–" for cell in (each.name, each.first, each.second)]
        shown.add_row(*[Text(cell, style) for cell in cells])
    for answer in pair.answers[:8]:
        name = answer.detector
        if answer.who:
            one, two = answer.person or 0, answer.second_person or 0
            name += f" · {person(answer.who, language, number=one, first=one, second=two)}"
        cells = []
        for llr, standing in (
            (answer.first_llr, answer.first_standing), (answer.second_llr, answer.second_standing)
        ):  # fmt: skip
            cells.append(person(f"pair_{standing}", language) if llr is None else f"LLR {llr:+.1f}")
        shown.add_row(name, *cells)
    console.print()
    console.print(shown)
