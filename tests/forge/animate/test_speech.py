"""A mouth moved by sound."""

from __future__ import annotations

import numpy as np
import pytest

from zhenwei.errors import DataError
from zhenwei.forge.animate.motion import drive, lids_open, motion_of, opening
from zhenwei.forge.animate.speech import blinks, mouth_of, speaking, with_mouth
from zhenwei.forge.puppet import ANNA, BRUNO, Look, draw
from zhenwei.forge.voice.heard import make_voice
from zhenwei.forge.voice.speak import Speaker
from zhenwei.signals.lips import mouth_shape

RATE = 16000
VOICE = make_voice("made", Speaker(180.0), 2, 5).waveforms[0]
FACE = draw(ANNA, Look(blink=0.1), 160).landmarks


def test_a_silence_keeps_the_mouth_shut_and_speech_opens_it() -> None:
    audio = np.concatenate([np.zeros(2 * RATE, np.float32), VOICE, np.zeros(2 * RATE, np.float32)])
    mouth = mouth_of(audio, 25.0)
    assert len(mouth) == int(len(audio) / RATE * 25)
    said = slice(50, 50 + int(len(VOICE) / RATE * 25))
    assert np.abs(mouth[:45]).max() < 0.02
    assert mouth[said, 0].max() > 0.1
    assert mouth[:, 0].min() >= 0
    assert mouth[:, 0].max() <= 0.32


def test_a_louder_recording_opens_the_mouth_no_further() -> None:
    assert np.allclose(mouth_of(VOICE, 25.0), mouth_of(0.2 * VOICE, 25.0), atol=0.02)


@pytest.mark.parametrize("samples", [0, 100, 7999])
def test_too_little_sound_is_told(samples: int) -> None:
    with pytest.raises(DataError, match="too little sound"):
        mouth_of(np.zeros(samples, np.float32), 25.0)


def test_the_lips_do_what_the_mouth_is_told() -> None:
    mouth = np.stack([np.linspace(0, 0.25, 30), np.linspace(-0.03, 0.03, 30)], axis=1)
    moved = drive(FACE, speaking(FACE, mouth, 25.0, np.random.default_rng(0)))
    shape = mouth_shape(moved)
    opened = np.array([opening(points) for points in moved])
    assert np.corrcoef(opened, mouth[:, 0])[0, 1] > 0.999
    assert opened[-1] - opened[0] == pytest.approx(0.25, abs=0.03)
    assert shape[-1, 1] - shape[0, 1] == pytest.approx(0.06, abs=0.025)


def test_a_blink_shuts_the_lids_and_most_frames_are_open() -> None:
    rng = np.random.default_rng(1)
    shut = blinks(1500, 25.0, rng)
    assert 0.02 < (shut > 0.5).mean() < 0.2
    assert shut.max() == 1.0
    moved = drive(FACE, speaking(FACE, np.zeros((200, 2)), 25.0, np.random.default_rng(3)))
    gaps = np.array([lids_open(points) for points in moved])
    assert gaps.min() < 0.3 * np.median(gaps)


def test_a_head_sways_little_and_is_the_same_for_a_seed() -> None:
    one, same, other = [speaking(FACE, np.zeros((100, 2)), 25.0, np.random.default_rng(seed)) for seed in (7, 7, 8)]
    assert (one.turn == same.turn).all()
    assert (one.turn != other.turn).any()
    assert np.abs(np.degrees(one.turn)).max() < 12
    assert np.abs(np.diff(np.degrees(one.turn), axis=0)).max() < 1.5  # of a frame to the next


def test_another_speech_takes_the_drivers_mouth_and_leaves_the_head() -> None:
    clip = np.stack([draw(BRUNO, Look(yaw=2 * k, open=0.8 * (k % 2), blink=0.1), 160).landmarks for k in range(8)])
    motion = motion_of(clip, 25.0)
    mouth = np.zeros((20, 2))
    mixed = with_mouth(motion, mouth)
    assert len(mixed) == 20
    opened = [opening(points) for points in drive(FACE, mixed)]
    assert max(opened) - min(opened) < 0.02
    assert (mixed.turn[:8] == motion.turn).all()
    steps = np.linalg.norm(np.diff(mixed.turn, axis=0), axis=1)
    assert steps.max() <= np.linalg.norm(np.diff(motion.turn, axis=0), axis=1).max() + 1e-12
