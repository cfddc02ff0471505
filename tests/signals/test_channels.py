"""Channels made one: nobody is lost, and what is hostile costs little."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from zhenwei.signals.channels import mix
from zhenwei.types import Audio

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 2, 3, 16, 17, 64])
def test_who_is_heard_in_one_channel_of_many_is_heard(channels: int) -> None:
    sound = np.zeros((channels, 16_000), np.float32)
    for number in range(channels):
        sound[number, number * 16_000 // channels : (number + 1) * 16_000 // channels] = 0.1
    mono = mix(Audio(sound, 16_000)).mono
    assert np.abs(mono).min() > 0.0
    same = np.repeat(RNG.normal(0, 0.1, (1, 16_000)).astype(np.float32), channels, axis=0)
    np.testing.assert_allclose(mix(Audio(same, 16_000)).mono, same[0], atol=1e-6)


def test_many_channels_at_a_low_rate_take_no_more_memory_than_the_sound() -> None:
    sound = RNG.normal(0, 0.1, (500, 3000)).astype(np.float32)
    tracemalloc.start()
    found = mix(Audio(sound, 2))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.mono.shape == (3000,)
    assert most < 4 * sound.nbytes


def test_of_nothing_comes_nothing() -> None:
    for shape in ((1, 0), (2, 0), (0, 5)):
        mono = mix(Audio(np.zeros(shape, np.float32), 16_000)).mono
        assert np.isfinite(mono).all()
        assert len(mono) == shape[1]
