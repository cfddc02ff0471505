"""What a method's AUC owes to having seen it: figures against planted truth and an independent computation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.lab_leave_one_out import results as lab_leave_out
from benchmarks.lab_leave_one_out.results import AskedImage, Training, measured
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from sklearn.metrics import roc_auc_score

from zhenwei.errors import DataError

TRAINING = Training(
    backbone="lite0",
    size_px=96,
    steps=70,
    batch=32,
    methods=("mesh", "warp"),
    conditions=("all", "warp"),
    seeds=(0, 1),
    forged_faces=40,
    genuine_faces=55,
    sources=("films",),
    torch="2",
    device="none",
    seconds=1.0,
)
SEEN, UNSEEN = 2.0, 0.7  # standard deviations between genuine and forged


def planted(people: int = 300, each: int = 2) -> list[AskedImage]:
    """Forged faces lie so many deviations above genuine ones; what a person adds is the same for both networks."""
    rng = np.random.default_rng(3)
    found = []
    for person in range(people):
        whose = rng.normal()
        for image in range(each):
            for method, forged in (("", 0), ("warp", 1), ("mesh", 1)):
                own = np.sqrt(0.5) * whose + np.sqrt(0.3) * rng.normal()
                scores = {
                    (condition, seed): own + np.sqrt(0.2) * rng.normal() + forged * reach
                    for condition, reach in (("all", SEEN), ("warp", UNSEEN), ("mesh", -9.0))
                    for seed in (0, 1)
                }
                source = "films" if person % 2 else "stock"
                quality, size = int(rng.integers(60, 91)), int(rng.integers(3000, 5000))
                found.append(
                    AskedImage(f"{person}.{image}", f"{source}/{person}", source, method, quality, size, scores)
                )
    return found


def columns(asked: list[AskedImage], condition: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    mine = [a for a in asked if a.method in ("", "warp")]
    scores = [[a.scores[condition, 0], a.scores[condition, 1]] for a in mine]
    return np.array([int(a.method == "warp") for a in mine]), np.array(scores)


def area(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Mann and Whitney's statistic over all pairs, the mean of both seeds."""
    forged = truth == 1
    ranks = rankdata(scores, axis=0)[forged].sum(0)
    count = int(forged.sum())
    return float(np.mean((ranks - count * (count + 1) / 2) / (count * (len(truth) - count))))


def test_planted_aucs_and_their_difference_are_found() -> None:
    asked = planted()
    (row,) = measured(asked, TRAINING).rows
    for found, condition, reach in ((row.seen, "all", SEEN), (row.unseen, "warp", UNSEEN)):
        truth, scores = columns(asked, condition)
        assert found.value == pytest.approx(area(truth, scores), abs=1e-12)
        assert found.low < norm.cdf(reach / np.sqrt(2)) < found.high
        by_seed = [roc_auc_score(truth, scores[:, k]) for k in (0, 1)]
        assert [getattr(s, "seen" if condition == "all" else "unseen") for s in row.seeds] == pytest.approx(by_seed)
    assert row.lost.value == pytest.approx(row.seen.value - row.unseen.value, abs=1e-12)
    assert row.lost.low < norm.cdf(SEEN / np.sqrt(2)) - norm.cdf(UNSEEN / np.sqrt(2)) < row.lost.high
    assert (row.method, row.genuine, row.forged, row.people) == ("warp", 600, 600, 300)
    assert row.metadata.low < 0.5 < row.metadata.high


@pytest.mark.heavy
def test_intervals_are_those_of_a_bootstrap_over_people_in_pairs() -> None:
    asked = planted(60, each=1)
    (row,) = measured(asked, TRAINING).rows
    whose = np.array([a.person for a in asked if a.method in ("", "warp")])
    (truth, seen), (_, unseen) = columns(asked, "all"), columns(asked, "warp")
    rng, found = np.random.default_rng(77), []
    of = {person: np.flatnonzero(whose == person) for person in sorted(set(whose))}
    for _ in range(700):
        drawn = np.concatenate([of[p] for p in rng.choice(list(of), len(of))])
        found.append((area(truth[drawn], seen[drawn]), area(truth[drawn], unseen[drawn])))
    table = np.array(found)
    for interval, values in (
        (row.seen, table[:, 0]),
        (row.unseen, table[:, 1]),
        (row.lost, table[:, 0] - table[:, 1]),
    ):
        assert (interval.low, interval.high) == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.01)
    apart = table[:, 0] - rng.permutation(table[:, 1])
    assert row.lost.high - row.lost.low < 0.97 * np.ptp(np.quantile(apart, [0.025, 0.975]))


def test_networks_that_say_the_same_differ_by_nothing() -> None:
    asked = [replace(a, scores={**a.scores} | {("warp", s): a.scores["all", s] for s in (0, 1)}) for a in planted(40)]
    (row,) = measured(asked, TRAINING).rows
    assert (row.lost.value, row.lost.low, row.lost.high) == (0, 0, 0)


def test_forgeries_of_other_methods_are_not_asked_of() -> None:
    asked = planted(30)
    rows = measured(asked, TRAINING.model_copy(update={"conditions": ("all", "warp", "mesh")})).rows
    assert [r.method for r in rows] == ["mesh", "warp"]
    assert rows[0].unseen.value < 0.01
    assert rows[1] == measured([a for a in asked if a.method != "mesh"], TRAINING).rows[0]


def test_a_quality_that_tells_is_told() -> None:
    asked = [replace(a, quality=90 if a.method else 60) for a in planted(40)]
    assert measured(asked, TRAINING).rows[0].metadata.value > 0.99


def test_people_are_counted_by_source() -> None:
    assert measured(planted(30), TRAINING).tested == {"films": 15, "stock": 15}


def test_what_is_not_whole_is_refused() -> None:
    asked = planted(20)
    with pytest.raises(DataError, match="lacks a score"):
        measured(asked, TRAINING.model_copy(update={"seeds": (0, 1, 2)}))
    with pytest.raises(DataError, match="no network saw every method"):
        measured(asked, TRAINING.model_copy(update={"conditions": ("warp",)}))


def test_what_is_saved_is_read_back_and_another_schema_is_refused(tmp_path: Path) -> None:
    found, path = measured(planted(30), TRAINING), tmp_path / "lab.json"
    lab_leave_out.save(found, path)
    assert lab_leave_out.load(path) == found
    assert [p.name for p in tmp_path.iterdir()] == ["lab.json"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": "zhenwei.lab-leave-one-out/2"}))
    with pytest.raises(DataError, match=r"lab\.json"):
        lab_leave_out.load(path)
    with pytest.raises(DataError, match="cannot read"):
        lab_leave_out.load(tmp_path / "none.json")


def test_the_table_has_a_line_for_each_method_and_says_what_it_does_not_show() -> None:
    found = measured(planted(30), TRAINING)
    section = lab_leave_out.to_markdown(found)
    (line,) = [line for line in section.splitlines() if line.startswith("| warp ")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    row = found.rows[0]
    assert cells[1] == "60 + 60 (30)"
    assert cells[2] == f"{row.seen.value:.3f} [{row.seen.low:.3f}, {row.seen.high:.3f}]"
    assert cells[4] == f"{row.lost.value:+.3f} [{row.lost.low:+.3f}, {row.lost.high:+.3f}]"
    assert cells[5] == ", ".join(f"{s.seen:.3f} / {s.unseen:.3f}" for s in row.seeds)
    assert "all 2 methods" in section
    assert "nothing was trained on stock" in section
    assert "70 steps of 32 faces" in section
    assert "of 40 people who were forged and 15 who were not (films)" in section
