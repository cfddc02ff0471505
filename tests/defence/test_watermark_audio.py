"""Marks in sound: read back through real codecs, from parts, and never in a clean recording."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
import scipy.signal
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.speaking import voice

from zhenwei.defence.watermark import audio, mark_audio, read_audio
from zhenwei.errors import DataError, UsageError
from zhenwei.types import Floats

KEY, IDENT = b"k" * 32, b"\x5a\xc3"


@pytest.fixture(scope="module")
def speech() -> Floats:
    return np.asarray(voice(8.0)[None], np.float32)


def coded(samples: Floats, rate_hz: int, container: str, codec: str, rate: int) -> Floats:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate_hz, layout="mono")
        stream.bit_rate = rate
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
        frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as read:
        return np.concatenate([f.to_ndarray() for f in read.decode(audio=0)], axis=1).astype(np.float32)


CHANGES: dict[str, Callable[[Floats], Any]] = {
    "none": lambda x: x,
    "MP3": lambda x: coded(x, 16000, "mp3", "libmp3lame", 64_000),
    "AAC": lambda x: coded(x, 16000, "mp4", "aac", 64_000),
    "telephone": lambda x: soxr.resample(soxr.resample(x.T, 16000, 8000), 8000, 16000).T,
    "softer": lambda x: x * 0.3,
    "noise": lambda x: x + np.random.default_rng(0).normal(0, x.std() * 0.03, x.shape),
    "cut": lambda x: x[:, 12_345:],
}


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_found_after(name: str, speech: Floats) -> None:
    marked = mark_audio(speech, 16000, IDENT, KEY)
    mark = read_audio(np.asarray(CHANGES[name](marked), np.float32), 16000, KEY)
    assert mark is not None
    assert mark.ident == IDENT


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (22050, 2), (48000, 2)])
def test_rates_and_channels(rate_hz: int, channels: int, speech: Floats) -> None:
    there = np.asarray(soxr.resample(speech[0], 16000, rate_hz), np.float32)
    samples = np.stack([there * (1 - 0.3 * c) for c in range(channels)])
    marked = mark_audio(samples, rate_hz, IDENT, KEY)
    assert marked.shape == samples.shape
    assert marked.dtype == np.float32
    assert np.abs(marked).max() <= 1
    mark = read_audio(marked, rate_hz, KEY)
    assert mark is not None
    assert mark.ident == IDENT


def test_it_is_much_softer_than_the_speech_and_silent_where_that_is(speech: Floats) -> None:
    quiet = np.concatenate([speech, np.zeros((1, 32000), np.float32), speech], axis=1)
    change = mark_audio(quiet, 16000, IDENT, KEY) - quiet
    assert 10 * np.log10((quiet**2).mean() / (change**2).mean()) > 10
    middle = slice(speech.shape[1] + 2000, speech.shape[1] + 30000)
    assert np.abs(change[:, middle]).max() < 1e-3 * np.abs(quiet).max()


def test_marking_is_deterministic_and_another_key_shows_nothing(speech: Floats) -> None:
    marked = mark_audio(speech, 16000, IDENT, KEY)
    assert np.array_equal(marked, mark_audio(speech, 16000, IDENT, KEY))
    assert read_audio(marked, 16000, b"x" * 32) is None
    assert read_audio(speech, 16000, KEY) is None


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(1.0, 6.0))
def test_noise_holds_no_mark(seed: int, seconds: float) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, (1, round(seconds * 16000))).astype(np.float32)
    assert read_audio(noise, 16000, KEY) is None


def test_what_cannot_carry_a_mark_is_refused(speech: Floats) -> None:
    with pytest.raises(DataError):
        mark_audio(speech[:, :16000], 16000, IDENT, KEY)
    with pytest.raises(DataError):
        mark_audio(np.zeros((1, 64000), np.float32), 16000, IDENT, KEY)
    with pytest.raises(UsageError):
        mark_audio(speech, 16000, b"abc", KEY)
    with pytest.raises(UsageError):
        mark_audio(speech, 4000, IDENT, KEY)
    assert read_audio(np.zeros((1, 10), np.float32), 16000, KEY) is None
    assert read_audio(np.zeros((1, 64000), np.float32), 16000, KEY) is None


def test_long_sound_is_read_piece_by_piece_and_as_a_whole_alike() -> None:
    """Seams between pieces leave nothing: levels are compared with their neighbours across them."""
    mono = np.random.default_rng(5).normal(0, 0.1, 2 * audio._CHUNK * audio._HOP + 777).astype(np.float32)
    loudness = audio._loudness(mono)
    whole = audio._period(audio._levels(audio._spectrum(mono), loudness))
    np.testing.assert_allclose(audio._mean_period(mono, loudness), whole, atol=1e-10)
    _, _, scipys = scipy.signal.stft(mono.astype(np.float64), nperseg=audio._SIZE, noverlap=audio._SIZE - audio._HOP)
    np.testing.assert_allclose(audio._spectrum(mono), scipys, atol=1e-12)
