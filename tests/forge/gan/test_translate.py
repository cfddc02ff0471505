"""Translators: hidden pairs of drawn puppets, exact resume, consent, and what leaves as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.forge.test_adversarial_door import is_marked

from zhenwei.cli import main
from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import describe_folder, make_consent, write_consent
from zhenwei.forge.gan import runs, translate
from zhenwei.forge.gan.faces import TrainingFaces
from zhenwei.forge.gan.gan_settings import GanSettings as GanSettings

CPU = torch.device("cpu")
SMALL = translate.TranslatorSettings(width=4, blocks=1, batch=2, seed=3)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def heaps() -> tuple[TrainingFaces, TrainingFaces]:
    return translate.moods(32, 32, 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("ZHENWEI_HOME", str(folder))
    return folder


@pytest.fixture
def people(tmp_path: Path, heaps: tuple[TrainingFaces, TrainingFaces]) -> Path:
    """Two folders of 32 pictures each, and the manifest that covers both."""
    covered = []
    for name, heap in zip(("anna", "bruno"), heaps, strict=True):
        folder = tmp_path / name
        folder.mkdir()
        for k, pixels in enumerate(heap.pixels):
            Image.fromarray(pixels).save(folder / f"{k}.png")
        covered.append(
            describe_folder(folder, tmp_path / "c.json", name, basis="self", evidence="", scope="face", expires=None)
        )
    write_consent(make_consent(covered), tmp_path / "c.json")
    return tmp_path


def test_hidden_pairs_differ_in_the_mouth_alone_and_heaps_have_no_pairs(
    heaps: tuple[TrainingFaces, TrainingFaces],
) -> None:
    stern, smiling = translate.moods(32, 32, 7, same=True)
    change = np.abs(stern.pixels.astype(float) - smiling.pixels).mean((0, 3))
    assert change[17:27, 9:23].mean() > 5 * change[:12].mean()
    apart = np.abs(heaps[0].pixels.astype(float) - heaps[1].pixels).mean()
    assert apart > 3 * change.mean()
    again = translate.moods(32, 32, 1)
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(heaps, again, strict=True))


def test_a_run_cut_in_two_is_the_run_in_one(heaps: tuple[TrainingFaces, TrainingFaces], tmp_path: Path) -> None:
    whole = translate.learn(SMALL, *heaps, 4, device=CPU)
    translate.learn(SMALL, *heaps, 2, tmp_path, device=CPU)
    again = translate.learn(SMALL, *heaps, 4, tmp_path, device=CPU)
    one, other = whole.task.nets.state_dict(), again.task.nets.state_dict()
    assert all(torch.equal(one[k], other[k]) for k in one)
    opened = translate.open_run(tmp_path)
    assert opened.step == 4
    made = translate.translate(whole.task.nets["b_to_a"], heaps[1].pixels[:3])
    assert np.array_equal(translate.translate(opened.nets["b_to_a"], heaps[1].pixels[:3]), made)
    assert made.shape == (3, 32, 32, 3)


def test_runs_of_another_kind_are_refused(heaps: tuple[TrainingFaces, TrainingFaces], tmp_path: Path) -> None:
    runs.learn(GanSettings(width=8, noise=16, batch=8), heaps[0], 1, tmp_path / "gan", device=CPU)
    with pytest.raises(DataError, match="no readable run"):
        translate.open_run(tmp_path / "gan")
    translate.learn(SMALL, *heaps, 1, tmp_path / "cycle", device=CPU)
    with pytest.raises(DataError, match="no readable run"):
        runs.open_run(tmp_path / "cycle")
    with pytest.raises(UsageError, match="another run"):
        translate.learn(SMALL, heaps[1], heaps[0], 2, tmp_path / "cycle", device=CPU)
    with pytest.raises(UsageError, match="32 or 64"):
        translate.TranslatorSettings(side=128)


@pytest.mark.heavy
def test_commands_write_marked_sheets_of_puppets(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, sheet = str(tmp_path / "run"), tmp_path / "sheet.png"
    small = ["--width", "4", "--blocks", "1", "--batch", "2", "--format", "json"]
    train = ["forge", "translate", "train", "--puppets", "32", "--output", run, *small]
    assert main([*train, "--steps", "1"]) == 0
    assert main([*train, "--steps", "2"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["step"] == 2
    assert is_marked(Path(told["sheet"]))
    convert = ["forge", "translate", "convert", run]
    assert main([*convert, "--puppets", "4", "--direction", "b-to-a", "--output", str(sheet)]) == 0
    assert is_marked(sheet)
    assert main([*convert, "--output", str(sheet)]) == 2
    assert main([*convert, str(sheet), "--output", str(tmp_path / "x.png")]) == 2
    assert not (tmp_path / "x.png").exists()


def test_pictures_of_people_need_consent_there_and_here(home: Path, people: Path) -> None:
    run, out = str(people / "run"), people / "out.png"
    train = ["forge", "translate", "train", str(people / "anna"), str(people / "bruno"), "--output", run,
             "--width", "4", "--blocks", "1", "--batch", "2", "--steps", "1"]  # fmt: skip
    assert main(train) == 2
    named = ["--consent", str(people / "c.json"), "--subject-a", "anna", "--subject-b", "bruno"]
    Image.new("RGB", (40, 40)).save(people / "bruno" / "stranger.png")
    assert main([*train, *named]) == 1
    assert not Path(run).exists()
    (people / "bruno" / "stranger.png").unlink()
    assert main([*train, *named]) == 0
    convert = ["forge", "translate", "convert", run, str(people / "anna" / "3.png"), "--output", str(out)]
    assert main(convert) == 2
    assert main([*convert, "--consent", str(people / "c.json"), "--direction", "b-to-a"]) == 1
    assert main(["forge", "translate", "convert", run, "--puppets", "2", "--output", str(out)]) == 2
    one = describe_folder(people / "anna", people / "d.json", "anna", basis="self", evidence="", scope="face",
                          expires=None)  # fmt: skip
    write_consent(make_consent([one]), people / "d.json")
    assert main([*convert, "--consent", str(people / "d.json")]) == 1
    assert not out.exists()
    assert main([*convert, "--consent", str(people / "c.json")]) == 0
    assert is_marked(out)
