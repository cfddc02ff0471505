"""Conversion between two made voices: nearer to the target, the words kept; nobody without consent."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import Consent, describe_folder, make_consent
from zhenwei.forge.voice.convert import BANDS, Converter, Settings, learn, learn_from_folders, log_mel
from zhenwei.forge.voice.speak import HIGH, LOW, Speaker, speak, words
from zhenwei.nets.voice import stretched

TODAY = datetime.date(2026, 11, 27)
SHORT = Settings(steps=2, batch=2, width=8)


def spoken(speaker: Speaker, seed: int, count: int = 12) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [speak(words(4, rng), speaker, rng) for _ in range(count)]


@pytest.fixture(scope="module")
def learned() -> Converter:
    torch.set_num_threads(1)
    return learn(spoken(LOW, 0), spoken(HIGH, 1), Settings(steps=200))


@pytest.mark.parametrize(("source", "target", "to"), [(LOW, HIGH, "b"), (HIGH, LOW, "a")])
def test_converted_speech_is_nearer_to_the_target(
    source: Speaker, target: Speaker, to: str, learned: Converter
) -> None:
    nearer = []
    for k in range(6):
        said = words(4, np.random.default_rng([2, k]))
        ours, theirs = (log_mel(speak(said, s, np.random.default_rng([3, k]))) for s in (source, target))
        speaks = theirs.max(axis=1) > theirs.max() - 7
        made = learned.convert(ours, to)
        nearer.append(np.abs(made - theirs)[speaks].mean() / np.abs(ours - theirs)[speaks].mean())
    assert np.mean(nearer) < 0.9


def test_learning_lowers_the_loss_and_repeats() -> None:
    first, again = (learn(spoken(LOW, 0), spoken(HIGH, 1), Settings(steps=40, batch=4, width=16)) for _ in range(2))
    assert np.mean(first.losses[-5:]) < 0.8 * np.mean(first.losses[:3])
    assert first.losses == again.losses


def test_bands_are_stretched() -> None:
    ramp = torch.arange(10.0)[None, :, None].repeat(3, 1, 2)
    out = stretched(ramp, torch.tensor([1.0, 2.0, 0.5]))
    torch.testing.assert_close(out[0], ramp[0])
    torch.testing.assert_close(out[1, :, 0], torch.arange(10) / 2)
    torch.testing.assert_close(out[2, :, 0], (torch.arange(10.0) * 2).clamp(max=9))


def test_frames_without_meaning(learned: Converter) -> None:
    for frames, speaker in ((np.zeros((9, BANDS)), "c"), (np.zeros((9, 3)), "a"), (np.zeros((1, BANDS)), "a")):
        with pytest.raises(UsageError):
            learned.convert(frames, speaker)


def test_too_little_speech() -> None:
    with pytest.raises(DataError, match="too little"):
        learn(spoken(LOW, 0, 2), spoken(HIGH, 1), SHORT)


def test_both_must_have_agreed(tmp_path: Path) -> None:
    people, folders = [], (tmp_path / "anna", tmp_path / "bruno")
    for folder, speaker in zip(folders, (LOW, HIGH), strict=True):
        folder.mkdir()
        soundfile.write(folder / "all.wav", np.concatenate(spoken(speaker, 4, 6)), 16_000)
        people.append(
            describe_folder(
                folder, tmp_path / "c.json", folder.name, basis="synthetic", evidence="made", scope="voice",
                expires=None,
            )
        )  # fmt: skip

    def run(held: Consent) -> Converter:
        return learn_from_folders(folders, ("anna", "bruno"), held, TODAY, SHORT)

    both = make_consent(people)
    assert run(both).consent == both.sha256
    with pytest.raises(DataError, match="does not name"):
        run(make_consent(people[:1]))
    (folders[1] / "all.wav").write_bytes(b"altered")
    with pytest.raises(DataError, match="altered"):
        run(both)
