"""Into the store, all or nothing. It is the package's own store, so each case runs in a process on a copy of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import zhenwei
from zhenwei.models import manifest, verify
from zhenwei.models.calibration import Calibration
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.training.calibrate import NEUTRAL
from zhenwei.training.recipe import Recipe

from .making import Row, pack_of, save, tiny_pack, tiny_recipe, tiny_rows, write_recipe
from .test_pack import GREY

PUBLISH = """
import sys
from pathlib import Path

import cv2
import torch

import zhenwei
from zhenwei.errors import ZhenweiError
from zhenwei.training.pack import load_pack
from zhenwei.training.publish import publish
from zhenwei.training.recipe import load_recipe

cv2.setNumThreads(1)
torch.set_num_threads(1)
assert Path(zhenwei.__file__).is_relative_to(Path.cwd()), zhenwei.__file__
recipe, pack, *folders = sys.argv[1:]
for folder in folders:
    try:
        print(publish(load_recipe(recipe), load_pack(Path(pack)), Path(folder)).weights)
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


def test_weights_card_calibration_and_thresholds_are_written(copy: Path) -> None:
    pack = save(tiny_pack(), copy / "pack.npz")
    first, second, third = publish(
        copy, pack, a_run(copy / "run"), a_run(copy / "again"), a_run(copy / "other", seed=1)
    )
    store = copy / "zhenwei" / "models"
    (row,) = [row for row in manifest(store) if row.id == "face_forgery"]
    assert first == second == row.weights  # and the same weights give the same file
    assert row.sha256 == verify("face_forgery", store)
    assert row.bytes == (store / "weights" / row.file).stat().st_size
    assert "192, 192" in row.input
    fitted = Calibration.load(store / "weights" / "face_forgery.calibration.json")
    assert fitted != NEUTRAL
    assert fitted.genuine > 0
    assert fitted.forged > 0
    points = json.loads((copy / "zhenwei" / "fusion" / "operating_points.json").read_text())
    assert set(points["genuine"]) == set(points["forged"]) == {"image", "video"}
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
    # other weights in the same process would be measured with those that it has loaded
    assert third.startswith("ModelError: other weights of this model are in use")
    assert row.sha256 == verify("face_forgery", store)


def test_where_it_cannot_be_calibrated_the_store_stays_as_it_was(copy: Path) -> None:
    """Nobody is found in the pictures that are held out: weights without a calibration must not be left behind."""
    rows = [Row(GREY, r.source, r.identity, r.forged, r.original, r.split, r.landmarks) for r in tiny_rows()]
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
