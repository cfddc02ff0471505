"""Into a store, all or nothing. Where it is the package's own, each case runs in a process on a copy of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.data.test_pack import GREY
from tests.training.making import Row, pack_of, save, tiny_pack, tiny_recipe, tiny_rows, write_recipe
from torch import Tensor, nn
from torch.nn import functional as F

import zhenwei
from zhenwei import faces, models
from zhenwei.errors import DataError, ModelError
from zhenwei.fusion.operating import PACKAGED, OperatingPoints
from zhenwei.models import manifest, verify
from zhenwei.models.calibration import Calibration
from zhenwei.nets.face_forgery import FaceForgeryNet, FaceForgeryOutput
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.install.calibrate import NEUTRAL, Calibrated, Sample, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export
from zhenwei.training.install.publish import publish as publish_product
from zhenwei.training.recipe import Recipe
from zhenwei.types import InputContract

PUBLISH = """
import sys
from pathlib import Path

import cv2
import torch

import zhenwei
from zhenwei.errors import ZhenweiError
from zhenwei.training.cnn.face_forgery import install
from zhenwei.training.data.pack import load_pack
from zhenwei.training.lesson import LessonRun
from zhenwei.training.recipe import Recipe, read_recipe

cv2.setNumThreads(1)
torch.set_num_threads(1)
assert Path(zhenwei.__file__).is_relative_to(Path.cwd()), zhenwei.__file__
recipe, pack, *folders = sys.argv[1:]
for folder in folders:
    try:
        run = LessonRun(data=Path(pack), output=Path(folder), scratch=Path(folder))
        known = read_recipe(Recipe, recipe)
        print(install(known, load_pack(Path(pack)), known, run)[0].weights)
    except ZhenweiError as error:
        print(f"{type(error).__name__}: {error}")
"""


def recipe() -> Recipe:
    """At the size that the detector feeds."""
    return tiny_recipe(size_px=192)


def a_run(folder: Path, seed: int = 0) -> Path:
    """Weights of no skill, but weights; two checks in the log, of which the second is better."""
    folder.mkdir()
    torch.manual_seed(seed)
    torch.save(FaceForgeryNet("lite0").state_dict(), folder / "best.pt")
    head = "step,whole,regional,auc_people,auc_sources,choose,time\n"
    (folder / "log.csv").write_text(head + "2,0.7,0.7,0.5,0.4,0.45,0\n4,0.6,0.6,0.625,0.5,0.5625,0\n")
    return folder


def publish(copy: Path, pack: Path, *folders: Path) -> list[str]:
    """One process publishes every folder in turn; gives what each came to."""
    arguments = [write_recipe(copy / "recipe.toml", recipe()), pack, *folders]
    ended = subprocess.run(
        [sys.executable, "-c", PUBLISH, *map(str, arguments)],
        cwd=copy,
        env={"PYTHONPATH": str(copy), "PATH": "", "ZHENWEI_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package, without weights of this model: as before the first publication."""
    source = Path(zhenwei.__file__).parent
    shutil.copytree(source, tmp_path / "zhenwei", ignore=shutil.ignore_patterns("__pycache__", "face_forgery.onnx"))
    store = tmp_path / "zhenwei" / "models"
    rows = [row for row in json.loads((store / "manifest.json").read_text()) if row["id"] != "face_forgery"]
    (store / "manifest.json").write_text(json.dumps(rows))
    for leftover in (store / "cards" / "face_forgery.md", store / "weights" / "face_forgery.calibration.json"):
        leftover.unlink(missing_ok=True)
    return tmp_path


def contents(copy: Path) -> dict[str, str]:
    files = [*(copy / "zhenwei" / "models").rglob("*"), *(copy / "zhenwei" / "fusion").rglob("*.json")]
    files = [f for f in files if f.is_file() and "__pycache__" not in f.parts]
    return {str(f.relative_to(copy)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.heavy
def test_weights_card_and_calibration_are_written(copy: Path) -> None:
    pack = save(tiny_pack(8), copy / "pack.npz")
    other, first, second = publish(
        copy, pack, a_run(copy / "other", seed=1), a_run(copy / "run"), a_run(copy / "again")
    )
    store = copy / "zhenwei" / "models"
    (row,) = [row for row in manifest(store) if row.id == "face_forgery"]
    assert first == second == row.weights != other  # the last counts; and the same weights give the same file
    assert row.sha256 == verify("face_forgery", store)
    assert row.bytes == (store / "weights" / row.file).stat().st_size
    assert "192, 192" in row.input
    fitted = Calibration.load(store / "weights" / "face_forgery.calibration.json")
    assert fitted != NEUTRAL
    assert fitted.genuine > 0
    assert fitted.forged > 0
    points = (copy / "zhenwei" / "fusion" / "operating_points.json").read_bytes()
    assert points == PACKAGED.read_bytes()  # of all detectors together: they stay
    card = (store / "cards" / row.card).read_text()
    assert row.sha256 in card
    for told in (
        "at step 4",
        "0.625 on other people",
        "| dfdc |",
        "| pixabay |",
        "| all |",
        "EfficientNet-Lite0 at 192 px",
    ):
        assert told in card
    assert "to be measured" not in card


@pytest.mark.heavy
def test_where_it_cannot_be_calibrated_the_store_stays_as_it_was(copy: Path) -> None:
    """Nobody is found in the pictures that are held out: weights without a calibration must not be left behind."""
    rows = [Row(GREY, r.source, r.identity, r.forged, r.original, r.split, r.landmarks) for r in tiny_rows(8)]
    pack = save(pack_of(rows), copy / "pack.npz")
    before = contents(copy)
    unlogged = a_run(copy / "unlogged")
    (unlogged / "log.csv").unlink()
    (copy / "empty").mkdir()
    told = publish(copy, pack, copy / "empty", unlogged, a_run(copy / "run"))
    assert [line.split(";")[0] for line in told] == [
        "DataError: no trained weights",
        "DataError: the log of the run cannot be read",
        "DataError: too few groups to calibrate on",
    ]
    assert contents(copy) == before


class Seventh(nn.Module):
    """Another network than that of the faces: the score is a seventh of the mean, the regions are zero."""

    def forward(self, x: Tensor) -> FaceForgeryOutput:
        score = x.mean((1, 2, 3)) * self.factor
        return FaceForgeryOutput(score, F.avg_pool2d(x.mean(1, keepdim=True), 32).squeeze(1) * 0)

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1 / 7))


PRODUCT = Product(
    model="brightness",
    detector="signals.brightness",
    question="Is it bright?",
    licence="Apache-2.0",
    origin="made by the test",
    training_data="none",
    input="pictures (n, 3, 64, 64) float32",
    facts=("It has one weight",),
    held_out="Grey pictures.",
    limits="It knows nothing else.",
    noun="pictures",
)


def greys() -> Iterator[HeldOutImage]:
    rng = np.random.default_rng(0)
    for number in range(60):
        level = int(np.clip(rng.normal(140 if number % 2 else 110, 25), 0, 255))
        pixels = np.full((64, 64, 3), level, np.uint8)
        yield HeldOutImage(pixels, bool(number % 2), number, str(number), "grey", degraded=number % 3 == 0)


def ask(shown: HeldOutImage) -> Sample:
    score = float(models.load("brightness").run(faces.normalise(shown.pixels[None], CONTRACT))[0][0])
    llr = Calibration.load(models.calibration_path("brightness")).llr(score, face_px=64)
    assert llr == pytest.approx(score)  # neutral, while it is being measured
    return replace(Sample.of(shown, score, None), face_px=64, sharpness=50)


CONTRACT = InputContract(size_px=64, margin=0.0, min_face_px=1)


def measured() -> Calibrated:
    return calibrate(greys(), ask, seed=0)


def test_any_network_is_published_into_a_store_of_its_own(tmp_path: Path) -> None:
    exported = export(Seventh().eval(), 64, input_name="pictures")
    row = publish_product(PRODUCT, exported, measured, store=tmp_path, thresholds=tmp_path / "points.json")
    assert manifest(tmp_path) == (row,)
    assert verify("brightness", tmp_path) == hashlib.sha256(exported.onnx).hexdigest()
    card = models.card("brightness", tmp_path)
    for told in ("# brightness", "- It has one weight", "level of one picture", "| grey | 20 | 20 |"):
        assert told in card
    assert OperatingPoints.load(tmp_path / "points.json").genuine["image"].media == 30
    with models.using(tmp_path):
        assert models.load("brightness").weights == row.weights
        fitted = Calibration.load(models.calibration_path("brightness"))
    assert fitted.genuine == fitted.forged == 30
    assert fitted.llr(0.3, face_px=64, sharpness=50) > fitted.llr(-0.3, face_px=64, sharpness=50)
    assert "brightness" not in {entry.id for entry in manifest()}
    with pytest.raises(ModelError, match="no such model"):
        models.load("brightness")


def test_thresholds_are_left_alone_where_none_are_wanted(tmp_path: Path) -> None:
    before = PACKAGED.read_bytes()
    publish_product(PRODUCT, export(Seventh().eval(), 64), measured, store=tmp_path, thresholds=None)
    assert PACKAGED.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"manifest.json", "weights", "cards"}


def test_what_was_there_stays_where_publishing_fails(tmp_path: Path) -> None:
    exported = export(Seventh().eval(), 64)
    publish_product(PRODUCT, exported, measured, store=tmp_path, thresholds=None)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def interrupted() -> Calibrated:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_product(PRODUCT, exported, interrupted, store=tmp_path, thresholds=None)
    with torch.no_grad():
        brighter = Seventh()
        brighter.factor.fill_(0.2)
    with pytest.raises(DataError, match="cannot write"):
        publish_product(
            PRODUCT, export(brighter.eval(), 64), measured, store=tmp_path, thresholds=tmp_path / "no" / "points.json"
        )
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
