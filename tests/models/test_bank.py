"""The bank of fingerprints: what it accepts as a source's own, and files that are whole, damaged or hostile."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.errors import ModelError, UsageError
from zhenwei.models.bank import Bank

WEIGHTS = "fingerprint_learned @ 00"


def cluster(number: int, count: int, spread: float = 0.3) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Fingerprints about a direction of their own, of any length."""
    rng = np.random.default_rng(number)
    middle = rng.normal(size=32)
    drawn = middle / np.linalg.norm(middle) + rng.normal(size=(count, 32)) * spread / np.sqrt(32)
    return [np.asarray(row * rng.uniform(0.5, 2), np.float32) for row in drawn]


def test_a_source_knows_its_own_and_no_others() -> None:
    bank = Bank(WEIGHTS).add("one", cluster(1, 200)).add("two", cluster(2, 60))
    one, two = bank.sources
    fresh = cluster(1, 400)[200:]
    assert np.mean([one.likeness(f) >= one.least for f in fresh]) == pytest.approx(0.95, abs=0.04)
    assert not any(two.likeness(f) >= two.least for f in fresh)
    assert not any(s.likeness(f) >= s.least for s in bank.sources for f in cluster(3, 100))


def test_the_least_likeness_is_that_of_each_picture_to_the_rest() -> None:
    rows = cluster(4, 12)
    (made,) = Bank(WEIGHTS).add("x", rows).sources
    unit = np.stack([r / np.linalg.norm(r) for r in rows]).astype(np.float64)
    own = []
    for left_out in range(12):
        rest = np.delete(unit, left_out, axis=0).mean(0)
        own.append(float(rest @ unit[left_out] / np.linalg.norm(rest)))
    assert made.least == pytest.approx(np.quantile(own, 0.05), abs=1e-5)
    assert np.linalg.norm(made.centre) == pytest.approx(1, abs=1e-5)
    assert made.pictures == 12


def test_a_bank_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "bank.json"
    assert Bank.load(path, WEIGHTS) == Bank(WEIGHTS)
    bank = Bank(WEIGHTS).add("相机 一", cluster(1, 6)).add("two", cluster(2, 6))
    bank.save(path)
    assert Bank.load(path, WEIGHTS) == bank
    again = bank.add("two", cluster(3, 9))
    assert [s.pictures for s in again.sources] == [6, 9]
    again.remove("相机 一").save(path)
    assert [s.name for s in Bank.load(path, WEIGHTS).sources] == ["two"]
    assert [p.name for p in path.parent.iterdir()] == ["bank.json"]


def test_fingerprints_of_other_weights_are_not_compared(tmp_path: Path) -> None:
    Bank(WEIGHTS).add("x", cluster(1, 5)).save(tmp_path / "b.json")
    with pytest.raises(ModelError, match="other weights"):
        Bank.load(tmp_path / "b.json", "fingerprint_learned @ ff")


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_names_are_short_and_not_empty(name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        Bank(WEIGHTS).add(name, cluster(1, 5))


def test_too_few_pictures_and_unknown_names_are_refused() -> None:
    bank = Bank(WEIGHTS).add("x", cluster(1, 5))
    with pytest.raises(UsageError, match="too few"):
        bank.add("y", cluster(1, 4))
    with pytest.raises(UsageError, match="got 1 with a usable face"):
        bank.add("y", [cluster(1, 1)[0].copy() for _ in range(5)])
    twice = cluster(1, 6)
    assert bank.add("y", [*twice, *twice]).sources[-1].pictures == 6
    with pytest.raises(UsageError, match="no such source"):
        bank.remove("y")
    with pytest.raises(UsageError, match="another kind"):
        bank.add("y", [np.eye(5, dtype=np.float32)[k] for k in range(5)])


@given(data=st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["schema", "weights", "sources", "name", "pictures", "least", "centre"]), inner, max_size=4),
    max_leaves=12).map(lambda v: json.dumps(v).encode())))  # fmt: skip
def test_no_file_does_more_than_be_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("bank") / "b.json"
    path.write_bytes(data)
    with pytest.raises(ModelError):
        Bank.load(path, WEIGHTS)


def test_hostile_nesting_and_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    row = {"name": "x", "pictures": 5, "least": 0.5, "centre": [1e308, float("nan")]}
    held = {"schema": "zhenwei.fingerprints/1", "weights": WEIGHTS, "sources": [row]}
    for text in ("[" * 100_000, json.dumps(held), json.dumps(held | {"more": 1})):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match="damaged"):
            Bank.load(path, WEIGHTS)
