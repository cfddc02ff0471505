"""Small faces out of noise: training, consent, the zoo, and what leaves as a file."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.gan_zoo import pressed
from docs.lecture.measure import features, kernel_distance
from PIL import Image
from tests.forge.test_adversarial_door import is_marked
from torch import nn

from zhenwei.cli import main
from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import Consent, Scope, describe_folder, make_consent, write_consent
from zhenwei.forge.gan import runs, samples, zoo
from zhenwei.forge.gan.faces import TrainingFaces, faces_of, puppets
from zhenwei.forge.gan.gan_settings import GanSettings, Kind, fresh_generator

CPU, TODAY = torch.device("cpu"), datetime.date(2026, 11, 27)
SMALL = GanSettings(width=8, noise=16, batch=8, seed=3)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def faces() -> TrainingFaces:
    return puppets(32, 32, 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("ZHENWEI_HOME", str(folder))
    return folder


def _same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _images(folder: Path, faces: TrainingFaces) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{k}.png" for k in range(len(faces.pixels))]
    for path, pixels in zip(paths, faces.pixels, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def _consent(folder: Path, scope: Scope) -> Consent:
    manifest = folder.with_name("consent.json")
    person = describe_folder(folder, manifest, "anna", basis="self", evidence="", scope=scope, expires=None)
    return make_consent([person])


def test_puppets_are_many_people_and_the_same_for_the_same_seed(faces: TrainingFaces) -> None:
    assert faces.pixels.shape == (32, 32, 32, 3)
    assert np.array_equal(faces.pixels, puppets(32, 32, 1).pixels)
    assert len(np.unique(faces.pixels.reshape(32, -1), axis=0)) == 32


@pytest.mark.parametrize("kind", ["dcgan", "wgan-gp"])
def test_one_step_changes_every_weight_of_both(kind: Kind, faces: TrainingFaces) -> None:
    settings = GanSettings(kind, width=8, noise=16, batch=8, seed=3)
    before = runs.game_of(settings, faces, CPU).nets
    after = runs.learn(settings, faces, 1, device=CPU).task.nets
    for (name, a), b in zip(before.named_parameters(), after.parameters(), strict=True):
        if kind == "wgan-gp" and name == "critic.layers.6.bias":  # a shift of both sides cancels in the gap
            continue
        assert not torch.equal(a, b), name


@pytest.mark.parametrize("kind", ["dcgan", "wgan-gp"])
def test_a_run_cut_in_two_is_the_run_in_one(kind: Kind, faces: TrainingFaces, tmp_path: Path) -> None:
    settings = GanSettings(kind, width=8, noise=16, batch=8, seed=3)
    whole = runs.learn(settings, faces, 4, device=CPU)
    runs.learn(settings, faces, 2, tmp_path, device=CPU)
    again = runs.learn(settings, faces, 4, tmp_path, device=CPU)
    assert _same(whole.task.nets, again.task.nets)
    assert _same(whole.averages, again.averages)
    generator, known = runs.open_run(tmp_path)
    assert _same(generator, runs.generator_of(whole))
    assert known["step"] == 4


def test_a_run_of_other_pictures_is_refused(faces: TrainingFaces, tmp_path: Path) -> None:
    runs.learn(SMALL, faces, 1, tmp_path, device=CPU)
    with pytest.raises(UsageError, match="another run"):
        runs.learn(SMALL, puppets(33, 32, 1), 2, tmp_path, device=CPU)
    with pytest.raises(DataError, match="no readable checkpoint"):
        runs.open_run(tmp_path / "elsewhere")


def test_faces_without_consent_are_refused(faces: TrainingFaces, tmp_path: Path) -> None:
    paths = _images(tmp_path / "faces", faces)
    consent = _consent(tmp_path / "faces", "face")
    read = faces_of(paths, 32, consent, "anna", TODAY)
    assert read.consent == consent.sha256
    assert np.array_equal(np.sort(read.pixels.sum((1, 2, 3))), np.sort(faces.pixels.sum((1, 2, 3))))
    Image.fromarray(255 - faces.pixels[0]).save(paths[0])
    with pytest.raises(DataError, match=r"0\.png"):
        faces_of(paths, 32, consent, "anna", TODAY)
    with pytest.raises(DataError):
        faces_of(paths, 32, consent, "bruno", TODAY)
    voice = _consent(tmp_path / "faces", "voice")
    with pytest.raises(DataError, match="does not cover"):
        faces_of(paths, 32, voice, "anna", TODAY)


def test_a_walk_stays_on_the_sphere_and_returns() -> None:
    stops = torch.nn.functional.normalize(samples.noise_for(3, 16, 0))
    path = samples.walk(stops, 8)
    assert torch.allclose(path.norm(dim=1), torch.ones(24), atol=1e-5)
    assert torch.allclose(path[::8], stops)
    steps = (path - path.roll(1, 0)).norm(dim=1)
    assert float(steps.max()) < 0.5
    with pytest.raises(UsageError):
        samples.walk(stops[:1], 8)


def test_a_sample_does_not_depend_on_its_neighbours(faces: TrainingFaces) -> None:
    generator = runs.generator_of(runs.learn(SMALL, faces, 2, device=CPU))
    noise = samples.noise_for(6, 16, 0)
    apart = samples.imagine(generator, noise).astype(int) - samples.imagine(generator, noise[:1]).astype(int)
    assert np.abs(apart[0]).max() <= 1


@pytest.mark.parametrize("name", sorted(zoo.entries()))
def test_the_zoo_samples_the_same_faces_nearer_to_faces_than_noise_is(name: str, faces: TrainingFaces) -> None:
    entry = zoo.entries()[name]
    noise = samples.noise_for(40, entry.noise, 1)
    made = samples.imagine(zoo.open_generator(name), noise)
    assert np.array_equal(made, samples.imagine(zoo.open_generator(name), noise))
    assert made.shape == (40, entry.side, entry.side, 3)
    assert made.astype(float).std(0).mean() > 10  # many faces, not one
    fresh = samples.imagine(fresh_generator(entry.kind, entry.side, entry.width, entry.noise), noise)
    real = features(faces.pixels)
    assert kernel_distance(features(made), real).value < kernel_distance(features(fresh), real).value
    assert (zoo.home() / f"{name}.safetensors").stat().st_size < 2 << 20


def test_weights_that_are_not_the_measured_ones_are_refused(tmp_path: Path) -> None:
    name = sorted(zoo.entries())[0]
    shutil.copytree(zoo.home(), tmp_path / "zoo")
    path = tmp_path / "zoo" / f"{name}.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="not the file of the index"):
        zoo.open_generator(name, tmp_path / "zoo")
    with pytest.raises(UsageError, match="no such model"):
        zoo.open_generator("another")


def test_what_is_packed_is_unpacked(faces: TrainingFaces) -> None:
    generator = runs.generator_of(runs.learn(SMALL, faces, 2, device=CPU))
    again = zoo.unpacked(pressed(generator), "dcgan", 32, 8, 16)
    noise = samples.noise_for(4, 16, 0)
    assert np.abs(samples.imagine(generator, noise).astype(int) - samples.imagine(again, noise).astype(int)).max() <= 2
    with pytest.raises(DataError, match="do not fit"):
        zoo.unpacked(pressed(generator), "dcgan", 32, 16, 16)


def test_commands_write_marked_files_only(
    home: Path, faces: TrainingFaces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _images(tmp_path / "faces", faces)
    write_consent(_consent(tmp_path / "faces", "face"), tmp_path / "consent.json")
    run = str(tmp_path / "run")
    given = ["forge", "gan", "train", str(tmp_path / "faces"), "--output", run, "--width", "8", "--batch", "8"]
    assert main([*given, "--steps", "1"]) == 2
    allowed = [*given, "--subject", "anna", "--consent", str(tmp_path / "consent.json"), "--format", "json"]
    capsys.readouterr()
    assert main([*allowed, "--steps", "1"]) == 0
    assert main([*allowed, "--steps", "2"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["step"] == 2
    assert is_marked(Path(told["sheet"]))
    assert json.loads(Path(f"{told['sheet']}.json").read_text())["consent"]
    sheet, clip = tmp_path / "sheet.png", tmp_path / "walk.mp4"
    assert main(["forge", "gan", "sample", "--run", run, "--count", "4", "--output", str(sheet)]) == 0
    assert main(["forge", "gan", "walk", "--between", "2", "--output", str(clip)]) == 0
    assert is_marked(sheet)
    assert is_marked(clip)
