"""``docs/accuracy.md``: the figures of :mod:`zhenwei.evaluation.accuracy` as a page, written and never edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from zhenwei.evaluation.accuracy import Figures, Outcome
from zhenwei.evaluation.metrics import Estimate

_HEAD = """# Accuracy

Written by `zhenwei evaluate`; do not edit. One row is one set of test files, none of which was trained or calibrated
on; what was looked at while working is told under [training](training.md).
Each file goes through the whole chain, from bytes to verdict, at the default thresholds.

- **In-domain**: other people (or other pictures) of a data set that was trained on. **Out-of-domain**: a source
  that was not; other stock portraits did serve to calibrate. What you meet in the wild is out of domain.
- Figures are at file level with 95 % intervals in brackets: AUC, ECE and C_llr by bootstrap over people where known and
  over files elsewhere; rates after Wilson.
- **Coverage** is the share of files that got an LLR. The others are missing from AUC, ECE and C_llr, and stay in the
  denominators of the rates; they are never counted as 0.5.
- **Metadata AUC** is what a classifier reaches that sees size, shape, bytes per pixel, quantisation, length and frame
  rate, and no pixel. 0.5 is chance; the AUC beside it is worth the less the further this is above.
- **False alarms**: genuine files called forged; the worst error. **Missed**: forged files called genuine. What is
  neither is inconclusive.
- ECE and C_llr take the LLR as it stands (even prior odds for ECE). C_llr: 0 is perfect, 1 as good as silence.
"""


def to_markdown(every: Sequence[Figures], outcomes: Sequence[Outcome], engine: Mapping[str, str]) -> str:
    parts = [_HEAD]
    for domain, title in (("in", "In-domain"), ("out", "Out-of-domain")):
        chosen = [f for f in every if f.domain == domain]
        parts.append(f"\n## {title}\n\n{_table(chosen)}")
    parts.append("\n## Forged files by method\n\n" + _by_method(outcomes))
    parts.append("\n## Every clip\n\n" + _clips(outcomes))
    parts.append("\n## What produced this\n\n" + "\n".join(f"- {k}: `{v}`" for k, v in engine.items()) + "\n")
    return "".join(parts)


def _table(rows: Sequence[Figures]) -> str:
    head = (
        "| set | genuine + forged | AUC | metadata AUC | false alarms | genuine called genuine | forged found | missed "
        "| coverage | ECE | C_llr |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(_row(f) for f in rows)


def _row(f: Figures) -> str:
    cells = [
        f.set_name,
        f"{f.genuine} + {f.forged}",
        _number(f.auc),
        _number(f.metadata_auc),
        _rate(f.false_alarms),
        _rate(f.called_genuine),
        _rate(f.detected),
        _rate(f.missed),
        _rate(f.coverage),
        _number(f.ece),
        _number(f.c_llr, 2),
    ]
    return "| " + " | ".join(cells) + " |\n"


def _number(e: Estimate | None, digits: int = 3) -> str:
    return "—" if e is None else f"{e.value:.{digits}f} [{e.low:.{digits}f}, {e.high:.{digits}f}]"


def _rate(e: Estimate | None) -> str:
    return "—" if e is None else f"{e.value:.1%} [{e.low:.1%}, {e.high:.1%}]"


def _cell(text: str) -> str:
    """In one line, and without what would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _by_method(outcomes: Sequence[Outcome]) -> str:
    methods = sorted({(o.item.set_name, o.item.method) for o in outcomes if o.item.forged})
    lines = [
        "| set | method | n | called forged | called genuine | inconclusive | median LLR |",
        "|---|---|---|---|---|---|---|",
    ]
    for set_name, method in methods:
        mine = [o for o in outcomes if o.item.forged and (o.item.set_name, o.item.method) == (set_name, method)]
        counts = [sum(o.decision == d for o in mine) for d in ("forged", "genuine", "inconclusive")]
        llr = [o.llr for o in mine if o.llr is not None]
        middle = f"{median(llr):+.2f}" if llr else "—"
        lines.append(f"| {set_name} | {method} | {len(mine)} | {counts[0]} | {counts[1]} | {counts[2]} | {middle} |")
    return "\n".join(lines) + "\n"


def _clips(outcomes: Sequence[Outcome]) -> str:
    lines = ["| clip | truth | verdict | LLR |", "|---|---|---|---|"]
    for o in outcomes:
        if o.item.set_name == "clips":
            truth = o.item.method if o.item.forged else f"genuine ({o.item.method})"
            name = o.item.member.rsplit("/", 1)[-1]
            said = o.decision if o.llr is not None else f"{o.decision}: {_cell(o.error)}"
            lines.append(f"| {name} | {truth} | {said} | {'—' if o.llr is None else f'{o.llr:+.2f}'} |")
    return "\n".join(lines) + "\n"
