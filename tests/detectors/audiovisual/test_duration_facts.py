"""``audiovisual.duration_facts``: what is planted is told, and nothing is weighed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soxr
from tests.speaking import RATE_HZ, voice

from zhenwei.detectors.audiovisual.duration_facts import DurationFacts, highest_hz
from zhenwei.testing import audio_subject
from zhenwei.types import Audio, Evidence, Interval

NOISE = 0.01 * np.random.default_rng(0).standard_normal(4 * RATE_HZ).astype(np.float32)


def told(
    audio: np.ndarray, *, facts: tuple[tuple[str, str], ...] = (), rate: int = RATE_HZ, container: str = "wav"
) -> Evidence:
    subject = audio_subject(np.asarray(audio, np.float32)[None])
    media = replace(subject.media, facts=facts, audio_rate_hz=rate, container=container)
    return DurationFacts().examine(replace(subject, media=media))


def test_a_plain_recording_holds_no_contradiction() -> None:
    evidence = told(voice(4.0) + NOISE)
    assert evidence.llr is None
    assert "no contradiction" in str(evidence.finding)


def test_it_never_weighs() -> None:
    assert told(np.zeros(RATE_HZ)).llr is None
    assert told(NOISE, facts=(("Sound track", "0.000 to 9.000 s, clock 1/16000"),)).llr is None


def test_silence_at_the_start_and_within_is_told() -> None:
    audio = NOISE.copy()
    audio[: int(0.8 * RATE_HZ)] = 0
    assert "begins with 0.8 s of digital silence" in str(told(audio).finding)
    audio = NOISE.copy()
    audio[2 * RATE_HZ : 2 * RATE_HZ + 1600] = 0
    finding = str(told(audio).finding)
    assert "interrupted by digital silence (once, at 2.00 s)" in finding
    assert "from end to end" in str(told(np.zeros(RATE_HZ)).finding)


def test_silence_that_reading_put_in_a_gap_is_not_its_own() -> None:
    audio = NOISE.copy()
    audio[2 * RATE_HZ : 3 * RATE_HZ] = 0
    subject = audio_subject(audio[None])

    def of(*gaps: Interval) -> str:
        return str(DurationFacts().examine(replace(subject, audio=Audio(audio[None], RATE_HZ, gaps))).finding)

    assert "digital silence" in of()
    assert "digital silence" not in of(Interval(2.0, 3.0))
    assert "digital silence" in of(Interval(2.0, 2.5))


def test_channels_that_cancel_are_told() -> None:
    subject = audio_subject(NOISE[None])

    def of(*channels: np.ndarray) -> str:
        sound = Audio(np.asarray(channels, np.float32), RATE_HZ)
        return str(DurationFacts().examine(replace(subject, audio=sound)).finding)

    assert "channels cancel each other" in of(NOISE, -NOISE)
    assert "channels cancel" not in of(NOISE, NOISE)


def test_silence_that_reading_put_before_a_late_track_is_not_its_own() -> None:
    audio = NOISE.copy()
    audio[: 2 * RATE_HZ] = 0

    def of(begins: str) -> str:
        facts = (
            ("Video track", "5.000 to 9.000 s, clock 1/12800"),
            ("Sound track", f"{begins} to 9.000 s, clock 1/16000"),
        )
        return str(told(audio, facts=facts).finding)

    assert "digital silence" not in of("7.000")
    assert "begins with 1.2 s of digital silence" in of("5.800")


def test_tracks_that_do_not_agree_are_told() -> None:
    def of(audio: str, video: str) -> str:
        return str(told(NOISE, facts=(("Video track", video), ("Sound track", audio))).finding)

    assert "0.8 s shorter than the picture" in of("0.000 to 4.000 s, clock 1/16000", "0.000 to 4.800 s, clock 1/12800")
    assert "begins 0.50 s after" in of("0.500 to 4.500 s, clock 1/16000", "0.000 to 4.000 s, clock 1/12800")
    assert "4.0 s can be decoded" in of("0.000 to 9.000 s, clock 1/16000", "0.000 to 9.000 s, clock 1/12800")
    assert "no contradiction" in of("0.000 to 4.000 s, clock 1/16000", "0.000 to 4.040 s, clock 1/12800")


def test_clocks_and_rates_are_told() -> None:
    fact = (("Sound track", "0.000 to 4.000 s, clock 1/90000"),)
    assert "clock of the sound" in str(told(NOISE, facts=fact, rate=48_000, container="mov,mp4").finding)
    assert "speech synthesis" in str(told(NOISE, rate=24_000).finding)
    assert "speech synthesis" not in str(told(NOISE, rate=48_000).finding)


def test_a_narrow_band_is_told() -> None:
    narrow = soxr.resample(soxr.resample(NOISE, RATE_HZ, 6400), 6400, RATE_HZ)
    assert "telephone band" in str(told(narrow, rate=44_100).finding)
    highest = highest_hz(np.asarray(narrow, np.float32))
    assert highest == pytest.approx(3200, abs=300)


def test_without_sound_it_abstains() -> None:
    subject = replace(audio_subject(NOISE[None]), audio=None)
    assert "no sound" in str(DurationFacts().examine(subject).reason)
    empty = replace(subject, audio=Audio(np.zeros((1, 0), np.float32), RATE_HZ))
    assert "no sound" in str(DurationFacts().examine(empty).reason)
