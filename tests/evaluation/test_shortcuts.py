"""The probe finds planted shortcuts of several shapes, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from zhenwei.errors import DataError
from zhenwei.evaluation.shortcuts import metadata_probe


def _table(seed: int, n: int = 400) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[int]]:
    rng = np.random.default_rng(seed)
    table = np.column_stack([rng.lognormal(size=n), rng.normal(size=n), rng.integers(0, 4, n), rng.random(n)])
    return table, [int(g) for g in rng.integers(0, 80, n)]


def test_random_labels_are_at_chance_about_as_often_as_the_interval_says() -> None:
    found = []
    for seed in range(30):
        table, groups = _table(seed)
        labels = np.random.default_rng(seed + 100).integers(0, 2, len(table))
        found.append(metadata_probe(table, labels, groups, seed=seed))
    assert sum(e.low < 0.5 < e.high for e in found) >= 26  # 28.5 expected
    assert np.mean([e.value for e in found]) == pytest.approx(0.5, abs=0.025)  # 3 standard errors


def test_labels_of_whole_groups_at_random_are_at_chance() -> None:
    """Features that name the group would tell its label, were groups split between folds."""
    rng = np.random.default_rng(0)
    of_group, identity = rng.integers(0, 2, 60), rng.normal(size=(60, 3))
    groups = np.repeat(np.arange(60), 10)
    found = metadata_probe(identity[groups], of_group[groups], groups.tolist(), seed=0)
    assert found.low < 0.5 < found.high


@pytest.mark.parametrize("shape", ["monotone", "hump", "one value", "pair", "missing"])
def test_a_planted_shortcut_is_found(shape: str) -> None:
    table, groups = _table(7)
    labels = {
        "monotone": table[:, 0] > 1,
        "hump": np.abs(table[:, 1]) > 0.7,
        "one value": table[:, 2] == 2,
        "pair": (table[:, 1] > 0) ^ (table[:, 3] > 0.5),
        "missing": table[:, 3] > 0.6,
    }[shape]
    if shape == "missing":
        table[:, 3] = np.where(labels, np.nan, 0.5)
    found = metadata_probe(table, labels, groups, seed=0)
    assert found.value > 0.9
    assert found.low > 0.8


def test_is_deterministic_and_blind_to_monotone_units() -> None:
    table, groups = _table(3)
    labels = (table[:, 0] > 1).astype(int)
    found = metadata_probe(table, labels, groups, seed=1)
    assert metadata_probe(table, labels, groups, seed=1) == found
    in_other_units = table.copy()
    in_other_units[:, 0] = np.log(table[:, 0])
    assert metadata_probe(in_other_units, labels, groups, seed=1).value == pytest.approx(found.value)


def test_a_class_of_one_group_cannot_be_probed() -> None:
    table, _ = _table(0, n=40)
    labels = [1] * 10 + [0] * 30
    groups = ["forged"] * 10 + [f"g{k}" for k in range(30)]
    with pytest.raises(DataError, match="too few groups"):
        metadata_probe(table, labels, groups, seed=0)


def test_a_table_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(DataError, match="do not match"):
        metadata_probe(np.zeros(5), [0, 1, 0, 1, 0], list("abcde"), seed=0)
