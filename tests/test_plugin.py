"""The example of a plug-in: built, installed and run as a user would, and what the guide shows of it is what runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zhenwei import models

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "examples" / "plugin"
STORE = PLUGIN / "src" / "zhenwei_grain" / "models"
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="what the plug-in is built with is not installed")
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(PLUGIN)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    return target


def python(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(site), str(ROOT / "src")])
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
        cwd=site,
    )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("pictures") / "noise.png"
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (60, 80, 3), np.uint8)).save(path)
    return str(path)


def scanned(site: Path, *words: str) -> dict[str, Any]:
    ended = python(site, "-m", "zhenwei", "scan", *words, "--format", "json")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    loaded: dict[str, Any] = json.loads(ended.stdout)
    return loaded


def test_its_evidence_and_its_model_are_in_the_report(site: Path, image: str) -> None:
    report = scanned(site, image, "--detector", "texture.grain", "--detector", "provenance.labels")
    said = {row["detector"]: row for row in report["evidence"]}["texture.grain"]
    (entry,) = models.manifest(STORE)
    assert said["score"] > 50
    assert said["llr"] is None
    assert said["failed"] is False
    assert said["weights"] == entry.weights
    assert report["engine"]["models"]["grain"] == entry.sha256
    assert set(report["engine"]["models"]) > {"grain"}  # and those of zhenwei


def test_a_scan_of_everything_asks_it_too(site: Path, image: str) -> None:
    report = scanned(site, image)
    assert "texture.grain" in {row["detector"] for row in report["evidence"]}
    assert len(report["evidence"]) > 10


def test_it_is_in_the_catalogue_with_its_model(site: Path) -> None:
    ended = python(site, "-m", "zhenwei", "detectors", "texture.grain", "--format", "json")
    (entry,) = models.manifest(STORE)
    assert json.loads(ended.stdout)["models"] == [{"id": "grain", "sha256": entry.sha256}]


def test_its_own_test_passes(site: Path) -> None:
    ended = python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PLUGIN / "tests"))
    assert ended.returncode == 0, ended.stdout


def test_an_altered_model_costs_its_own_answer_alone(site: Path, image: str) -> None:
    weights = site / "zhenwei_grain" / "models" / "weights" / "grain.onnx"
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + b"!")
    try:
        words = ["scan", image, "--detector", "texture.grain", "--detector", "provenance.labels", "--format", "json"]
        ended = python(site, "-m", "zhenwei", *words)
    finally:
        weights.write_bytes(before)
    assert ended.returncode == 1
    assert [row["failed"] for row in json.loads(ended.stdout)["evidence"]] == [True, False]
    assert "the plug-in zhenwei-grain" in ended.stderr
    assert "altered" in ended.stderr


def test_a_broken_one_beside_it_is_told_once_and_left_out(site: Path, image: str) -> None:
    broken = site / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[zhenwei.detectors]\ntexture.broken = not_there:detector\n")
    try:
        asked = ["scan", image, image.replace("noise", "none"), "--detector", "texture.grain", "--format", "csv"]
        scan = python(site, "-m", "zhenwei", *asked)
        named = python(site, "-m", "zhenwei", "scan", image, "--detector", "texture.broken")
        listed = python(site, "-m", "zhenwei", "detectors", "--format", "json")
    finally:
        for file in broken.iterdir():
            file.unlink()
        broken.rmdir()
    assert scan.stdout.count("\n") == 3
    assert scan.stderr.count("'texture.broken' does not load") == 1
    assert named.returncode == 2
    assert "not_there" in named.stderr
    assert "broken" in listed.stderr
    assert "texture.grain" in {row["id"] for row in json.loads(listed.stdout)}


MODULE = """
import os
from dataclasses import dataclass
from typing import ClassVar

from zhenwei.types import DetectorInfo, Evidence, Subject, Text

{at_import}


@dataclass(frozen=True, slots=True)
class Planted:
    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="planted.{name}", question=Text("Is it?", zh="是吗？"), takes=("image",), level="file", needs=(),
        reference="none", blind_spots=(),
    )

    def examine(self, subject: Subject) -> Evidence:
        {when_asked}
        return Evidence(self.info.id, None, "A.", "it was planted")


{at_end}
detector = Planted
"""


def planted(folder: Path, name: str, *, at_import: str = "", when_asked: str = "", at_end: str = "") -> None:
    """An installed package ``planted-NAME`` of one detector, in ``folder``."""
    source = MODULE.format(name=name, at_import=at_import, when_asked=when_asked or "pass", at_end=at_end)
    (folder / f"planted_{name}.py").write_text(source, encoding="utf-8")
    facts = folder / f"planted_{name}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: planted-{name}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[zhenwei.detectors]\nplanted.{name} = planted_{name}:detector\n")


def test_a_malformed_entry_of_the_catalogue_is_left_out_and_its_package_named(tmp_path: Path, image: str) -> None:
    changes = {
        "depth": "'deep'",
        "level": "'galaxy'",
        "finds": "'gold'",
        "takes": "'image'",
        "kinds": "('picture',)",
        "models": "(7,)",
        "question": "None",
        "contract": "3",
    }
    for name, value in changes.items():
        field = "takes" if name == "kinds" else name
        changed = f"Planted.info = dataclasses.replace(Planted.info, {field}={value})"
        planted(tmp_path, name, at_import="import dataclasses", at_end=changed)
    planted(tmp_path, "sound")
    listed = python(tmp_path, "-m", "zhenwei", "detectors", "--format", "json")
    assert {row["id"] for row in json.loads(listed.stdout) if "planted" in row["id"]} == {"planted.sound"}
    for name in changes:
        assert f"planted-{name}" in listed.stderr
    scan = python(tmp_path, "-m", "zhenwei", "scan", image, "--fast", "--format", "json")
    assert (scan.returncode, scan.stdout.count("\n")) == (0, 1), scan.stderr
    assert scan.stderr.count("It is left out.") == len(changes)


def test_what_it_prints_is_in_no_result(tmp_path: Path, image: str) -> None:
    said = "print('words'); os.write(1, b'bytes' + os.linesep.encode())"
    planted(tmp_path, "loud", at_import=said, when_asked=said)
    words = ["--detector", "planted.loud"]
    for command in (
        ["scan", image, *words, "--format", "json"],
        ["compare", image, image, *words, "--format", "json"],
    ):
        ended = python(tmp_path, "-m", "zhenwei", *command)
        assert ended.returncode == 0, ended.stderr
        assert not {"words", "bytes"} & set(ended.stdout.split())
        assert {"words", "bytes"} <= set(ended.stderr.split())
        json.loads(ended.stdout)


def test_what_it_leaves_in_a_buffer_is_in_no_result(
    tmp_path: Path, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    said = "ctypes.CDLL(None).puts(b'ofC'); print('ofPython', file=sys.__stdout__)"
    planted(tmp_path, "slow_to_speak", at_import="import ctypes, sys", when_asked=said)
    ended = python(tmp_path, "-m", "zhenwei", "scan", image, "--detector", "planted.slow_to_speak", "--format", "json")
    assert ended.returncode == 0, ended.stderr
    assert {"ofC", "ofPython"} <= set(ended.stderr.split())
    json.loads(ended.stdout)


def labelled(folder: Path) -> Path:
    """A table of forty pictures to learn from; the forged ones have more grain."""
    rng = np.random.default_rng(5)
    rows = ["path,label,split"]
    for number in range(40):
        forged = number % 2 == 1
        pixels = 128 + rng.normal(0, 12 if forged else 5, (48, 48, 3)) + rng.normal(0, 3)
        Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{'fake' if forged else 'real'},train")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "labels.csv"


UNTAUGHT = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from zhenwei import models
from zhenwei.types import Detector, DetectorInfo, Evidence, Subject, Text

STORE = Path(__file__).parent / "planted_models"


def features(pixels):
    return np.array([pixels.std(), pixels.mean()], np.float32)


@dataclass(frozen=True, slots=True)
class Planted:
    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="planted.untaught", question=Text("Is it?", zh="是吗？"), takes=("image",), level="file", needs=(),
        reference="none", blind_spots=(), models=("untaught",),
    )
    {store}

    def examine(self, subject: Subject) -> Evidence:
        model = models.load("untaught", store=STORE)
        (score,) = model.run(features(subject.frames[0].pixels)[None])
        return Evidence(self.info.id, None, "A.", "it is not calibrated", score=float(score.item()))


detector = Planted
"""
LESSON = """
from planted_untaught import Planted, features

from zhenwei.training.data.labelled import labelled_images
from zhenwei.training.install.asking import of_image
from zhenwei.training.install.card import Product
from zhenwei.training.install.linear import LinearRecipe, linear_lesson, rows_of

PRODUCT = Product(
    model="untaught", detector="planted.untaught", question="Q.", origin="O.", training_data="T.",
    input="features (n, 2)", held_out="H.", limits="L.", noun="pictures", reference="NumPy",
)
lesson = linear_lesson(
    LinearRecipe, PRODUCT, needs="labelled images", rows=rows_of(features), ask=of_image(Planted()),
    split=lambda recipe, data, _: labelled_images(data, recipe.held_out),
)
"""


@pytest.mark.parametrize("store", ["store: ClassVar[Path] = STORE", ""])
def test_its_first_model_goes_into_its_own_store_and_never_into_that_of_the_package(store: str, tmp_path: Path) -> None:
    (tmp_path / "planted_untaught.py").write_text(UNTAUGHT.format(store=store), encoding="utf-8")
    (tmp_path / "planted_lesson.py").write_text(LESSON, encoding="utf-8")
    facts = tmp_path / "planted-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    points = "[zhenwei.detectors]\nplanted.untaught = planted_untaught:detector\n"
    (facts / "entry_points.txt").write_text(f"{points}[zhenwei.lessons]\nplanted.untaught = planted_lesson:lesson\n")
    data, before = labelled(tmp_path), (models.STORE / "manifest.json").read_bytes()
    words = ["--data", str(data), "--output", str(tmp_path / "run"), "--install"]
    try:
        ended = python(tmp_path, "-m", "zhenwei", "train", "planted.untaught", *words)
        assert (models.STORE / "manifest.json").read_bytes() == before
    finally:
        if (models.STORE / "manifest.json").read_bytes() != before:
            (models.STORE / "manifest.json").write_bytes(before)
            for path in models.STORE.rglob("untaught*"):
                path.unlink()
    if store:
        assert ended.returncode == 0, ended.stderr
        assert [row.id for row in models.manifest(tmp_path / "planted_models")] == ["untaught"]
        listed = python(tmp_path, "-m", "zhenwei", "detectors", "--format", "json")
        assert "planted.untaught" in {row["id"] for row in json.loads(listed.stdout)}
    else:
        assert ended.returncode == 2
        assert "names no model store of its own" in ended.stderr
        assert not (tmp_path / "run").exists()


@pytest.mark.heavy
def test_its_lesson_calibrates_it_and_the_report_shows_that(site: Path, image: str, tmp_path: Path) -> None:
    store, table = site / "zhenwei_grain" / "models", labelled(tmp_path)
    shutil.copytree(store, tmp_path / "before")
    words = ["--data", str(table), "--output", str(tmp_path / "run"), "--seed", "3", "--install"]
    try:
        ended = python(site, "-m", "zhenwei", "train", "texture.grain", *words)
        assert ended.returncode == 0, ended.stderr
        report = scanned(site, image, "--detector", "texture.grain", "--detector", "provenance.labels")
        listed = python(site, "-m", "zhenwei", "train", "--list").stdout
    finally:
        shutil.rmtree(store)
        shutil.copytree(tmp_path / "before", store)
    said = {row["detector"]: row for row in report["evidence"]}["texture.grain"]
    assert said["llr"] > 0.5
    assert said["weights"] == models.manifest(STORE)[0].weights
    assert "texture.grain" in listed


def test_the_guide_shows_what_is_run_here() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.split("## Adding a detector")[1].split("\n## ")[0]
    shown = [textwrap.dedent(code) for _, language, code in _BLOCK.findall(section) if language in ("python", "toml")]
    assert len(shown) >= 2
    files = [p.read_text(encoding="utf-8") for p in [*PLUGIN.rglob("*.py"), PLUGIN / "pyproject.toml"]]
    for code in shown:
        for part in re.split(r"^ *\.\.\.\n", code, flags=re.MULTILINE):
            assert any(part.strip("\n") in file for file in files), part
