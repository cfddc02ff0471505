"""From scores of another model to the same results file that an evaluation of ours writes."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata

from zhenwei import media
from zhenwei.errors import MediaError
from zhenwei.evaluation.by_source import by_source, over_sources, sources_known
from zhenwei.evaluation.controls import controls
from zhenwei.evaluation.examine import facts_of
from zhenwei.evaluation.figures import figures_of, files_of
from zhenwei.evaluation.foreign_scores import Calibrated, Scored, calibrated
from zhenwei.evaluation.items import Outcome, class_sizes
from zhenwei.evaluation.readers.table_reading import is_file
from zhenwei.evaluation.results import Figures, FileResult, Finding, Results
from zhenwei.stats import Estimate
from zhenwei.types import Text

_RANKING = (
    "auc", "auc_delong", "eer", "average_precision", "tpr_at_1", "tpr_at_5", "pair_accuracy", "aurc",
    "random_label_auc",
)  # fmt: skip
_TEXT = Text(
    "The scores of another model, higher for forged. {} What ranks (AUC, EER, pair accuracy) is of the scores as they "
    "are; LLRs and decisions are of a calibration that saw nothing of the file's {}, and decisions are taken at 5 % "
    "errors in the worst of what it saw.",
    zh="另一模型的分数，越高越支持伪造。{}只涉及排序的指标（AUC、EER、成对准确率）直接用原分数计算；LLR 和结论出自"
    "校准，校准时未见过该文件的{}；结论的阈值使校准所见中最差者的错误率为 5%。",
)
_CALIBRATED: dict[bool, Text] = {
    False: Text("They were calibrated by logistic regression.", zh="分数经逻辑回归校准。"),
    True: Text(
        "They are log-likelihood ratios by their own account, and were taken as such.",
        zh="分数自称为对数似然比，按此使用。",
    ),
}
_LEFT_OUT = {"source": Text("source", zh="来源"), "group": Text("people", zh="人物")}


def evaluate_scores(
    name: str,
    rows: Sequence[Scored],
    *,
    seed: int = 0,
    as_llr: bool = False,
    findings: Sequence[Finding] = (),
    tell: Callable[[str, int, int], None] | None = None,
) -> Results:
    """Everything that ``zhenwei evaluate`` says of a detector of ours, of scores that came from elsewhere.

    ``name``: of the model. Files that are there are opened for the metadata probe, and only for that. Raises
    :class:`DataError` for too few people of a class to calibrate on.
    """
    found = calibrated(rows, seed=seed, as_llr=as_llr)
    outcomes = _outcomes(rows, found, tell)
    ranked = [replace(o, llr=o.score) for o in outcomes]
    files = _files(outcomes, rows)
    by_score = [f.model_copy(update={"llr": f.score}) for f in files]
    apart = by_source(by_score, seed=seed) if sources_known(row.item for row in rows) else ()
    calibration, left_out = _CALIBRATED[as_llr], _LEFT_OUT[found.left_out]
    figures, sizes = list[Figures](), dict[str, str]()
    for set_name in dict.fromkeys(o.item.set_name for o in outcomes):
        places = [place for place, o in enumerate(outcomes) if o.item.set_name == set_name]
        mine = [outcomes[place] for place in places]
        figures.append(_figures(set_name, mine, [ranked[place] for place in places], seed))
        n_genuine, n_forged = class_sizes(mine)
        sizes[set_name] = f"{n_genuine} genuine and {n_forged} forged files"
    return Results(
        subject=name,
        protocol=f"scores, {found.left_out} left out",
        protocol_text=Text(_TEXT.format(calibration, left_out), zh=_TEXT.zh.format(calibration.zh, left_out.zh)),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        frames=0,
        data=sizes,
        weights={},
        versions={"python": platform.python_version(), "zhenwei": metadata.version("zhenwei")},
        ranked_by="score",
        over_sources=over_sources(apart),
        by_source=apart,
        figures=tuple(figures),
        findings=(*findings, *_directions(figures), *controls(figures)),
        files=tuple(files),
    )


def _outcomes(rows: Sequence[Scored], found: Calibrated, tell: Callable[[str, int, int], None] | None) -> list[Outcome]:
    outcomes = []
    for number, (row, llr, decision) in enumerate(zip(rows, found.llrs, found.decisions, strict=True)):
        reason = "" if llr is not None else Text("the table has no score", zh="表中没有分数")
        facts = _facts(row)
        outcomes.append(Outcome(row.item, llr, decision, reason, row.score, facts))
        if tell:
            tell("reading metadata", number + 1, len(rows))
    return outcomes


def _facts(row: Scored) -> dict[str, float]:
    """Of the file where it is there; else what the table tells."""
    if not row.item.member and is_file(row.item.path):
        try:
            return facts_of(media.open_media(row.item.path))
        except MediaError:
            return dict(row.facts)
    return dict(row.facts)


def _files(outcomes: Sequence[Outcome], rows: Sequence[Scored]) -> list[FileResult]:
    files = []
    for f, o, row in zip(files_of(outcomes), outcomes, rows, strict=True):
        kind = o.kind if "width" in o.facts else row.kind
        files.append(f.model_copy(update={"kind": kind, "by_detector": {}}))
    return files


def _figures(name: str, outcomes: Sequence[Outcome], ranked: Sequence[Outcome], seed: int) -> Figures:
    """Of LLRs and decisions, but of the scores themselves where a figure only ranks."""
    figures = figures_of(name, outcomes, domain="out", seed=seed)
    by_score = figures_of(name, ranked, domain="out", seed=seed)
    return figures.model_copy(update={figure: getattr(by_score, figure) for figure in _RANKING})


def _directions(figures: Sequence[Figures]) -> list[Finding]:
    """Scores that rank the wrong way round are most often those of the other class."""
    found = []
    for f in figures:
        area: Estimate | None = f.auc
        if area is not None and area.high < 0.5:
            text = f"{f.name}: AUC {area:.3f}. Do higher scores mean genuine? Then say so (--higher genuine)"
            found.append(Finding(check="direction of the scores", ok=False, text=text))
    return found
