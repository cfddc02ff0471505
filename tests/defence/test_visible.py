"""The label that people see and the tones that they hear: there, large enough, found again, and covering nothing."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zhenwei.defence import visible
from zhenwei.errors import DataError
from zhenwei.testing.made import portrait
from zhenwei.types import Floats, Pixels


def through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@given(st.integers(visible.MIN_SIDE, 900), st.integers(visible.MIN_SIDE, 900))
def test_the_picture_stays_and_capitals_are_a_twentieth_of_the_shorter_side(height: int, width: int) -> None:
    grey = np.full((height, width, 3), 128, np.uint8)
    labelled = visible.add_label(grey)
    assert np.array_equal(labelled[:height], grey)
    assert visible.unlabelled_height(*labelled.shape[:2]) == height
    ink = labelled[height:, :, 0] > 150
    left = np.flatnonzero(ink.any(axis=0))[0]
    letter = np.flatnonzero(ink[:, left : left + max(2, ink.shape[1] // 40)].any(axis=1))  # the A of AI
    assert letter[-1] - letter[0] + 1 >= 0.05 * min(height, width) - 1  # a row at each end may be half inked


@pytest.mark.parametrize("size", [(256, 256), (480, 270), (301, 700)])
def test_it_is_found_after_compression_and_not_where_it_is_not(size: tuple[int, int]) -> None:
    image = portrait(*size)
    labelled = visible.add_label(image)
    assert visible.has_label(labelled)
    assert visible.has_label(through_jpeg(labelled, 30))
    assert not visible.has_label(image)
    assert not visible.has_label(labelled[::-1].copy())
    plain = labelled.copy()
    plain[size[0] :] = 20
    assert not visible.has_label(plain)


def test_a_picture_in_which_nobody_could_read_it_is_refused() -> None:
    with pytest.raises(DataError, match="too small"):
        visible.add_label(np.zeros((100, 400, 3), np.uint8))


def spoken(seconds: float, rate_hz: int, seed: int = 0) -> Floats:
    noise = np.random.default_rng(seed).normal(0, 0.1, (1, round(seconds * rate_hz)))
    return noise.astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_tones_stand_before_and_after_and_the_sound_between_is_untouched(rate_hz: int) -> None:
    audio = spoken(1.0, rate_hz)
    labelled = visible.add_tones(audio, rate_hz)
    lead = (labelled.shape[1] - audio.shape[1]) // 2
    assert np.array_equal(labelled[:, lead:-lead], audio)
    assert visible.has_tones(labelled, rate_hz)
    assert not visible.has_tones(audio, rate_hz)
    assert not visible.has_tones(labelled[:, : -lead + 1], rate_hz)
    assert not visible.has_tones(labelled[:, lead:], rate_hz)


def test_tones_are_short_long_short_short_by_zero_crossings() -> None:
    rate_hz = 16000
    tones = visible.add_tones(spoken(0.2, rate_hz), rate_hz)[0, : round(11 * visible.UNIT_S * rate_hz)]
    loud = np.abs(tones).reshape(11, -1).max(axis=1) > 0.1
    assert "".join("#" if on else " " for on in loud) == "# ###   # #"
    long = tones[round(2.2 * visible.UNIT_S * rate_hz) : round(4.8 * visible.UNIT_S * rate_hz)]
    crossings = np.count_nonzero(np.diff(np.sign(long)))
    assert crossings / 2 / (len(long) / rate_hz) == pytest.approx(visible.TONE_HZ, rel=0.02)


def test_tones_are_found_after_mp3() -> None:
    rate_hz = 16000
    labelled = visible.add_tones(spoken(1.0, rate_hz), rate_hz)
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(labelled, "fltp", "mono")
        frame.sample_rate = rate_hz
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as read:
        heard = np.concatenate([f.to_ndarray() for f in read.decode(audio=0)], axis=1).astype(np.float32)
    assert visible.has_tones(heard, rate_hz)


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 4.0))
def test_noise_is_never_taken_for_tones(seed: int, seconds: float) -> None:
    assert not visible.has_tones(spoken(seconds, 16000, seed), 16000)
