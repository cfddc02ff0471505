"""Made voices: the pitch and the formants that were asked for, the same words at the same time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz

from zhenwei.errors import UsageError
from zhenwei.forge.voice.speak import HIGH, LOW, VOWELS, Speaker, speak, words
from zhenwei.signals.voice import RATE_HZ, pitch


@pytest.mark.parametrize("speaker", [LOW, HIGH])
def test_a_voice_has_its_pitch(speaker: Speaker) -> None:
    found = pitch(speak(["aeiou", "uoiea"], speaker, np.random.default_rng(0)))
    assert np.isfinite(found).mean() > 0.5
    assert np.nanmedian(found) == pytest.approx(speaker.hertz, rel=0.08)


@pytest.mark.parametrize("vowel", VOWELS)
def test_a_vowel_has_its_first_formants(vowel: str) -> None:
    """Measured as elsewhere: roots of a linear prediction of the middle of the vowel, of whispered speech."""
    whisper = Speaker(hertz=1.0, tilt=0.99, breath=1.0)  # the source is all but white
    audio = speak([vowel * 6], whisper, np.random.default_rng(1)).astype(np.float64)
    middle = audio[1600:-4000] * np.hanning(len(audio) - 5600)
    own = np.correlate(middle, middle, "full")[len(middle) - 1 :][:7]
    roots = np.roots(np.concatenate([[1.0], -solve_toeplitz(own[:-1], own[1:])]))
    hertz = np.sort(np.angle(roots[(roots.imag > 0) & (np.abs(roots) > 0.9)])) * RATE_HZ / 2 / np.pi
    for wanted in VOWELS[vowel][:2]:
        assert np.abs(hertz / wanted - 1).min() < 0.08


def test_two_speakers_say_the_same_at_the_same_time() -> None:
    said = words(5, np.random.default_rng(2))
    low, high = (speak(said, s, np.random.default_rng(3)) for s in (LOW, HIGH))
    assert low.shape == high.shape
    assert low.dtype == np.float32
    assert np.abs(low).max() == pytest.approx(0.5)
    np.testing.assert_array_equal(low == 0, high == 0)
    assert np.corrcoef(low, high)[0, 1] < 0.5


def test_speech_repeats_by_its_seed() -> None:
    first, again, other = (speak(["ai", "ou"], LOW, np.random.default_rng(s)) for s in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_words_are_of_vowels() -> None:
    said = words(50, np.random.default_rng(6))
    assert all(2 <= len(word) <= 4 and set(word) <= set(VOWELS) for word in said)
    assert not any(a == b for word in said for a, b in itertools.pairwise(word))


@pytest.mark.parametrize("said", [[], [""], ["ax"]])
def test_words_without_meaning(said: list[str]) -> None:
    with pytest.raises(UsageError):
        speak(said, LOW, np.random.default_rng(0))
