"""One row a file, for spreadsheets and for the terminal."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from zhenwei.errors import MediaError
from zhenwei.report import Outcome, Unreadable, line, table, to_csv
from zhenwei.types import Language, Report

BROKEN = Unreadable("notes.mp4", MediaError("the file is no video", got="text", fix="Name another file."))


def rows(outcomes: list[Outcome]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(outcomes), newline="")))


def shown(outcomes: list[Outcome], width: int, language: Language = "en") -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None, legacy_windows=False)
    console.print(table(outcomes, language))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_no_two_names_are_one_in_csv(forged_photo: Report) -> None:
    names = ["a b.jpg", "a\nb.jpg", "a  b.jpg", "a\tb.jpg", " a b.jpg", "a b.jpg ", "a\u3000b.jpg"]
    moved = [replace(forged_photo, media=replace(forged_photo.media, path=name)) for name in names]
    told = [row["file"] for row in rows([*moved, Unreadable("a\rb.jpg", BROKEN.error)])]
    assert told[:2] == ["a b.jpg", "a<U+000A>b.jpg"]
    assert len(set(told)) == len(names) + 1


def test_csv_has_a_row_for_every_file(every_report: tuple[Report, ...]) -> None:
    found = rows([*every_report, BROKEN])
    assert [row["decision"] for row in found] == ["forged", "genuine", "inconclusive", ""]
    assert [row["people"] for row in found] == ["1", "2", "0", ""]
    assert float(found[1]["llr"]) == -2.9
    assert found[2]["llr"] == ""
    assert found[3]["error"].startswith("the file is no video; got text.")


@pytest.mark.parametrize("path", ["=cmd|' /C calc'!A0.jpg", "+1+2.jpg", "@SUM(A1).jpg", "-2+3.jpg"])
def test_csv_holds_no_formula(forged_photo: Report, path: str) -> None:
    (row,) = rows([replace(forged_photo, media=replace(forged_photo.media, path=path))])
    assert row["file"] == "'" + path


def test_csv_keeps_commas_quotes_and_lines_in_one_cell(forged_photo: Report) -> None:
    (row,) = rows([replace(forged_photo, media=replace(forged_photo.media, path='a,"b"\nc.jpg'))])
    assert row["file"] == 'a,"b"<U+000A>c.jpg'


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_fits_and_says_everything(every_report: tuple[Report, ...], width: int, language: Language) -> None:
    from rich.cells import cell_len

    text = shown([*every_report, BROKEN], width, language)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    joined = "".join(text.split())
    words = ["▲ Forged", "● Genuine", "◆ Inconclusive", "× Unreadable", "1 in 120", "+4.7", "-2.9"]
    if language == "zh":
        words = ["▲ 伪造", "● 真实", "◆ 无法判定", "× 无法读取", "1/120"]
    for word in words:
        assert word in text
    assert "interview.mp4" in joined


def test_the_table_gives_the_reason_of_an_abstention(abstaining: Report) -> None:
    text = " ".join(shown([abstaining], 160).split())
    assert text.count("no face was found in any of the sampled frames") == 1  # said once, though three abstain


@pytest.mark.parametrize(("llr", "said"), [(1.2, "more forged"), (-1.2, "more genuine"), (0.01, "neither way")])
def test_the_table_says_where_an_open_verdict_leans(two_people: Report, llr: float, said: str) -> None:
    verdict = replace(two_people.verdict, decision="inconclusive", llr=llr, error_rate=None)
    assert said in " ".join(shown([replace(two_people, verdict=verdict)], 160).split())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_in_40_columns_each_file_is_a_few_lines(every_report: tuple[Report, ...], language: Language) -> None:
    file = io.StringIO()
    Console(width=40, file=file, highlight=False).print(table([*every_report, BROKEN], language, width=40))
    written = file.getvalue()
    assert max(cell_len(row.rstrip()) for row in written.splitlines()) <= 40
    for sign in ("▲", "●", "◆", "×"):
        assert any(row.startswith(sign) for row in written.splitlines())


def test_a_file_is_one_line_where_nobody_watches(every_report: tuple[Report, ...]) -> None:
    outcomes: list[Outcome] = [*every_report, BROKEN]
    for outcome in outcomes:
        told = line(outcome)
        assert told.count("\n") == 1
        assert told[0] in "▲●◆×"
    assert "LLR +4.7" in line(every_report[0])
    assert "1 in 120" in line(every_report[0])


def test_a_row_has_one_reason(full_photo: Report) -> None:
    text = " ".join(shown([full_photo], 200).split())
    assert "Declares itself" not in text  # the verdict is forged, and its reason is what was measured
    is_open = replace(full_photo.verdict, decision="inconclusive", error_rate=None)
    text = " ".join(shown([replace(full_photo, verdict=is_open)], 200).split())
    assert "Declares itself" in text
    assert "looks more" not in text


def test_a_file_name_can_neither_colour_nor_steer_the_terminal(forged_photo: Report) -> None:
    hostile = "[bold red]x[blink] \x1b[2J\u202egpj.exe"
    text = shown([replace(forged_photo, media=replace(forged_photo.media, path=hostile))], 160)
    assert "[bold red]x[blink]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
