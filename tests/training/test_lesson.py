"""Lessons are found where their detectors' names say, read their recipes from the command line, and refuse the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zhenwei import detectors
from zhenwei.cli import main
from zhenwei.errors import UsageError
from zhenwei.training import catalogue
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.recipe import RecipeSection, options_of
from zhenwei.types import Detector


def lessons() -> list[str]:
    return [id_ for id_ in catalogue.ids() if id_ in detectors.ids()]


def models_of(id_: str) -> set[str]:
    kind: type[Detector] = detectors.catalogue()[id_]
    return set(kind.info.models)


def test_every_detector_with_weights_of_this_project_has_a_lesson() -> None:
    assert set(lessons()) == {id_ for id_ in detectors.ids() if models_of(id_)}


@pytest.mark.parametrize("id_", lessons())
def test_a_lesson_serves_detectors_and_each_of_them_finds_it(id_: str) -> None:
    lesson = catalogue.lesson_of(id_)
    assert id_ in lesson.serves
    assert all(catalogue.lesson_of(other) is lesson for other in lesson.serves)
    assert isinstance(lesson.read(), RecipeSection)
    assert lesson.needs


def test_options_are_the_fields_of_the_recipe_and_of_its_parts() -> None:
    lesson = catalogue.lesson_of("cnn.face_forgery")
    assert "optimiser.steps" in options_of(lesson.recipe)
    recipe = lesson.read("", {"optimiser.steps": "7", "augmentation.jpeg-quality": "[40, 50]", "backbone": "lite1"})
    assert (recipe.optimiser.steps, recipe.augmentation.jpeg_quality, recipe.backbone) == (7, (40, 50), "lite1")
    for options, why in (
        ({"optimiser.step": "7"}, r"no option --optimiser\.step.*Did you mean --optimiser\.steps"),
        ({"optimiser.steps": "many"}, "cannot be read"),
        ({"optimiser.steps": "-1"}, "cannot be read"),
    ):
        with pytest.raises(UsageError, match=why):
            lesson.read("", options)


class Point:
    """An entry point of a package that brings a lesson for ``name``."""

    value, dist = "elsewhere:lesson", None

    def __init__(self, name: str, load: Callable[[], object]) -> None:
        self.name, self.load = name, load


def declare(monkeypatch: pytest.MonkeyPatch, *points: Point) -> None:
    monkeypatch.setattr(catalogue, "entry_points", lambda *, name="", **_: [p for p in points if name in ("", p.name)])


def test_two_claims_on_one_id_and_a_lesson_of_another_place_are_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = catalogue.lesson_of("traditional.exposure")
    declare(monkeypatch, *[Point("texture.grain", lambda: elsewhere)] * 2)
    with pytest.raises(UsageError, match="two lessons claim"):
        catalogue.lesson_of("texture.grain")
    assert main(["train", "--list"]) == 0  # one that cannot be trained does not hide the others
    shown = " ".join(capsys.readouterr().out.split())
    assert "cannot be trained" in shown
    assert "cnn.face_forgery" in shown
    declare(monkeypatch, Point("texture.grain", lambda: elsewhere))
    with pytest.raises(UsageError, match=r"is not what its place says; got elsewhere:lesson \(of .*epair or uninstall"):
        catalogue.lesson_of("texture.grain")


def test_a_plugin_that_brings_a_lesson_for_a_shipped_detector_does_not_take_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = catalogue.lesson_of("traditional.noise")
    declare(monkeypatch, Point("traditional.noise", lambda: None))
    assert catalogue.lesson_of("traditional.noise") is own
    assert main(["train", "traditional.noise", "--data", "none", "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "elsewhere:lesson (of an unknown package) is not taken" in said
    assert "no photos.csv" in said


@pytest.mark.parametrize("where", ["load", "learn", "install", "rows"])
def test_a_plugins_fault_is_told_as_that_of_its_package(
    where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> Any:
        raise ZeroDivisionError("of theirs")

    lesson = Lesson(
        serves=("texture.grain",),
        recipe=RecipeSection,
        needs="nothing",
        prepare=lambda _recipe, _run: 3,
        learn=fails if where == "learn" else lambda _recipe, data, _run: data,
        install=fails if where == "install" else lambda *_: None,  # type: ignore[arg-type]
    )
    declare(monkeypatch, Point("texture.grain", fails if where == "load" else lambda: lesson))
    given = ["train", "texture.grain", "--data", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main([*given, "--store", str(tmp_path / "store")]) in (1, 2)
    said = " ".join(capsys.readouterr().err.split())
    assert "the lesson of 'texture.grain'" in said
    assert "epair or uninstall the package" in said
    assert "fault of the program" not in said
    if where != "rows":
        assert "elsewhere:lesson (of an unknown package): ZeroDivisionError: of theirs" in said


def test_a_plugins_lesson_says_what_it_left_and_how_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def learn(_: RecipeSection, data: int, run: LessonRun) -> int:
        (run.output / "grain.onnx").write_bytes(b"x")
        return data

    def install(*_: object) -> tuple[()]:
        raise AssertionError

    lesson = Lesson(
        serves=("texture.grain",),
        recipe=RecipeSection,
        needs="nothing",
        prepare=lambda _recipe, _run: 3,
        learn=learn,
        install=install,
    )
    declare(monkeypatch, Point("texture.grain", lambda: lesson))
    assert main(["train", "texture.grain", "--data", str(tmp_path), "--output", str(tmp_path / "out")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"What was learned lies in {tmp_path / 'out'}: grain.onnx" in said.replace("- ", "-")
    assert "the same command with --install puts it into the model store" in said


def test_what_was_learned_is_installed_when_it_is_asked_for_and_whole(tmp_path: Path) -> None:
    done: list[Path] = []

    def installed(_recipe: object, _data: object, _learned: object, run: LessonRun) -> tuple[()]:
        done.append(run.store)
        return ()

    def lesson(learned: str | None, *, at_once: bool = False) -> Lesson[RecipeSection, int, str]:
        return Lesson(
            serves=("a.b",),
            recipe=RecipeSection,
            needs="nothing",
            prepare=lambda _recipe, _run: 3,
            learn=lambda _recipe, data, _run: learned if data == 3 else None,
            install=installed,
            at_once=at_once,
        )

    store = tmp_path / "asked"
    run = LessonRun(data=tmp_path, output=tmp_path, scratch=tmp_path, store=store)
    for taught, install, stores in (
        (lesson("x"), False, []),
        (lesson(None), True, []),
        (lesson("x"), True, [store]),
        (lesson("x", at_once=True), True, [store]),
        (lesson("x", at_once=True), False, [tmp_path / "store"]),  # never where nobody asked for it
    ):
        done.clear()
        taught.run(RecipeSection(), run, install=install)
        assert done == stores


def test_the_command_lists_lessons_and_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "cnn.face_forgery" in shown
    assert "speech2 (zip + csv)" in shown
    assert main(["train", "traditional.noise", "--list"]) == 0
    assert "--held-out" in capsys.readouterr().out
    assert main(["train", "traditional.noise", "--data", "x", "--output", "y", "--held-aut", "1"]) == 2
    assert "Did you mean --held-out" in capsys.readouterr().err
    assert main(["train", "traditional.noise", "--data", "x", "--output", "y", "--variants"]) == 2
    assert "--variants is not for this detector" in capsys.readouterr().err
    for ignored in (["--resume"], ["--stop-after", "3"]):
        assert main(["train", "traditional.noise", "--data", "x", "--output", "y", *ignored]) == 2
        assert f"{ignored[0]} is not for this detector" in capsys.readouterr().err
    assert main(["train", "cnn.face_forgery", "--data", "x", "--output", "y", "--dry-run", "--mean"]) == 2
    assert "these do not go together; got --dry-run and --mean" in capsys.readouterr().err
    assert main(["train"]) == 2


@pytest.mark.parametrize(
    ("id_", "option", "value", "told"),
    [
        ("cnn.face_forgery", "held-out-identities", "0.5", "--held-out-identities 0.5"),
        ("cnn.face_forgery", "held-out-sources", '["ffhq-val"]', "--held-out-sources '[\"ffhq-val\"]'"),
        ("cnn.face_forgery", "genuine-sources", "{dfdc = 1.0}", "--genuine-sources '{\"dfdc\" = 1.0}'"),
        ("cnn.synthetic_image", "held-out", "0.9", "--held-out 0.9"),
        ("cnn.synthetic_image", "genuine-sources", "{ffhq = 0.25}", "--genuine-sources"),
        ("consistency.exif", "held-out", "0.9", "--held-out 0.9"),
    ],
)
def test_a_run_that_goes_on_holds_out_whom_it_held_out_before(
    id_: str, option: str, value: str, told: str, tmp_path: Path
) -> None:
    lesson = catalogue.lesson_of(id_)
    (tmp_path / "recipe.json").write_text(lesson.read().model_dump_json(), encoding="utf-8")
    run = LessonRun(data=tmp_path / "none", output=tmp_path, scratch=tmp_path, resume=True)
    with pytest.raises(UsageError, match="what is held out stays") as refused:
        lesson.run(lesson.read("", {option: value}), run, install=False)
    assert told in refused.value.got
    assert f"--{option} " in refused.value.want


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fused"], "Add --thresholds"),
        (["cnn.face_forgery", "--thresholds"], "--thresholds is not for this detector"),
        (["cnn.nosuch", "--thresholds"], "there is no lesson for 'cnn.nosuch'"),
        (["speech.variability", "--thresholds"], "--from FOLDER"),
        (["speech.variability", "--from", "x"], "--from is for --thresholds alone"),
        (["fused", "--thresholds", "--nosuch", "3"], "there is no option --nosuch"),
        (["fused", "--thresholds", "--resume"], "--resume is not for this detector"),
        (["fused", "--thresholds", "--stop-after", "3"], "--stop-after is not for this detector"),
        (["fused", "--thresholds", "--recipe", "face_forgery"], "--recipe is not for this detector"),
        (["consistency.exif", "--resume"], "no checkpoint to go on from"),
        (["fingerprint.learned", "--resume"], "no checkpoint to go on from"),
        (["encoder.blended", "--resume"], "no checkpoint to go on from"),
        (["speech.spectrogram", "--resume"], "no checkpoint to go on from"),
        (["cnn.synthetic_image", "--resume"], "no checkpoint to go on from"),
        (["cnn.face_forgery", "--resume", "--mean"], "these do not go together; got --resume and --mean"),
        (["traditional.noise", "--limit", "3"], "--limit is for fused"),
        (["traditional.noise", "--max-mb", "3"], "--max-mb is for --make-pack"),
        (["cnn.face_forgery", "--install", "--size-px", "64"], "--size-px 64"),
        (["cnn.synthetic_image", "--install", "--margin", "0.5"], "--margin 0.5"),
    ],
)
def test_what_has_no_meaning_is_refused_before_anything_is_done(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["train", *words, "--data", str(tmp_path), "--output", str(out)]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not out.exists()
