"""``zhenwei compare``: two files beside each other, in the terminal, as JSON and as a page."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zhenwei.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples" / "media"
PHOTOS = [str(EXAMPLES / "astronaut.jpg"), str(EXAMPLES / "astronaut-forged.jpg")]
QUICK = ["--detector", "provenance.labels", "--quiet"]


def test_a_forgery_beside_its_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "compared.html"
    assert main(["compare", *PHOTOS, *QUICK, "--format", "json", "--output", str(page)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["difference"]["how"] == "as they are"
    assert 0.02 < told["difference"]["share"] < 0.08
    facts = {each["name"]: (each["a"], each["b"]) for each in told["facts"]}
    assert facts["Software"][0] == ""
    assert [report["file"]["path"] for report in told["reports"]] == PHOTOS
    html = page.read_text(encoding="utf-8")
    assert html.count("data:image/jpeg;base64,") == 3
    assert "<script" not in html
    assert main(["compare", *PHOTOS, *QUICK, "--output", str(page)]) == 2  # it is there


def test_a_mark_under_the_key_of_this_installation_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))
    assert main(["protect", "sign", str(EXAMPLES / "astronaut.jpg"), "-o", str(tmp_path / "signed")]) == 0
    capsys.readouterr()
    (signed,) = (tmp_path / "signed").iterdir()
    assert main(["compare", str(EXAMPLES / "astronaut.jpg"), str(signed), "--fast", "-q"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "was not found" not in out
    assert "the one that its credential names" in out


def test_the_same_bytes_are_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy.jpg"
    shutil.copy(PHOTOS[0], copy)
    assert main(["compare", PHOTOS[0], str(copy), *QUICK, "--lang", "zh"]) == 0
    assert "逐字节相同" in capsys.readouterr().out


def test_a_photo_beside_a_clip(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", PHOTOS[0], str(EXAMPLES / "astronaut-clip.mp4"), *QUICK]) == 0
    assert "h264" in capsys.readouterr().out


def test_who_is_in_one_of_the_two_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (320, 240), (90, 120, 60)).save(tmp_path / "nobody.png")
    assert main(["compare", PHOTOS[1], str(tmp_path / "nobody.png"), "--fast", "-q"]) == 0
    out = capsys.readouterr().out
    assert out.count("no such person") >= 2
    assert out.index("provenance.labels") < out.index("no such person")  # what was asked about both comes first


def test_what_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", PHOTOS[0], str(tmp_path / "nothing.jpg"), *QUICK]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_evaluations_are_led_to_their_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "old/results.json", "new/results.json"]) == 2
    assert "zhenwei evaluate compare old/results.json new/results.json" in capsys.readouterr().err


def test_pictures_too_small_to_be_laid_over_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, size in (("dot.png", (1, 1)), ("wide.png", (3000, 2)), ("tall.png", (1, 3000))):
        Image.new("RGB", size, (90, 120, 60)).save(tmp_path / name)
        for other in PHOTOS[0], str(tmp_path / "dot.png"):
            assert main(["compare", str(tmp_path / name), other, *QUICK]) == 0
    assert "fault of the program" not in capsys.readouterr().err


def test_the_page_takes_the_place_of_no_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tmp_path / "photo.jpg"
    shutil.copy(PHOTOS[0], photo)
    given = ["compare", PHOTOS[1], str(photo), *QUICK, "--force", "--output"]
    (tmp_path / "link.html").symlink_to(photo)
    for output in (photo, tmp_path / "link.html"):
        assert main([*given, str(output)]) == 2
        assert "would replace a file that is compared" in capsys.readouterr().err
    assert photo.read_bytes() == Path(PHOTOS[0]).read_bytes()


def told(capsys: pytest.CaptureFixture[str], *paths: str) -> dict[str, Any]:
    assert main(["compare", *paths, *QUICK, "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_part_is_not_told_as_the_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.open(PHOTOS[0]).crop((0, 0, 256, 512)).save(tmp_path / "part.png")
    found = told(capsys, PHOTOS[0], str(tmp_path / "part.png"))
    assert found["findings"][0] == "The second shows 50 % of the first; the rest could not be compared."
    assert found["findings"][1].startswith("Where both show the same, nothing differs")
    assert found["difference"]["shared"]["b"] > 0.98


def test_one_colour_saved_in_two_formats_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("black.png", "black.bmp"):
        Image.new("RGB", (200, 200)).save(tmp_path / name)
    found = told(capsys, str(tmp_path / "black.png"), str(tmp_path / "black.bmp"))
    assert found["findings"][0].startswith("Both show the same picture; nothing differs")


def test_a_recording_beside_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, 16_000).astype("<i2")
    for name, samples in (("noise", noise), ("silence", 0 * noise)):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
    heard, silent = str(tmp_path / "noise.wav"), str(tmp_path / "silence.wav")
    assert "One of them is silent" in told(capsys, heard, silent)["findings"][0]
    assert "One is a picture and the other is sound" in told(capsys, PHOTOS[0], silent)["findings"][0]


def test_a_copy_in_grey_is_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.open(PHOTOS[0]).convert("L").save(tmp_path / "grey.png")
    found = told(capsys, PHOTOS[0], str(tmp_path / "grey.png"))
    assert found["difference"]["share"] < 0.002
    assert any("without colour" in sentence for sentence in found["findings"])
