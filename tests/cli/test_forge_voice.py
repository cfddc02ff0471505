"""``zhenwei forge voice learn | convert | model | speak``: marked sound, and refusals."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.forge.test_adversarial_door import is_marked, unmarked

from zhenwei.cli import main
from zhenwei.forge.consent import describe_folder, make_consent, write_consent
from zhenwei.forge.voice.heard import make_voice
from zhenwei.forge.voice.speak import HIGH, LOW
from zhenwei.trainer import loop
from zhenwei.trainer.run import Progress

VOICE = ["forge", "voice"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Recordings of anna and bruno, and the manifest that covers both."""
    place = tmp_path / "people"
    for name, speaker in (("anna", LOW), ("bruno", HIGH)):
        (place / name).mkdir(parents=True)
        for k, audio in enumerate(make_voice(name, speaker, 8, 3).waveforms):
            soundfile.write(place / name / f"{k}.wav", audio, 16_000)
    _note(place, "consent.json", None)
    return place


def _note(place: Path, name: str, subjects: list[str] | None) -> None:
    found = [
        describe_folder(place / who, place / name, who, basis="synthetic", evidence="made", scope="voice", expires=None)
        for who in subjects or ["anna", "bruno"]
    ]
    write_consent(make_consent(found), place / name)


def _learn(people: Path, run: Path, *more: str, manifest: str = "consent.json") -> int:
    given = [*VOICE, "learn", str(people / "anna"), str(people / "bruno"), "--subject-a", "anna", "--subject-b"]
    return main([*given, "bruno", "--consent", str(people / manifest), "--output", str(run), *more])


def test_made_voices_are_converted_and_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = str(tmp_path / "run"), tmp_path / "out"
    learn = [*VOICE, "learn", "--made", "6", "--output", run, "--format", "json"]
    assert main([*learn, "--steps", "1"]) == 0
    assert main([*learn, "--steps", "3"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["step"] == 3
    out.mkdir()
    convert = [*VOICE, "convert", run, "--made", "3"]
    for to in ("high", "low"):
        assert main([*convert, "--to", to, "--output", str(out / f"{to}.wav")]) == 0
    assert list(unmarked(out)) == []
    assert is_marked(out / "high.wav")
    told = json.loads((out / "high.wav.json").read_text("utf-8"))
    assert (told["recipe"]["from"], told["recipe"]["to"], told["recipe"]["step"]) == ("low", "high", 3)
    capsys.readouterr()
    for wrong, says in (
        (["--to", "anna"], "no such voice"),
        (["--to", "high", "--made", "0"], "what is to be converted"),
        (["--to", "high", "--consent", "c.json"], "nobody's"),
    ):
        assert main([*convert, *wrong, "--output", str(out / "x.wav")]) == 2
        assert says in capsys.readouterr().err
    assert not (out / "x.wav").exists()


def test_people_are_converted_with_consent_only(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = tmp_path / "run", tmp_path / "out.wav"
    assert main([*VOICE, "learn", str(people / "anna"), str(people / "bruno"), "--output", str(run)]) == 2
    _note(people, "anna.json", ["anna"])
    assert _learn(people, run, manifest="anna.json") == 1
    stranger = people / "bruno" / "stranger.wav"
    soundfile.write(stranger, make_voice("x", HIGH, 2, 9).waveforms[0], 16_000)
    assert _learn(people, run, "--steps", "2") == 1
    assert not run.exists()
    stranger.rename(people / "stranger.wav")
    assert _learn(people, run, "--steps", "2") == 0
    convert = [*VOICE, "convert", str(run), str(people / "anna" / "2.wav"), "--to", "bruno", "--output", str(out)]
    held = ["--consent", str(people / "consent.json")]
    capsys.readouterr()
    for given, code, says in (
        (convert, 2, "with consent only"),
        ([*convert, "--consent", str(people / "anna.json")], 1, "another consent manifest"),
        ([*VOICE, "convert", str(run), "--made", "3", "--to", "bruno", "--output", str(out)], 2, "not of made voices"),
        ([*convert[:4], str(people / "stranger.wav"), *convert[5:], *held], 1, "not in the consent manifest"),
        ([*convert[:4], str(people / "bruno" / "1.wav"), *convert[5:], *held], 1, "anna: files"),
    ):
        assert main(given) == code
        assert says in capsys.readouterr().err
    assert not out.exists()
    assert main([*convert, *held]) == 0
    assert is_marked(out)
    assert len(json.loads(Path(f"{out}.json").read_text("utf-8"))["consent"]) == 64


def test_consent_that_ended_ends_conversion(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    from zhenwei.cli import _forge_voice_runs

    last = datetime.datetime.now(datetime.UTC).date()
    entries = [
        describe_folder(people / who, people / "c.json", who, basis="self", evidence="", scope="voice", expires=last)
        for who in ("anna", "bruno")
    ]
    write_consent(make_consent(entries), people / "c.json")
    run, out = tmp_path / "run", tmp_path / "out.wav"
    assert _learn(people, run, "--steps", "1", manifest="c.json") == 0
    monkeypatch.setattr(_forge_voice_runs, "today", lambda: last + datetime.timedelta(days=1))
    convert = [*VOICE, "convert", str(run), str(people / "anna" / "2.wav"), "--to", "bruno", "--output", str(out)]
    assert main([*convert, "--consent", str(people / "c.json")]) == 1
    assert _learn(people, run, "--steps", "2", manifest="c.json") == 1
    assert not out.exists()


@pytest.mark.heavy
def test_a_model_speaks_marked_sound(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, own, out = tmp_path / "made", tmp_path / "own", tmp_path / "out.wav"
    assert main([*VOICE, "model", "--made", "6", "--steps", "20", "--output", str(made)]) == 0
    held = ["--consent", str(people / "consent.json")]
    anna = [*VOICE, "model", str(people / "anna"), "--subject", "anna", "--steps", "20", "--output", str(own)]
    assert main(anna) == 2
    assert main([*anna, *held]) == 0
    speak = ["--seconds", "2", "--output", str(out)]
    assert main([*VOICE, "speak", str(own), *speak]) == 2
    assert main([*VOICE, "speak", str(made), *held, *speak]) == 2
    assert not out.exists()
    for given in ([str(made), *speak], [str(own), *held, *speak]):
        out.unlink(missing_ok=True)
        Path(f"{out}.json").unlink(missing_ok=True)
        assert main([*VOICE, "speak", *given]) == 0
        assert is_marked(out)
    capsys.readouterr()
    (made / "last.safetensors").write_bytes(b"\0" * 64)
    for command in (["speak", str(made), *speak], ["convert", str(own), "--made", "2", "--to", "low", *speak[2:]]):
        assert main([*VOICE, *command]) == 1
        assert "no readable" in capsys.readouterr().err


def test_an_interrupt_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    advance, run = loop.advance, tmp_path / "run"

    def interrupted(*given: object) -> Progress:
        told = advance(*given)  # type: ignore[arg-type]
        if told.step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return told

    monkeypatch.setattr(loop, "advance", interrupted)
    learn = [*VOICE, "learn", "--made", "6", "--output", str(run), "--format", "json"]
    assert main([*learn, "--steps", "9"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["step"], told["stopped"]) == (2, True)
    monkeypatch.undo()
    assert main([*learn, "--steps", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 3


@pytest.mark.parametrize("what", ["silence", "short", "long", "no sound"])
def test_recordings_that_cannot_be_converted(
    what: str, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = people / "anna" / "odd.wav", tmp_path / "out.wav"
    audio = make_voice("x", LOW, 8, 1).waveforms[0]
    made = {"silence": 0 * audio, "short": audio[:8000], "long": np.tile(audio, 40), "no sound": audio}[what]
    soundfile.write(path, made, 16_000)
    if what == "no sound":
        path.write_bytes(b"RIFF" + b"\0" * 200)
    _note(people, "consent.json", None)
    other = tmp_path / "others"
    (people / "anna").rename(other)  # learned from all but the odd one
    (people / "anna").mkdir()
    for k in range(8):
        (people / "anna" / f"{k}.wav").write_bytes((other / f"{k}.wav").read_bytes())
    assert _learn(people, tmp_path / "run", "--steps", "1") == 0
    convert = [*VOICE, "convert", str(tmp_path / "run"), str(other / "odd.wav"), "--to", "bruno", "--output", str(out)]
    capsys.readouterr()
    assert main([*convert, "--consent", str(people / "consent.json")]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert ("cannot be converted" in said) or what == "no sound"
    assert not out.exists()
