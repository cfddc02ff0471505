"""``zhenwei train``: what is promised at the door is kept, and what is wrong is said in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhenwei.cli import main
from zhenwei.training import face_forgery

from .making import save, tiny_pack, tiny_recipe, write_recipe
from .test_pack import dfdc, photos


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """A command line but for its options: a tiny pack, a recipe of two steps, an output folder."""
    pack = save(tiny_pack(), tmp_path / "tiny.npz")
    recipe = write_recipe(tmp_path / "tiny.toml", tiny_recipe(optimiser={"steps": 2}))
    places = ["--data", str(pack), "--output", str(tmp_path / "out"), "--recipe", str(recipe), "--threads", "1"]
    return ["train", "cnn.face_forgery", *places, "--device", "cpu"]


def test_a_dry_run_says_how_long_it_will_take_and_writes_nothing(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main([*given, "--dry-run"]) == 0
    assert "2 steps of 8 faces" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_from_a_data_folder_writes_nothing_either(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    dfdc(data)
    photos(data)
    everyone = write_recipe(tmp_path / "everyone.toml", tiny_recipe(optimiser={"steps": 2}, held_out_identities=0))
    before = sorted(tmp_path.rglob("*"))
    assert main([*given, "--dry-run", "--data", str(data), "--recipe", str(everyone)]) == 0
    assert "2 steps of 8 faces" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_stops_resumes_and_is_not_overwritten(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([*given, "--stop-after", "1"]) == 0
    assert "step 1 of 2" in capsys.readouterr().err
    assert main(given) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*given, "--resume"]) == 0
    assert "step 2 of 2" in capsys.readouterr().err
    assert {p.name for p in out.iterdir()} == {"recipe.json", "last.pt", "best.pt", "log.csv"}


def test_ctrl_c_is_exit_status_130_and_saves(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(face_forgery, "auc", pressed)  # while the held-out figures are being worked out
        assert main(given) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert (tmp_path / "out" / "last.pt").is_file()
    assert not (tmp_path / "out" / "best.pt").exists()
    assert main([*given, "--resume"]) == 0
    assert (tmp_path / "out" / "best.pt").is_file()


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({1: "cnn.face_forgry"}, 2, "the recipe is for another detector"),
        ({"--recipe": "nosuch"}, 2, "no such recipe"),
        ({"--device": "tpu"}, 2, "unknown device"),
        ({"--data": "nowhere"}, 1, "no dfdc-faces.csv in nowhere"),
        ({"--data": "FILE"}, 1, "this is no training pack"),
        ({"--output": "FILE"}, 2, "the output folder cannot be written"),
        ({"--output": "FILE/below"}, 2, "the output folder cannot be written"),
        ({"--threads": "-1"}, 2, "--threads"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(
    changed: dict[int | str, str],
    status: int,
    told: str,
    given: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("x")
    for place, value in changed.items():
        at = place if isinstance(place, int) else given.index(place) + 1
        given[at] = value.replace("FILE", str(tmp_path / "file"))
    assert main(given) == status
    shown = capsys.readouterr()
    assert told in " ".join(shown.err.split())
    assert "Traceback" not in shown.err
    assert shown.out == ""
