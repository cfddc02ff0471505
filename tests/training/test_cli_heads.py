"""``zhenwei train`` of the detectors that are fitted on a trunk that is there: one command, into a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhenwei.cli import main
from zhenwei.models import manifest
from zhenwei.training.attention import _heads as face_traces
from zhenwei.training.cnn import neuron_coverage

from .making import save, tiny_pack, tiny_recipe, write_recipe


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    pack = save(tiny_pack(12), tmp_path / "tiny.npz")
    changes = {"steps": 3, "warmup_steps": 1}
    recipe = tiny_recipe(size_px=192, optimiser=changes, held_out_identities=0.4)
    places = ["--data", str(pack), "--output", str(tmp_path / "out"), "--threads", "1"]
    return [*places, "--recipe", str(write_recipe(tmp_path / "tiny.toml", recipe)), "--store", str(tmp_path / "store")]


@pytest.mark.heavy
def test_the_heads_are_trained_together_and_installed(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_traces, "EPOCHS", 1)
    monkeypatch.setattr(face_traces, "HELD_OUT_BATCHES", 1)
    assert main(["train", "warp.boundary", *given]) == 0
    said = capsys.readouterr().err
    assert "iinc" in said
    assert "--thresholds" in said
    lines = (tmp_path / "out" / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["variant", "regression", "appearance"]
    (row,) = manifest(tmp_path / "store")
    assert row.id == "face_traces"
    parts = sorted(p.name.split(".")[1] for p in (tmp_path / "store" / "weights").glob("*.calibration.json"))
    assert parts == ["affine", "boundary", "manipulation_map", "self_blend"]
    card = (tmp_path / "store" / "cards" / "face_traces.md").read_text()
    assert "`self_blend`: C_llr" in card
    assert main(["train", "warp.affine", *given]) == 1
    assert "holds a run" in capsys.readouterr().err
    assert main(["train", "warp.affine", *given, "--minutes", "3"]) == 2


@pytest.mark.heavy
def test_coverage_is_fitted_and_installed(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neuron_coverage, "HELD_OUT_BATCHES", 1)
    assert main(["train", "cnn.neuron_coverage", *given]) == 0
    assert "ImageNet" in capsys.readouterr().err
    (row,) = manifest(tmp_path / "store")
    assert row.id == "neuron_coverage"
    assert row.bytes < 6_000_000
    assert (tmp_path / "out" / "best.pt").is_file()
