"""``zhenwei detectors`` and ``zhenwei doctor``: what is there, and whether it works."""

from __future__ import annotations

import hashlib
import json

import pytest

from zhenwei import models
from zhenwei.cli import doctor, main
from zhenwei.detectors import catalogue


def test_the_catalogue_lists_every_detector(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "--format", "json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in entries] == list(catalogue())
    for entry in entries:
        for name in ("question", "takes", "needs", "reference", "blind_spots", "models"):
            assert name in entry
        for model in entry["models"]:
            assert model["sha256"] == models.verify(model["id"])


def test_the_table_and_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors"]) == 0
    listed = capsys.readouterr().out
    assert all(id_ in listed for id_ in catalogue())
    assert main(["detectors", "cnn.face_forgery"]) == 0
    card = " ".join(capsys.readouterr().out.split())
    for spot in catalogue()["cnn.face_forgery"].info.blind_spots:
        assert spot.split(",")[0][:30] in card


def test_doctor_finds_this_installation_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == doctor.SCHEMA
    assert found["ok"] is True
    by_group = {check["group"] for check in found["checks"]}
    assert {"python", "library", "model", "self-test"} <= by_group
    shown = {check["name"]: check["found"] for check in found["checks"] if check["group"] == "model"}
    for entry in models.manifest():
        data = (models.STORE / "weights" / entry.file).read_bytes()
        assert shown[entry.id] == f"sha256 {hashlib.sha256(data).hexdigest()}"


def test_doctor_shows_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for word in ("onnxruntime", "opencv-python-headless", "face_landmark", "self-test", "No ffmpeg program is needed"):
        assert word in shown


def test_a_model_that_a_detector_needs_and_the_store_lacks_is_named() -> None:
    (check, *_) = doctor._absent(set())
    assert not check.ok
    assert check.needed
    assert "needs it" in check.found
    assert list(doctor._absent({m for kind in catalogue().values() for m in kind.info.models})) == []


def test_a_library_that_is_missing_comes_with_the_line_that_installs_it() -> None:
    check = doctor._library("surely-not-a-package", ">=1.0")
    assert not check.ok
    assert check.needed
    assert check.fix == 'pip install "surely-not-a-package>=1.0"'


def test_a_library_that_is_too_old_is_not_accepted() -> None:
    check = doctor._library("numpy", ">=999")
    assert not check.ok
    assert "want >=999" in check.found


@pytest.mark.parametrize(
    ("found", "wanted", "met"),
    [("2.4.0", ">=2.0", True), ("2.4", ">=2.4.1", False), ("10.1", ">=9.9", True), ("1.2.3rc1", ">=1.2", True),
     ("0.1.0", "==0.1.0", True), ("0.1.1", "==0.1.0", False), ("3.11.2", ">=3.11", True), ("7", "", True)],
)  # fmt: skip
def test_versions_are_compared_as_numbers(found: str, wanted: str, met: bool) -> None:
    assert doctor._satisfies(found, wanted) is met


def test_the_requirements_are_read_off_the_package() -> None:
    found = {(name, extra) for name, _, extra in doctor._requirements()}
    assert ("numpy", "") in found
    assert ("torch", "train") in found
    assert not any(name == "zhenwei" for name, _ in found)
