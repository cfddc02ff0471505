"""Figures source by source: known answers in, by hand and by scikit-learn; what is small does not decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from zhenwei.evaluation.by_source import by_source, over_sources, sources_known, to_markdown
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.results import FileResult, SourceFigures


def file(llr: float | None, forged: bool, source: str, number: int, **more: str) -> FileResult:
    """Called forged above 2 and genuine below -2, alone in its group."""
    said = "inconclusive" if llr is None or abs(llr) < 2 else "forged" if llr > 0 else "genuine"
    known = {"set": "s", "file": str(number), "group": f"{source}/{number}", "origin": source, "decision": said} | more
    return FileResult.model_validate(known | {"forged": forged, "llr": llr})


def many(source: str, n: int, mean: float, *, forged: bool, **more: str) -> list[FileResult]:
    rng = np.random.default_rng(len(source) * 1000 + n)
    return [file(float(rng.normal(mean, 1)), forged, source, number, **more) for number in range(n)]


def named(rows: tuple[SourceFigures, ...]) -> dict[str, SourceFigures]:
    return {row.name: row for row in rows}


def test_a_source_is_set_against_every_genuine_source_alike() -> None:
    camera, web, few = (
        many("camera", 200, -1, forged=False),
        many("web", 20, 0.8, forged=False),
        file(9, False, "few", 0),
    )
    swaps = many("swaps", 40, 1, forged=True)
    (row,) = [r for r in by_source([*camera, *web, few, *swaps], seed=0) if r.name == "swaps"]
    areas = {}
    for name, genuine in (("camera", camera), ("web", web)):
        labels, llrs = [1] * 40 + [0] * len(genuine), [f.llr for f in (*swaps, *genuine)]
        areas[name] = roc_auc_score(labels, llrs)
    assert {one.source: one.auc.value for one in row.against} == pytest.approx(areas)  # one file is no source
    assert row.auc is not None
    assert row.auc.value == pytest.approx(np.mean(list(areas.values())))  # 20 files count as 200 do
    assert row.auc.low < row.auc.value < row.auc.high
    assert row.lowest is not None
    assert row.lowest.source == "web"
    assert (row.auc_own, row.pair_accuracy, row.false_alarms) == (None, None, None)


def test_own_media_pairs_and_rates_are_counted_by_hand() -> None:
    genuine = [file(3.0 if i < 2 else -3.0, False, "a", i, video=f"v{i}", group=f"v{i}") for i in range(12)]
    forged = [file(0.0, True, "a", 20 + i, video=f"v{i}", group=f"v{i}", method="swap") for i in range(12)]
    silent = [file(None, False, "a", 40 + i) for i in range(6)]
    rows = named(by_source([*genuine, *forged, *silent], seed=0))
    a, swap = rows["a"], rows["swap"]
    assert (a.genuine, a.forged, a.genuine_answered, a.forged_answered) == (18, 12, 12, 12)
    assert a.pair_accuracy is not None
    assert (a.pair_accuracy.value, a.pair_accuracy.n) == pytest.approx((10 / 12, 12))
    assert swap.pair_accuracy == a.pair_accuracy
    assert swap.false_alarms is None
    assert a.false_alarms is not None
    assert (a.false_alarms.value, a.false_alarms.n) == pytest.approx((2 / 12, 12))  # silence is no correct answer
    assert (a.firm.value, a.firm.n) == pytest.approx((12 / 30, 30))
    assert a.auc_own is not None
    assert a.auc_own.value == pytest.approx(10 / 12)


def test_an_original_of_another_set_or_kind_is_none() -> None:
    for other in ({"set": "t"}, {"kind": "video"}):
        rows = []
        for i in range(12):
            rows += [file(0.0, False, "a", i, video=f"v{i}", **other), file(1.0, True, "a", i + 20, video=f"v{i}")]
        assert [row.pair_accuracy for row in by_source(rows, seed=0)] == [None] * len(by_source(rows, seed=0))


def test_kinds_of_media_are_never_mixed() -> None:
    pictures, sound = many("a", 20, -5, forged=False), many("b", 20, 5, forged=True, kind="audio")
    rows = by_source([*pictures, *sound], seed=0)
    assert [(row.kind, row.name, row.against) for row in rows] == [("audio", "b", ()), ("image", "a", ())]


def test_small_sources_are_shown_and_decide_nothing() -> None:
    large = [*many("web", 30, -3, forged=False), *many("swaps", 30, 3, forged=True)]
    small = [*many("phone", 9, 6, forged=False), *many("heads", 9, -6, forged=True)]
    rows = by_source([*large, *small], seed=0)
    heads = named(rows)["heads"]
    assert heads.auc is not None
    assert heads.auc.value < 0.1
    over = {(one.of, one.figure): one for one in over_sources(rows)}
    assert over["source", "auc"].worst_name == "swaps"
    assert over["source", "auc"].counted == 1
    assert over["source", "false_alarms"].worst_name == "web"
    assert ("source", "pair_accuracy") not in over
    assert "| heads | 0 + 9 |" in "\n".join(to_markdown(rows))


def test_the_worst_is_the_lowest_area_and_the_most_alarms() -> None:
    genuine = [*many("web", 40, -2, forged=False), *many("phone", 40, 1.5, forged=False)]
    forged = [*many("swaps", 40, 3, forged=True), *many("heads", 40, -1, forged=True, method="x|y")]
    rows = by_source([*genuine, *forged], seed=0)
    over = {(one.of, one.figure): one for one in over_sources(rows)}
    area, alarms = over["source", "auc"], over["source", "false_alarms"]
    assert (area.worst_name, area.counted, alarms.worst_name) == ("heads", 2, "phone")
    each = [row.auc for row in rows if row.of == "source" and row.auc]
    assert area.mean.value == pytest.approx(np.mean([one.value for one in each]))
    assert area.mean.n == 2
    assert area.mean.low <= min(one.value for one in each)  # sources differ more than their files
    assert area.mean.high >= max(one.value for one in each)
    assert over["method", "auc"].worst_name == "x|y"
    text = to_markdown(rows)
    assert any(line.endswith("| x\\|y |") for line in text)
    assert any(line.startswith("| web | 40 + 0 | — | — | — | — | — |") for line in text)
    assert not any(line.startswith("| method |") for line in to_markdown(rows, tables=["source"]))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_order_and_parts_do_not_matter(seed: int) -> None:
    files = [*many("a", 15, -1, forged=False), *many("b", 15, 1, forged=True)]
    broken = file(None, True, "b", 99).model_copy(update={"decision": "unreadable"})
    beside = [f.model_copy(update=change) for f in files for change in ({"delivery": "jpeg 50"}, {"level": "frame"})]
    mixed = [*files, broken, *beside]
    order = np.random.default_rng(seed).permutation(len(mixed))
    one, other = by_source(files, seed=0), by_source([mixed[i] for i in order], seed=0)
    for a, b in zip(one, other, strict=True):
        assert (a.name, a.genuine, a.forged, a.firm) == (b.name, b.genuine, b.forged, b.firm)
        assert (a.auc and a.auc.value) == pytest.approx(b.auc and b.auc.value)
    assert by_source(files, seed=0) == one


def test_nothing_has_no_rows() -> None:
    assert by_source([], seed=0) == ()
    assert over_sources([]) == ()
    (row,) = by_source([file(None, True, "a", 0)], seed=0)
    assert (row.auc, row.pair_accuracy, row.firm.value) == (None, None, 0.0)
    assert over_sources([row]) == ()


def test_sources_are_known_by_an_origin_or_by_several_sets() -> None:
    plain = [Item(str(i), Path("x"), "s", bool(i)) for i in range(2)]
    assert not sources_known(plain)
    assert not sources_known([])
    assert sources_known([*plain, Item("o", Path("x"), "s", False, origin="web")])
    assert sources_known([*plain, Item("o", Path("x"), "t", False)])
