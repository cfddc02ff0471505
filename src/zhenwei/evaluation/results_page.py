"""Results -> one HTML page that needs nothing else: no script, no network, no second file.

A reader meets mean and worst over sources, then what can be trusted, the figures before the charts, and under every
chart what it is and how to read it. Whatever the results lack is said, and left out. Templates:
``pages/templates/evaluation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zhenwei import pages, words
from zhenwei.evaluation.by_source import FIGURES, KINDS, RULE
from zhenwei.evaluation.charts import Drawing
from zhenwei.evaluation.controls import controls
from zhenwei.evaluation.drawings import of_ladder, of_set
from zhenwei.evaluation.page_terms import count, known, say
from zhenwei.evaluation.results import Figures, FileResult, Results
from zhenwei.fusion.wording import signed
from zhenwei.types import Language, in_language

MAX_FILES = 1000
MAX_DRAWN_SETS = 24
_LEVELS = ("video", "track", "frame")  # the first that a set has is its headline


@dataclass(frozen=True, slots=True)
class _Set:
    """A set at its headline level: its figures, and its files as they are (no step of the ladder, no part)."""

    figures: Figures
    files: tuple[FileResult, ...]
    number: int

    @property
    def anchor(self) -> str:
        return f"set-{self.number}"

    @property
    def is_drawn(self) -> bool:
        return self.number <= MAX_DRAWN_SETS

    @property
    def drawings(self) -> list[Drawing | str]:
        return list(of_set(self.anchor, self.files))


def to_html(results: Results, language: Language = "en") -> str:
    """The page, UTF-8 text to be written as it is; the same results give the same bytes.

    Raises :class:`MissingExtraError` where matplotlib, of the extra ``report``, is not installed.
    """
    with words.speaking(language):
        return _page(results)


def _page(results: Results) -> str:
    sets = _sets(results)
    figures, by_auc = [], []
    for each in sets:
        figures.append(each.figures)
        if each.figures.auc:
            by_auc.append((each.figures.auc.value, each.number, each.figures))
    files = [f for f in results.files if not f.delivery and not f.part]
    return pages.page(
        "evaluation/page.html",
        title=f"{results.subject} · {results.protocol} · zhenwei",
        kind=say("kind"),
        footer=say("footer"),
        results=results,
        sets=sets,
        ranked=[each for *_, each in sorted(by_auc)],  # the weakest set first: it is what a reader will meet
        source_figures=FIGURES,
        kinds=KINDS,
        rule=RULE,
        trust=_trust(results, figures),
        undrawn=max(0, len(sets) - MAX_DRAWN_SETS),
        parts=_parts(results),
        ladder=list(of_ladder(results.ladder)),
        files=sorted(files, key=lambda f: (-wrongness(f), f.set, f.file)),
        max_files=MAX_FILES,
        wrong=sum(map(is_wrong, files)),
        is_wrong=is_wrong,
        signed=signed,
        say=say,
        count=count,
        known=known,
        own_words=_own_words,
        in_language=lambda sentence: in_language(sentence, words.spoken()),
    )


def _own_words(sentence: str) -> str:
    """A sentence that this program wrote into the results, in the language of the page."""
    return words.translated(sentence, words.spoken())


def _sets(results: Results) -> list[_Set]:
    chosen: dict[str, Figures] = {}
    for figures in results.figures:
        if figures.slice:
            continue
        known = chosen.get(figures.name)
        if known is None or _LEVELS.index(figures.level) < _LEVELS.index(known.level):
            chosen[figures.name] = figures
    files: dict[tuple[str, str], list[FileResult]] = {}
    for file in results.files:
        if not file.delivery:
            files.setdefault((file.set, file.level), []).append(file)
    sets = []
    for number, figures in enumerate(chosen.values(), 1):
        sets.append(_Set(figures, tuple(files.get((figures.name, figures.level), ())), number))
    return sets


def _trust(results: Results, figures: Sequence[Figures]) -> dict[str, Any]:
    """What the checks say of all figures; those that found something come first."""
    findings = list(results.findings)
    told = " ".join([found.check for found in findings]).lower()
    for control in controls(figures):
        if control.check not in told:
            findings.append(control)
    findings.sort(key=lambda found: found.ok)
    broken = [found.ok for found in findings].count(False)
    tone = "bad" if broken else "good" if findings else "open"
    lead = say(f"trust_{tone}", broken=broken, checks=count(len(findings), "check"))
    return {"lead": lead, "tone": tone, "findings": findings}


def _parts(results: Results) -> list[tuple[str, str, list[Figures]]]:
    by_kind: dict[str, list[Figures]] = {}
    levels = []
    for figures in results.figures:
        if figures.slice:
            kind = figures.slice.split(":", 1)[0].strip() if ":" in figures.slice else ""
            by_kind.setdefault(kind, []).append(figures)
        elif figures.level != "video":
            levels.append(figures)
    titles = {"method": say("by_method"), "origin": say("by_origin"), "": say("by_other")}
    order = sorted(by_kind, key=lambda kind: (kind != "method", kind != "origin", kind))
    parts = []
    for kind in order:
        title = titles.get(kind, say("by_kind", kind=kind))
        parts.append((title, kind, by_kind[kind]))
    if levels:
        parts.append((say("by_level"), "level", levels))
    return parts


def wrongness(f: FileResult) -> float:
    """How firmly the LLR speaks against the truth, in nats; below 0 it speaks for it; 0 without an answer."""
    if f.llr is None:
        return 0.0
    return -f.llr if f.forged else f.llr


def is_wrong(f: FileResult) -> bool:
    """Whether a verdict was given, and the wrong one."""
    return f.decision in ("forged", "genuine") and f.decision != ("forged" if f.forged else "genuine")
