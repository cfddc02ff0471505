"""``audiovisual.lip_sync``: mouths drawn to follow what the map foretells, at a lag, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.speaking import RATE_HZ
from tests.talking import AUDIO, following, talking

from zhenwei.detectors.audiovisual.lip_sync import LipSync, traces
from zhenwei.signals.lips import GRID_HZ, audio_windows, fit, motion, mouth_shape
from zhenwei.types import Audio, Curve, Evidence, ImageExhibit, Interval, Strip, Subject


def ask(subject: Subject) -> Evidence:
    return LipSync().examine(subject)


def test_a_mouth_that_follows_speaks_a_little_for_genuine() -> None:
    evidence = ask(talking(following()))
    assert evidence.llr == pytest.approx(np.log(0.9), abs=1e-6)
    assert "follows the voice." in str(evidence.finding)
    assert [type(e) for e in evidence.exhibits] == [ImageExhibit, Curve]


@pytest.mark.parametrize("lag", [-0.6, 0.52, 0.8])
def test_a_shift_is_told_with_its_size_and_direction(lag: float) -> None:
    evidence = ask(talking(following(lag)))
    assert evidence.llr is not None
    assert 0 < evidence.llr <= np.log(1.5) + 1e-6
    assert f"{abs(lag):.2f} s {'later' if lag < 0 else 'earlier'}" in str(evidence.finding)


def test_a_mouth_of_its_own_does_not_follow() -> None:
    rng = np.random.default_rng(1)
    evidence = ask(talking(4 + np.convolve(rng.standard_normal(225 + 4), np.ones(5) / 2, "valid")))
    assert evidence.llr is not None
    assert evidence.llr > 0
    assert "does not follow" in str(evidence.finding) or "shifted" in str(evidence.finding)


def test_somebody_else_who_fits_better_is_taken_to_speak() -> None:
    rng = np.random.default_rng(1)
    silent = talking(4 + np.convolve(rng.standard_normal(225 + 4), np.ones(5) / 2, "valid"))
    speaker = talking(following()).strip
    assert speaker is not None
    evidence = ask(replace(silent, company=(speaker,)))
    assert evidence.llr is None
    assert "another person" in str(evidence.reason)
    assert silent.strip is not None
    assert ask(replace(talking(following()), company=(silent.strip,))).llr is not None


def test_what_it_needs_is_told() -> None:
    assert "hardly move" in str(ask(talking(np.full(225, 4.0))).reason)
    assert "no sound" in str(ask(replace(talking(following()), audio=None)).reason)
    quiet = Audio(np.zeros((1, 9 * RATE_HZ), np.float32), RATE_HZ)
    assert "0.0 s of speech" in str(ask(replace(talking(following()), audio=quiet)).reason)
    assert "without a break" in str(ask(talking(following()[:50])).reason)


def lost(strip: Strip) -> Strip:
    points = strip.landmarks.copy()
    points[::3] = np.nan
    return replace(strip, landmarks=points)


def test_a_face_that_is_lost_is_told() -> None:
    subject = talking(following())
    assert subject.strip is not None
    assert "lost" in str(ask(replace(subject, strip=lost(subject.strip))).reason)


def test_the_shape_of_a_mouth_does_not_hang_on_its_size() -> None:
    strip = talking(following()).strip
    assert strip is not None
    np.testing.assert_allclose(mouth_shape(3 * strip.landmarks), mouth_shape(strip.landmarks), rtol=1e-4)


@pytest.mark.parametrize("lag", [-0.8, -0.2, 0.0, 0.4])
def test_a_planted_lag_is_found(lag: float) -> None:
    rng = np.random.default_rng(0)
    said = np.stack([np.convolve(rng.standard_normal(600), np.ones(9), "same") for _ in range(2)], axis=1)
    times = np.arange(3.0, 9.0, 0.02)
    seen = np.stack([np.interp(times + lag, np.arange(600) / GRID_HZ, column) for column in said.T], axis=1)
    grid, moved = motion(times, seen)
    found = fit(grid, moved, said)
    assert found is not None
    assert found.best_s == pytest.approx(lag, abs=0.021)
    assert found.best_standing > 4


def test_too_little_gives_nothing() -> None:
    assert fit(np.zeros(0), np.zeros((0, 2)), np.zeros((100, 2))) is None
    assert fit(np.arange(20) / 50, np.ones((20, 2)), np.ones((20, 2))) is None
    assert audio_windows(np.zeros(0)).shape[0] == 0
    grid, moved = motion(np.array([0.0, 0.1]), np.ones((2, 2)))
    assert grid.shape == (0,)
    assert moved.shape == (0, 2)


def test_the_sound_is_seen_at_every_moment() -> None:
    assert audio_windows(AUDIO).shape == (500, 220)


def test_traces_are_drawn() -> None:
    seen = np.sin(np.arange(200) / 5)
    image = traces(np.arange(200) / GRID_HZ, seen, seen, [Interval(0.0, 2.0)])
    assert image.shape == (200, 900, 3)
    assert (image != 255).any()
