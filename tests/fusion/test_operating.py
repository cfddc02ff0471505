"""Tail rates: exact limits, honest beyond the data, strict about their file."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from zhenwei.errors import DataError, ModelError
from zhenwei.fusion.operating import Domain, OperatingPoints, Tail, measure_operating_points, packaged, worst_of

LLRS = st.floats(-30, 30)


@cache
def _measured(seed: int = 0, n: int = 120) -> OperatingPoints:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return measure_operating_points(rng.normal((labels - 0.5) * 3, 1.7), labels, ["image"] * n)


def test_rates_are_exact_upper_limits() -> None:
    values = np.arange(40) / 10 - 2
    found = measure_operating_points(values, [0] * 40, ["video"] * 40)
    for k, t in enumerate(values):
        limit = binomtest(40 - k, 40, alternative="less").proportion_ci(0.95, method="exact").high
        assert found.genuine["video"].at(t) == pytest.approx(limit)


def test_the_forged_side_is_the_mirror_image() -> None:
    values, labels = [-2.0, -1.0, 0.5, 2.5], [0, 1, 0, 1]
    found = measure_operating_points(values, labels, ["image"] * 4)
    mirrored = measure_operating_points([-v for v in values], [1 - y for y in labels], ["image"] * 4)
    for t in (-3.0, -1.0, 0.0, 0.7, 2.5, 4.0):
        assert found.forged["image"].at(t) == mirrored.genuine["image"].at(t)


@settings(deadline=None)
@given(LLRS, LLRS, st.integers(0, 3))
def test_rates_never_rise_with_the_llr(a: float, b: float, seed: int) -> None:
    found = _measured(seed)
    low, high = sorted((a, b))
    assert 1 >= found.genuine["image"].at(low) >= found.genuine["image"].at(high) > 0
    assert 0 < found.forged["image"].at(-low) <= found.forged["image"].at(-high) <= 1


@settings(deadline=None)
@given(LLRS)
def test_without_a_table_the_bound_is_markovs(llr: float) -> None:
    nothing = OperatingPoints()
    assert nothing.genuine.get("image", Tail()).at(llr) == min(1.0, math.exp(-llr))
    assert nothing.forged.get("image", Tail()).at(-llr) == min(1.0, math.exp(llr))
    assert _measured().genuine.get("video", Tail()).at(llr) == min(1.0, math.exp(-llr))


def test_beyond_the_data_the_rate_is_no_better_than_the_data_or_markov_can_show() -> None:
    found = measure_operating_points([0.0] * 58 + [0.2, 0.5], [0] * 60, ["image"] * 60)
    nobody = 1 - 0.05 ** (1 / 60)  # the rule of three
    assert found.genuine["image"].at(0.6) == pytest.approx(nobody)
    assert found.genuine["image"].at(9.0) == pytest.approx(math.exp(-9))
    assert found.genuine["image"].at(0.5) > nobody


def test_many_media_of_one_source_support_no_more_than_the_source() -> None:
    values = np.repeat(np.arange(30) / 10, 50)
    groups = np.repeat(np.arange(30), 50).tolist()
    found = measure_operating_points(values, np.zeros(1500), ["image"] * 1500, groups=groups)
    one_each = measure_operating_points(np.arange(30) / 10, np.zeros(30), ["image"] * 30)
    for t in (0.05, 1.0, 2.9, 3.0):
        assert found.genuine["image"].at(t) == pytest.approx(one_each.genuine["image"].at(t))


def test_a_long_table_is_thinned_on_the_careful_side() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    found = measure_operating_points(values, np.zeros(5000), ["image"] * 5000)
    assert len(found.genuine["image"].llr) <= 200
    for t in np.linspace(-3, 3, 41):
        true = (values >= t).mean()
        assert true <= found.genuine["image"].at(float(t)) <= true + 0.02


def test_the_limit_holds_in_most_samples() -> None:
    """At most one calibration set in twenty may claim too low a rate at a given LLR."""
    rng = np.random.default_rng(1)
    t, truth = 1.2816, 0.1
    held = [measure_operating_points(rng.normal(size=150), [0] * 150, ["image"] * 150) for _ in range(300)]
    assert np.mean([p.genuine["image"].at(t) >= truth for p in held]) >= 0.93


def test_equals_itself_after_a_round_trip_through_a_file(tmp_path: Path) -> None:
    found = _measured()
    found.save(tmp_path / "points.json")
    assert OperatingPoints.load(tmp_path / "points.json") == found


def test_the_tables_in_the_package_load() -> None:
    assert packaged() == OperatingPoints.load()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["schema"], "other"),
        (["genuine"], [1, 2]),
        (["genuine", "sculpture"], {}),
        (["genuine", "image", "llr"], [3.0, 1.0]),
        (["genuine", "image", "rate"], [0.1, 0.9]),
        (["genuine", "image", "rate"], [0.5, 0.0]),
        (["genuine", "image", "rate"], [0.5]),
        (["genuine", "image", "floor"], 0.9),
        (["genuine", "image", "floor"], math.nan),
        (["genuine", "image", "floor"], "low"),
        (["genuine", "image", "more"], 1),
        (["extra"], 1),
    ],
)
def test_malformed_tables_are_refused(tmp_path: Path, path: list[str], value: object) -> None:
    tail = {"llr": [1.0, 2.0], "rate": [0.5, 0.2], "floor": 0.1, "media": 9, "groups": 9}
    values: dict[str, Any] = {
        "schema": "zhenwei.operating_points/2",
        "genuine": {"image": tail},
        "forged": {},
        "domains": {},
    }
    (tmp_path / "points.json").write_text(json.dumps(values), "utf-8")
    OperatingPoints.load(tmp_path / "points.json")
    place = values
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    (tmp_path / "points.json").write_text(json.dumps(values), "utf-8")
    with pytest.raises(ModelError, match="another schema" if path == ["schema"] else "malformed"):
        OperatingPoints.load(tmp_path / "points.json")


def test_a_missing_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read"):
        OperatingPoints.load(tmp_path / "none.json")


def test_a_tail_without_data_is_one_up_to_zero() -> None:
    assert Tail().at(-3.0) == 1.0
    assert Tail().at(1e9) > 0


@pytest.mark.parametrize(
    "wrong", [{"llr": [math.nan, 0.0]}, {"labels": [0, 3]}, {"kinds": ["image", "tape"]}, {"labels": [0]}]
)
def test_what_cannot_be_measured_is_refused(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"llr": [0.1, 0.2], "labels": [0, 1], "kinds": ["image", "video"]} | wrong
    with pytest.raises(DataError):
        measure_operating_points(given["llr"], given["labels"], given["kinds"])


def test_domains_survive_a_round_trip_and_malformed_ones_are_refused() -> None:
    domain = Domain((("a", 3, 4),), {"face_px": (40.0, 300.0)})
    points = OperatingPoints(domains={"image": domain})
    assert OperatingPoints.from_dict(points.to_dict()) == points
    assert points.measured_on("video") == ()
    malformed: list[dict[str, Any]] = [
        {"sources": []},
        {"sources": [["a", 1]], "ranges": {}},
        {"sources": [], "ranges": {"face_px": [1]}},
    ]
    for wrong in malformed:
        with pytest.raises((ModelError, ValueError)):
            OperatingPoints.from_dict(points.to_dict() | {"domains": {"image": wrong}})


def tail(seed: int, count: int, centre: float) -> Tail:
    llr = np.random.default_rng(seed).normal(centre, 1, count)
    return measure_operating_points(llr, [0] * count, ["image"] * count).genuine["image"]


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 60), st.floats(-3, 3)), min_size=1, max_size=3),
    st.lists(st.floats(-8, 12), min_size=1, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_the_worst_bounds_each_of_them(drawn: list[tuple[int, int, float]], levels: list[float]) -> None:
    tails = [tail(*d) for d in drawn]
    worst = worst_of(tails)
    for level in levels:
        assert worst.at(level) >= max(t.at(level) for t in tails) - 1e-12
    assert worst.media == sum(t.media for t in tails)


def test_the_worst_of_one_is_itself() -> None:
    one = tail(0, 40, 0.0)
    assert worst_of([one]) == one


def test_the_worst_of_none_is_refused() -> None:
    with pytest.raises(DataError, match="no source to measure on"):
        worst_of([])
