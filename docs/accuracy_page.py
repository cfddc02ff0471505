"""``scripts/docs accuracy``: the results of an evaluation as the page ``docs/accuracy.md``, written and never edited.

It is made of ``docs/accuracy.json`` (the ``results.json`` of `zhenwei evaluate --protocol accuracy`) and of what
trainings measured themselves; other files can be named, see ``--help``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # docs/ and benchmarks/ are no part of the package

from benchmarks.lab_leave_one_out import results as lab_leave_out
from benchmarks.lab_leave_one_out.results import LabLeaveOut

from docs import papers
from zhenwei.evaluation import by_source, held_out, leave_out
from zhenwei.evaluation.evaluate import FUSED, weights_of
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.evaluation.leave_out import LeaveOneOut
from zhenwei.evaluation.results import Ablation, Figures, FileResult, Localised, Results, SourceFigures, load
from zhenwei.files import read_document, write_whole
from zhenwei.fusion.wording import signed
from zhenwei.stats import Estimate
from zhenwei.stats.estimate import cell as number

LEFT_OUT = "zhenwei.left-out/1"
_HEAD = """# Accuracy

Written by `scripts/docs accuracy`; do not edit. One row is one set of test files, none of which was trained or
calibrated on; what was looked at while working is told under [training](training.md) and [experiments](experiments.md).
{text}

- **In-domain**: other people (or other pictures) of a data set that was trained on. **Out-of-domain**: a source
  that was not; other stock portraits did serve to calibrate, and weak witnesses (noise, consistency, fingerprints)
  learned from them, too. What you meet in the wild is out of domain.
- Figures are at file level with 95 % intervals in brackets: those of scores by bootstrap over people where known, over
  source videos and files elsewhere; rates after Wilson.
- **Pair accuracy** is the share of forgeries that score above the very recording or photograph that they were made
  from (ties half); a dash where no original is among the files.
- **Coverage** is the share of files that got an LLR. The others are missing from every figure of scores, and stay in
  the denominators of the rates; they are never counted as 0.5.
- **Metadata AUC** is what a classifier reaches that sees size, shape, bytes per pixel, quantisation, length and frame
  rate, and no pixel. 0.5 is chance; the AUC beside it is worth the less the further this is above. **Shuffled**
  is the same scores against shuffled labels: it must hold 0.5.
- **False alarms**: genuine files called forged; the worst error. **Missed**: forged files called genuine. What is
  neither is inconclusive.
- **TPR at 5 %**: forged files found at a threshold that 5 % of the genuine files of the same set exceed.
- ECE, log loss and C_llr take the LLR as it stands (even prior odds). Chance alone makes an ECE; its interval is
  moved back by that, and reaches down to what would be left. C_llr: 0 is perfect, 1 as good as silence; its
  minimum is what the order of the scores would allow with a perfect calibration. AURC: the share of wrong answers,
  averaged over all coverages while the least sure are left out first.
"""


_LEFT_OUT = """What these detectors learned from is all the speech there is here, so their figures come from
training: each row is asked of weights that learned from nothing of the source in question, nor of its systems and
speakers (or, for lips, of the clip).

"""


_SOURCES = """What counts before all else, and what weights and thresholds are chosen by: every source left out in turn,
the mean and the worst over sources. Decisions are those of weights of evidence and thresholds set on all the others.
Methods of forgery are told of under [sources left out](left_out.md).

"""


def to_markdown(
    results: Results,
    left_out: LeaveOneOut | None = None,
    of_training: Sequence[HeldOutTable] = (),
    of_lab: Sequence[LabLeaveOut] = (),
    of_sources: Mapping[str, Any] | None = None,
) -> str:
    """Tables of every figure with n and interval, and what produced them. ``left_out``, ``of_training``, ``of_lab``,
    ``of_sources``: measured by trainings, as forgeries, sources or clips must be kept from the training for them."""
    head = _HEAD.format(text=f"{results.protocol_text} Subject: {results.subject}.")
    parts = [head, _since(results), _left_out(of_sources) if of_sources else ""]
    for domain, title in (("in", "In-domain"), ("out", "Out-of-domain")):
        chosen = [f for f in results.figures if f.domain == domain and f.level == "video" and not f.slice]
        if chosen:
            parts.append(f"\n## {title}\n\n{_decisions(chosen)}")
            scored = [f for f in chosen if f.auc is not None]
            parts += [f"\n{_ranking(scored)}", f"\n{_calibration(scored)}"] if scored else []
    if results.asked:
        parts.append("\n## Every detector by itself\n\n" + _apart(results.asked))
        parts.append("\n## Without each family\n\n" + _without(results.asked))
        parts.append("\n## Beside the papers\n\n" + _papers(results.asked))
    if results.localised:
        parts.append("\n## Where it was altered\n\n" + _localised(results.localised))
    files = [f for f in results.files if f.level == "video" and not f.delivery]
    parts.append("\n## Forged files by method\n\n" + _by_method(files))
    parts.append("\n## By source\n\n" + _by_source(files))
    if results.ladder:
        parts.append("\n## Robustness\n\n" + _ladder(results))
    made = [table for table in of_training if table.detector == held_out.LAB]
    heard = [table for table in of_training if table.detector != held_out.LAB]
    if heard:
        tables = "\n".join(held_out.to_markdown(table) for table in heard)
        parts.append("\n## Speech, and lips beside speech\n\n" + _LEFT_OUT + tables)
    if made:
        tables = "\n".join(held_out.to_markdown(table).split("\n", 2)[2] for table in made)
        parts.append("\n## The lab's own forgeries\n\n" + tables)
    if of_lab:
        tables = "\n".join(lab_leave_out.to_markdown(one) for one in of_lab)
        parts.append("\n## The lab's own forgeries, each left out of training\n\n" + tables)
    if left_out is not None:
        parts.append("\n## Leave one forgery out\n\n" + leave_out.to_markdown(left_out))
    if any(f.set == "clips" for f in files):
        parts.append("\n## Every clip\n\n" + _videos(files))
    if results.findings:
        lines = [f"- {'ok' if f.ok else '**not ok**'}, {f.check}: {f.text}" for f in results.findings]
        parts.append("\n## Checks of the data\n\n" + "\n".join(lines) + "\n")
    parts.append("\n## What produced this\n\n" + _produced(results))
    return "".join(parts)


def _since(results: Results) -> str:
    """What has changed of the models that are asked since these tables were measured; "" for nothing."""
    now = weights_of(FUSED)
    joined = sorted(set(now) - set(results.weights))
    changed = sorted(name for name, digest in results.weights.items() if now.get(name, digest) != digest)
    which = []
    for word, names in (("joined", joined), ("new", changed)):
        if names:
            which.append(f"{word}: `{'`, `'.join(names)}`")
    if not which:
        return ""
    return (
        f"**Measured before the package had all of its present models** ({'; '.join(which)}). The tables of sources "
        "left out are of the present ones, all others are of the verdict before.\n\n"
    )


def _left_out(record: Mapping[str, Any]) -> str:
    """Of ``left_out.json``: mean and worst of each kind of media, then its sources."""
    rows = [SourceFigures.model_validate(row) for row in record["by_source"]]
    parts = ["\n## Sources left out\n\n", _SOURCES, by_source.MEANING, "\n"]
    for kind, figures in record["kinds"].items():
        auc, probe = (Estimate(**one) if one else None for one in (figures["auc"], figures["metadata_probe"]))
        tables = "\n".join(by_source.to_markdown([row for row in rows if row.kind == kind], tables=["source"]))
        together = f"All together: AUC {number(auc)}; metadata alone {number(probe)}."
        parts.append(f"\n### {by_source.KINDS[kind].capitalize()}\n\n{tables}\n\n{together}\n")
    return "".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _decisions(rows: Sequence[Figures]) -> str:
    head = ("set", "genuine + forged", "false alarms", "genuine called genuine", "forged found", "missed", "coverage")
    lines = []
    for f in rows:
        rates = (f.false_alarms, f.called_genuine, f.found, f.missed, f.coverage)
        lines.append([f.name, f"{f.genuine} + {f.forged}", *(number(rate, ".1%") for rate in rates)])
    return _table(head, lines)


def _ranking(rows: Sequence[Figures]) -> str:
    head = ("set", "AUC", "pair accuracy", "metadata AUC", "shuffled", "EER", "TPR at 5 %", "average precision")
    lines = []
    for f in rows:
        figures = (f.auc, f.pair_accuracy, f.metadata_auc, f.random_label_auc, f.eer, f.tpr_at_5, f.average_precision)
        lines.append([f.name, *map(number, figures)])
    return _table(head, lines)


def _calibration(rows: Sequence[Figures]) -> str:
    head = ("set", "ECE", "log loss", "Brier", "C_llr", "least C_llr", "AURC")
    lines = [[f.name, *map(number, (f.ece, f.log_loss, f.brier, f.c_llr, f.min_c_llr, f.aurc))] for f in rows]
    return _table(head, lines)


_WHERE = """The maps of `attention.manipulation_map` against what is known: where a published swap differs from its
original, where a test face was blended with itself, all of a generated face, nothing of a genuine one. A cell counts as
marked from a share of 0.5 on. IINC: 0 is perfect (Dang et al. 2020); PBCA: the share of the face on the right side;
IoU: 1 is perfect. **Marked**: the share of the face that the map accuses; of genuine faces, its false localisation.

"""


def _localised(rows: Sequence[Localised]) -> str:
    head = ("set", "truth", "faces", "IINC", "PBCA", "IoU", "marked")
    lines = (
        [r.set, r.truth, str(r.faces), number(r.iinc), number(r.pbca), number(r.iou), number(r.marked, ".1%")]
        for r in rows
    )
    return _WHERE + _table(head, lines)


_APART = """From the same pass. AUC and C_llr are over the files that the detector answered; **fused has more** is what
the verdict of all together adds on the very same files: AUC gained and C_llr saved, in pairs. Where its interval
holds 0, no difference can be shown.

"""


def _apart(rows: Sequence[Ablation]) -> str:
    head = (
        "set",
        "detector",
        "AUC",
        "pair accuracy",
        "C_llr",
        "answered",
        "fused has more AUC",
        "fused saves C_llr",
        "s a file",
    )
    lines = (
        [
            r.set,
            f"`{r.subject}`",
            number(r.auc),
            number(r.pair_accuracy),
            number(r.c_llr),
            number(r.coverage, ".1%"),
            number(r.auc_lost, "+.3f"),
            number(r.c_llr_lost, "+.3f"),
            "—" if r.seconds is None else f"{r.seconds:.2f}",
        ]
        for r in rows
        if not r.without and r.coverage.value > 0  # who was never asked, or never answered, has no line
    )
    return _APART + _table(head, lines)


def _without(rows: Sequence[Ablation]) -> str:
    head = ("set", "left out", "AUC without it", "C_llr without it", "AUC lost by leaving it out", "C_llr lost")
    lines = (
        [r.set, r.subject, number(r.auc), number(r.c_llr), number(r.auc_lost, "+.3f"), number(r.c_llr_lost, "+.3f")]
        for r in rows
        if r.without and r.auc is not None
    )
    return "The fused verdict with every family but one; the same files, in pairs.\n\n" + _table(head, lines)


def _papers(rows: Sequence[Ablation]) -> str:
    head = ("paper", "reports", "here", "measured here", "why they differ")
    return _table(head, papers.lines(rows))


def cell(text: str) -> str:
    """In one line, and without what would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _by_method(files: Sequence[FileResult]) -> str:
    groups: dict[tuple[str, str], list[FileResult]] = {}
    for f in files:
        if f.forged:
            groups.setdefault((f.set, f.method), []).append(f)
    rows = [[cell(name), cell(method), *_counts(mine)] for (name, method), mine in groups.items()]
    return _table(("set", "method", *_COUNTS), rows)


def _by_source(files: Sequence[FileResult]) -> str:
    groups: dict[tuple[str, str, bool], list[FileResult]] = {}
    for f in files:
        groups.setdefault((f.set, f.origin, f.forged), []).append(f)
    rows = []
    for (name, origin, forged), mine in groups.items():
        rows.append([cell(name), cell(origin) or "—", "forged" if forged else "genuine", *_counts(mine)])
    return _table(("set", "source", "truth", *_COUNTS), rows)


_COUNTS = ("n", "called forged", "called genuine", "inconclusive", "not read", "median LLR")


def _counts(mine: Sequence[FileResult]) -> list[str]:
    counts = [sum(f.decision == d for f in mine) for d in ("forged", "genuine", "inconclusive", "unreadable")]
    llr = [f.llr for f in mine if f.llr is not None]
    return [str(len(mine)), *map(str, counts), signed(median(llr), 2) if llr else "—"]


def _ladder(results: Results) -> str:
    said = "The same files after one more step each. **AUC lost** is paired: as they are, minus after the step.\n\n"
    head = ("set", "step", "genuine + forged", "AUC", "AUC lost", "false alarms", "changed sides", "coverage")
    rows = []
    for s in results.ladder:
        figures = [
            number(s.auc),
            number(s.auc_lost),
            number(s.false_alarms, ".1%"),
            number(s.flipped, ".1%"),
            f"{s.coverage:.1%}",
        ]
        rows.append([s.set, s.step, f"{s.genuine} + {s.forged}", *figures])
    return said + _table(head, rows)


def _videos(files: Sequence[FileResult]) -> str:
    rows = []
    for f in files:
        if f.set == "clips":
            truth = f.method if f.forged else f"genuine ({f.origin})"
            said = f.decision if f.llr is not None else f"{f.decision}: {cell(f.reason)}"
            rows.append(
                [cell(f.file.rsplit("/", 1)[-1]), cell(truth), said, "—" if f.llr is None else signed(f.llr, 2)]
            )
    return _table(("clip", "truth", "verdict", "LLR"), rows)


def _produced(results: Results) -> str:
    facts = {"protocol": results.protocol, "seed": str(results.seed), "frames a clip": str(results.frames)}
    facts |= {f"set {name}": text for name, text in results.data.items()}
    facts |= dict(results.versions)
    facts |= {f"model {name}": f"sha256 {digest}" for name, digest in results.weights.items()}
    return "\n".join(f"- {k}: `{v}`" for k, v in facts.items()) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", default=here / "accuracy.json", help="of `zhenwei evaluate`")
    parser.add_argument("--output", type=Path, default=here / "accuracy.md")
    parser.add_argument("--leave-out", type=Path, default=here / "leave_one_out.json", help="of `zhenwei train`")
    parser.add_argument("--held-out", type=Path, default=here / "held_out", help="folder of held_out.json files")
    parser.add_argument("--left-out", type=Path, default=here / "left_out.json", help="of `zhenwei train fused`")
    parser.add_argument("--lab-leave-out", type=Path, nargs="*", help="of the benchmark")
    given = parser.parse_args(arguments)
    text = to_markdown(
        load(given.results),
        leave_out.load(given.leave_out),
        held_out.load_all(given.held_out),
        [lab_leave_out.load(path) for path in given.lab_leave_out or sorted(here.glob("lab_leave_one_out*.json"))],
        read_document(given.left_out, LEFT_OUT, fix="`zhenwei train fused --thresholds` writes it."),
    )
    write_whole(given.output, text)
    sys.stderr.write(f"→ {given.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
