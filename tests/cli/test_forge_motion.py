"""``zhenwei forge motion`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.clips import write_video
from tests.forge.test_adversarial_door import unmarked

from zhenwei.cli import main

SMALL = ["--points", "3", "--width", "8", "--batch", "2", "--save-every", "1"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "what is motion to be learned from?"),
        (["a.mp4", "--puppets", "3"], "what is motion to be learned from?"),
        (["a.mp4"], "faces are learned with consent only"),
        (["--puppets", "3", "--width", "10"], "motion is not learned so"),
        (["--puppets", "1"], "too little to learn motion from"),
    ],
)
def test_wrong_use_is_told(
    given: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["forge", "motion", "train", *given, "--output", "run"]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_of_puppets_goes_on_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = tmp_path / "run", tmp_path / "drawn.mp4"
    command = ["forge", "motion", "train", "--puppets", "3", *SMALL, "--output", str(run), "--format", "json"]
    for steps in ("1", "3"):
        assert main([*command, "--steps", steps]) == 0
        assert json.loads(capsys.readouterr().out)["step"] == int(steps)
    assert (run / "motion.png").is_file()
    assert list(unmarked(run)) == []
    drawn = ["forge", "animate", "--puppet", "anna", "--made", "1", "--method", "learned", "--run", str(run)]
    assert main([*drawn, "--output", str(out)]) == 0
    assert list(unmarked(tmp_path)) == []


@pytest.mark.heavy
def test_a_run_of_clips_needs_consent_for_every_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = tmp_path / "people" / "a"
    people.mkdir(parents=True)
    for number in range(2):
        write_video(people / f"{number}.mp4", 0.4 + 0.1 * number, size=(640, 360))
    noted = ["forge", "consent", "make", str(people), "--subject", "a", "--basis", "public-domain"]
    assert main([*noted, "--evidence", "NASA portrait", "--scope", "face", "--expires", "never"]) == 0
    consent = str(tmp_path / "people" / "consent.json")
    clips = [str(path) for path in sorted(people.glob("*.mp4"))]
    command = ["forge", "motion", "train", *clips, "--subject", "a", "--consent", consent, *SMALL, "--steps", "1"]
    assert main([*command, "--output", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    other = tmp_path / "other.mp4"
    other.write_bytes(Path(clips[0]).read_bytes() + np.zeros(1, np.uint8).tobytes())
    assert main([*command[:3], str(other), *command[3:], "--output", str(tmp_path / "none")]) == 1
    assert "not in the consent manifest" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
