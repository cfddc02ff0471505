"""Pitch against a planted one and against WORLD; statistics of a voice: what must and what must not move them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from tests.speaking import RATE_HZ, voice

from zhenwei.errors import UsageError
from zhenwei.signals.voice import NAMES, frame_cepstra, pitch, variability


@pytest.mark.parametrize("hertz", [70.0, 110.0, 173.0, 250.0, 380.0])
def test_the_pitch_of_pulses_is_found(hertz: float) -> None:
    turns = np.cumsum(np.full(RATE_HZ, hertz / RATE_HZ))
    pulses = lfilter([1.0], [1.0, -0.9], np.diff(np.floor(turns), prepend=0.0))
    found = pitch(pulses)
    assert np.isfinite(found).mean() > 0.95
    assert np.nanmedian(found) == pytest.approx(hertz, rel=0.03)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE_HZ)
    assert np.isnan(pitch(noise)).mean() > 0.95
    assert np.isnan(pitch(np.zeros(RATE_HZ))).all()
    assert pitch(np.zeros(100)).shape == (0,)


def test_the_pitch_is_that_of_world() -> None:
    world = pytest.importorskip("pyworld", reason="the WORLD vocoder is an extra: pip install 'zhenwei[voice]'")
    audio = voice(3.0, 0, hertz=130.0).astype(np.float64)
    theirs, at = world.dio(audio, RATE_HZ, frame_period=10.0)
    ours = pitch(audio)
    middles = (np.arange(len(ours)) * 160 + 512) / RATE_HZ
    there = np.interp(middles, at, theirs)
    both = np.isfinite(ours) & (there > 60)
    assert both.mean() > 0.5
    assert np.median(np.abs(ours[both] / there[both] - 1)) < 0.02


def test_every_statistic_is_named_and_finite() -> None:
    found = variability(voice(2.5))
    assert found is not None
    assert found.shape == (len(NAMES),) == (150,)
    assert len(set(NAMES)) == len(NAMES)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("gain", [0.01, 0.3, 1.9])
def test_loudness_does_not_enter(gain: float) -> None:
    audio = voice(2.5)
    quiet, plain = variability(gain * audio), variability(audio)
    assert quiet is not None
    assert plain is not None
    np.testing.assert_allclose(quiet, plain, rtol=1e-3, atol=5e-3)  # 32 bits


def test_a_colour_that_stays_leaves_the_spread_of_cepstra() -> None:
    audio = voice(2.5).astype(np.float64)
    coloured = lfilter([1.0, -0.5], [1.0], audio)
    plain, changed = (frame_cepstra(s)[20:-20].std(axis=0) for s in (audio, coloured))
    assert np.median(np.abs(np.log(changed / plain))) < 0.1


def test_an_even_voice_varies_less() -> None:
    audio = voice(2.5)
    held = np.tile(audio[8000 : 8000 + 1600], 25)
    lively, even = variability(audio), variability(held)
    assert lively is not None
    assert even is not None
    assert even[:30].mean() < lively[:30].mean()


def test_what_is_too_short_or_silent_gives_nothing() -> None:
    assert variability(np.zeros(RATE_HZ)) is None
    assert variability(voice(2.5)[:3000]) is None
    assert variability(np.zeros(0)) is None
    with pytest.raises(UsageError, match="mono"):
        variability(np.zeros((2, 16_000)))
