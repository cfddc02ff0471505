"""Text read aloud: refusals everywhere, real synthesisers where they are installed, and marks on what leaves."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.forge.test_adversarial_door import is_marked
from tests.speaking import voice

from zhenwei.cli import main
from zhenwei.errors import DataError, UnmarkedError, UsageError
from zhenwei.forge.export import Origin, export_audio, open_door
from zhenwei.forge.voice.read_aloud import ENGINES, read_aloud

SENTENCE = "This sentence was read by a machine, and nobody has ever said it in this way."


@pytest.mark.parametrize(
    ("text", "engine", "language"),
    [
        ("", "espeak-ng", "en"),
        (" \n", "espeak-ng", "en"),
        ("x" * 1001, "espeak-ng", "en"),
        ("a\0b", "espeak-ng", "en"),
        ("a\udcffb", "espeak-ng", "en"),
        ("hello", "say", "en"),
        ("hello", "espeak-ng", "../en"),
        ("hello", "espeak-ng", "-x"),
        ("hello", "flite", "de"),
    ],
)
def test_what_cannot_be_read(text: str, engine: str, language: str) -> None:
    with pytest.raises(UsageError):
        read_aloud(text, engine, language)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_that_is_not_there_is_told(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="not installed"):
        read_aloud(SENTENCE, engine)
    command = ["forge", "voice", "read", SENTENCE, "--engine", engine, "--output", str(tmp_path / "x.wav")]
    assert main(command) == 1
    assert f"apt install {engine}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", ["exit 3", "exit 0", "echo x > /dev/null"])
def test_an_engine_that_fails_is_told(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "flite"
    program.write_text(f"#!/bin/sh\n{broken}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DataError, match=r"failed|said nothing"):
        read_aloud(SENTENCE, "flite")


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_read_is_marked(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not on this machine")
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))
    first, again = (read_aloud(SENTENCE, engine) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert 2 < len(first) / 16_000 < 10
    assert len(read_aloud(f"{SENTENCE} {SENTENCE}", engine)) > 1.7 * len(first)
    out = tmp_path / "read.wav"
    assert main(["forge", "voice", "read", SENTENCE, "--engine", engine, "--output", str(out)]) == 0
    assert is_marked(out)
    told = json.loads(Path(f"{out}.json").read_text("utf-8"))
    assert told["recipe"]["engine"] == engine
    assert told["recipe"]["text"] == SENTENCE
    short = tmp_path / "x.wav"  # the mark finds room in so little now and then; what leaves has it
    code = main(["forge", "voice", "read", "hi", "--engine", engine, "--output", str(short)])
    told = capsys.readouterr().err
    assert ("longer text" in told) == (code == 1)
    assert ".. " not in told
    assert "report" not in told
    assert short.exists() == (code == 0)
    assert code == 1 or is_marked(short)


def test_a_text_too_short_for_a_watermark_is_told_before_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "flite"
    soundfile.write(tmp_path / "said.wav", voice(0.6, 1), 16_000)
    program.write_text(f'#!/bin/sh\necho >> {tmp_path}/asked\nfor last; do :; done\ncp {tmp_path}/said.wav "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))
    command = ["--lang", "zh", "forge", "voice", "read", "Hi", "--engine", "flite", "-o", str(tmp_path / "x.wav")]
    assert main(command) == 1
    told = capsys.readouterr().err.strip()
    assert told == (
        "错误：文本太短，容不下水印；得到：以最慢语速 0.6 秒；应为：1.5 秒以上。请给出更长的文本；约十个词即可。"
    )
    assert (tmp_path / "asked").read_text().count("\n") == 1
    assert not (tmp_path / "x.wav").exists()


def test_sound_too_short_for_a_watermark_is_told_as_that(tmp_path: Path) -> None:
    door = open_door(tmp_path / "home", datetime.date(2026, 11, 27))
    with pytest.raises(UnmarkedError, match="so short a sound") as error:
        export_audio(voice(0.3, 1)[None], 16_000, Origin("voice/converter", {}), tmp_path / "x.wav", door)
    assert "report" not in error.value.fix


def test_mandarin_is_read() -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not on this machine")
    assert len(read_aloud("这句话没有人说过，是机器读出来的。", language="cmn")) > 16_000
