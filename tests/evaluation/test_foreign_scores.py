"""Scores of another model: read from a table, calibrated on sources left out, with the figures of ours."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zhenwei.cli import main
from zhenwei.errors import DataError
from zhenwei.evaluation import results
from zhenwei.evaluation.comparison import compare
from zhenwei.evaluation.foreign_results import evaluate_scores
from zhenwei.evaluation.foreign_scores import calibrated, read_scores
from zhenwei.evaluation.items import Item
from zhenwei.stats import metrics

SHIFT = {"north": 0.0, "south": 0.4, "west": -0.3}


def rows(*, separation: float = 2.0, seed: int = 0, each: int = 60) -> list[dict[str, Any]]:
    """Files of three sources, two of each person, whose scores are shifted by the source."""
    rng = np.random.default_rng(seed)
    made = []
    for source, shift in SHIFT.items():
        for number in range(each):
            forged = number % 2
            score = shift + separation * forged + rng.normal()
            name = f"{source}/{number}.jpg"
            who = f"{source} {number // 4}"
            made.append(
                {"path": name, "score": score, "label": ("real", "fake")[forged], "source": source, "group": who}
            )
    return made


def table(path: Path, content: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(content[0]))
        writer.writeheader()
        writer.writerows(content)
    return path


def test_the_figures_are_those_of_an_independent_count(tmp_path: Path) -> None:
    content = rows()
    read = read_scores(table(tmp_path / "theirs.csv", content))
    found = evaluate_scores("theirs", read)
    truth = np.array([row["label"] == "fake" for row in content])
    scores = np.array([row["score"] for row in content])
    (figures,) = found.figures
    assert figures.auc is not None
    assert figures.auc.value == pytest.approx(metrics.auc(truth, scores))
    assert figures.auc.low < figures.auc.value < figures.auc.high
    assert (figures.genuine, figures.forged, figures.groups) == (90, 90, 45)
    assert {row.name for row in found.by_source if row.of == "source"} == set(SHIFT)
    assert found.protocol == "scores, source left out"
    said = np.array([f.decision == "forged" for f in found.files])
    assert figures.found is not None
    assert figures.found.value == pytest.approx(said[truth].mean())


def test_a_source_is_calibrated_without_itself(tmp_path: Path) -> None:
    """What is true of one source changes nothing of its own LLRs but by the others."""
    read = read_scores(table(tmp_path / "theirs.csv", rows()))
    found = calibrated(read, seed=0)
    swapped = []
    for row in rows():
        label = {"real": "fake", "fake": "real"}[row["label"]] if row["source"] == "north" else row["label"]
        swapped.append(row | {"label": label})
    other = calibrated(read_scores(table(tmp_path / "swapped.csv", swapped)), seed=0)
    north = [number for number, row in enumerate(read) if row.item.origin == "north"]
    assert found.left_out == "source"
    assert [found.llrs[n] for n in north] == [other.llrs[n] for n in north]
    assert found.llrs != other.llrs


def test_calibrated_scores_cost_little_more_than_they_must(tmp_path: Path) -> None:
    found = evaluate_scores("theirs", read_scores(table(tmp_path / "theirs.csv", rows(each=200))))
    (figures,) = found.figures
    assert figures.c_llr is not None
    assert figures.min_c_llr is not None
    assert figures.c_llr.value < figures.min_c_llr.value + 0.1
    assert figures.false_alarms is not None
    assert figures.false_alarms.value <= 0.06


def test_a_missing_score_is_an_abstention(tmp_path: Path) -> None:
    content = rows()
    for row in content[::9]:
        row["score"] = ""
    (figures,) = evaluate_scores("theirs", read_scores(table(tmp_path / "theirs.csv", content))).figures
    assert figures.coverage.value == pytest.approx(160 / 180)


def test_without_sources_people_are_left_out(tmp_path: Path) -> None:
    content = [{key: value for key, value in row.items() if key != "source"} for row in rows()]
    found = evaluate_scores("theirs", read_scores(table(tmp_path / "theirs.csv", content)))
    assert found.protocol == "scores, group left out"
    assert found.by_source == ()


def test_scores_of_the_other_class_are_told(tmp_path: Path) -> None:
    content = [row | {"score": -row["score"]} for row in rows()]
    path = table(tmp_path / "theirs.csv", content)
    wrong = evaluate_scores("theirs", read_scores(path))
    assert [f.check for f in wrong.findings if not f.ok][:1] == ["direction of the scores"]
    right = evaluate_scores("theirs", read_scores(path, higher="genuine"))
    assert right.figures[0].auc is not None
    assert right.figures[0].auc.value > 0.9


def test_the_better_of_two_models_is_found(tmp_path: Path) -> None:
    poor = evaluate_scores("a", read_scores(table(tmp_path / "set.csv", rows(separation=0.7))))
    good = evaluate_scores("b", read_scores(table(tmp_path / "set.csv", rows(separation=3.0))))
    tests = {test.figure: test for test in compare(poor, good, resamples=500).sets[0].tests}
    assert tests["AUC"].better == "B"
    assert poor.figures[0].auc is not None
    assert tests["AUC"].a == pytest.approx(poor.figures[0].auc.value)


def test_metadata_that_tell_the_label_are_found(tmp_path: Path) -> None:
    """The files themselves are opened: forgeries saved as small PNG, genuine ones as large JPEG."""
    content = rows(each=30)
    for row in content:
        forged = row["label"] == "fake"
        row["path"] = row["path"].replace(".jpg", ".png" if forged else ".jpg")
        path = tmp_path / row["path"]
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 20) if forged else (40, 40), (90, 80, 70)).save(path)
    found = evaluate_scores("theirs", read_scores(table(tmp_path / "theirs.csv", content)))
    assert [f.check for f in found.findings if not f.ok] == ["shortcut probe"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": "high"}, "a score is no number"),
        ({"score": "nan"}, "a score is no number"),
        ({"score": "inf"}, "a score is no number"),
        ({"score": "null"}, "a score is no number"),
        ({"label": "perhaps"}, "a label is unknown"),
        ({"path": ""}, "a row names no file"),
        ({"path": "north/1.jpg"}, "a file is listed twice"),
    ],
)
def test_what_is_wrong_with_a_table_names_the_line(tmp_path: Path, change: dict[str, str], message: str) -> None:
    content = rows()
    content[0] |= change
    content = content[1:2] + content[:1] if change.get("path") == "north/1.jpg" else content
    with pytest.raises(DataError, match=message) as caught:
        read_scores(table(tmp_path / "theirs.csv", content))
    assert "line" in str(caught.value)


def test_the_command_pairs_with_labelled_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labelled = []
    for row in rows(each=20):
        path = tmp_path / row["path"]
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
        labelled.append({"path": row["path"], "label": row["label"], "origin": row["source"], "identity": row["group"]})
    table(tmp_path / "labels.csv", labelled)
    scores = table(tmp_path / "theirs.csv", [{"id": row["path"], "score": row["score"]} for row in rows(each=20)])
    words = ["evaluate", "ours", "--scores", str(scores), "--data", str(tmp_path / "labels.csv"), "--output"]
    assert main([*words, str(tmp_path / "out")]) == 0
    assert "labels" in capsys.readouterr().out
    written = results.load(tmp_path / "out" / "results.json")
    assert (written.subject, written.figures[0].name, written.ranked_by) == ("ours", "labels", "score")
    assert json.loads((tmp_path / "out" / "results.json").read_text())["schema"] == "zhenwei.evaluation/1"
    strange = table(tmp_path / "strange.csv", [{"id": "nowhere.jpg", "score": 1}])
    words[3] = str(strange)
    assert main([*words, str(tmp_path / "out2")]) == 1
    assert "that the data do not have" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--limit", "3"],
        ["--frames", "3"],
        ["--protocol", "nosuch"],
        ["--only", "nosuch"],
        ["--skip-missing"],
        ["--data-format", "nosuch"],
        ["--kaggle", "x.csv"],
    ],
)
def test_options_of_examining_are_refused_beside_scores(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, out = table(tmp_path / "theirs.csv", rows(each=8)), tmp_path / "out"
    assert main(["evaluate", "m", "--scores", str(scores), "--output", str(out), *words]) == 2
    assert f"{words[0]} is not for --scores" in capsys.readouterr().err
    assert not out.exists()


def test_rows_that_the_model_learned_from_do_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = [row | {"split": "train" if row["source"] == "west" else "test"} for row in rows(each=20)]
    words = ["evaluate", "m", "--scores", str(table(tmp_path / "theirs.csv", content)), "--output"]
    assert main([*words, str(tmp_path / "out")]) == 0
    assert "20 files of the training part are left out" in capsys.readouterr().err
    found = results.load(tmp_path / "out" / "results.json")
    (figures,) = found.figures
    assert figures.genuine + figures.forged == 40
    told = {f.check: f.text for f in found.findings}
    assert told["training part"] == "20 files of the training part were left out"
    assert told["split leak: identity"] == "no people of the test were trained on"
    content[-1]["group"] = content[0]["group"]  # one person on both sides
    table(tmp_path / "theirs.csv", content)
    assert main([*words, str(tmp_path / "leak")]) == 1
    said = capsys.readouterr().err
    assert "LEAK: split leak: identity: 1 people of the test were trained on" in said
    assert "Take those rows out of the table" in said
    assert main([*words, str(tmp_path / "leak"), "--allow-leaks"]) == 0
    assert "NOT OK: split leak: identity" in capsys.readouterr().out


def test_scores_of_the_training_part_alone_are_a_leak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = table(tmp_path / "theirs.csv", [row | {"split": "train"} for row in rows(each=8)])
    assert main(["evaluate", "m", "--scores", str(scores), "--output", str(tmp_path / "out"), "--lang", "zh"]) == 1
    said = capsys.readouterr().err
    assert "测试中有 24 个文件曾用于训练" in said
    assert "得到：" in said
    assert "people" not in said


def test_what_python_alone_takes_for_a_number_is_none(tmp_path: Path) -> None:
    odd = ("²", "640", "1e3", "-3", "x")
    content = [row | {"width": odd[place % 5]} for place, row in enumerate(rows(each=8))]
    widths = [row.facts["width"] for row in read_scores(table(tmp_path / "theirs.csv", content))[:5]]
    assert widths == pytest.approx([np.nan, 640, 1000, np.nan, np.nan], nan_ok=True)
    content[0]["score"] = "1_000"
    with pytest.raises(DataError, match="a score is no number; got '1_000'"):
        read_scores(table(tmp_path / "theirs.csv", content))


def test_one_file_counts_once_however_its_path_is_written(tmp_path: Path) -> None:
    content = rows(each=8)
    content.append(content[0] | {"path": f"./{content[0]['path']}"})
    with pytest.raises(DataError, match="a file is listed twice"):
        read_scores(table(tmp_path / "theirs.csv", content))


@pytest.mark.parametrize("words", [["--higher", "genuine"], ["--as-llr"]])
def test_options_of_scores_are_refused_without_them(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "m", "--data", str(tmp_path), "--output", str(tmp_path / "out"), *words]) == 2
    assert f"{words[0]} is for --scores alone" in capsys.readouterr().err


def test_ratios_that_nobody_has_are_refused(tmp_path: Path) -> None:
    content = rows(each=8)
    content[0]["score"] = 1e99
    with pytest.raises(DataError, match=r"no likelihood ratio is that large; got north/0.jpg: 1e\+99"):
        calibrated(read_scores(table(tmp_path / "theirs.csv", content)), seed=0, as_llr=True)


def test_the_command_wants_data_or_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--output", str(tmp_path)]) == 2
    assert "--scores" in capsys.readouterr().err


def test_too_few_to_calibrate_on_are_counted_as_they_stand(tmp_path: Path) -> None:
    few = [
        {"path": f"{n}.jpg", "score": float(n), "label": ("real", "fake")[n % 2], "source": "", "group": str(n)}
        for n in range(4)
    ]
    read = read_scores(table(tmp_path / "few.csv", few))
    with pytest.raises(
        DataError, match=r"with one left out; got 2 groups of genuine files; want at least 3 of each class"
    ):
        calibrated(read, seed=0)
    assert calibrated(read, seed=0, as_llr=True).llrs == (0.0, 1.0, 2.0, 3.0)  # nothing is calibrated


def test_forgeries_pair_with_the_genuine_files_that_they_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether the genuine row names itself as its recording or leaves that empty."""
    found = []
    for itself in (False, True):
        content = []
        for number in range(40):
            own = f"u{number}" if itself else ""
            content.append({"id": f"u{number}", "score": number % 7, "label": "real", "original": own})
            content.append({"id": f"f{number}", "score": number % 7 + 1, "label": "fake", "original": f"./u{number}"})
        (figures,) = evaluate_scores("m", read_scores(table(tmp_path / "theirs.csv", content))).figures
        found.append(figures.pair_accuracy)
    assert found[0] == found[1]
    assert found[0] is not None
    assert (found[0].value, found[0].n) == (1.0, 40)
    content[1]["original"] = "elsewhere"
    words = ["evaluate", "--scores", str(table(tmp_path / "theirs.csv", content)), "--output", str(tmp_path / "out")]
    assert main(words) == 0
    assert "1 forged files name an original that no genuine file is" in capsys.readouterr().err


def test_scores_of_any_size_are_reckoned_with_up_to_a_bound_that_is_told(tmp_path: Path) -> None:
    content = [row | {"score": 1e100 if row["label"] == "fake" else -1e100} for row in rows(each=12)]
    (figures,) = evaluate_scores("m", read_scores(table(tmp_path / "theirs.csv", content))).figures
    assert figures.auc is not None
    assert figures.auc.value == 1.0
    content[3]["score"] = -1e101
    with pytest.raises(DataError, match=r"too large; got '-1e\+101' in line 5.*within 1e\+100 of 0"):
        read_scores(table(tmp_path / "theirs.csv", content))


def test_two_models_of_which_nobody_knows_the_weights_are_not_called_one(tmp_path: Path) -> None:
    one = evaluate_scores("theirs", read_scores(table(tmp_path / "set.csv", rows(separation=0.7))))
    other = evaluate_scores("theirs", read_scores(table(tmp_path / "set.csv", rows(separation=3.0))))
    assert compare(one, other, resamples=50).notes == ()


def test_a_name_that_several_sets_have_is_told_apart_by_its_set(tmp_path: Path) -> None:
    data = [
        Item(f"{n}.jpg", tmp_path / name / f"{n}.jpg", name, n % 2 == 1) for name in ("new", "old") for n in range(4)
    ]
    data += [Item("deep/x.jpg", tmp_path / "deep" / "x.jpg", "old", False)]
    content = [{"set": item.set_name, "path": item.name, "score": place} for place, item in enumerate(data)]
    found = read_scores(table(tmp_path / "s.csv", content), data)
    assert [(row.item, row.score) for row in found] == [(item, place) for place, item in enumerate(data)]
    (alone,) = read_scores(table(tmp_path / "s.csv", [{"path": "x.jpg", "score": 1}]), data)  # one file is called so
    assert alone.item == data[-1]
    (by_path,) = read_scores(table(tmp_path / "s.csv", [{"path": str(data[1].path), "score": 1}]), data)
    assert by_path.item == data[1]
    without = [{"path": row["path"], "score": row["score"]} for row in content]
    with pytest.raises(DataError, match="several sets of the data have files of these names") as caught:
        read_scores(table(tmp_path / "s.csv", without), data)
    assert caught.value.got.startswith("4: 0.jpg")
    assert (caught.value.want, caught.value.fix) == ("new, old", "Add a column set to the table of scores.")
    for change, told in (
        ({"set": "newer"}, "no set of the data is called so"),
        ({"path": "9.jpg"}, "do not have; got 1: new: 9"),
    ):
        with pytest.raises(DataError, match=told):
            read_scores(table(tmp_path / "s.csv", [content[0] | change]), data)
