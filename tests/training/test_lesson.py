"""Lessons are found where their detectors' names say, read their recipes from the command line, and refuse the rest."""

from __future__ import annotations

from pathlib import Path

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


def test_two_claims_on_one_id_and_a_lesson_of_another_place_are_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = catalogue.lesson_of("traditional.exposure")

    class Point:
        name, value, dist = "traditional.noise", "elsewhere:lesson", None

        def load(self) -> object:
            return elsewhere

    monkeypatch.setattr(catalogue, "entry_points", lambda **_: [Point()])
    with pytest.raises(UsageError, match="two lessons claim"):
        catalogue.lesson_of("traditional.noise")
    assert main(["train", "--list"]) == 0  # one that cannot be trained does not hide the others
    shown = " ".join(capsys.readouterr().out.split())
    assert "cannot be trained" in shown
    assert "cnn.face_forgery" in shown
    monkeypatch.setattr(catalogue, "_own", list)
    with pytest.raises(UsageError, match="is not what its place says"):
        catalogue.lesson_of("traditional.noise")


def test_what_was_learned_is_installed_when_it_is_asked_for_and_whole(tmp_path: Path) -> None:
    done: list[str] = []

    def installed(*_: object) -> tuple[()]:
        done.append("install")
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

    run = LessonRun(data=tmp_path, output=tmp_path, scratch=tmp_path)
    for taught, install, times in (
        (lesson("x"), False, 0),
        (lesson(None), True, 0),
        (lesson("x"), True, 1),
        (lesson("x", at_once=True), False, 1),
    ):
        done.clear()
        taught.run(RecipeSection(), run, install=install)
        assert len(done) == times


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
