"""``zhenwei train``: what is promised at the door is kept, and what is wrong is said in a line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from tests.training.data.test_pack import dfdc, photos
from tests.training.making import save, tiny_pack, tiny_recipe, write_recipe

from zhenwei.cli import main
from zhenwei.errors import DataError, UsageError
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.training.cnn import _face_checks
from zhenwei.training.cnn import _face_forgery as face_forgery
from zhenwei.training.recipe import Recipe
from zhenwei.training.resuming import record, told_changes


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
    assert {p.name for p in out.iterdir()} == {"recipe.json", "last.pt", "best.pt", "log.csv", "curves.html"}


def test_a_folder_that_holds_a_log_is_not_mixed_up_with_another_run(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    log = "step,choose,auc_people,auc_sources\n9,0.99,0.99,0.99\n"
    (out / "log.csv").write_text(log)
    assert main(given) == 1
    assert "the output folder holds a run" in capsys.readouterr().err
    assert main([*given, "--resume"]) == 2
    assert "no checkpoint to go on from" in capsys.readouterr().err
    assert [p.name for p in out.iterdir()] == ["log.csv"]
    with pytest.raises(DataError, match="holds a run"):
        face_forgery.start(tiny_recipe(), out, torch.device("cpu"), resume=False)


def test_resuming_nothing_is_refused_and_overwrites_nothing(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([*given, "--resume"]) == 2
    assert "no checkpoint to go on from" in capsys.readouterr().err
    assert not out.exists()
    out.mkdir()
    (out / "best.pt").write_bytes(b"weights")
    assert main([*given, "--resume"]) == 2
    assert "Choose another folder, without --resume" in capsys.readouterr().err
    assert (out / "best.pt").read_bytes() == b"weights"
    with pytest.raises(UsageError, match="no checkpoint"):
        face_forgery.start(tiny_recipe(), out, torch.device("cpu"), resume=True)


def test_what_a_resumed_run_does_otherwise_is_said(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*given, "--stop-after", "1"]) == 0
    capsys.readouterr()
    more = ["--resume", "--optimiser.steps", "3", "--optimiser.map-weight", "0.25"]
    assert main([*given, *more]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "change from here on: optimiser.steps 2 -> 3; optimiser.map_weight 0.5 -> 0.25" in said
    assert main([*given, "--resume", "--optimiser.steps", "1"]) == 2
    assert "got step 3 of 1" in capsys.readouterr().err
    recipe = Recipe.model_validate_json((tmp_path / "out" / "recipe.json").read_text())
    (told,) = told_changes(tmp_path / "out", recipe)  # for the card
    assert told == "The recipe changed at step 1: optimiser.steps 2 -> 3; optimiser.map_weight 0.5 -> 0.25."


def test_a_run_at_its_end_does_not_take_another_recipe_for_its_own(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(given) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    assert main([*given, "--resume", "--seed", "6", "--optimiser.learning-rate", "0.1"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "the run is at its end" in said
    assert "seed 5 -> 6; optimiser.learning_rate 0.001 -> 0.1" in said
    assert "change from here on" not in said
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert main([*given, "--resume"]) == 0


def test_a_recipe_that_was_changed_and_changed_back_before_a_step_is_as_it_was(
    given: list[str], tmp_path: Path
) -> None:
    assert main([*given, "--stop-after", "1"]) == 0
    first = (tmp_path / "out" / "recipe.json").read_text()
    other = tiny_recipe(seed=9)
    record(other, tmp_path / "out", 1)
    record(tiny_recipe(seed=8), tmp_path / "out", 1)
    assert (tmp_path / "out" / "recipe-until-1.json").read_text() == first
    assert main([*given, "--resume"]) == 0
    assert (tmp_path / "out" / "recipe.json").read_text() == first
    assert not list((tmp_path / "out").glob("recipe-until-*"))


def test_whoever_was_learned_from_cannot_be_held_out_afterwards(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*given, "--stop-after", "1"]) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    assert main([*given, "--resume", "--held-out-identities", "0.5", "--genuine-sources", "{dfdc = 1.0}"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "--held-out-identities 0.5 --genuine-sources '{\"dfdc\" = 1.0}'" in said
    assert "want --held-out-identities 0.3 --genuine-sources" in said
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_best_weights_are_told_of_once_there_are_some(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*given, "--stop-after", "1"]) == 0
    assert "best weights" not in capsys.readouterr().err
    assert main([*given, "--resume"]) == 0
    assert "step 2 of 2; best weights: " in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", ["last.pt", "recipe.json"])
def test_a_damaged_run_is_said_to_be(
    name: str, given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*given, "--stop-after", "1"]) == 0
    (tmp_path / "out" / name).write_bytes(b"\x80\x02junk")
    capsys.readouterr()
    assert main([*given, "--resume"]) == 1
    said = capsys.readouterr().err
    assert "fault of the program" not in said
    assert ("no checkpoint of this network" if name == "last.pt" else "cannot be read") in said


def test_ctrl_c_is_exit_status_130_and_saves(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_face_checks, "auc", pressed)  # while the held-out figures are being worked out
        assert main(given) == 130
    said = " ".join(capsys.readouterr().err.split())
    assert "Traceback" not in said
    assert "the same command with --resume goes on from there" in said
    assert (tmp_path / "out" / "last.pt").is_file()
    assert not (tmp_path / "out" / "best.pt").exists()
    assert main([*given, "--resume"]) == 0
    assert (tmp_path / "out" / "best.pt").is_file()


def test_a_run_starts_from_the_weights_of_another_and_says_so(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(7)
    torch.save(FaceForgeryNet("lite0").state_dict(), tmp_path / "other.pt")
    digest = hashlib.sha256((tmp_path / "other.pt").read_bytes()).hexdigest()
    assert main([*given, "--from", str(tmp_path / "other.pt"), "--stop-after", "1"]) == 0
    assert main([*given, "--resume"]) == 0
    told = Recipe.model_validate_json((tmp_path / "out" / "recipe.json").read_text()).start
    assert told == f"other.pt @ {digest}"
    assert not list((tmp_path / "out").glob("recipe-until-*"))
    assert main([*given, "--from", str(tmp_path / "other.pt"), "--resume"]) == 0  # the very weights it began with
    torch.save(FaceForgeryNet("lite0").state_dict(), tmp_path / "another.pt")
    capsys.readouterr()
    assert main([*given, "--from", str(tmp_path / "another.pt"), "--resume"]) == 2
    assert "has weights of its own" in capsys.readouterr().err
    assert main([*given, "--from", str(tmp_path / "none.pt")]) == 2
    assert "no weights to start from" in capsys.readouterr().err


def test_a_run_starts_from_the_mean_of_several(given: list[str], tmp_path: Path) -> None:
    others = []
    for seed in (7, 8):
        torch.manual_seed(seed)
        others.append(FaceForgeryNet("lite0").state_dict())
        torch.save(others[-1], tmp_path / f"{seed}.pt")
    start = face_forgery.start(
        tiny_recipe(),
        tmp_path / "nowhere",
        torch.device("cpu"),
        resume=False,
        weights=[tmp_path / "7.pt", tmp_path / "8.pt"],
    )
    for name, value in start.net.state_dict().items():
        expected = (others[0][name].double() + others[1][name].double()) / 2
        assert torch.allclose(value.double(), expected, atol=1e-6), name
    assert main([*given, "--from", str(tmp_path / "7.pt"), "--from", str(tmp_path / "8.pt"), "--stop-after", "1"]) == 0
    told = Recipe.model_validate_json((tmp_path / "out" / "recipe.json").read_text()).start
    digests = [hashlib.sha256((tmp_path / f"{seed}.pt").read_bytes()).hexdigest() for seed in (7, 8)]
    assert told == f"7.pt @ {digests[0]}, 8.pt @ {digests[1]}"


def test_a_mean_is_measured_and_kept_as_a_run_of_no_steps(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states = []
    for seed in (7, 8):
        torch.manual_seed(seed)
        states.append(FaceForgeryNet("lite0").state_dict())
    torch.save(states[0], tmp_path / "best.pt")
    torch.save({"average": states[1], "step": 3}, tmp_path / "last.pt")  # of a checkpoint, the running average
    weights = ["--from", str(tmp_path / "best.pt"), "--from", str(tmp_path / "last.pt")]
    assert main([*given, "--mean", *weights[:2]]) == 2
    assert "--from twice or more" in capsys.readouterr().err
    assert main([*given, "--mean", *weights]) == 0
    assert "auc_people" in capsys.readouterr().err
    made = torch.load(tmp_path / "out" / "best.pt", weights_only=True)
    for name, value in made.items():
        assert torch.allclose(value.double(), (states[0][name].double() + states[1][name]) / 2, atol=1e-6), name
    assert (tmp_path / "out" / "log.csv").read_text().splitlines()[1].startswith("0,")
    assert "last.pt @ " in Recipe.model_validate_json((tmp_path / "out" / "recipe.json").read_text()).start
    assert main([*given, "--mean", *weights]) == 1
    assert "Choose another folder" in capsys.readouterr().err


def test_what_does_not_go_with_a_detector_is_refused(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--data", str(tmp_path), "--output", str(tmp_path / "new")]
    for wrong in (["--leave-out"], ["--minutes", "3"], ["--dry-run"], ["--mean"]):
        assert main(["train", "cnn.synthetic_image", *out, *wrong]) == 2
        assert f"{wrong[0]} is not for this detector" in capsys.readouterr().err
    assert main([given[0], "cnn.unheard_of", *given[2:]]) == 2
    assert "there is no lesson for" in capsys.readouterr().err
    assert main(["train", "cnn.synthetic_image", *out]) == 1  # there is no data
    assert "no photos.csv" in capsys.readouterr().err


@pytest.mark.heavy
def test_a_schedule_is_fitted_to_the_time_there_is(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"steps": 100_000, "check_every": 50_000, "warmup_steps": 10_000}
    recipe = write_recipe(tmp_path / "long.toml", tiny_recipe(optimiser=options))
    assert main([*given, "--recipe", str(recipe), "--minutes", "0.08"]) == 0
    ended = Recipe.model_validate_json((tmp_path / "out" / "recipe.json").read_text()).optimiser
    assert 1 <= ended.steps < 1000
    assert ended.check_every == pytest.approx(ended.steps / 2, abs=1)
    assert ended.warmup_steps == pytest.approx(ended.steps / 10, abs=1)
    log = (tmp_path / "out" / "log.csv").read_text().splitlines()
    assert f"step {log[-1].split(',')[0]} of {log[-1].split(',')[0]};" in " ".join(capsys.readouterr().err.split())


@pytest.mark.heavy
def test_a_pack_to_be_carried_is_trained_on_and_leaves_variants_and_a_store(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    carried, out = tmp_path / "carried.npz", tmp_path / "out"
    data = given[given.index("--data") + 1]
    assert main(["train", "cnn.face_forgery", "--data", data, "--make-pack", str(carried), "--max-mb", "0.5"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "5 pictures of the test" in said
    given[given.index("--data") + 1] = str(carried)
    assert main([*given, "--cache", "--workers", "3", "--variants", "--stop-after", "2"]) == 0
    assert {p.name for p in (out / "variants").iterdir()} == {
        "face_forgery.int8.onnx",
        "face_forgery.fp16.onnx",
        "variants.json",
    }
    assert "fp16: " in " ".join(capsys.readouterr().err.split())
    assert main(["train", "cnn.face_forgery", "--data", data]) == 2


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({1: "cnn.face_forgry"}, 2, "Did you mean cnn.face_forgery"),
        ({1: "cnn.neuron_coverage"}, 2, "the recipe is for another detector"),
        ({"--recipe": "nosuch"}, 2, "no such recipe"),
        ({"--device": "tpu"}, 2, "unknown device"),
        ({"--data": "nowhere"}, 1, "no dfdc-faces.csv in nowhere"),
        ({"--data": "FILE"}, 1, "this is no training pack"),
        ({"--output": "FILE"}, 1, "the output folder cannot be written"),
        ({"--output": "FILE/below"}, 1, "the output folder cannot be written"),
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
