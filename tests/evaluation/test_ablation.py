"""Detectors apart and families left out, from one pass: against what a pass of their own would have said."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zhenwei import fusion
from zhenwei.evaluation.ablation import ablations, by_detector, llr_of
from zhenwei.evaluation.items import Answer, Item, Outcome
from zhenwei.fusion.dependence import packaged
from zhenwei.stats.metrics import auc
from zhenwei.types import Evidence


def outcome(number: int, forged: bool, said: tuple[Answer, ...]) -> Outcome:
    return Outcome(Item(f"{number}.jpg", Path("x"), "set", forged), llr_of(said), "inconclusive", said=said)


def drawn(count: int = 60) -> list[Outcome]:
    """A good detector, a poor one of another family that often abstains, and one at chance."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        forged = number % 2 == 1
        side = 1.0 if forged else -1.0
        said = (
            Answer("a.good", 1, float(rng.normal(1.5 * side, 1)), "altered", 0.5),
            Answer("b.chance", 1, float(rng.normal(0, 1)), "altered", 0.25),
            Answer("b.poor", 1, float(rng.normal(0.5 * side, 1)) if number % 3 else None, "altered", 0.1),
        )
        found.append(outcome(number, forged, said))
    return found


def test_a_file_is_put_together_as_the_fusion_does_it() -> None:
    said = (Answer("a.x", 1, 2.0, "altered"), Answer("a.x", 2, -1.0, "altered"), Answer("b.x", None, 0.5, "generated"))
    evidence = [Evidence(s.detector, s.llr, "", person=s.person, finds=s.finds) for s in said]
    assert llr_of(said) == fusion.decide(evidence).llr
    each = by_detector(outcome(0, True, said))
    assert each["b.x"] == 0.5
    assert each["a.x"] == pytest.approx(np.log((np.exp(2) + np.exp(-1)) / 2))
    assert llr_of((Answer("a.x", 1, None, "altered"),)) is None


def test_every_detector_stands_for_itself() -> None:
    outcomes = drawn()
    rows = {(r.subject, r.without): r for r in ablations("set", outcomes, seed=1)}
    assert set(rows) == {("a.good", False), ("b.chance", False), ("b.poor", False), ("a", True), ("b", True)}
    labels = [o.item.forged for o in outcomes]
    good = rows["a.good", False]
    assert good.auc is not None
    assert good.auc.value == pytest.approx(auc(labels, np.array([o.said[0].llr for o in outcomes], float)))
    assert good.seconds == 0.5
    poor = rows["b.poor", False]
    assert poor.coverage.value == pytest.approx(2 / 3)
    assert poor.auc is not None
    assert poor.auc.n == 40


def test_what_is_lost_is_paired() -> None:
    outcomes = drawn()
    rows = {(r.subject, r.without): r for r in ablations("set", outcomes, seed=1)}
    labels, whole = [o.item.forged for o in outcomes], np.array([o.llr for o in outcomes], float)
    for key in (("b.chance", False), ("a", True)):
        row = rows[key]
        assert row.auc is not None
        assert row.auc_lost is not None
        assert row.auc_lost.value == pytest.approx(auc(labels, whole) - row.auc.value)
        assert row.auc_lost.low > 0
    same = rows["b", True]
    assert same.auc is not None
    assert same.auc.value == pytest.approx(auc(labels, np.array([o.said[0].llr for o in outcomes], float)))


def test_a_single_detector_has_nothing_to_be_apart_from() -> None:
    alone = [outcome(n, bool(n % 2), (Answer("a.x", 1, float(n), "altered"),)) for n in range(8)]
    assert ablations("set", alone, seed=0) == []


def test_one_class_has_a_coverage_and_no_more() -> None:
    rows = ablations("set", [o for o in drawn() if not o.item.forged], seed=0)
    assert all(r.auc is None and r.c_llr_lost is None for r in rows)
    assert rows[0].coverage.n == 30


def test_each_file_is_weighed_as_what_it_is() -> None:
    """What a detector is worth in clips and in pictures is not the same, and nor is its LLR by itself."""
    said = (Answer("encoder.blended", 1, 2.0, "altered"),)
    image, video, audio = (
        replace(outcome(0, True, said), facts={"width": width, "duration": duration})
        for width, duration in ((100.0, 0.0), (100.0, 3.0), (math.nan, 3.0))
    )
    assert (image.kind, video.kind, audio.kind) == ("image", "video", "audio")
    trust = packaged().trust
    for one in (image, video):
        assert by_detector(one)["encoder.blended"] == pytest.approx(2.0 * trust[one.kind])
