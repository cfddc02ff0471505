"""Figures from outcomes, against scikit-learn and by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from zhenwei.evaluation.figures import cases, figures_of, files_of, step_of
from zhenwei.evaluation.items import Item, Outcome, Part


def outcome(number: int, forged: bool, llr: float | None, decision: str = "inconclusive", **item: str) -> Outcome:
    made = Item(f"{number}.jpg", Path("x"), "set", forged, **item)  # type: ignore[arg-type]
    return Outcome(made, llr, decision)  # type: ignore[arg-type]


def many(count: int = 160) -> list[Outcome]:
    rng = np.random.default_rng(1)
    forged = np.arange(count) % 2 == 1
    llr = rng.normal(np.where(forged, 1.0, -1.0), 1.5)
    said = ["forged" if x > 1.5 else "genuine" if x < -1.5 else "inconclusive" for x in llr]
    return [
        outcome(i, bool(f), float(x), d, identity=str(i // 4))
        for i, (f, x, d) in enumerate(zip(forged, llr, said, strict=True))
    ]


def test_figures_agree_with_scikit_learn() -> None:
    outcomes = many()
    found = figures_of("set", outcomes, domain="out", seed=0)
    y, llr = np.array([o.item.forged for o in outcomes]), np.array([o.llr for o in outcomes], float)
    p = 1 / (1 + np.exp(-llr))
    for figure, want in (
        (found.auc, roc_auc_score(y, llr)),
        (found.auc_delong, roc_auc_score(y, llr)),
        (found.average_precision, average_precision_score(y, llr)),
        (found.brier, brier_score_loss(y, p)),
        (found.log_loss, log_loss(y, p)),
    ):
        assert figure is not None
        assert figure.value == pytest.approx(want)
        assert figure.low < figure.value < figure.high
    assert found.groups == 40
    assert found.random_label_auc is not None
    assert found.random_label_auc.low < 0.5 < found.random_label_auc.high


def test_the_control_is_missing_where_shuffled_labels_leave_too_few_groups() -> None:
    """A genuine file and a forged one of each of two people: dealt out anew, a class may be of one person."""
    made = [outcome(n, n % 2 == 1, n / 7, identity="ab"[n // 2]) for n in range(4)]
    found = [figures_of("set", made, domain="out", seed=seed) for seed in range(6)]
    assert all(figures.auc is not None for figures in found)
    assert {figures.random_label_auc is None for figures in found} == {True, False}


def test_rates_count_every_file_and_figures_only_those_with_an_answer() -> None:
    outcomes = [*many(120), *(outcome(1000 + i, True, None, "unreadable", identity="none") for i in range(30))]
    found = figures_of("set", outcomes, domain="out", seed=0)
    forged = [o for o in outcomes if o.item.forged]
    assert found.coverage.value == pytest.approx(120 / 150)
    assert found.auc is not None
    assert found.auc.n == 120
    assert found.found is not None
    assert found.found.n == 90
    assert found.found.value == pytest.approx(sum(o.decision == "forged" for o in forged) / 90)


def test_one_class_has_rates_and_no_ranking() -> None:
    found = figures_of("set", [o for o in many() if not o.item.forged], domain="out", seed=0)
    assert found.auc is None
    assert found.ece is None
    assert found.found is None
    assert found.false_alarms is not None


def test_parts_are_counted_at_their_level() -> None:
    parts = (Part("track", "person 1", 2.0), Part("frame", "a", 1.0), Part("frame", "b", None))
    whole = [replace(outcome(1, True, 1.5), parts=parts), outcome(2, False, None, "unreadable")]
    assert [llr for *_, llr in cases(whole, "video")] == [1.5, None]
    assert [llr for *_, llr in cases(whole, "track")] == [2.0, None]
    assert [llr for *_, llr in cases(whole, "frame")] == [1.0, None, None]
    told = files_of(whole, "jpeg 50")
    assert [(f.level, f.part, f.llr) for f in told] == [
        ("video", "", 1.5),
        ("track", "person 1", 2.0),
        ("frame", "a", 1.0),
        ("frame", "b", None),
        ("video", "", None),
    ]
    assert {f.delivery for f in told} == {"jpeg 50"}


def test_a_step_that_shuffles_the_forged_loses_what_the_areas_differ_by() -> None:
    clean = many()
    rng = np.random.default_rng(0)
    noisy = [replace(o, llr=(o.llr or 0) + float(rng.normal(0, 3))) for o in clean]
    step = step_of("set", "noise", "noise 20", 20, clean, noisy, seed=0)
    y = [o.item.forged for o in clean]
    areas = [roc_auc_score(y, [o.llr for o in some]) for some in (clean, noisy)]
    assert step.auc_lost is not None
    assert step.auc_lost.value == pytest.approx(areas[0] - areas[1])
    assert step.auc_lost.low > 0
    same = step_of("set", "none", "as it is", 0, clean, clean, seed=0)
    assert same.auc_lost is not None
    assert (same.auc_lost.low, same.auc_lost.value, same.auc_lost.high) == (0, 0, 0)
    assert same.flipped is not None
    assert same.flipped.value == 0


def test_only_what_changes_sides_has_flipped() -> None:
    clean = [outcome(i, i % 2 == 1, 1.0, "forged", identity=str(i)) for i in range(8)]
    after = [replace(o, decision=d) for o, d in zip(clean, ["genuine"] * 3 + ["inconclusive"] * 5, strict=True)]  # type: ignore[arg-type]
    step = step_of("set", "x", "x 1", 1, clean, after, seed=0)
    assert step.flipped is not None
    assert step.flipped.value == pytest.approx(3 / 8)


def test_the_probe_sees_a_planted_shortcut_and_no_other() -> None:
    outcomes = many(200)
    rng = np.random.default_rng(2)
    blind = [replace(o, facts={"width": float(rng.integers(9)), "quality": math.nan}) for o in outcomes]
    told = [replace(o, facts={"width": float(o.item.forged), "quality": math.nan}) for o in outcomes]
    fair, shortcut = (figures_of("set", x, domain="out", seed=0).metadata_auc for x in (blind, told))
    assert fair is not None
    assert fair.low < 0.5 < fair.high
    assert shortcut is not None
    assert shortcut.value > 0.95


def test_a_set_with_originals_has_a_pair_accuracy_and_one_without_has_none() -> None:
    outcomes = []
    for i in range(10):
        video = {"video": f"v{i}"}
        outcomes += [outcome(i, False, float(i), **video), outcome(i + 20, True, i + (1.0 if i < 7 else -1.0), **video)]
    outcomes.append(outcome(50, True, None, video="v0"))  # no answer is no pair
    found = figures_of("set", outcomes, domain="out", seed=0)
    assert found.pair_accuracy is not None
    assert (found.pair_accuracy.value, found.pair_accuracy.n) == pytest.approx((0.7, 10))
    assert found.pair_accuracy.low < 0.7 < found.pair_accuracy.high
    assert figures_of("set", many(), domain="out", seed=0).pair_accuracy is None
    assert {f.video for f in files_of(outcomes)} == {f"v{i}" for i in range(10)}
    sound = replace(outcomes[0], facts={"width": math.nan, "duration": 2.0})
    assert [f.kind for f in files_of([sound, outcomes[1]])] == ["audio", "image"]
