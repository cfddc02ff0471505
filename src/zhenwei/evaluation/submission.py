"""Kaggle's ``submission.csv`` of the DeepFake Detection Challenge: ``filename,label``, the label a probability.

The format demands a number for every file. One without an answer gets the prior here, and only here: how many these
are is handed back and written beside the table, since they lower the log loss of whoever abstains wisely and hide the
failures of whoever does not.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from zhenwei.errors import DataError, UsageError
from zhenwei.evaluation.items import Item, Outcome
from zhenwei.evaluation.readers.table_reading import few, printable
from zhenwei.files import write_whole
from zhenwei.stats.metrics import log_loss

PRIOR = 0.5
CLIP = 0.01


@dataclass(frozen=True, slots=True)
class Submission:
    """``unanswered`` of ``rows`` hold the prior. Log losses in nats: of all rows, as Kaggle would count them, and of
    the answered ones (None where there are none)."""

    rows: int
    unanswered: int
    log_loss: float
    log_loss_answered: float | None
    clip: float
    prior: float = PRIOR


def write(outcomes: Sequence[Outcome], path: Path, *, clip: float = CLIP) -> Submission:
    """Writes ``path`` and, beside it, the same name ending in .json with the counts and log losses.

    A probability is that of forged at even prior odds, held ``clip`` away from 0 and 1, to six places. Raises as
    :func:`names_for`, :class:`DataError` for an LLR that is no number, and :class:`UsageError` for a ``clip`` outside
    [0, 0.5).
    """
    if not 0 <= clip < 0.5:
        raise UsageError("the clip is out of range", got=str(clip), want="0 to below 0.5")
    names = names_for([o.item for o in outcomes], path)
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("filename", "label"))
    rows = []
    for o, name in zip(outcomes, names, strict=True):
        chance = _chance(o.llr, clip, name)
        rows.append((o.item.forged, o.llr is not None, chance))
        writer.writerow((name, f"{chance:.6f}"))
    labels, answered, chances = np.array(rows).T
    known = log_loss(labels[answered == 1], chances[answered == 1]) if answered.any() else None
    made = Submission(len(rows), int((answered == 0).sum()), log_loss(labels, chances), known, clip)
    write_whole(path, table.getvalue())
    write_whole(path.with_suffix(".json"), json.dumps(asdict(made), indent=1) + "\n")
    return made


def names_for(items: Sequence[Item], path: Path) -> list[str]:
    """What the rows of a submission at ``path`` are called: the last part of each item's name.

    Raises :class:`DataError` for no rows and a file name twice, and :class:`UsageError` for a ``path`` that ends in
    .json.
    """
    if path.suffix.lower() == ".json":
        raise UsageError("the table would lie where its counts go", got=path.name, want="a name ending in .csv")
    if not items:
        raise DataError("there is nothing to submit", got="no files", want="one or more")
    names = [printable(item.name.rsplit("/", 1)[-1], "a file name") for item in items]
    double = [name for name, n in Counter(names).items() if n > 1]
    if double:
        raise DataError("files share a name", got=few(double), want="each file name once, as the format has no folders")
    return names


def _chance(llr: float | None, clip: float, name: str) -> float:
    if llr is None:
        return PRIOR
    if math.isnan(llr):
        raise DataError("an answer is not a number", got=f"NaN for {name}", want="a number, or None for no answer")
    small = math.exp(-abs(llr)) / (1 + math.exp(-abs(llr)))
    return round(min(max(1 - small if llr > 0 else small, clip), 1 - clip), 6)
