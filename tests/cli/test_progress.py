"""Bars: nothing where nobody watches, and on a terminal what is done, of how much, and what is said of it."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from zhenwei.cli.progress import BatchProgress, ScanProgress, progress_bar, stages


def _terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)


def _shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_where_nobody_watches_nothing_is_written() -> None:
    console = Console(file=io.StringIO(), force_terminal=False)
    with progress_bar("steps", 3, console) as advance:
        advance()
    with stages(console) as tell:
        tell("reading", 0.5)
    with ScanProgress(console, 2, shown=False) as progress:
        progress.begin("a.jpg")("finding faces", 0.5)
        progress.end()
    assert _shown(console) == ""


def test_a_bar_counts_by_one_or_to_a_number_and_says_what_it_is_told() -> None:
    console = _terminal()
    with progress_bar("steps", 12, console, transient=False) as advance:
        advance()
        advance(note="a [bold]note[/bold]")
        advance(7, "loss 0.5")
    assert "steps" in _shown(console)
    assert " 7/12" in _shown(console)
    assert "loss 0.5" in _shown(console)


@pytest.mark.parametrize(("total", "told"), [(1.0, "50%"), (8, "4/8")])
def test_shares_are_per_cent_and_counts_are_counted(total: float, told: str) -> None:
    console = _terminal()
    with progress_bar("preparing", total, console, transient=False) as advance:
        advance(total / 2)
    assert told in _shown(console)


def test_a_total_that_is_not_known_yet_may_be_told_later() -> None:
    console = _terminal()
    with progress_bar("asking", None, console, transient=False) as advance:
        advance(0)
        advance(2, total=5)
    assert "2/5" in _shown(console)


def test_every_stage_has_a_bar_that_stays() -> None:
    console = _terminal()
    with stages(console) as tell:
        tell("reading", 0.5)
        tell("reading", 1.0)
        tell("training", 30, 40)
    last = _shown(console).rsplit("reading", 1)[1]
    assert "100%" in last
    assert "training" in last
    assert "30/40" in last


def test_a_scan_shows_the_file_and_its_stage() -> None:
    console = _terminal()
    with ScanProgress(console, 2, shown=True) as progress:
        progress.begin("folder/a.jpg")("finding faces", 0.5)
        progress.end()
    assert "a.jpg · finding faces" in _shown(console)


def test_many_files_have_one_line_with_rate_and_counts() -> None:
    console = _terminal()
    with BatchProgress(console, 5, shown=True) as progress:
        progress.step({"genuine": 1}, known=True)  # from the store: no work, and in no rate
        progress.step({"genuine": 1, "forged": 1}, known=False)
        progress.step({"genuine": 2, "forged": 1}, known=False)
    shown = _shown(console)
    assert "2/4" in shown
    assert "▲ 1 ● 2 ◆ 0 × 0" in shown
    assert re.search(r"2/4 +\d+\.\d/s ", shown)
