"""Weights of witnesses that repeat each other: closed forms, the exact LLR of Gaussians, planted correlations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhenwei.errors import DataError, ModelError
from zhenwei.fusion.dependence import (
    BETWEEN_FAMILIES,
    WITHIN_FAMILY,
    Dependence,
    assumed,
    measure_dependence,
    packaged,
)

NAMES = ("a.x", "a.y", "b.x", "c.x")


def test_one_alone_keeps_its_llr() -> None:
    for known in (Dependence(), Dependence({"a.x": 3.0, "b.x": 0.1})):
        assert known.weights(["a.x"]) == pytest.approx((1.0,))
    assert Dependence().weights([]) == ()


@given(st.integers(1, 6), st.floats(0, 0.95))
@settings(max_examples=40, deadline=None)
def test_equicorrelated_witnesses_of_one_strength_share(count: int, rho: float) -> None:
    names = [f"f{i}.x" for i in range(count)]
    known = Dependence(dict.fromkeys(names, 1.3), {(a, b): rho for a in names for b in names if a < b})
    assert known.weights(names) == pytest.approx([1 / (1 + (count - 1) * rho)] * count, abs=1e-6)


def test_independent_witnesses_add_up_and_a_repeated_one_counts_once() -> None:
    assert Dependence({"a.x": 1.0, "b.x": 2.0}, {("a.x", "b.x"): 0.0}).weights(["a.x", "b.x"]) == (1.0, 1.0)
    assert sum(Dependence({"a.x": 1.0}).weights(["a.x", "a.x"])) == pytest.approx(1.0, abs=0.02)


def test_the_weights_give_the_exact_llr_of_gaussian_witnesses() -> None:
    rng = np.random.default_rng(0)
    sizes = np.array([1.0, 1.4, 0.8])
    rho = np.array([[1, 0.4, 0.2], [0.4, 1, 0.3], [0.2, 0.3, 1]])
    covariance = rho * np.outer(sizes, sizes)
    names = ["a.x", "b.x", "c.x"]
    pairs = {(names[i], names[j]): rho[i, j] for i in range(3) for j in range(i + 1, 3)}
    weights = np.array(Dependence(dict(zip(names, sizes, strict=True)), pairs).weights(names))
    half = sizes**2 / 2  # a calibrated Gaussian LLR has this mean, one way or the other
    inverse = np.linalg.inv(covariance)
    for x in rng.multivariate_normal(half, covariance, 20):
        exact = -0.5 * ((x - half) @ inverse @ (x - half) - (x + half) @ inverse @ (x + half))
        assert weights @ x == pytest.approx(exact, abs=1e-6)


@given(st.lists(st.floats(0.05, 4), min_size=4, max_size=4), st.lists(st.floats(0, 0.98), min_size=6, max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_witness_is_turned_round_or_counted_more_than_once(sizes: list[float], rhos: list[float]) -> None:
    pairs = [(a, b) for i, a in enumerate(NAMES) for b in NAMES[i + 1 :]]
    known = Dependence(dict(zip(NAMES, sizes, strict=True)), dict(zip(pairs, rhos, strict=True)))
    for names in (NAMES, NAMES[:2], NAMES[1:]):
        weights = known.weights(names)
        assert all(0 <= w <= 1 + 1e-6 for w in weights)
        assert sum(weights) >= 1 - 0.05 or min(sizes) < max(sizes)


SAID = st.lists(st.tuples(st.sampled_from(["a.x", "a.y", "a.z", "b.x", "b.y", "c.x"]), st.floats(-8, 8)), min_size=1)


@given(SAID, st.data())
@settings(max_examples=200, deadline=None)
def test_the_sum_rises_with_each_llr(said: list[tuple[str, float]], data: st.DataObject) -> None:
    known = Dependence({"a.x": 1.3, "b.x": 0.05}, {("a.x", "b.x"): 0.5})
    k = data.draw(st.integers(0, len(said) - 1))
    name, llr = said[k]
    raised = [*said[:k], (name, llr + data.draw(st.floats(0, 6))), *said[k + 1 :]]
    assert sum(known.contributions(raised)) >= sum(known.contributions(said)) - 1e-9


def test_within_three_spreads_weights_hold_and_beyond_evidence_is_its_own() -> None:
    known = Dependence({"a.x": 1.0, "b.x": 0.1}, {("a.x", "b.x"): 0.3})
    first, second = known.weights(["a.x", "b.x"])
    assert known.contributions([("a.x", 1.5), ("b.x", 0.15)]) == pytest.approx((first * 1.5, second * 0.15))
    assert known.contributions([("a.x", 1.5), ("b.x", 3.0)]) == pytest.approx((first * 1.5, second * 0.3 + 2.7))
    family = known.contributions([("c.x", 3.5), ("c.y", 2.5), ("d.x", 3.0), ("e.x", -2.5)])
    shares = known.weights(["c.x", "c.y", "d.x", "e.x"])
    beyond = (2.0, 0.2 * 1.0, 0.7 * 1.5, -1.0)
    inside = (1.5, 1.5, 1.5, -1.5)  # three times what is assumed of a witness that was never measured
    assert family == pytest.approx([w * i + b for w, i, b in zip(shares, inside, beyond, strict=True)])


def test_a_detector_that_hardly_answered_was_not_measured() -> None:
    rows, forged, groups = planted(400)
    seldom = [row if i % 40 == 0 else {k: v for k, v in row.items() if k != "b.x"} for i, row in enumerate(rows)]
    found = measure_dependence(seldom, forged, groups, min_answers=20)
    assert set(found.spread) == {"a.x", "a.y"}
    assert set(found.correlation) == {("a.x", "a.y")}


def planted(count: int = 4000) -> tuple[list[dict[str, float]], list[bool], list[str]]:
    """Two of one family that repeat each other by 0.5, and one that knows something of its own."""
    rng = np.random.default_rng(1)
    covariance = [[1.0, 0.5 * 1.2, 0.0], [0.5 * 1.2, 1.44, 0.0], [0.0, 0.0, 0.25]]
    noise = rng.multivariate_normal([0, 0, 0], covariance, count)
    forged = rng.random(count) < 0.5
    means = np.where(forged, 1.0, -1.0)[:, None] * np.array([0.5, 0.72, 0.125])
    rows = [dict(zip(("a.x", "a.y", "b.x"), row.tolist(), strict=True)) for row in means + noise]
    return rows, forged.tolist(), [str(i) for i in range(count)]


def test_planted_spreads_and_correlations_are_found() -> None:
    found = measure_dependence(*planted())
    assert found.spread["a.x"] == pytest.approx(1.0, abs=0.05)
    assert found.spread["a.y"] == pytest.approx(1.2, abs=0.05)
    assert found.spread["b.x"] == pytest.approx(0.5, abs=0.03)
    assert found.between("a.y", "a.x") == pytest.approx(0.5, abs=0.04)
    assert found.between("a.x", "b.x") < 0.06


def test_few_groups_leave_the_assumption_standing() -> None:
    rows, forged, _ = planted(400)
    one_person = measure_dependence(rows, forged, ["same"] * len(rows))
    assert one_person.between("a.x", "b.x") == pytest.approx(BETWEEN_FAMILIES, abs=0.04)
    assert one_person.between("a.x", "a.y") == pytest.approx(WITHIN_FAMILY, abs=0.04)
    assert assumed("a.x", "a.y") == WITHIN_FAMILY
    apart = [{k: v for k, v in row.items() if (k == "b.x") == (i % 2 == 0)} for i, row in enumerate(rows)]
    never = measure_dependence(apart, forged, list(range(len(rows))))
    assert never.between("a.x", "b.x") == pytest.approx(BETWEEN_FAMILIES)


def test_it_is_written_and_read_back(tmp_path: Path) -> None:
    found = measure_dependence(*planted(300))
    found.save(tmp_path / "d.json")
    again = Dependence.load(tmp_path / "d.json")
    assert again.to_dict() == found.to_dict()
    for damage in ({"schema": "else"}, {"spread": {"a.x": -1}}, {"correlation": {"b.x a.x": 0.5}}, {"groups": "x"}):
        (tmp_path / "bad.json").write_text(json.dumps(found.to_dict() | damage))
        with pytest.raises(ModelError, match=r"malformed|another schema"):
            Dependence.load(tmp_path / "bad.json")
    with pytest.raises(ModelError, match="cannot read"):
        Dependence.load(tmp_path / "none.json")


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(DataError, match="differ in length"):
        measure_dependence([{"a.x": 1.0}], [True, False], ["1"])
    with pytest.raises(DataError, match="not finite"):
        measure_dependence([{"a.x": float("inf")}], [True], ["1"])


def test_the_packaged_one_loads() -> None:
    assert packaged() is packaged()
