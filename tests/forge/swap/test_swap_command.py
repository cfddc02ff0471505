"""``zhenwei forge swap`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from tests.forge.test_adversarial_door import is_marked, unmarked
from typer.testing import CliRunner, Result

from zhenwei.cli._forge_swap import swap
from zhenwei.errors import DataError
from zhenwei.forge.consent import describe_folder, make_consent, write_consent
from zhenwei.forge.puppet import ANNA, BRUNO, portraits
from zhenwei.forge.swap import fitting


def _typed(*words: object) -> Result:
    return CliRunner().invoke(swap, [str(word) for word in words])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))
    people = []
    for name, puppet, seed in (("anna", ANNA, 1), ("bruno", BRUNO, 2)):
        (tmp_path / name).mkdir()
        for k, portrait in enumerate(portraits(puppet, 6, 128, seed)):
            Image.fromarray(portrait.pixels).save(tmp_path / name / f"{name}-{k}.png")
        people.append(
            describe_folder(
                tmp_path / name, tmp_path / "consent.json", name, basis="synthetic", evidence="drawn puppets",
                scope="face", expires=None,
            )
        )  # fmt: skip
    write_consent(make_consent(people), tmp_path / "consent.json")
    return tmp_path


@pytest.mark.parametrize("command", [(), ("prepare",), ("train",), ("preview",), ("convert",)])
def test_help_shows_examples(command: tuple[str, ...]) -> None:
    told = _typed(*command, "--help").output
    assert "Examples:" in told
    assert f"zhenwei forge swap {' '.join(command)}".strip() in " ".join(told.split())


def test_the_whole_way(place: Path) -> None:
    for name in ("anna", "bruno"):
        told = _typed("prepare", place / name, "--subject", name, "--size", 32, "-o", place / "faces" / name)
        assert told.exit_code == 0, told.output
        assert "300 to 2000 are usual" in told.output
    faces = (place / "faces/anna", place / "faces/bruno")
    options = ("--consent", place / "consent.json", "-o", place / "run", "--width", 8, "--batch", 2, "--held-out", 1)
    told = _typed("train", *faces, *options, "--steps", 4, "--check-every", 2, "--dry-run", "--format", "json")
    cost = json.loads(told.output)
    assert cost["steps"] == 4
    assert cost["parameters"] > 10_000
    assert not (place / "run").exists()
    told = _typed("train", *faces, *options, "--steps", 4, "--check-every", 2)
    assert told.exit_code == 0, told.output
    assert "done" in told.output
    again = _typed("train", *faces, *options, "--steps", 6, "--check-every", 2, "--format", "json")
    assert json.loads(again.output)["last_check"]["step"] == 6
    told = _typed("preview", place / "run", *faces, "--consent", place / "consent.json")
    assert told.exit_code == 0, told.output
    assert "like the target" in told.output
    out = place / "swapped.png"
    told = _typed("convert", place / "run", place / "anna/anna-0.png", "--consent", place / "consent.json", "-o", out)
    assert told.exit_code == 0, told.output
    assert out.exists()
    assert (place / "swapped.png.json").exists()
    assert (place / "swapped.mask.png").exists()
    assert is_marked(out)
    previews = place / "run" / fitting.PREVIEWS
    assert len(list(previews.glob("*.png"))) >= 3
    assert list(unmarked(previews)) == []


def test_a_picture_of_somebody_else_is_refused(place: Path) -> None:
    for name in ("anna", "bruno"):
        _typed("prepare", place / name, "--subject", name, "--size", 32, "-o", place / "faces" / name)
    options = ("--consent", place / "consent.json", "--width", 8, "--batch", 2, "--held-out", 1, "--steps", 1)
    _typed("train", place / "faces/anna", place / "faces/bruno", *options, "-o", place / "run")
    consent = ("--consent", place / "consent.json", "-o", place / "x.png")
    told = _typed("convert", place / "run", place / "bruno/bruno-0.png", *consent)
    assert isinstance(told.exception, DataError)
    assert "not in the consent manifest" in str(told.exception)
    assert not (place / "x.png").exists()


def test_what_was_not_prepared_is_refused(place: Path) -> None:
    told = _typed("train", place / "anna", place / "bruno", "--consent", place / "consent.json", "-o", place / "run")
    assert isinstance(told.exception, DataError)
    assert "was not prepared" in str(told.exception)
    wrong = _typed("prepare", place / "anna", "--subject", "anna", "--size", 200, "-o", place / "f")
    assert wrong.exit_code == 2
