"""One row a file: CSV for spreadsheets, and the table that the terminal shows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zhenwei.fusion.wording import most_useful, signed
from zhenwei.pages import legible
from zhenwei.report.outcome import Outcome, Unreadable, numbers_of_people, path_of
from zhenwei.report.terms import headline, kind_of, leans, often, say
from zhenwei.types import Evidence, Language, Report, Verdict, in_language
from zhenwei.words import error_text

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text as Line

COLUMNS = (
    "file",
    "sha256",
    "kind",
    "decision",
    "at_fault",
    "llr",
    "error_rate",
    "people",
    "reason",
    "declared",
    "error",
)
_BLANKS = re.compile(r"[^\S ]|(?<=\s) |^ | $")
_STACKED = 64
_NARROW = 23  # columns that the file has in a terminal of 80
SYMBOLS = {"forged": "▲", "genuine": "●", "inconclusive": "◆", "unreadable": "×"}
_COLOURS = {"forged": "bold red", "genuine": "bold green", "inconclusive": "bold blue", "unreadable": "bold magenta"}


class CsvRows:
    """CSV, row by row, as files finish. Text that a spreadsheet would run as a formula gets a quote before it."""

    def __init__(self, language: Language = "en") -> None:
        self.language = language

    def header(self) -> str:
        return csv_line(COLUMNS)

    def row(self, outcome: Outcome) -> str:
        if isinstance(outcome, Unreadable):
            return csv_line([plain_name(outcome.path), *[""] * 9, error_text(outcome.error, self.language)])
        verdict, media = outcome.verdict, outcome.media
        return csv_line(
            [
                plain_name(media.path),
                media.sha256,
                media.kind,
                verdict.decision,
                " ".join(verdict.at_fault),
                "" if verdict.llr is None else f"{verdict.llr:.4f}",
                "" if verdict.error_rate is None else f"{verdict.error_rate:.6g}",
                str(len(numbers_of_people(outcome))),
                why(outcome, self.language),
                declares(outcome, self.language),
                "",
            ]
        )


def to_csv(outcomes: Iterable[Outcome], language: Language = "en") -> str:
    """One row a file under a header, lines ended by CR LF as in RFC 4180."""
    rows = CsvRows(language)
    return rows.header() + "".join(rows.row(outcome) for outcome in outcomes)


def csv_line(cells: Iterable[str]) -> str:
    """One row with its line's end; nothing in it is a formula to a spreadsheet."""
    line = io.StringIO()
    csv.writer(line).writerow(_inert(cell) for cell in cells)
    return line.getvalue()


def plain_name(path: str) -> str:
    """A path for a cell, its white space written out but for single blanks within, so that no two become one."""
    return _BLANKS.sub(lambda found: f"<U+{ord(found.group()):04X}>", path)


def _inert(cell: str) -> str:
    shown = legible(cell, 4000)
    is_figure = shown[:1] in "+-" and shown[1:].replace(".", "", 1).isdigit()
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") and not is_figure else shown


def why(report: Report, language: Language = "en") -> str:
    """The one sentence that counts most: the strongest finding on the verdict's side, or why nothing could be said."""
    spoken = [evidence for evidence in report.evidence if evidence.llr is not None]
    decision = report.verdict.decision
    if not spoken:
        reason = most_useful([(e.detector, e.reason) for e in report.evidence if e.asked])
        return in_language(reason or report.verdict.explanation, language)
    if "declared" in report.verdict.at_fault:
        return in_language(report.verdict.explanation, language)
    if decision == "inconclusive":
        return leans(report.verdict.llr, language)
    side = 1 if decision == "forged" else -1
    if report.verdict.streams and report.verdict.at_fault:
        spoken = [e for e in spoken if _stream_of(e) == report.verdict.at_fault[0]] or spoken

    def weight(evidence: Evidence) -> float:
        return side * (evidence.llr or 0.0)

    return in_language(max(spoken, key=weight).finding, language)


def _stream_of(evidence: Evidence) -> str:
    if evidence.declares:
        return "declared"
    return evidence.finds if evidence.finds in ("voice", "pairing") else "picture"


def declares(report: Report, language: Language = "en") -> str:
    """The firmest statement of the file on its own origin, "" if it makes none."""
    found = report.verdict.declared
    return in_language(found[0].sentence, language) if found else ""


def line(outcome: Outcome, language: Language = "en") -> str:
    """One file on one line, for where nobody watches: sign and verdict, path, LLR, how often wrong, why."""
    if isinstance(outcome, Unreadable):
        said = legible(error_text(outcome.error, language), 400)
        return f"{SYMBOLS['unreadable']} {say('unreadable', language)}  {legible(outcome.path)}  {said}\n"
    verdict = outcome.verdict
    parts = [f"{SYMBOLS[verdict.decision]} {headline(verdict, language)}", legible(outcome.media.path)]
    if verdict.llr is not None:
        parts.append(f"LLR {signed(verdict.llr)}")
    if verdict.error_rate is not None:
        parts.append(f"{say('column_error', language)} {often(verdict.error_rate, language)}")
    return "  ".join([*parts, legible(reason(outcome, language), 400)]) + "\n"


def table(outcomes: Iterable[Outcome], language: Language = "en", width: int = 80) -> Table:
    """A table for ``rich``, in one column below 64 columns of ``width``. The verdict has a sign and a word besides its
    colour."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if width < _STACKED:
        return _stacked(outcomes, language)
    shown = Table(box=SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    shown.add_column(say("file", language), ratio=1, overflow="fold")
    shown.add_column(say("column_verdict", language), no_wrap=True)
    shown.add_column(say("column_llr", language), justify="right", no_wrap=True)
    shown.add_column(say("column_error", language), no_wrap=True)
    shown.add_column(say("column_why", language), ratio=1, overflow="fold")
    for number, outcome in enumerate(outcomes):
        if number:
            shown.add_row()
        shown.add_row(*_row(outcome, language))
    return shown


def _stacked(outcomes: Iterable[Outcome], language: Language) -> Table:
    """Each file as a few lines below each other."""
    from rich.table import Table
    from rich.text import Text as Line

    shown = Table.grid(expand=True)
    shown.add_column(overflow="fold")
    for number, outcome in enumerate(outcomes):
        if number:
            shown.add_row()
        name, verdict, llr, error, why_ = _row(outcome, language)
        figures = [f"{say('column_llr', language)} {llr}"] if llr.plain != "–" else []
        if error.plain != "–":
            figures.append(f"{say('column_error', language)} {error}")
        shown.add_row(verdict)
        shown.add_row(name)
        if figures:
            shown.add_row(Line(" · ".join(figures), "dim"))
        shown.add_row(why_)
    return shown


def _row(outcome: Outcome, language: Language) -> list[Line]:
    from rich.text import Text as Line

    name = Line(_broken(path_of(outcome)))
    if isinstance(outcome, Unreadable):
        return [
            name,
            _sign("unreadable", language),
            Line("–"),
            Line("–"),
            Line(legible(error_text(outcome.error, language), 400)),
        ]
    verdict = outcome.verdict
    name.append(f"\n{_kind(outcome, language)}", "dim")
    return [
        name,
        _sign(verdict.decision, language, verdict),
        Line("–" if verdict.llr is None else signed(verdict.llr)),
        Line("–" if verdict.error_rate is None else often(verdict.error_rate, language)),
        Line(legible(reason(outcome, language), 400)),
    ]


def reason(report: Report, language: Language) -> str:
    """One reason for a row: what the file declares where nothing was decided, else what counts most."""
    is_open = report.verdict.decision == "inconclusive"
    return (is_open and declares(report, language)) or why(report, language)


def _broken(path: str) -> str:
    """A path that is too long for its column is broken before its last part, so that the name stays in one piece."""
    shown = legible(path, 120)
    folder, slash, name = shown.rpartition("/")
    return f"{folder}{slash}\n{name}" if slash and len(shown) > _NARROW else shown


def _sign(decision: str, language: Language, verdict: Verdict | None = None) -> Line:
    from rich.text import Text as Line

    line = Line(f"{SYMBOLS[decision]} {say(decision, language)}", _COLOURS[decision])
    for name in verdict.at_fault if verdict is not None and verdict.streams else ():
        line.append(f"\n  {say(f'stream_{name}', language)}", "")
    return line


def _kind(report: Report, language: Language) -> str:
    count = len(numbers_of_people(report))
    if report.media.kind == "audio":
        return say("audio", language)
    people = "nobody" if not count else "count_person" if count == 1 else "count_people"
    return say("kind_people", language, kind=kind_of(report, language), people=say(people, language, count=count))
