"""The ladder for sound: real codecs, exact noise; nothing is shifted or cut."""

from __future__ import annotations

import numpy as np
import pytest
from tests.speaking import voice

from zhenwei.evaluation.ladder.audio import RUNGS
from zhenwei.signals.speech import stft

AUDIO = voice(3.0)


@pytest.mark.parametrize("name", RUNGS)
def test_a_rung_keeps_length_and_place_and_changes_something(name: str) -> None:
    changed = RUNGS[name](AUDIO)
    assert changed.dtype == np.float32
    assert changed.shape == AUDIO.shape
    assert np.isfinite(changed).all()
    assert np.corrcoef(changed, AUDIO)[0, 1] > 0.6
    assert np.abs(changed - AUDIO).max() > 1e-3
    np.testing.assert_array_equal(changed, RUNGS[name](AUDIO))


@pytest.mark.parametrize("decibels", [20, 10])
def test_noise_is_as_loud_as_it_says(decibels: int) -> None:
    added = RUNGS[f"noise {decibels} dB"](AUDIO) - AUDIO
    ratio = 10 * np.log10(np.square(AUDIO).mean() / np.square(added).mean())
    assert ratio == pytest.approx(decibels, abs=0.2)


@pytest.mark.parametrize("name", ["g711 telephone", "resample 8 kHz"])
def test_a_telephone_lets_nothing_through_above_4_khz(name: str) -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32)
    power = (np.abs(stft(RUNGS[name](noise).astype(np.float64), 512, 256)) ** 2).mean(axis=0)
    assert power[145:].mean() < 0.02 * power[20:110].mean()
