"""``zhenwei forge gan``: the zoo's list, sheets of StyleGAN, its training, and what is refused."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.forge.test_adversarial_door import is_marked, unmarked

from zhenwei.cli import main
from zhenwei.forge.gan import edits, zoo

TRAIN = ["forge", "gan", "train", "--kind", "stylegan", "--puppets", "32", "--side", "16"]
TRAIN += ["--width", "8", "--batch", "4"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directions from few samples: enough for what is coarse."""
    monkeypatch.setattr(edits, "directions", partial(edits.directions, count=80))


def test_the_zoo_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forge", "gan", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:] if line.strip()] == list(zoo.entries())
    assert main(["forge", "gan", "list", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert min(told, key=lambda entry: entry["kid"] - entry["kid_real"])["name"] == zoo.nearest()
    assert len({(entry["kind"], entry["seed"]) for entry in told if entry["side"] == 64}) == 6


def test_sheets_of_styles_are_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    mixed, close = out / "mix.png", out / "close.png"
    assert main(["forge", "gan", "mix", "--rows", "2", "--columns", "3", "--output", str(mixed)]) == 0
    sample = ["forge", "gan", "sample", "--model", zoo.nearest("stylegan"), "--count", "6", "--truncation", "0"]
    assert main([*sample, "--output", str(close)]) == 0
    assert list(unmarked(out)) == []
    assert is_marked(mixed)
    told = json.loads(Path(f"{mixed}.json").read_text("utf-8"))
    assert told["recipe"]["model"] == zoo.nearest("stylegan")
    with Image.open(close) as image:  # all the way to the mean face: six of one
        six = np.asarray(image.convert("RGB"), np.float64)[: image.width // 6]
    tiles = np.stack([six[10:-10, k * image.width // 6 + 10 :][:, : image.width // 6 - 20] for k in range(6)])
    assert tiles.std(0).mean() < 8 < tiles.std((1, 2)).mean()


@pytest.mark.heavy
@pytest.mark.usefixtures("hasty")
def test_a_run_of_stylegan_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, sheet = str(tmp_path / "run"), tmp_path / "edit.png"
    train = [*TRAIN, "--output", run, "--format", "json"]
    assert main([*train, "--steps", "1"]) == 0
    assert main([*train, "--steps", "2"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["step"] == 2
    assert is_marked(Path(told["sheet"]))
    assert main([*train, "--steps", "3", "--augment", "ada"]) == 2  # another run's settings
    # After two steps nothing is a face: edits have nothing to measure, and say so.
    assert main(["forge", "gan", "edit", "--run", run, "--output", str(sheet)]) == 1
    assert "Train the model longer" in capsys.readouterr().err
    assert not sheet.exists()
    assert main(["forge", "gan", "mix", "--run", run, "--fine-from", "8", "--output", str(sheet)]) == 0
    assert is_marked(sheet)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["mix", "--model", "dcgan-64-0"], "styles are StyleGAN's"),
        (["edit", "--model", "wgan-gp-64-1"], "styles are StyleGAN's"),
        (["sample", "--model", "dcgan-64-0", "--truncation", "0.5"], "only StyleGAN"),
        (["mix", "--fine-from", "7"], "no layer begins there"),
        (["sample", "--model", "nobody"], "no such model"),
        (["walk", "--model", "dcgan-0", "--run", "run"], "two models at once"),
    ],
)
def test_wrong_use_is_told_and_leaves_nothing(
    given: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / ("x.mp4" if given[0] == "walk" else "x.png")
    assert main(["forge", "gan", *given, "--output", str(out)]) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.heavy
@pytest.mark.usefixtures("hasty")
def test_one_attribute_is_edited(tmp_path: Path) -> None:
    sheet = tmp_path / "light.png"
    assert main(["forge", "gan", "edit", "--attribute", "light", "--count", "2", "--output", str(sheet)]) == 0
    assert is_marked(sheet)
    with Image.open(sheet) as image:
        grey = np.asarray(image.convert("L"), np.float64)
    faces = grey[: image.height * 8 // 10]
    assert faces[:, -image.width // 5 :].mean() > faces[:, : image.width // 5].mean() + 20
