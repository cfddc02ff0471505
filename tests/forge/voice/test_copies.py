"""Copies by vocoders: as long, as loud and as silent as the original, alike in what is said, seeded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.speaking import voice

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.voice import KINDS, Copy, copy_voice, draw_channel, equalised
from zhenwei.signals.voice import frame_cepstra, pitch

AUDIO = voice(2.0)


def made(kind: str, seed: int = 0) -> Copy:
    if kind == "world":
        pytest.importorskip("pyworld", reason="the WORLD vocoder is an extra: pip install 'zhenwei[voice]'")
    return copy_voice(AUDIO, np.random.default_rng(seed), kind=kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_as_long_and_as_loud(kind: str) -> None:
    copy = made(kind)
    assert copy.audio.dtype == np.float32
    assert copy.audio.shape == AUDIO.shape
    assert np.square(copy.audio).mean() == pytest.approx(np.square(AUDIO).mean(), rel=1e-3)
    assert copy.recipe["kind"] == copy.kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_says_the_same_and_is_not_the_same(kind: str) -> None:
    copy = made(kind).audio
    assert np.abs(copy - AUDIO).max() > 1e-3
    ours, theirs = (frame_cepstra(s)[:, 1:6] for s in (copy, AUDIO))
    assert np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, theirs.T, strict=True)]) > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_repeats_by_its_seed(kind: str) -> None:
    np.testing.assert_array_equal(made(kind, 5).audio, made(kind, 5).audio)


@pytest.mark.parametrize("kind", ["griffin_lim_mel", "griffin_lim_linear", "linear_prediction", "blurred_phase"])
def test_a_copy_keeps_the_pitch(kind: str) -> None:
    ours, theirs = pitch(made(kind).audio), pitch(AUDIO)
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert both.sum() > 30
    assert np.median(np.abs(ours[both] / theirs[both] - 1)) < 0.05


def test_griffin_lim_comes_nearer_with_steps() -> None:
    from zhenwei.forge.voice.griffin_lim import analysed, griffin_lim

    magnitude = np.abs(analysed(AUDIO.astype(np.float64), 512, 128))

    def off(steps: int) -> float:
        back = griffin_lim(magnitude, 512, 128, len(AUDIO), steps, np.random.default_rng(0))
        return float(np.abs(np.abs(analysed(back, 512, 128)) - magnitude).mean() / magnitude.mean())

    assert off(30) < 0.6 * off(1)


def test_digital_silence_stays() -> None:
    audio = AUDIO.copy()
    audio[4000:6000] = 0
    copy = copy_voice(audio, np.random.default_rng(0), kind="griffin_lim_linear")
    assert not copy.audio[4000:6000].any()


@given(st.integers(1, 3000), st.integers(0, 3000), st.floats(0.01, 3))
def test_equalised_fits_any_length_and_loudness(wanted: int, given_: int, gain: float) -> None:
    rng = np.random.default_rng(wanted)
    original, other = rng.standard_normal(wanted), gain * rng.standard_normal(given_)
    found = equalised(other, original)
    assert found.shape == original.shape
    assert np.isfinite(found).all()


@pytest.mark.parametrize("audio", [np.zeros(16_000), voice(0.1), np.zeros((2, 16_000)), np.zeros(0)])
def test_what_cannot_be_copied_is_refused(audio: np.ndarray) -> None:
    with pytest.raises(DataError, match="cannot be copied"):
        copy_voice(audio, np.random.default_rng(0), kind="blurred_phase")


def test_an_unknown_vocoder_is_refused() -> None:
    with pytest.raises(UsageError, match="no such vocoder"):
        copy_voice(AUDIO, np.random.default_rng(0), kind="parrot")


@pytest.mark.parametrize("seed", range(12))
def test_a_channel_keeps_length_and_treats_all_alike(seed: int) -> None:
    travel = draw_channel(np.random.default_rng(seed))
    out = travel(AUDIO)
    assert out.shape == AUDIO.shape
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out, travel(AUDIO))
    # The same way whoever speaks: what is drawn does not hang on the sound.
    np.testing.assert_array_equal(out, draw_channel(np.random.default_rng(seed))(AUDIO))


def test_channels_differ() -> None:
    waveforms = {draw_channel(np.random.default_rng(seed))(AUDIO).tobytes() for seed in range(8)}
    assert len(waveforms) >= 6
