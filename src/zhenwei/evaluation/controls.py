"""Controls after an evaluation: what metadata alone would have reached, and shuffled labels. Read off the figures."""

from __future__ import annotations

from collections.abc import Sequence

from zhenwei.evaluation.results import Figures, Finding
from zhenwei.stats import Estimate

_CHANCE = 0.5


def controls(figures: Sequence[Figures]) -> tuple[Finding, ...]:
    """One finding a check and set, of whole sets at the level of files that have both classes in sufficient number."""
    found: list[Finding] = []
    for f in figures:
        if f.level != "video" or f.slice:
            continue
        if f.metadata_auc is not None and f.auc is not None:
            found.append(_shortcut(f.name, f.auc, f.metadata_auc))
        if f.random_label_auc is not None:
            found.append(_shuffled(f.name, f.random_label_auc))
    return tuple(found)


def _shortcut(name: str, auc: Estimate, probe: Estimate) -> Finding:
    """Not ok where metadata tell the classes apart at all: a detector that heeds them would seem better than it is."""
    said = f"{name}: without a pixel, by size, format and compression alone, AUC {probe:.3f}; the answers {auc:.3f}"
    if probe.low <= _CHANCE:
        return Finding(check="shortcut probe", ok=True, text=f"{said}. Metadata are no better than chance")
    text = f"{said}. Part of the latter may be owed to how files were saved"
    if auc.low <= probe.high:
        text = f"{said}. All of the latter may be owed to how files were saved"
    return Finding(check="shortcut probe", ok=False, text=text)


def _shuffled(name: str, area: Estimate) -> Finding:
    ok = area.low <= _CHANCE <= area.high
    text = f"{name}: AUC {area:.3f} against shuffled labels"
    return Finding(
        check="random labels", ok=ok, text=text if ok else f"{text}, which one set in twenty shows by chance"
    )
