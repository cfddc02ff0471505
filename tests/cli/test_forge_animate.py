"""``zhenwei forge animate`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.forge.test_adversarial_door import PORTRAIT, unmarked

from zhenwei import media
from zhenwei.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "one face is animated"),
        ([str(PORTRAIT), "--puppet", "anna", "--made", "1"], "one face is animated"),
        (["--puppet", "anna"], "nothing says how the face should move"),
        (["--puppet", "anna", "--made", "1", "--output", "x.avi"], "a clip is written as MP4"),
        (["--puppet", "anna", "--made", "1", "--audio", "x.wav"], "one voice is spoken"),
        ([str(PORTRAIT), "--made", "1"], "people are animated with consent only"),
        (["--puppet", "anna", "--driver", "x.mp4"], "people are animated with consent only"),
        (["--puppet", "anna", "--audio", "x.wav"], "people are animated with consent only"),
        (["--puppet", "anna", "--made", "1", "--run", "x"], "a run is of the learned method"),
    ],
)
def test_wrong_use_is_told_before_anything_is_made(
    given: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["forge", "animate", *given]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("*.mp4"))


def test_a_drawn_face_says_a_made_sentence_and_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out" / "puppet.mp4"
    out.parent.mkdir()
    command = ["forge", "animate", "--puppet", "bruno", "--made", "1", "--seed", "4", "--output", str(out)]
    assert main([*command, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(out)
    assert list(unmarked(out.parent)) == []
    opened = media.open_media(out)
    assert opened.kind == "video"
    assert opened.audio_codec
    recipe = json.loads(out.with_name("puppet.mp4.json").read_text("utf-8"))["recipe"]
    assert recipe["made_sentences"] == 1
    assert recipe["puppet"] == "bruno"
    assert len(recipe["mouth"]) == len(recipe["turn_deg"])


def test_a_network_draws_a_face_that_speaks_and_it_is_marked(tmp_path: Path) -> None:
    out = tmp_path / "out" / "drawn.mp4"
    out.parent.mkdir()
    command = ["forge", "animate", "--puppet", "bruno", "--made", "1", "--method", "learned", "--output", str(out)]
    assert main(command) == 0
    assert list(unmarked(out.parent)) == []
    recipe = json.loads(out.with_name("drawn.mp4.json").read_text("utf-8"))["recipe"]
    assert recipe["puppet"] == "bruno"
    assert len(recipe["weights"]) == 16


def test_a_drawn_face_is_made_anew_in_its_place(tmp_path: Path) -> None:
    out = tmp_path / "puppet.mp4"
    command = ["forge", "animate", "--puppet", "anna", "--made", "1", "--output", str(out)]
    assert main(command) == 0
    first = out.stat().st_mtime_ns
    assert main(command) == 0
    assert out.stat().st_mtime_ns > first


def test_a_photograph_needs_its_own_consent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people, out = tmp_path / "people" / "a", tmp_path / "out"
    people.mkdir(parents=True)
    out.mkdir()
    (people / "one.jpg").write_bytes(PORTRAIT.read_bytes())
    noted = ["forge", "consent", "make", str(people), "--subject", "a", "--basis", "public-domain"]
    assert main([*noted, "--evidence", "NASA portrait", "--scope", "face", "--expires", "never"]) == 0
    consent = str(tmp_path / "people" / "consent.json")
    command = ["forge", "animate", "--made", "1", "--consent", consent, "--output", str(out / "said.mp4")]
    assert main([*command, str(people / "one.jpg")]) == 0
    assert list(unmarked(out)) == []
    recipe = json.loads((out / "said.mp4.json").read_text("utf-8"))
    assert recipe["consent"]
    capsys.readouterr()
    other = tmp_path / "two.jpg"
    other.write_bytes(PORTRAIT.read_bytes() + b"\0")
    assert main([*command[:-1], str(out / "two.mp4"), str(other)]) == 1
    assert "not in the consent manifest" in capsys.readouterr().err
    assert not (out / "two.mp4").exists()
