"""``zhenwei evaluate compare``: two evaluations of the same files, in pairs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli.language import current, say, told

if TYPE_CHECKING:
    from zhenwei.evaluation.comparison import Comparison, Level, SetComparison

_HELP = """Compare two evaluations of the same files: is B better than A, and can that be shown?

A and B are results.json of `zhenwei evaluate`, of other detectors, weights or versions on the same data. Files that
only one of them holds are left out and counted. Differences are B minus A with 95 % intervals by bootstrap over people;
p-values are adjusted for the number of tests (Holm).

Examples:

  zhenwei evaluate compare old/results.json new/results.json

  zhenwei evaluate compare old/results.json new/results.json --only "DFDC faces" --format markdown

  zhenwei evaluate compare a.json b.json --format json --output comparison.json
"""


HEADS = ("figure", "A", "B", "B minus A", "p (Holm)", "better")
Format = StrEnum("Format", ["table", "markdown", "json"])
Of = StrEnum("Of", {"video": "video", "track": "track", "frame": "frame"})


def compare(
    a: Annotated[Path, typer.Argument(help="Results.json of one evaluation.", metavar="A")],
    b: Annotated[Path, typer.Argument(help="Results.json of the other.", metavar="B")],
    level: Annotated[Of, typer.Option(help="Compare files, people or frames.")] = Of.video,
    set_: Annotated[str, typer.Option("--only", "--set", help="One set alone, by its name.")] = "",
    format_: Annotated[Format, typer.Option("--format", help="How to tell it.")] = Format.table,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of showing it.")] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 0,
) -> None:
    from zhenwei.errors import DataError, OutputError, UsageError
    from zhenwei.evaluation import results
    from zhenwei.evaluation.comparison import compare as compared
    from zhenwei.evaluation.documents import as_json
    from zhenwei.files import write_whole

    if a.exists() and b.exists() and a.samefile(b):
        raise UsageError("A and B are the same file", got=str(a), want="two evaluations")
    wanted: Level = level.value
    found = compared(results.load(a), results.load(b), level=wanted, only=set_, seed=seed)
    if format_ is Format.table and output is None:
        _show(found)
        return
    text = as_json(found) if format_ is Format.json else to_markdown(found)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        write_whole(output, text)
    except DataError as error:
        raise OutputError("the comparison cannot be written", got=f"{output}: {error.got}") from error


compare.__doc__ = _HELP


def to_markdown(found: Comparison) -> str:
    """The same as the table, to be pasted into a page."""
    lines = [f"A: {_side(found, 'a')}", "", f"B: {_side(found, 'b')}", ""]
    lines += [line for note in found.notes for line in (told(f"Note: {note}."), "")]
    for part in found.sets:
        lines += [
            say("## {}, {} genuine + {} forged", _one_line(part.set), part.genuine, part.forged),
            "",
            _one_line(_text(part)),
            "",
        ]
        lines += [f"| {' | '.join(map(told, HEADS))} |", "|---|---|---|---|---|---|"]
        lines += ["| " + " | ".join(row) + " |" for row in _rows(found, part.set)]
        lines.append("")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Without what would end the line, or a cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _rows(found: Comparison, name: str) -> list[tuple[str, ...]]:
    from zhenwei.evaluation.comparison import p_text

    part = next(s for s in found.sets if s.set == name)
    rows: list[tuple[str, ...]] = []
    for t in part.tests:
        share = t.figure in ("coverage", "false alarms", "forged found")
        a, b = (f"{v:.1%}" if share else f"{v:.3f}" for v in (t.a, t.b))
        d = t.difference
        reach = f"{d:+.3f}"
        if share:
            reach = f"{100 * d.value:+.1f} [{100 * d.low:+.1f}, {100 * d.high:+.1f}] %"
        rows.append((told(t.figure), a, b, reach, p_text(t.p_holm), t.better or "—"))
    return rows


def _text(part: SetComparison) -> str:
    sentences = [told(each) for each in part.text.removesuffix(".").split("; ")]
    return "；".join(sentences) + "。" if current() == "zh" else part.text


def _side(found: Comparison, which: str) -> str:
    side = found.a if which == "a" else found.b
    weights = ", ".join(f"{name} {digest[:8]}" for name, digest in side.weights.items())
    about = side.subject, told(side.protocol), side.created[:10]
    return say("{}, protocol {}, {} ({})", *about, weights) if weights else say("{}, protocol {}, {}", *about)


def _show(found: Comparison) -> None:
    from rich.console import Console
    from rich.text import Text

    from zhenwei.cli._tables import show_table

    console = Console(highlight=False)
    for which in ("a", "b"):
        console.print(Text(f"{which.upper()}: {_side(found, which)}"), style="dim")
    for note in found.notes:
        console.print(Text(told(f"Note: {note}.")))
    for part in found.sets:
        title = say("{}: {} genuine + {} forged, {} groups", part.set, part.genuine, part.forged, part.groups)
        console.print()
        show_table(HEADS, _rows(found, part.set), title=title)
        console.print(Text(_text(part)))
