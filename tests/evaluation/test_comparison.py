"""Paired comparisons: against independent implementations, by simulation, and where nothing differs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.stats.scores import paired_scores

from zhenwei.cli import main
from zhenwei.errors import DataError, UsageError
from zhenwei.evaluation import results
from zhenwei.evaluation.comparison import compare
from zhenwei.evaluation.results import FileResult, Results
from zhenwei.stats.metrics import auc, aurc

Reals = NDArray[np.float64]


def _results(truth: NDArray[np.bool_], llr: Reals, name: str = "set", **changes: object) -> Results:
    files = tuple(
        FileResult(
            set=name,
            file=f"{i}.jpg",
            forged=bool(y),
            group=f"person {i // 4}",
            llr=None if np.isnan(v) else float(v),
            decision="forged" if v > 1 else "genuine" if v < -1 else "inconclusive",
        )
        for i, (y, v) in enumerate(zip(truth, llr, strict=True))
    )
    whole = Results(
        subject="fused",
        protocol="p",
        protocol_text="",
        created="2026-01-01T00:00:00+00:00",
        seed=0,
        frames=32,
        data={},
        weights={"m": "a" * 64},
        versions={},
        figures=(),
        files=files,
    )
    return whole.model_copy(update=changes)


def test_the_better_one_is_found_and_named() -> None:
    made = paired_scores()
    found = compare(_results(made.truth, made.poor), _results(made.truth, made.good, weights={"m": "b" * 64}))
    (part,) = found.sets
    tests = {t.figure: t for t in part.tests}
    assert set(tests) == {"coverage", "false alarms", "forged found", "AUC", "C_llr", "Brier"}
    assert tests["AUC"].better == tests["C_llr"].better == "B"
    assert tests["coverage"].better == ""
    assert tests["AUC"].difference.value == pytest.approx(auc(made.truth, made.good) - auc(made.truth, made.poor))
    assert "B is better by AUC" in part.text
    assert part.groups == 60
    assert found.notes == ()


@pytest.mark.parametrize(("frames", "notes"), [((32, 32), 0), ((32, 8), 1), ((32, 0), 0), ((0, 0), 0)])
def test_frames_are_spoken_of_where_both_looked_at_some(frames: tuple[int, int], notes: int) -> None:
    made = paired_scores(40)
    one, other = (_results(made.truth, made.good, subject=str(n), frames=n) for n in frames)
    found = compare(one, other.model_copy(update={"weights": {}}), resamples=50)
    assert sum("frames of a clip" in note for note in found.notes) == notes


def test_swapping_the_two_turns_every_sign() -> None:
    made = paired_scores(80)
    one, other = _results(made.truth, made.poor), _results(made.truth, made.good)
    there, back = compare(one, other).sets[0], compare(other, one).sets[0]
    for x, y in zip(there.tests, back.tests, strict=True):
        assert x.difference.value == pytest.approx(-y.difference.value)
        assert x.difference.low == pytest.approx(-y.difference.high, abs=1e-9)
        assert x.p == pytest.approx(y.p)
        assert {x.better, y.better} in ({""}, {"A", "B"})


def test_a_result_does_not_differ_from_itself() -> None:
    made = paired_scores(80)
    mine = _results(made.truth, made.good)
    found = compare(mine, mine)
    assert all(t.difference.value == t.difference.low == t.difference.high == 0 for t in found.sets[0].tests)
    assert all(t.p == 1 and not t.better for t in found.sets[0].tests)
    assert "No difference can be shown" in found.sets[0].text
    assert "both are of the same detectors and weights" in found.notes


def test_a_false_difference_is_rarely_shown() -> None:
    """Twelve comparisons of six figures where there is none: Holm keeps the chance of any in one at 5 %."""
    shown = 0
    for seed in range(12):
        made, again = paired_scores(80, seed), np.random.default_rng(1000 + seed)
        noise = [made.good + again.normal(0, 1, 80) for _ in range(2)]
        found = compare(_results(made.truth, noise[0]), _results(made.truth, noise[1]), resamples=300)
        shown += any(t.better for t in found.sets[0].tests)
    assert shown <= 2


def test_a_missing_answer_is_missing_and_lowers_coverage() -> None:
    made = paired_scores(80)
    gone = made.good.copy()
    gone[:20] = np.nan
    tests = {t.figure: t for t in compare(_results(made.truth, made.good), _results(made.truth, gone)).sets[0].tests}
    assert tests["coverage"].b == pytest.approx(0.75)
    assert tests["coverage"].better == "A"
    assert tests["AUC"].difference.n == 60
    assert tests["AUC"].difference.value == 0


def test_other_files_are_left_out_and_counted() -> None:
    made = paired_scores(80)
    one, other = _results(made.truth, made.good), _results(made.truth[:60], made.good[:60], protocol="q", frames=8)
    found = compare(one, other)
    assert any("60 cases are in both; 20 only in A and 0 only in B" in note for note in found.notes)
    assert any("protocols differ" in note for note in found.notes)
    assert any("8" in note for note in found.notes)


def test_what_cannot_be_compared_is_refused() -> None:
    made = paired_scores(40)
    mine = _results(made.truth, made.good)
    elsewhere = _results(made.truth, made.good, "other")
    other = [f.model_copy(update={"file": f"{f.file}.png"}) for f in elsewhere.files]
    with pytest.raises(DataError, match="no file in common; got 40 cases of set and 40 cases of other"):
        compare(mine, elsewhere.model_copy(update={"files": tuple(other)}))
    with pytest.raises(UsageError, match="no set of that name; got nothing; want set"):
        compare(mine, mine, only="nothing")
    with pytest.raises(DataError, match="no file in common"):
        compare(mine, mine, level="frame")
    with pytest.raises(DataError, match="label the same files differently"):
        compare(mine, _results(~made.truth, made.good))


def test_sets_of_two_names_pair_by_file_where_each_has_one() -> None:
    made = paired_scores(40)
    mine, other = _results(made.truth, made.poor), _results(made.truth, made.good, "other")
    found = compare(mine, other)
    assert [part.set for part in found.sets] == ["set"]
    assert found.sets[0].tests == compare(mine, _results(made.truth, made.good)).sets[0].tests
    assert found.notes[0] == "the sets set and other were paired by the names of files"
    more = other.model_copy(update={"files": (*other.files, mine.files[0].model_copy(update={"set": "third"}))})
    with pytest.raises(DataError, match="40 cases of set and 41 cases of other, third"):
        compare(mine, more)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"llr": 1e308}, r"no likelihood ratio is that large; got B: 0.jpg: 1e\+308"),
        ({"decision": "perhaps"}, "there is no such decision; got B: 0.jpg: 'perhaps'"),
        ({"file": "1.jpg"}, "a file is listed twice; got B: 1.jpg"),
    ],
)
def test_what_no_evaluation_writes_is_refused(change: dict[str, object], told: str) -> None:
    made = paired_scores(40)
    mine = _results(made.truth, made.good)
    first, *rest = mine.files
    with pytest.raises(DataError, match=told):
        compare(mine, mine.model_copy(update={"files": (first.model_copy(update=change), *rest)}))


def test_a_field_that_was_edited_by_hand_is_named(tmp_path: Path) -> None:
    made = paired_scores(4)
    results.save(_results(made.truth, made.good), tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    document["files"][2]["llr"] = "high"
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"a.json: files\.2\.llr = 'high'; want a number"):
        results.load(tmp_path / "a.json")


def test_a_set_of_one_class_has_no_auc() -> None:
    genuine = np.zeros(12, np.bool_)
    mine = _results(genuine, np.linspace(-3, 3, 12))
    assert [t.figure for t in compare(mine, mine).sets[0].tests] == ["coverage", "false alarms"]


@pytest.mark.heavy
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = paired_scores(160)
    a, b, out = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.json"
    results.save(_results(made.truth, made.poor), a)
    results.save(_results(made.truth, made.good, weights={"m": "b" * 64}), b)
    assert main(["evaluate", "compare", str(a), str(b)]) == 0
    said = capsys.readouterr().out
    assert "B is better by AUC" in said
    assert "80 genuine + 80 forged" in said
    assert main(["evaluate", "compare", str(a), str(b), "--format", "markdown"]) == 0
    assert "| AUC | " in capsys.readouterr().out
    assert main(["evaluate", "compare", str(a), str(b), "--format", "json", "--output", str(out)]) == 0
    assert json.loads(out.read_text())["schema"] == "zhenwei.comparison/1"
    assert main(["evaluate", "compare", str(a), str(a)]) == 2
    assert "same file" in capsys.readouterr().err
    (tmp_path / "none.json").write_text("{}")
    for bad in ("none.json", "missing.json"):
        assert main(["evaluate", "compare", str(a), str(tmp_path / bad)]) == 1
    assert main(["evaluate", "compare", str(a), str(b), "--output", str(tmp_path / "no" / "folder")]) == 1
    assert "cannot be written" in capsys.readouterr().err


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=1, max_size=12))
def test_aurc_is_the_mean_risk_over_orders_of_keeping(cases: list[tuple[bool, int]]) -> None:
    """Each answer let in one by one, equally sure ones with the risk of all of them together."""
    truth, llr = [c[0] for c in cases], [float(c[1]) for c in cases]
    wrong = [0.5 if v == 0 else float((v > 0) != t) for t, v in zip(truth, llr, strict=True)]
    order = sorted(range(len(llr)), key=lambda i: -abs(llr[i]))
    total, kept = 0.0, list[float]()
    for _, block in itertools.groupby(order, key=lambda i: abs(llr[i])):
        members = list(block)
        kept += [wrong[i] for i in members]
        total += len(members) * sum(kept) / len(kept)
    assert aurc(truth, llr) == pytest.approx(total / len(llr))
