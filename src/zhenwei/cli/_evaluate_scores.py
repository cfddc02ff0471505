"""``zhenwei evaluate --scores``: the scores of another model, held to the same protocol."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zhenwei.cli._evaluate_leaks import refuse_leaks, without_training
from zhenwei.cli.language import tell
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.evaluation.items import Item
    from zhenwei.evaluation.readers import Reading
    from zhenwei.evaluation.results import Results

Higher = StrEnum("Higher", ["forged", "genuine"])


def evaluate_scores(
    scores: Path,
    reading: Reading | None,
    output: Path,
    *,
    name: str,
    higher: Higher,
    as_llr: bool,
    allow_leaks: bool,
) -> tuple[Results, list[Path]]:
    """The results, and the files that they were written to. Rows of the part that the model learned from are left
    out."""
    from zhenwei.cli._evaluate_folder import ResultsFolder
    from zhenwei.cli.progress import stages
    from zhenwei.evaluation import leaks
    from zhenwei.evaluation.foreign_results import evaluate_scores as run
    from zhenwei.evaluation.foreign_scores import read_scores, unpaired
    from zhenwei.evaluation.results import Finding

    if not scores.is_file():
        fix = "Write a CSV with the columns path, score and label."
        raise UsageError("there is no table of scores", got=str(scores), want="a CSV file", fix=fix)
    items: Sequence[Item] | None = None if reading is None else reading.items
    rows = read_scores(scores, items, higher="forged" if higher is Higher.forged else "genuine")
    if items is not None and len(rows) < len(items):
        tell(f"Note: {len(items) - len(rows)} files of the data have no row in {scores}.", err=True)
    alone = unpaired(rows) if items is None else 0
    if alone:
        tell(f"Note: {alone} forged files name an original that no genuine file is; they make no pair.", err=True)
    findings = list[Finding]()
    listed = [row.item for row in rows] if items is None else items
    tested = tuple(row for row in rows if row.item.split != "train")
    if 0 < len(tested) < len(rows):
        findings.append(without_training(len(rows) - len(tested)))
        rows = tested
    with ResultsFolder(output) as folder, stages() as shown:
        if any(item.split == "train" for item in listed):
            looking = partial(shown, "looking for leaks")
            findings += leaks.check([row.item for row in rows], listed, foreign=True, tell=looking)
            refuse_leaks(findings, allowed=allow_leaks, of_scores=True)
        found = run(name or scores.stem, rows, as_llr=as_llr, findings=findings, tell=shown)
        written = folder.save(found)
    for note in folder.notes:
        tell(f"Note: {note}", err=True)
    return found, written
