"""The benchmark that leaves the lab's methods out of training in turn: what its networks are shown."""

from __future__ import annotations

import csv
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from zhenwei.nets.efficientnet_lite import EfficientNetLite

ROOT = Path(__file__).parents[2]
METHODS = ("mesh", "splice", "warp")
NOT_THERE = ("av", "c2pa", "pydantic", "typer", "rich", "scipy", "PIL", "zhenwei.forge", "zhenwei.media")


@pytest.fixture
def packing(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.lab_leave_one_out.pack")


@pytest.fixture
def training(packing: Any) -> Any:
    return importlib.import_module("benchmarks.lab_leave_one_out.training")


def made(packing: Any, forged: int = 6, bare: int = 4, tested: int = 3) -> Any:
    """Grey faces; picture i of ``forged`` people with every method, then ``bare`` ones, then those of the test."""
    rows = [("train", p, m) for p in range(forged) for m in ("", *METHODS)]
    rows += [("train", forged + p, "") for p in range(bare)]
    rows += [("val", 100 + p, m) for p in range(tested) for m in ("", *METHODS)]
    originals = np.maximum.accumulate([i if m == "" else 0 for i, (_, _, m) in enumerate(rows)])
    blobs = [cv2.imencode(".jpg", np.full((128, 128, 3), 20 + 2 * i, np.uint8))[1].ravel() for i in range(len(rows))]
    return packing.Pack(
        data=np.concatenate(blobs),
        offsets=np.cumsum([0, *map(len, blobs)]),
        method=np.array([m for _, _, m in rows]),
        original=originals,
        person=np.array([f"films/{p}" for _, p, _ in rows]),
        source=np.array(["films"] * len(rows)),
        split=np.array([s for s, _, _ in rows]),
        quality=np.full(len(rows), 80),
    )


def test_a_pack_is_read_back(packing: Any, tmp_path: Path) -> None:
    pack = made(packing)
    packing.save(pack, tmp_path / "p.npz")
    again = packing.load(tmp_path / "p.npz")
    assert again.methods == list(METHODS)
    assert (again.image(3) == pack.image(3)).all()
    assert again.image(3).shape == (128, 128, 3)


def test_batches_are_balanced_and_hold_no_test_face_and_no_method_that_is_left_out(packing: Any, training: Any) -> None:
    pack = made(packing)
    rows = training.batches(pack, ["mesh", "warp"], 0, 200)
    assert rows.shape == (200, training.BATCH)
    forged, genuine = rows[:, : training.BATCH // 2], rows[:, training.BATCH // 2 :]
    assert set(pack.split[rows].ravel()) == {"train"}
    assert set(pack.method[genuine].ravel()) == {""}
    names, counts = np.unique(pack.method[forged], return_counts=True)
    assert names.tolist() == ["mesh", "warp"]
    assert np.allclose(counts / forged.size, 0.5, atol=0.02)
    pairs = genuine.shape[1] - genuine.shape[1] // 2
    assert (genuine[:, :pairs] == pack.original[forged[:, :pairs]]).all()
    assert set(genuine.ravel()) == set(pack.rows("train", ""))


def test_faces_do_not_depend_on_what_is_left_out_but_on_the_seed(packing: Any, training: Any) -> None:
    pack = made(packing)
    every, fewer = (training.batches(pack, m, 4, 50) for m in (list(METHODS), ["mesh", "warp"]))
    assert (pack.original[every] == pack.original[fewer]).all()
    assert (every != fewer).any()
    assert (training.batches(pack, list(METHODS), 5, 50) != every).any()


def test_changes_are_drawn_from_the_seed_and_leave_the_range_alone(training: Any) -> None:
    pixels = torch.randint(0, 256, (16, 3, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    one, same, other = (training.changed(pixels, torch.Generator().manual_seed(s)) for s in (2, 2, 3))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == pixels.shape
    assert one.abs().max() <= 1
    grey = torch.full((64, 3, 128, 128), 128, dtype=torch.uint8)
    assert training.changed(grey, torch.Generator().manual_seed(0)).mean().abs() < 0.05


def test_a_blur_is_that_of_opencv(training: Any) -> None:
    x = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    found = training._blurred(x, torch.tensor([1.1, 0.05]))
    wanted = cv2.GaussianBlur(x[0].permute(1, 2, 0).numpy(), (7, 7), 1.1, borderType=cv2.BORDER_REFLECT_101)
    assert np.allclose(found[0].permute(1, 2, 0).numpy(), wanted, atol=1e-5)
    assert torch.allclose(found[1], x[1], atol=1e-6)


def test_the_rate_rises_and_falls_to_nothing(training: Any) -> None:
    rates = [training.rate_at(step, 1000) for step in range(1000)]
    assert np.argmax(rates) in (49, 50)
    assert max(rates) == pytest.approx(1)
    assert 0 < rates[-1] < 1e-4


@pytest.mark.heavy
def test_training_needs_pytorch_numpy_opencv_and_safetensors_alone(packing: Any, tmp_path: Path) -> None:
    packing.save(made(packing, tested=2), tmp_path / packing.FACES)
    save_file(EfficientNetLite("lite0").state_dict(), tmp_path / packing.BACKBONE)
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder as P\n"
        f"found, gone = P.find_spec, {NOT_THERE!r}\n"
        "P.find_spec = classmethod(lambda cls, name, *a, **k: None if name in gone else found(name, *a, **k))\n"
    )
    given = [
        "train",
        str(tmp_path),
        str(tmp_path / "out"),
        "--steps",
        "1",
        "--conditions",
        "warp",
        "--seeds",
        "7",
        "--batch",
        "8",
    ]
    subprocess.run(
        [sys.executable, "-m", "benchmarks.lab_leave_one_out", *given],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{tmp_path}", "PATH": ""},
        check=True,
        capture_output=True,
        timeout=300,
    )
    with (tmp_path / "out" / "scores-warp-7.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["person"], r["method"], r["forged"]) for r in rows[:2]] == [
        ("films/100", "", "0"),
        ("films/100", "mesh", "1"),
    ]
    assert len(rows) == 8
    assert {(r["condition"], r["seed"], r["quality"]) for r in rows} == {("warp", "7", "80")}
    assert np.isfinite([float(r["score"]) for r in rows]).all()
