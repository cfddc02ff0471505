"""The submission file against scikit-learn's log loss and the logistic function."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import log_loss as reference

from zhenwei.errors import DataError, UsageError
from zhenwei.evaluation import submission
from zhenwei.evaluation.items import Item, Outcome
from zhenwei.stats.metrics import log_loss


def outcome(name: str, forged: bool, llr: float | None) -> Outcome:
    return Outcome(Item(name, Path(name), "DFDC", forged), llr, "inconclusive")


def rows(path: Path) -> list[tuple[str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(r["filename"], float(r["label"])) for r in csv.DictReader(file)]


def test_the_file_and_what_is_said_beside_it(tmp_path: Path) -> None:
    said = [outcome("p0/a.mp4", True, 2.0), outcome("p0/b.mp4", False, -math.inf), outcome("p1/c.mp4", False, None)]
    path = tmp_path / "submission.csv"
    made = submission.write(said, path)
    assert path.read_text().splitlines()[0] == "filename,label"
    assert rows(path) == [("a.mp4", round(float(expit(2)), 6)), ("b.mp4", 0.01), ("c.mp4", 0.5)]
    assert (made.rows, made.unanswered) == (3, 1)
    assert made.log_loss == pytest.approx(reference([1, 0, 0], [expit(2), 0.01, 0.5]), abs=1e-6)
    assert made.log_loss_answered == pytest.approx(reference([1, 0], [expit(2), 0.01]), abs=1e-6)
    beside = json.loads((tmp_path / "submission.json").read_text())
    assert beside["unanswered"] == 1
    assert beside["log_loss"] == made.log_loss
    assert {p.name for p in tmp_path.iterdir()} == {"submission.csv", "submission.json"}


@given(
    llrs=st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=8),
    seed=st.integers(0, 99),
    clip=st.floats(0, 0.49),
)
def test_any_answers(
    llrs: list[float | None], seed: int, clip: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "s.csv"
    labels = np.random.default_rng(seed).integers(0, 2, len(llrs)).astype(bool)
    said = [outcome(f"{i}.mp4", bool(f), llr) for i, (f, llr) in enumerate(zip(labels, llrs, strict=True))]
    made = submission.write(said, path, clip=clip)
    want = [0.5 if v is None else float(np.clip(expit(v), clip, 1 - clip)) for v in llrs]
    assert [p for _, p in rows(path)] == pytest.approx(want, abs=1.1e-6)
    assert made.unanswered == sum(v is None for v in llrs)
    written = [p for _, p in rows(path)]
    assert log_loss(labels, written) == pytest.approx(made.log_loss, abs=1e-12)


def test_none_answered(tmp_path: Path) -> None:
    made = submission.write([outcome("a", True, None), outcome("b", False, None)], tmp_path / "s.csv")
    assert made.log_loss == pytest.approx(math.log(2))
    assert made.log_loss_answered is None


def test_what_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    with pytest.raises(DataError, match="nothing to submit"):
        submission.write([], path)
    with pytest.raises(DataError, match=r"share a name; got a\.mp4"):
        submission.write([outcome("x/a.mp4", True, 1.0), outcome("y/a.mp4", False, 1.0)], path)
    with pytest.raises(DataError, match="NaN for a"):
        submission.write([outcome("a", True, math.nan)], path)
    for clip in (-0.1, 0.5, math.nan):
        with pytest.raises(UsageError):
            submission.write([outcome("a", True, 1.0)], path, clip=clip)
    with pytest.raises(UsageError):
        submission.write([outcome("a", True, 1.0)], tmp_path / "s.json")
    with pytest.raises(DataError, match="cannot write"):
        submission.write([outcome("a", True, 1.0)], tmp_path / "no" / "s.csv")
    assert list(tmp_path.iterdir()) == []
