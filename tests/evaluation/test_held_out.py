"""Tables of what detectors said while they were trained, of what each fold left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from zhenwei.errors import DataError
from zhenwei.evaluation import documents, held_out

LABELS = [False, False, False, True, True]
SCORES = [0.1, None, 0.5, 0.4, 0.9]


def test_a_row_counts_what_was_answered() -> None:
    row = held_out.row("all", LABELS, SCORES, ["a", "b", "c", "d", "e"])
    assert (row.genuine, row.forged, row.asked) == (2, 2, 5)
    assert row.auc is not None
    assert row.auc.value == roc_auc_score([0, 0, 1, 1], [0.1, 0.5, 0.4, 0.9])
    assert row.auc.low <= row.auc.value <= row.auc.high


def test_a_row_of_one_class_has_counts_and_no_figure() -> None:
    row = held_out.row("all", [True, True], [1.0, None], ["a", "b"])
    assert (row.genuine, row.forged, row.asked, row.auc, row.eer) == (0, 1, 2, None, None)


def test_a_table_is_read_as_it_was_written_and_shown(tmp_path: Path) -> None:
    rows = (held_out.row("all", LABELS, SCORES, ["a", "b", "c", "d", "e"]),)
    table = held_out.HeldOutTable(detector="x.y", noun="clips", text="How.", seed=3, weights="abc", rows=rows)
    documents.save(table, tmp_path / "x.json")
    assert held_out.load_all(tmp_path) == [table]
    assert "| all | 2 + 2 | 80% |" in held_out.to_markdown(table)
    with pytest.raises(DataError, match="no figures"):
        held_out.load_all(tmp_path / "nothing")
