"""Conversion between two made voices: nearer to the target, the words kept; nobody without consent."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors import safe_open
from safetensors.torch import save

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import Consent, describe_folder, make_consent
from zhenwei.forge.voice.convert import Converter, ConverterSettings, learn, open_converter
from zhenwei.forge.voice.frames import BANDS, audio_of, log_mel
from zhenwei.forge.voice.heard import SpeakerRecordings, hear
from zhenwei.forge.voice.speak import HIGH, LOW, Speaker, speak, words
from zhenwei.nets.voice import stretched

TODAY = datetime.date(2026, 11, 27)
SHORT = ConverterSettings(batch=2, width=8)


def spoken(speaker: Speaker, seed: int, count: int = 12) -> SpeakerRecordings:
    rng = np.random.default_rng(seed)
    said = tuple(speak(words(4, rng), speaker, rng) for _ in range(count))
    return SpeakerRecordings("low" if speaker is LOW else "high", said, "made")


@pytest.fixture(scope="module")
def learned() -> Converter:
    torch.set_num_threads(1)
    return learn(spoken(LOW, 0), spoken(HIGH, 1), ConverterSettings(), 120)


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
    first, again = (learn(spoken(LOW, 0), spoken(HIGH, 1), ConverterSettings(batch=4, width=16), 40) for _ in range(2))
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
        learn(spoken(LOW, 0, 2), spoken(HIGH, 1), SHORT, 2)


def test_both_must_have_agreed(tmp_path: Path) -> None:
    people, folders = [], (tmp_path / "anna", tmp_path / "bruno")
    for folder, speaker in zip(folders, (LOW, HIGH), strict=True):
        folder.mkdir()
        soundfile.write(folder / "all.wav", np.concatenate(spoken(speaker, 4, 6).waveforms), 16_000)
        people.append(
            describe_folder(
                folder, tmp_path / "c.json", folder.name, basis="synthetic", evidence="made", scope="voice",
                expires=None,
            )
        )  # fmt: skip

    def run(held: Consent) -> Converter:
        anna, bruno = (hear(folder, folder.name, held, TODAY) for folder in folders)
        return learn(anna, bruno, SHORT, 2)

    both = make_consent(people)
    assert run(both).consent == both.sha256
    with pytest.raises(DataError, match="does not name"):
        run(make_consent(people[:1]))
    (folders[1] / "all.wav").write_bytes(b"altered")
    with pytest.raises(DataError, match="altered"):
        run(both)


def test_a_run_goes_on_exactly_and_is_opened(tmp_path: Path) -> None:
    a, b = spoken(LOW, 0), spoken(HIGH, 1)
    whole = learn(a, b, SHORT, 6)
    learn(a, b, SHORT, 4, tmp_path, stop=iter([False, False, True]).__next__)
    again = learn(a, b, SHORT, 6, tmp_path)
    assert again.losses == whole.losses
    found, frames = open_converter(tmp_path), log_mel(a.waveforms[0])
    assert (found.step, found.subjects, found.consent) == (6, ("low", "high"), "")
    np.testing.assert_array_equal(found.convert(frames, "b"), whole.convert(frames, "b"))
    with pytest.raises(UsageError, match="another run"):
        learn(b, a, SHORT, 8, tmp_path)


def test_a_damaged_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no readable"):
        open_converter(tmp_path)
    learn(spoken(LOW, 0), spoken(HIGH, 1), SHORT, 1, tmp_path)
    path = tmp_path / "last.safetensors"
    data = path.read_bytes()
    kind, name = data.replace(b"voice-converter", b"voice-destroyer"), data.replace(b"nets.net.", b"nets.not.")
    for bad in (data[:100], kind, name, b""):
        path.write_bytes(bad)
        with pytest.raises(DataError, match="no readable"):
            open_converter(tmp_path)


def test_hostile_runs_are_told(tmp_path: Path) -> None:
    learn(spoken(LOW, 0), spoken(HIGH, 1), SHORT, 1, tmp_path)
    path = tmp_path / "last.safetensors"
    with safe_open(path, "pt") as file:
        text = file.metadata()["zhenwei"]
        tensors = {n: file.get_tensor(n).clone() for n in file.keys()}  # noqa: SIM118  # no mapping
    flat = tensors | {"nets.scale.spread": torch.zeros(BANDS).double()}
    many, none = text.replace('"width": 8', '"width": 100000'), text.replace('"batch": 2', '"batch": 0')
    for held, told in ((flat, text), (tensors, many), (tensors, none)):
        path.write_bytes(save(held, {"zhenwei": told}))
        with pytest.raises(DataError, match="no readable run"):
            open_converter(tmp_path)
    huge = {name: torch.full_like(v, 1e30) if name.startswith("nets.net.") else v for name, v in tensors.items()}
    path.write_bytes(save(huge, {"zhenwei": text}))
    with pytest.raises(DataError, match="not finite"):
        open_converter(tmp_path).convert(log_mel(spoken(LOW, 5, 1).waveforms[0]), "b")


def test_one_person_is_not_two() -> None:
    with pytest.raises(UsageError, match="two people"):
        learn(spoken(LOW, 0), spoken(LOW, 1), SHORT, 1)


def test_frames_become_sound_and_frames_again() -> None:
    frames = log_mel(spoken(LOW, 5, 1).waveforms[0])
    made, again = (audio_of(frames, 0) for _ in range(2))
    np.testing.assert_array_equal(made, again)
    assert len(made) == 160 * len(frames)
    back = log_mel(np.pad(made, (256, 512)))[: len(frames)]
    loud = frames.max(axis=1) > frames.max() - 7
    other = np.abs(frames[loud] - np.roll(frames, 40, axis=0)[loud]).mean()
    level = np.median(frames[loud] - back[loud])
    assert np.abs(frames[loud] - back[loud] - level).mean() < 0.4 * other
