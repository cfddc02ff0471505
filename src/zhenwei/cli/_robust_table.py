"""The table of ``zhenwei robust``: a line a step, a bar that grows to the right for forged, to the left for genuine."""

from __future__ import annotations

from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from zhenwei.evaluation.chart_terms import FAMILIES
from zhenwei.evaluation.robust import Robustness, StepAnswer, conclusion
from zhenwei.fusion.wording import signed
from zhenwei.report import legible
from zhenwei.types import Language

_HALF = 12  # characters on each side of the bar's middle
_SIGNS = {"forged": "▲", "genuine": "●", "inconclusive": "◆", "failed": "×"}
_COLOURS = {"forged": "bold red", "genuine": "bold green", "inconclusive": "bold blue", "failed": "bold magenta"}
_WORDS = {
    "en": {"forged": "Forged", "genuine": "Genuine", "inconclusive": "Inconclusive", "failed": "Failed"},
    "zh": {"forged": "伪造", "genuine": "真实", "inconclusive": "无法判定", "failed": "失败"},
}
_HEADS = {
    "en": ("Step", "Verdict", "LLR", "genuine ◂ evidence ▸ forged", "as it is", "first", "{0:g} s of it", "LLR"),
    "zh": ("步骤", "结论", "LLR", "真实 ◂ 证据 ▸ 伪造", "原文件", "取前", "{0:g} 秒", "LLR"),
}
_CHANGES = {"en": ("turns at", "lost at", "holds"), "zh": ("结论改变于", "无法判定于", "保持")}


def view(found: Robustness, language: Language) -> Group:
    """The file's name, its steps by family, and the one sentence that follows from them."""
    heads = _HEADS[language]
    name = Text(legible(found.path, 200), "bold")
    if found.excerpt_s is not None:
        name.append(f"  ({heads[5]} {heads[6].format(found.excerpt_s)})", "dim")
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    table.add_column(heads[0])
    table.add_column(heads[1], no_wrap=True)
    table.add_column(heads[2], justify="right", no_wrap=True)
    table.add_column(heads[3], no_wrap=True)
    every = (found.plain, *found.answers, *found.attacks)
    widest = max([abs(a.llr) for a in every if a.llr is not None], default=1.0) or 1.0
    table.add_row(*_row(found.plain, heads[4], widest, language))
    for family, answers in groupby((*found.answers, *found.attacks), lambda a: a.family):
        table.add_section()
        named = f"{FAMILIES[family]} {family}" if language == "zh" and family in FAMILIES else family
        table.add_row(Text(named, "dim"), "", "", _change(found, family, language))
        for answer in answers:
            table.add_row(*_row(answer, f"  {answer.name}", widest, language))
    style = "bold" if found.stable else "bold yellow"
    return Group(name, table, Text(conclusion(found).in_language(language), style))


def _row(answer: StepAnswer, name: str, widest: float, language: Language) -> tuple[Text, Text, Text, Text]:
    style = _COLOURS[answer.decision]
    verdict = Text(f"{_SIGNS[answer.decision]} {_WORDS[language][answer.decision]}", style)
    if answer.decision == "failed":
        return Text(name), verdict, Text("–"), Text(legible(answer.reason, 60), "dim")
    llr = Text("–" if answer.llr is None else signed(answer.llr))
    return Text(name), verdict, llr, _bar(answer.llr, widest, style)


def _bar(llr: float | None, widest: float, style: str) -> Text:
    if llr is None:
        return Text(" " * _HALF + "·", "dim")
    length = round(_HALF * abs(llr) / widest)
    left, right = ("", "█" * length) if llr >= 0 else ("█" * length, "")
    bar = Text(left.rjust(_HALF), style)
    bar.append("│", "dim")
    return bar.append(right.ljust(_HALF), style)


def _change(found: Robustness, name: str, language: Language) -> Text:
    family = next((f for f in found.families if f.family == name), None)
    if family is None:  # an attack
        return Text("")
    turns, lost, holds = _CHANGES[language]
    span = "" if family.low is None or family.high is None else f"  {signed(family.low)} … {signed(family.high)}"
    if family.flipped:
        return Text(f"{turns} {family.flipped}{span}", "bold yellow")
    return Text(f"{lost} {family.lost}{span}" if family.lost else f"{holds}{span}", "dim")
