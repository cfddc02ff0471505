"""What follows from answers, by hand; and answers of the real pipeline on files that the steps really made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import pipeline
from zhenwei.errors import MediaError, UsageError
from zhenwei.evaluation import robust
from zhenwei.evaluation.attacked import _subject, attacked, reexamined
from zhenwei.evaluation.ladder import Degradation, families, steps
from zhenwei.evaluation.robust import Robustness, StepAnswer, conclusion, examined, walk
from zhenwei.types import Decision

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
_LLRS = {"forged": 3.0, "genuine": -3.0, "inconclusive": 0.5}


def answer(name: str, decision: Decision) -> StepAnswer:
    return StepAnswer(name.split()[0], name, 1.0, decision, _LLRS[decision])


def found(plain: Decision, **decisions: Decision) -> Robustness:
    after = tuple(answer(name.replace("_", " "), decision) for name, decision in decisions.items())
    return Robustness("a.jpg", "0" * 64, "image", answer("as it is", plain), after, len(after))


def test_a_verdict_that_stands_everywhere() -> None:
    result = found("forged", jpeg_90="forged", jpeg_50="forged", blur_1="forged")
    assert result.stable
    assert conclusion(result) == "Stays forged through all 3 steps tried."
    assert [(f.family, f.held, f.flipped, f.lost) for f in result.families] == [
        ("jpeg", "jpeg 50", "", ""),
        ("blur", "blur 1", "", ""),
    ]


def test_a_verdict_that_is_lost_is_neither_side() -> None:
    result = found("forged", jpeg_40="forged", jpeg_30="forged", jpeg_20="inconclusive", grey="inconclusive")
    assert result.stable
    assert "Stays forged down to jpeg 30, but after no step of grey" in conclusion(result)
    assert (result.families[0].held, result.families[0].lost, result.families[0].flipped) == ("jpeg 30", "jpeg 20", "")
    assert (result.families[0].low, result.families[0].high) == (0.5, 3.0)


def test_what_holds_again_further_down_is_not_said_to_be_lost_throughout() -> None:
    """webp 80 leaves no verdict, webp 50 does: only a family lost at every step is named as a whole."""
    result = found("forged", webp_80="inconclusive", webp_50="forged", blur_1="inconclusive", grey="forged")
    assert conclusion(result).startswith("Stays forged but after no step of blur, except after webp 80;")
    nothing = found("forged", webp_80="inconclusive", grey="inconclusive")
    assert conclusion(nothing) == "Forged as it is, but none of the 2 steps tried leaves a verdict."


def test_a_verdict_that_changes_sides_is_none() -> None:
    result = found("genuine", jpeg_90="genuine", jpeg_50="inconclusive", jpeg_30="forged", blur_1="forged")
    assert not result.stable
    assert conclusion(result).startswith("Unsure: the verdict depends on how the file was saved. Genuine as it is")
    assert "forged after jpeg 30, blur 1" in conclusion(result)
    family = result.families[0]
    assert (family.held, family.lost, family.flipped) == ("jpeg 90", "jpeg 50", "jpeg 30")


def test_without_a_verdict_one_side_is_no_change_but_both_are() -> None:
    assert found("inconclusive", jpeg_90="inconclusive").stable
    assert conclusion(found("inconclusive", jpeg_90="inconclusive")) == "No verdict, however it is saved."
    one = found("inconclusive", jpeg_90="inconclusive", blur_2="forged")
    assert one.stable
    assert "turns forged after blur 2" in conclusion(one)
    both = found("inconclusive", jpeg_90="genuine", blur_2="forged")
    assert not both.stable
    assert "forged after blur 2, genuine after jpeg 90" in conclusion(both)


@pytest.mark.parametrize(
    "result",
    [
        found("forged"),
        found("forged", jpeg_90="forged"),
        found("forged", jpeg_90="inconclusive"),
        found("forged", grey="inconclusive", jpeg_90="forged"),
        found("forged", jpeg_90="genuine"),
        found("inconclusive", jpeg_90="genuine"),
        found("inconclusive", jpeg_90="genuine", blur_1="forged"),
        found("inconclusive", jpeg_90="inconclusive"),
    ],
)
def test_every_conclusion_is_said_in_both_languages_and_in_json(result: Robustness) -> None:
    text = conclusion(result)
    assert text.endswith(".")
    assert text.zh.endswith("。")
    written = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert written["conclusion"] == text
    assert written["stable"] == result.stable
    assert len(written["steps"]) == len(result.answers)


def chosen(*names: str) -> tuple[Degradation, ...]:
    return tuple(step for step in steps() if step.name in names)


@pytest.mark.heavy
def test_each_answer_is_that_of_examining_the_shipped_file(tmp_path: Path) -> None:
    degradations = chosen("jpeg 30", "blur 3")
    options = pipeline.Options(threads=1)
    plain, *after = walk(PORTRAIT, degradations, tmp_path, options=options, keep=True)
    assert plain.llr == pipeline.examine(PORTRAIT, options=options).verdict.llr
    assert plain.llr is not None
    assert [a.name for a in after] == ["jpeg 30", "blur 3"]
    for one in after:
        verdict = pipeline.examine(one.file, options=options).verdict
        assert (one.llr, one.decision) == (verdict.llr, verdict.decision)
        assert one.size_bytes == Path(one.file).stat().st_size
    assert len({a.llr for a in (plain, *after)}) > 1  # the steps do reach the detector


def test_files_are_removed_unless_kept_and_other_kinds_left_out(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (90, 100, 110)).save(tmp_path / "flat.png")
    told: list[str] = []

    def tell(step: str) -> object:
        told.append(step)
        return lambda _stage, _share: None

    degradations = (*families(steps(), ("webp",)), *chosen("feed 480p, crf 30"))
    answers = list(walk(tmp_path / "flat.png", degradations, tmp_path / "out", tell=tell))  # type: ignore[arg-type]
    assert told == ["as it is", "webp 80", "webp 50", "webp 20"]
    assert {a.decision for a in answers} == {"inconclusive"}
    assert all(a.llr is None and a.reason for a in answers)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_step_that_fails_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    Image.new("L", (16500, 1)).save(tmp_path / "long.png")
    answers = list(walk(tmp_path / "long.png", chosen("webp 50", "jpeg 50"), tmp_path / "out"))
    by_name = {a.name: a for a in answers}
    assert by_name["webp 50"].decision == "failed"
    assert "too large" in by_name["webp 50"].reason
    assert by_name["jpeg 50"].decision == "inconclusive"


def test_a_file_that_cannot_be_read_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "no.jpg").write_text("no picture")
    with pytest.raises(MediaError):
        examined(tmp_path / "no.jpg")
    with pytest.raises(MediaError):
        list(walk(tmp_path / "gone.jpg", (), tmp_path))


def test_crops_that_nobody_attacked_get_the_detector_s_own_answer() -> None:
    """The way by which attacked faces are handed over changes nothing by itself."""
    options = pipeline.Options(detectors=("cnn.face_forgery",), threads=1)
    (evidence,) = pipeline.examine(PORTRAIT, options=options).evidence
    subject, people = _subject(str(PORTRAIT), 1)
    again = reexamined(people[0], subject)
    assert again.score == pytest.approx(evidence.score, abs=1e-5)
    assert again.llr == pytest.approx(evidence.llr, abs=1e-5)


def test_attacks_push_against_the_verdict_and_further_with_more_budget() -> None:
    options = pipeline.Options(detectors=("cnn.face_forgery",), threads=1)
    plain = pipeline.examine(PORTRAIT, options=options).verdict
    answers = list(attacked(str(PORTRAIT), options, eps=(1, 4), attacks=("pgd",), steps=3))
    assert plain.llr is not None
    aims = {"forged": {"hide"}, "genuine": {"frame"}, "inconclusive": {"hide", "frame"}}[plain.decision]
    assert {a.name.split()[1] for a in answers} == aims
    for aim in aims:
        sign = -1 if aim == "hide" else 1
        llrs = [plain.llr, *(a.llr for a in answers if a.name.split()[1] == aim)]
        pushed = [sign * llr for llr in llrs if llr is not None]
        assert len(pushed) == 3
        assert pushed == sorted(pushed)
        assert pushed[-1] > pushed[0]


def test_attacks_need_a_face_and_the_detector(tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "flat.png")
    assert list(attacked(str(tmp_path / "flat.png"))) == []
    with pytest.raises(UsageError, match="attack"):
        list(attacked(str(PORTRAIT), pipeline.Options(detectors=("some.other",))))


def test_names_are_counted_only_beyond_those_that_are_shown() -> None:
    names = [f"step {number}" for number in range(robust._NAMED + 2)]
    assert robust._joined(names[: robust._NAMED]) == ", ".join(names[: robust._NAMED])
    assert robust._joined(names).endswith(f"{names[robust._NAMED - 1]} (+2)")
    assert robust._joined(["a, b", "c"]) == "a, b; c"
