"""``zhenwei fingerprint``: a source is taught, told, listed and forgotten; what cannot be used is said."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from zhenwei.cli import main

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
CLIP = Path(__file__).parents[2] / "examples" / "media" / "astronaut-clip.mp4"
Read = pytest.CaptureFixture[str]


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bank.json"
    monkeypatch.setenv("ZHENWEI_BANK", str(path))
    return path


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures of one source: the portrait in other lights, all blurred alike."""
    folder = tmp_path_factory.mktemp("samples")
    pixels = np.asarray(Image.open(PORTRAIT).convert("RGB"), np.float32)
    for number in range(6):
        lit = cv2.GaussianBlur(pixels, (0, 0), 0.8) * (0.85 + 0.05 * number)
        Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def test_a_source_is_taught_told_listed_and_forgotten(bank: Path, samples: Path, capsys: Read) -> None:
    assert main(["fingerprint", "add", "soft camera", str(samples)]) == 0
    assert "soft camera: 6 pictures" in capsys.readouterr().err
    assert main(["fingerprint", "who", str(samples / "2.png"), "--format", "json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["source"] == "soft camera"
    assert row["sources"][0]["similarity"] > 0.9
    for number in range(6):
        assert main(["fingerprint", "who", str(samples / f"{number}.png"), "--format", "json"]) == 0
        row = json.loads(capsys.readouterr().out)
        found = next(each for each in row["sources"] if each["name"] == "soft camera")
        assert (row["source"] == "soft camera") == (found["similarity"] >= found["least"])
    assert main(["fingerprint", "who", str(PORTRAIT), "--format", "json"]) == 0
    row = json.loads(capsys.readouterr().out)
    nearest = max(row["sources"], key=lambda each: each["similarity"])
    assert nearest["name"] == "soft camera"  # whose similarities are all high, so that they are no measure for others
    assert nearest["similarity"] < nearest["least"]
    assert row["source"] == "photographs of FFHQ"
    assert {s["name"] for s in row["sources"]} >= {"soft camera", "StyleGAN", "photographs of FFHQ"}
    assert main(["fingerprint", "list"]) == 0
    assert "soft camera" in capsys.readouterr().out
    assert main(["fingerprint", "list", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"][0]["pictures"] == 6
    assert main(["fingerprint", "remove", "soft camera"]) == 0
    assert json.loads(bank.read_text())["sources"] == []
    assert main(["fingerprint", "list"]) == 0
    assert "No source yet" in capsys.readouterr().err


def test_the_table_names_the_source_or_says_none(bank: Path, samples: Path, capsys: Read) -> None:
    assert main(["fingerprint", "who", str(samples / "0.png")]) == 0
    shown = capsys.readouterr().out
    assert "0.png" in shown
    assert any(word in shown for word in ("none of these", "StyleGAN", "photographs", "portraits", "generator"))


def test_files_without_a_fit_face_are_named_and_fail(bank: Path, tmp_path: Path, samples: Path, capsys: Read) -> None:
    flat, text = tmp_path / "flat.png", tmp_path / "notes.txt"
    Image.new("RGB", (200, 200), (90, 90, 90)).save(flat)
    text.write_text("nothing of the kind")
    assert main(["fingerprint", "who", str(flat), str(text), str(samples / "1.png"), "--format", "json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["face" in rows[0]["reason"], rows[1]["sources"], rows[2]["reason"] == ""][:2] == [True, []]
    assert main(["fingerprint", "add", "x", str(flat)]) == 2
    assert "too few" in capsys.readouterr().err
    assert not bank.exists()


def test_clips_and_sound_are_refused_each_by_its_name(bank: Path, tmp_path: Path, capsys: Read) -> None:
    clip, voice = str(CLIP), str(tmp_path / "voice.wav")
    with wave.open(voice, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(1).integers(-9000, 9000, 32_000).astype("<i2").tobytes())
    for command in (["who"], ["add", "x"]):
        assert main(["fingerprint", *command, clip, voice]) != 0
        told = " ".join(capsys.readouterr().err.split())
        assert "it is a clip" in told
        assert "it is sound alone" in told
    assert not bank.exists()
    assert main(["fingerprint", "who", clip, "--format", "json", "--lang", "zh"]) == 1
    row = json.loads(capsys.readouterr().out)
    assert (row["source"], row["sources"]) == (None, [])


def test_wrong_use_is_said(bank: Path, tmp_path: Path, capsys: Read) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["fingerprint", "who", str(tmp_path / "empty")]) == 2
    assert "nothing to look at" in capsys.readouterr().err
    assert main(["fingerprint", "remove", "nobody"]) == 2
    assert "no such source" in capsys.readouterr().err
    bank.write_text("{")
    assert main(["fingerprint", "list"]) == 1
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["add"], ["who"], ["list"], ["remove"]])
def test_help_has_examples(command: list[str], capsys: Read) -> None:
    assert main(["fingerprint", *command, "--help"]) == 0
    assert "zhenwei fingerprint" in capsys.readouterr().out
