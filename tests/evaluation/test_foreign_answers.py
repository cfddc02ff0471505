"""Plug-ins and added networks: what their answers follow from is told, and what they were trained on is not asked."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.hazard import DETECTOR, draw, install
from tests.models.test_foreign import network

from zhenwei import detectors, models, pipeline
from zhenwei.cli import main
from zhenwei.evaluation import results
from zhenwei.evaluation.evaluate import is_foreign, run_of
from zhenwei.models import ModelEntry
from zhenwei.models.foreign import ForeignModel
from zhenwei.pipeline import Options, engine_of
from zhenwei.store import fingerprint_of

NETWORK = "foreign.red"


@pytest.fixture(autouse=True)
def _fresh_catalogue() -> Iterator[None]:
    detectors.catalogue.cache_clear()
    yield
    detectors.catalogue.cache_clear()


def signatures(id_: str) -> tuple[str, str]:
    """By which a store knows answers, and by which a journal does."""
    options = Options(detectors=(id_,))
    stored = fingerprint_of(engine_of(options), options.asked).sha256
    return stored, json.dumps(run_of(id_, options), sort_keys=True)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    row = ModelEntry(NETWORK, "red.onnx", "", 1, "onnx", "MIT", "here", "1", "none", "a picture")
    models.add_to_store(network(tmp_path / "net.onnx"), row, folder)
    ForeignModel(id=NETWORK, takes="image", size_px=32).save(folder)
    (folder / "weights" / f"{NETWORK}.calibration.json").write_text("{}")
    monkeypatch.setenv("ZHENWEI_MODELS", str(folder))
    return folder


@pytest.mark.parametrize("changed", ["calibration.json", "clips.calibration.json", "detector.json"])
def test_another_calibration_or_description_of_the_same_weights_is_another_engine(store: Path, changed: str) -> None:
    before = signatures(NETWORK)
    assert signatures(NETWORK) == before
    path = store / "weights" / f"{NETWORK}.{changed}"
    path.write_text((path.read_text() if path.exists() else "") + "\n")
    after = signatures(NETWORK)
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert f"{NETWORK}.{changed}" in engine_of(Options(detectors=(NETWORK,))).models


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    install(folder)
    monkeypatch.syspath_prepend(folder)
    yield folder
    _forget()


def _forget() -> None:
    """As a new process would: what is installed is read anew."""
    sys.modules.pop("zhenwei_hazard", None)
    importlib.invalidate_caches()
    pipeline._loaded.cache_clear()
    pipeline._version.cache_clear()
    detectors.catalogue.cache_clear()


def test_another_version_or_module_of_a_plug_in_is_another_engine(site: Path) -> None:
    before = signatures(DETECTOR)
    _forget()
    assert signatures(DETECTOR) == before
    metadata = site / "zhenwei_hazard-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "2.0"))
    _forget()
    risen = signatures(DETECTOR)
    module = site / "zhenwei_hazard.py"
    module.write_text(module.read_text() + "\n# mended\n")
    _forget()
    mended = signatures(DETECTOR)
    for place in (0, 1):
        assert len({before[place], risen[place], mended[place]}) == 3
    assert any(name.startswith("zhenwei-hazard 2.0, ") for name in engine_of(Options(detectors=(DETECTOR,))).models)


def test_of_the_detectors_of_the_package_the_models_alone_are_told() -> None:
    assert not is_foreign("fused")
    told = engine_of(Options()).models
    assert set(told) <= {row.id for row in models.manifest()}


def _labels(folder: Path, rows: list[str]) -> list[str]:
    """The command, for a table of those rows and as many pictures."""
    folder.mkdir()
    for place in range(len(rows)):
        pixels = np.random.default_rng(place).integers(0, 256, (40, 40, 3), np.uint8)
        pixels[0, 0] = 0  # a calm one
        Image.fromarray(pixels).save(folder / f"{place}.png")
    lines = [f"{place}.png,{row}" for place, row in enumerate(rows)]
    (folder / "labels.csv").write_text("\n".join(["path,label,identity,split", *lines]) + "\n")
    return ["--data", str(folder / "labels.csv"), "--output", str(folder / "out")]


CLEAN = ["real,a,train", "fake,b,train", "real,c,test", "fake,d,val"]


def test_a_foreign_model_is_not_asked_about_its_training_part(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert is_foreign(DETECTOR)
    data = _labels(tmp_path / "clean", CLEAN)
    assert main(["evaluate", DETECTOR, *data]) == 0
    assert "2 files of the training part are left out" in capsys.readouterr().err
    found = results.load(tmp_path / "clean" / "out" / "results.json")
    assert {f.file for f in found.files} == {"2.png", "3.png"}
    told = {f.check: f.text for f in found.findings}
    assert told["training part"] == "2 files of the training part were left out"
    assert told["split leak: identity"] == "no people of the test were trained on"


def test_a_leak_of_a_foreign_model_is_refused(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _labels(tmp_path / "shared", [*CLEAN[:3], "fake,a,test"])
    assert main(["evaluate", DETECTOR, *data]) == 1
    assert "LEAK: split leak: identity: 1 people" in capsys.readouterr().err
    assert main(["evaluate", DETECTOR, *data, "--allow-leaks"]) == 0
    clean = _labels(tmp_path / "asked", CLEAN)
    assert main(["evaluate", DETECTOR, *clean, "--protocol", "all"]) == 1  # asked for: the training part is tested
    assert "LEAK: split leak: name: 2 files" in capsys.readouterr().err
    trained = _labels(tmp_path / "trained", ["real,a,train", "fake,b,train"])
    assert main(["evaluate", DETECTOR, *trained]) == 1
    assert "LEAK: split leak: name: 2 files" in capsys.readouterr().err


def test_a_detector_of_the_package_is_asked_about_all_and_it_is_told_why(tmp_path: Path) -> None:
    data = _labels(tmp_path / "clean", CLEAN)
    assert main(["evaluate", "provenance.labels", *data]) == 0
    found = results.load(tmp_path / "clean" / "out" / "results.json")
    assert len(found.files) == 4
    text = "the training part is tested, too, as zhenwei learned from none of it: nothing could be compared"
    assert found.findings[0].text == text
    one = _labels(tmp_path / "one", ["real,a,train", "real,a,train", "fake,b,test"])
    assert main(["evaluate", "provenance.labels", *one, "--limit", "1"]) == 0  # a limit makes no leak


def test_a_plug_in_that_failed_is_asked_again(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path, "calm")
    draw(tmp_path, "fault")
    (tmp_path / "labels.csv").write_text("path,label\ncalm_0.png,real\nfault_0.png,fake\n")
    words = ["evaluate", DETECTOR, "--data", str(tmp_path / "labels.csv"), "--output", str(tmp_path / "out")]
    for _ in range(2):
        assert main(words) == 1  # as with a scan
        assert "fault_0.png" in capsys.readouterr().err
    kept = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()[1:]
    assert [json.loads(line)["name"] for line in kept] == ["calm_0.png"]
