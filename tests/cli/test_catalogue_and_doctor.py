"""``zhenwei detectors`` and ``zhenwei doctor``: what is there, and whether it works."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shlex
import sys
from importlib import metadata
from itertools import islice

import av
import av.error
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from PIL import Image

from zhenwei import media, models
from zhenwei.cli import _self_tests, doctor, main
from zhenwei.detectors import catalogue
from zhenwei.models import onnx_model
from zhenwei.types import Audio, Frame


def test_the_catalogue_lists_every_detector(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "--format", "json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in entries] == list(catalogue())
    for entry in entries:
        for name in ("question", "takes", "needs", "reference", "blind_spots", "models", "depth"):
            assert name in entry
        for model in entry["models"]:
            assert model["sha256"] == models.verify(model["id"])


def test_the_table_and_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors"]) == 0
    listed = capsys.readouterr().out
    assert all(id_ in listed for id_ in catalogue())
    assert main(["detectors", "cnn.face_forgery"]) == 0
    card = " ".join(capsys.readouterr().out.split())
    assert "at every depth" in card
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
    check = doctor._library("surely-not-a-package", SpecifierSet(">=1.0"))
    assert not check.ok
    assert check.needed
    words = shlex.split(check.fix.removeprefix("Run: "))
    assert words == [sys.executable, "-m", "pip", "install", "surely-not-a-package>=1.0"]


@pytest.mark.parametrize("wanted", [">=999", "<1", ">=1,<2", "!=" + metadata.version("numpy")])
def test_a_library_out_of_the_range_is_not_accepted(wanted: str) -> None:
    check = doctor._library("numpy", SpecifierSet(wanted))
    assert not check.ok
    assert metadata.version("numpy") in check.found
    assert f"want {SpecifierSet(wanted)}" in check.found
    assert "numpy" in check.fix


def test_a_library_that_breaks_when_it_is_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise AttributeError(f"_ARRAY_API not found in {name}")

    monkeypatch.setattr(importlib, "import_module", broken)
    check = doctor._library("opencv-python-headless", SpecifierSet(">=4"))
    assert not check.ok
    assert "does not load: AttributeError: _ARRAY_API not found in cv2" in check.found
    assert "--force-reinstall" in check.fix


def test_every_library_is_loaded_by_a_module_of_its_own() -> None:
    found = {name: doctor._modules(name) for name, _, extra in doctor._requirements() if not extra}
    assert found["opencv-python-headless"] == ["cv2"]
    assert found["pillow"] == ["PIL"]
    assert found["soundfile"] == ["soundfile"]
    for modules in found.values():
        assert modules
        assert all(importlib.util.find_spec(module) for module in modules)


def test_the_requirements_are_read_off_the_package() -> None:
    found = {(name, extra): versions for name, versions, extra in doctor._requirements()}
    assert ">=" in str(found["numpy", ""])
    assert ("torch", "train") in found
    assert not any(name == "zhenwei" for name, _ in found)


# Decoders and models are tried out. What is broken is named, with the command that mends it.


def broken_checks(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    """What ``doctor`` finds broken, by name."""
    assert main(["doctor", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    return {check["name"]: check for check in found["checks"] if not check["ok"] and check["needed"]}


def reinstalled(check: dict[str, str]) -> list[str]:
    """The libraries that the cure of ``check`` installs anew into this environment, each in the range that works."""
    words = shlex.split(check["fix"].removeprefix("Run: "))
    assert words[:5] == [sys.executable, "-m", "pip", "install", "--force-reinstall"]
    ranges = {name: wanted for name, wanted, extra in doctor._requirements() if not extra}
    found = [Requirement(word) for word in words[5:]]
    assert all(line.specifier == ranges[line.name] for line in found)
    return [line.name for line in found]


@pytest.fixture
def only_self_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are not hashed anew and no picture is examined: these tests are about the rest."""
    monkeypatch.setattr(doctor, "_models", lambda: ())
    monkeypatch.setattr(_self_tests, "TESTS", _self_tests.TESTS[:-1])


def test_the_samples_are_decoded_to_what_is_in_them() -> None:
    assert _self_tests.decode_image() == "JPEG"
    assert _self_tests.decode_video() == "10 frames of H.264"
    assert _self_tests.decode_audio() == "AAC and MP3"
    assert _self_tests.run_model()


@pytest.mark.usefixtures("only_self_tests")
@pytest.mark.parametrize(
    "error",
    [TypeError("open() got an unexpected keyword argument 'metadata_errors'"), av.error.DecoderNotFoundError(1, "h264"),
     ImportError("libavcodec.so: cannot open shared object file"), SystemExit(1)],
    ids=["call", "codec", "library", "exit"],
)  # fmt: skip
def test_a_broken_decoder_of_clips_and_sounds_is_reported(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(av, "open", broken)
    found = broken_checks(capsys)
    assert set(found) == {"a clip is decoded", "a sound is decoded"}
    for check in found.values():
        assert check["found"]
        assert reinstalled(check)[0] == "av"


@pytest.mark.usefixtures("only_self_tests")
def test_a_broken_decoder_of_pictures_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("decoder jpeg not available")

    monkeypatch.setattr(Image, "open", broken)
    found = broken_checks(capsys)
    assert set(found) == {"a photo is decoded"}
    assert "decoder jpeg not available" in found["a photo is decoded"]["found"]
    assert reinstalled(found["a photo is decoded"]) == ["pillow"]


@pytest.mark.usefixtures("only_self_tests")
def test_a_decoder_that_gives_something_else_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Green frames, half a clip, silence: no error is raised, and none of it is right."""
    real = media.sample_frames
    monkeypatch.setattr(media, "sample_frames", lambda *given: islice(real(*given), 5))
    monkeypatch.setattr(media, "read_audio", lambda *_: Audio(np.zeros((1, 3200), np.float32), 8000))
    monkeypatch.setattr(media, "read_image", lambda *_: Frame(0, 0.0, np.full((48, 64, 3), 128, np.uint8)))
    found = broken_checks(capsys)
    assert "5 frames" in found["a clip is decoded"]["found"]
    assert "0 Hz" in found["a sound is decoded"]["found"]
    assert "wrong colours" in found["a photo is decoded"]["found"]


@pytest.mark.usefixtures("only_self_tests")
def test_a_model_that_does_not_run_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED")

    monkeypatch.setattr(onnx_model, "load", broken)
    found = broken_checks(capsys)
    assert set(found) == {"a model runs"}
    assert "NOT_IMPLEMENTED" in found["a model runs"]["found"]
    assert reinstalled(found["a model runs"]) == ["onnxruntime"]


def test_what_stops_one_group_of_checks_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.setattr(doctor, "_models", broken)
    monkeypatch.setattr(_self_tests, "TESTS", _self_tests.TESTS[:1])
    found = broken_checks(capsys)
    assert set(found) == {"these checks"}
    assert "multiarray" in found["these checks"]["found"]


def test_the_advice_of_a_failed_check_is_shown_in_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = doctor.Check("self-test", "a clip is decoded", False, "TypeError: no", fix="Run: mend this")
    doctor._show([failed], False)
    shown = capsys.readouterr().out
    for word in ("×", "a clip is decoded", "TypeError: no", "Run: mend this", "is broken"):
        assert word in shown
